// The answers of a desk that no decision stands behind.
//
// Threads: pure functions.
#pragma once

#include "engine/messages.h"
#include "net/flight.h"

namespace holdfast::net {

// Not accepted, nothing kept.
inline Answer refusal(engine::Reason reason, engine::Instant now) {
  Answer answer;
  answer.kind = Answer::Kind::refused;
  answer.decision.reason = reason;
  answer.decision.retryable = engine::Retryable::after;
  answer.decision.decided_at = now;
  return answer;
}

// The deadline passed first.
inline Answer late_answer(engine::Instant now) {
  Answer answer;
  answer.kind = Answer::Kind::late;
  answer.decision = engine::deadline_decision(now);
  return answer;
}

// The withdrawal of an authorization that there is no decision on.
inline engine::Withdraw undecided(const Flight& flight) {
  const auto& command = std::get<engine::Authorize>(flight.command);
  return {command.card, command.request.processor, command.request.authorization_id, 0, {}, {}};
}

}  // namespace holdfast::net
