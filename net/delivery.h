// One message of a processor on its way when more than one command has to follow from it: news, whose steps take effect
// one after the other, and a question about a card that has to be made first.
//
// Threads: lives on the loop that received the message; prepare() runs on the loop that owns what changes.
// Invariants: a step begins when the one before is durable, so that they take effect in the order in which they
// happened; the Exchange is answered exactly once.
// Ownership: keeps copies of all that it needs of the message. Its route keeps it in a list, until it is answered and
// no flight needs it any more.
#pragma once

#include <deque>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "net/flight.h"
#include "net/loop_context.h"
#include "net/processors/event.h"

namespace holdfast::net {

struct EndpointSettings;
class ProcessorRoute;
class Delivery;
using Deliveries = std::list<std::unique_ptr<Delivery>>;

class Delivery final : public FlightOwner, public CommandPlan {
 public:
  // Begins; may be gone when these return.
  static void begin(ProcessorRoute& route, Exchange& exchange, const Request& request, Told told);
  static void begin(ProcessorRoute& route, Exchange& exchange, const Request& request, const Asked& asked);

  explicit Delivery(ProcessorRoute& route, Exchange& exchange, SteadyTime first_byte);

  void landed(Flight& flight, const Answer& answer) override;
  void released(Flight& flight) override;

  bool prepare(engine::Command& command, unsigned loop) override;
  std::string_view compose(const engine::Outcome&) override { return {}; }

 private:
  static Delivery& make(ProcessorRoute& route, Exchange& exchange, SteadyTime first_byte);
  std::string_view keep(std::string_view text);
  void launch(Flight& flight, engine::MessageRef message, engine::Command command, CommandPlan* plan = nullptr);
  void drop();

  void create_card(std::string_view reference, engine::Currency currency);
  void on_created(const Answer& answered);
  void not_created(engine::Reason reason);

  void next_step();
  bool is_old(const ToldStep& step) const;
  engine::Currency currency_of(engine::NodeIndex card) const;
  engine::MessageRef message_of(Flight& flight, const ToldStep& step) const;
  void apply(const ToldStep& step, engine::NodeIndex card);
  void keep_without_effect(const ToldStep& step);
  void acknowledge(bool kept);

  ProcessorRoute& route_;
  const std::shared_ptr<const EndpointSettings> settings_;
  LoopContext& context_;
  Exchange& exchange_;
  const SteadyTime first_byte_;
  Deliveries::iterator place_;
  std::deque<std::string> texts_;  // what the views in `told_` and `asked_` point into
  Told told_;
  std::size_t next_ = 0;  // step
  Asked asked_;
  bool is_question_ = false;
  unsigned needed_ = 1;    // flights under way, and whoever began
  bool answered_ = false;  // and nothing more is begun
};

}  // namespace holdfast::net
