// A Stripe webhook: the synchronous authorization request and every other event of one endpoint.
//
// Threads: belong to one event loop.
// Invariants: nothing of a body is read before its signature has been verified over its raw bytes; an authorization
// request is always answered 200 with a body of Stripe's form, whatever went wrong inside, because any other status
// would leave the decision to the account's time-out setting. Source: Stripe Issuing, real-time authorizations.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "net/decision_counters.h"
#include "net/flight.h"
#include "net/loop_context.h"
#include "net/processors/signature.h"
#include "net/router.h"

namespace holdfast::net {

// Replaced as a whole when the configuration is loaded again; never changed.
struct StripeSettings {
  std::string name;
  std::string version;  // of the Stripe-Version header; empty: the event's own
  std::chrono::milliseconds deadline{1500};
  StripeSignature signature;
};

class StripeRoute final : public FlightOwner {
 public:
  StripeRoute(LoopContext& context, DecisionCounters& counters, std::shared_ptr<const StripeSettings> settings);
  void on_request(const Request& request, Exchange& exchange);
  void reconfigure(std::shared_ptr<const StripeSettings> settings) { settings_ = std::move(settings); }

  void landed(Flight& flight, const Answer& answer) override;

 private:
  bool verified(const Request& request, Exchange& exchange);
  void authorize(const Request& request, Exchange& exchange, Flight& flight, std::string_view event_id,
                 std::string_view api_version, const engine::AuthorizationRequest& asked);
  void note(const Request& request, Exchange& exchange, Flight& flight, std::string_view event_id,
            std::string_view type, std::string_view object_id);
  void launch(const Request& request, Exchange& exchange, Flight& flight);
  void respond_decision(Exchange& exchange, std::string_view version);

  LoopContext& context_;
  DecisionCounters& counters_;
  std::shared_ptr<const StripeSettings> settings_;
  std::string body_;  // both reused, so that an answer allocates nothing
  std::string card_id_;
};

}  // namespace holdfast::net
