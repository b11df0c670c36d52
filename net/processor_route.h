// A processor's webhook: its questions, which are decided, and its news, which changes balances. One for each endpoint.
//
// Threads: belong to one event loop.
// Invariants: nothing of a body is read before its sender has been verified over its raw bytes; a question that can be
// read is always answered in the processor's own form. News is acknowledged when all of it is durable; of what is not,
// the processor is told to send it again.
// Ownership: the route owns its deliveries, until they are answered and none of their flights is under way any more.
#pragma once

#include <chrono>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "engine/rules.h"
#include "net/decision_counters.h"
#include "net/delivery.h"
#include "net/dialect.h"
#include "net/flight.h"
#include "net/loop_context.h"

namespace holdfast::net {

// What becomes of a card that the processor issued and nobody bound to limits here.
struct UnknownCards {
  bool adopt = false;                 // false: what it asks is declined, and its news is kept without an effect
  std::vector<engine::Limit> limits;  // of an adopted card
};

// Replaced as a whole when the configuration is loaded again; never changed.
struct EndpointSettings {
  std::string name;
  std::chrono::milliseconds deadline{1500};
  DialectPtr dialect;
  UnknownCards unknown_cards{};
  std::chrono::hours remembered{7 * 24};  // how long a message is known to have come before
};
using EndpointSettingsPtr = std::shared_ptr<const EndpointSettings>;

class ProcessorRoute final : public FlightOwner {
 public:
  ProcessorRoute(LoopContext& context, DecisionCounters& counters, EndpointSettingsPtr settings);
  void on_request(const Request& request, Exchange& exchange);
  void reconfigure(EndpointSettingsPtr settings) { settings_ = std::move(settings); }

  void landed(Flight& flight, const Answer& answer) override;

 private:
  friend class Delivery;

  bool verified(const Request& request, Exchange& exchange, SignatureResult result);
  void on_asked(const Request& request, Exchange& exchange, Asked& asked);
  void ask(Exchange& exchange, SteadyTime first_byte, const Asked& asked, engine::NodeIndex card);
  void ask_for_balance(Flight& question);
  void respond_decline(Exchange& exchange, const Asked& asked, engine::Reason reason);
  void respond_decision(Flight& flight, const Answer& answer, const wire::Balance* balance);
  void respond(Exchange& exchange);
  void respond_received(Exchange& exchange, bool kept, std::string_view body = {});
  engine::NodeIndex find_card(std::string_view reference) const;
  void set_times(Flight& flight, Exchange& exchange, SteadyTime first_byte) const;

  LoopContext& context_;
  DecisionCounters& counters_;
  EndpointSettingsPtr settings_;
  Deliveries deliveries_;
  Reply reply_;  // these reused, so that an answer allocates nothing
  std::string card_id_;
  std::string message_id_;
};

}  // namespace holdfast::net
