// The native decision and the reading of authorizations: POST /api/v1/authorizations, GET /api/v1/authorizations/{id},
// GET /api/v1/cards/{id}/authorizations; and with them what follows a decision (follow_up_routes.h).
//
// Threads: belong to one event loop.
// Invariants: an answer to a decision is made from what the flight brings back and nothing else, so that a repeat of
// the message gets the same bytes.
#pragma once

#include <string>

#include "net/decision_counters.h"
#include "net/flight.h"
#include "net/follow_up_routes.h"
#include "net/loop_context.h"
#include "net/native_codec.h"
#include "net/router.h"

namespace holdfast::net {

class AuthorizationRoutes final : public FlightOwner {
 public:
  AuthorizationRoutes(LoopContext& context, DecisionCounters& counters);
  void add_to(Router& router);

  void landed(Flight& flight, const Answer& answer) override;

 private:
  void authorize(const Call& call);
  void show(const Call& call);
  void list_of_card(const Call& call);

  bool fill(Flight& flight, const Call& call, std::string_view body);
  engine::NodeIndex resolve_card(Flight& flight, std::string_view reference);
  engine::NodeIndex resolve_number(Flight& flight, std::string_view digits, std::optional<std::string_view> cvv,
                                   std::optional<std::string_view> expiration);

  LoopContext& context_;
  DecisionCounters& counters_;
  std::string body_;  // both reused, so that an answer allocates nothing
  std::string card_id_;
  Flight spare_;  // for requests that there is no flight for
  FollowUpRoutes follow_ups_;
};

}  // namespace holdfast::net
