// What must hold of anything that a processor's codec reads, whatever the bytes were.
//
// Threads: pure functions; the document is the caller's.
#pragma once

#include <cstdlib>
#include <string>
#include <string_view>
#include <variant>

#include "net/processors/event.h"

namespace holdfast::net {

inline void require(bool holds) {
  if (!holds) std::abort();
}

inline void check_merchant(const engine::Merchant& merchant) {
  require(merchant.id.size() <= engine::kMerchantIdBytesMax);
  require(merchant.name.size() <= engine::kMerchantNameBytesMax);
  require(merchant.category <= 9999 || merchant.category == engine::kNoCategory);
}

inline void check_ids(std::string_view authorization, std::string_view card) {
  require(!authorization.empty() && authorization.size() <= engine::kIdBytesMax);
  require(!card.empty() && card.size() <= engine::kIdBytesMax);
}

inline void check_asked(const Asked& asked, engine::Processor processor) {
  const engine::AuthorizationRequest& request = asked.request;
  require(asked.message_id.size() <= kMessageIdBytesMax);
  require(request.processor == processor);
  check_ids(request.authorization_id, request.card_reference);
  require(request.amount >= 0 && request.cash_amount >= 0 && request.cash_amount <= request.amount);
  check_merchant(request.merchant);
  std::size_t repeated = 0;
  for (const std::string_view each : asked.repeat)
    repeated += each.size();
  require(repeated <= 350);  // what a flight has room for
}

inline void check_step(const ToldStep& step) {
  require(step.message_id.size() <= kMessageIdBytesMax);
  require(step.type.size() <= kEventTypeBytesMax);
  require(step.object.size() <= kObjectIdBytesMax);
  check_merchant(step.merchant);
  if (!step.kind) return;
  require(!step.message_id.empty() && step.amount >= 0);
  check_ids(step.authorization_id, step.card_reference);
}

// Everything that is asked for, half of it, and a decline: each can be answered. `answer(out, asked, decision)`
// appends.
template <class Answer>
void check_answers(const Asked& asked, Answer&& answer) {
  static JsonDocument document;
  for (int kind = 0; kind < 3; ++kind) {
    if (kind == 1 && (!asked.request.partial_approval || asked.request.amount < 2)) continue;
    engine::Decision decision;
    decision.approved_amount = kind == 0 ? asked.request.amount : asked.request.amount / 2;
    if (kind == 2) decision.reason = engine::Reason::card_limit;
    decision.would_approve = asked.request.amount / 2;
    decision.retry_after = engine::from_millis(asked.request.amount);
    std::string body;
    answer(body, asked, decision);
    require(document.parse(body));
  }
}

// Decodes and checks; `answer` as above.
template <class Decode, class Answer>
void check_event(std::string_view body, engine::Processor processor, Decode&& decode, Answer&& answer) {
  static JsonDocument document;
  const Event event = decode(body, document);
  if (const auto* error = std::get_if<JsonError>(&event)) {
    require(error->code != JsonErrorCode::none && !error->detail.empty());
  } else if (const auto* told = std::get_if<Told>(&event)) {
    require(!told->steps.empty());
    for (const ToldStep& step : told->steps)
      check_step(step);
  } else if (const auto* asked = std::get_if<Asked>(&event)) {
    check_asked(*asked, processor);
    check_answers(*asked, answer);
  }
}

}  // namespace holdfast::net
