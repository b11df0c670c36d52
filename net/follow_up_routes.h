// What follows a decision: POST /api/v1/authorizations/{id}/increment, /capture, /reverse, /refund, /reverse_refund and
// /expire, and POST /api/v1/postings.
//
// Threads: belong to one event loop.
// Invariants: a message is carried out once, and every repeat of it gets the answer of the first, whatever has become
// of the authorization; the same id with other content is a conflict. An answer leaves only after its record is
// durable. An increment is decided like any request, with what the first request said of merchant and cardholder.
// Source: semantics, "What each message does".
#pragma once

#include "net/change_request.h"
#include "net/decision_counters.h"
#include "net/loop_context.h"
#include "net/router.h"

namespace holdfast::net {

class FollowUpRoutes final {
 public:
  FollowUpRoutes(LoopContext& context, DecisionCounters& counters) : context_(context), counters_(counters) {}
  void add_to(Router& router);

 private:
  void increment(const Call& call);
  void advise(const Call& call, engine::AdviceKind kind);
  void post(const Call& call);

  LoopContext& context_;
  DecisionCounters& counters_;
  ChangeRequests under_way_;
};

}  // namespace holdfast::net
