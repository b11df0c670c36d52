// An authorization as the API shows it: its state, and all that happened to it.
//
// Threads: pure functions.
// Errors: a record that cannot be read any more, or does not begin an authorization, gives nothing.
// Units: minor units of the card's currency.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/ledger.h"
#include "engine/rows.h"

namespace holdfast::net {

// What the ledger says of an authorization, copied for another loop.
struct ShownAuthorization {
  engine::Authorization authorization;
  std::vector<engine::FollowUp> follow_ups;
};
ShownAuthorization shown(const engine::Ledger& ledger, const engine::Authorization& authorization);

struct CardOfAuthorization {
  std::string id;  // empty: there is no such card
  engine::Currency currency;
};
// `record`: the bytes of the one that it began with. False, and nothing appended, when that does not tell.
bool append_authorization(std::string& out, const ShownAuthorization& shown, const engine::Bytes& record,
                          const CardOfAuthorization& card);

struct StepParts {
  std::string_view id;    // of the authorization
  std::string_view card;  // its id
  engine::Currency currency;
  std::string_view type;  // "capture"
};
// The authorization after a step, and what the step did.
void append_step(std::string& out, const engine::AdviceOutcome& outcome, const StepParts& parts);

}  // namespace holdfast::net
