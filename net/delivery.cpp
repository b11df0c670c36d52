#include "net/delivery.h"

#include <iterator>

#include "engine/identifier.h"
#include "net/processor_route.h"

namespace holdfast::net {
namespace {

constexpr std::string_view kAdoptedLabel = "adopted from ";

}  // namespace

Delivery::Delivery(ProcessorRoute& route, Exchange& exchange, SteadyTime first_byte)
    : route_(route),
      settings_(route.settings_),
      context_(route.context_),
      exchange_(exchange),
      first_byte_(first_byte) {}

Delivery& Delivery::make(ProcessorRoute& route, Exchange& exchange, SteadyTime first_byte) {
  auto& list = route.deliveries_;
  list.push_back(std::make_unique<Delivery>(route, exchange, first_byte));
  Delivery& delivery = *list.back();
  delivery.place_ = std::prev(list.end());
  return delivery;
}

std::string_view Delivery::keep(std::string_view text) {
  return texts_.emplace_back(text);
}

void Delivery::begin(ProcessorRoute& route, Exchange& exchange, const Request& request, Told told) {
  Delivery& delivery = make(route, exchange, request.first_byte);
  delivery.told_ = std::move(told);
  for (ToldStep& step : delivery.told_.steps) {
    if (step.message_id.empty()) wire::append_message_id(step.message_id, step.type, request.body);
    step.type = delivery.keep(step.type);
    step.object = delivery.keep(step.object);
    step.authorization_id = delivery.keep(step.authorization_id);
    step.card_reference = delivery.keep(step.card_reference);
    step.merchant.id = delivery.keep(step.merchant.id);
    step.merchant.name = delivery.keep(step.merchant.name);
  }
  delivery.next_step();
  delivery.drop();
}

void Delivery::begin(ProcessorRoute& route, Exchange& exchange, const Request& request, const Asked& asked) {
  Delivery& delivery = make(route, exchange, request.first_byte);
  delivery.is_question_ = true;
  delivery.asked_ = asked;
  delivery.asked_.message_id = delivery.keep(asked.message_id);
  for (std::string_view& each : delivery.asked_.repeat)
    each = delivery.keep(each);
  engine::AuthorizationRequest& request_kept = delivery.asked_.request;
  request_kept.authorization_id = delivery.keep(asked.request.authorization_id);
  request_kept.card_reference = delivery.keep(asked.request.card_reference);
  request_kept.merchant.id = delivery.keep(asked.request.merchant.id);
  request_kept.merchant.name = delivery.keep(asked.request.merchant.name);
  delivery.create_card(request_kept.card_reference, request_kept.currency);
  delivery.drop();
}

// ---- Flights

void Delivery::launch(Flight& flight, engine::MessageRef message, engine::Command command, CommandPlan* plan) {
  flight.owner = this;
  flight.plan = plan;
  flight.message = message;
  flight.command = std::move(command);
  // News has no deadline of its sender's: each step has the time that a question has.
  const SteadyTime begin = is_question_ ? first_byte_ : std::chrono::steady_clock::now();
  route_.set_times(flight, exchange_, begin);
  ++needed_;
  context_.desk.launch(flight);
}

void Delivery::released(Flight&) {
  drop();
}

void Delivery::drop() {
  if (--needed_ == 0 && answered_) route_.deliveries_.erase(place_);
}

void Delivery::landed(Flight& flight, const Answer& answered) {
  if (std::holds_alternative<engine::CreateNode>(flight.command)) return on_created(answered);
  if (answered.repeated) route_.counters_.duplicates.add();
  if (answered.kind == Answer::Kind::conflict) route_.counters_.conflicts.add();
  // A conflict will not go away when it is sent again.
  if (answered.kind != Answer::Kind::decided && answered.kind != Answer::Kind::conflict) return acknowledge(false);
  ++next_;
  next_step();
}

// ---- Cards that are not known

void Delivery::create_card(std::string_view reference, engine::Currency currency) {
  Flight* flight = context_.desk.take();
  const engine::NodeIndex card = context_.shards.nodes().cards.allocate();
  if (flight == nullptr || card == engine::kNoNode) {
    if (flight != nullptr) context_.desk.give_back(*flight);
    return not_created(engine::Reason::overloaded);
  }
  engine::CreateNode command;
  command.node = card;
  command.identity.created_at = context_.surroundings.now();
  command.identity.id = engine::make_ulid(command.identity.created_at, context_.surroundings.random());
  command.identity.currency = currency;
  command.identity.processor_endpoint = settings_->name;
  command.identity.processor_card = reference;
  command.settings.label = std::string(kAdoptedLabel) + settings_->name;
  command.settings.limits = settings_->unknown_cards.limits;
  launch(*flight, {}, std::move(command), this);
}

// Takes the card's name, unless somebody else has just made it.
bool Delivery::prepare(engine::Command& command, unsigned) {
  const auto& create = std::get<engine::CreateNode>(command);
  return context_.shards.enter_names(create.node, create.identity);
}

void Delivery::on_created(const Answer& answered) {
  const bool is_there = answered.kind == Answer::Kind::decided || answered.kind == Answer::Kind::rejected;
  if (!is_there) return not_created(answered.decision.reason);
  if (!is_question_) return next_step();
  answered_ = true;  // by the route, from here on
  route_.ask(exchange_, first_byte_, asked_, route_.find_card(asked_.request.card_reference));
}

void Delivery::not_created(engine::Reason reason) {
  if (!is_question_) return acknowledge(false);
  answered_ = true;
  route_.respond_decline(exchange_, asked_, reason);
}

// ---- News

// A message of that age is not remembered any more: it cannot be told whether this has come before. What is new in the
// message is never told again.
bool Delivery::is_old(const ToldStep& step) const {
  return step.told_again && step.at != engine::kNoInstant &&
         step.at < context_.surroundings.now() - settings_->remembered;
}

void Delivery::next_step() {
  while (next_ < told_.steps.size() && is_old(told_.steps[next_]))
    ++next_;
  if (next_ == told_.steps.size()) return acknowledge(true);
  const ToldStep& step = told_.steps[next_];
  if (!step.kind) return keep_without_effect(step);
  const engine::NodeIndex card = route_.find_card(step.card_reference);
  if (card != engine::kNoNode)
    return currency_of(card) == step.currency ? apply(step, card) : keep_without_effect(step);
  const bool adopts = settings_->unknown_cards.adopt && step.currency != engine::Currency{};
  return adopts ? create_card(step.card_reference, step.currency) : keep_without_effect(step);
}

engine::Currency Delivery::currency_of(engine::NodeIndex card) const {
  const auto guard = context_.shards.epochs().pin(context_.loop);
  const engine::NodeProfile* profile =
      context_.shards.nodes().cards.find(card)->profile.load(std::memory_order_acquire);
  return profile == nullptr ? engine::Currency{} : profile->identity.currency;
}

// What it is about, and not what follows from it: the same event may read differently in a longer history.
engine::MessageRef Delivery::message_of(Flight& flight, const ToldStep& step) const {
  return {flight.keep(settings_->name), flight.keep(step.message_id),
          context_.shards.hasher().hash({step.type, step.authorization_id, step.card_reference}).lo};
}

void Delivery::apply(const ToldStep& step, engine::NodeIndex card) {
  Flight* flight = context_.desk.take();
  if (flight == nullptr) return acknowledge(false);
  engine::Advise command;
  command.card = card;
  command.kind = *step.kind;
  command.processor = settings_->dialect->processor();
  command.authorization_id = flight->keep(step.authorization_id);
  command.authorization =
      context_.shards[context_.loop].ledger.authorization_key(command.processor, step.authorization_id);
  command.amount = step.amount;
  command.final = step.final;
  command.told = told_of(step);
  command.merchant = step.merchant;
  command.merchant.id = flight->keep(step.merchant.id);
  command.merchant.name = flight->keep(step.merchant.name);
  const engine::MessageRef message = message_of(*flight, step);
  launch(*flight, message, command);
}

void Delivery::keep_without_effect(const ToldStep& step) {
  Flight* flight = context_.desk.take();
  if (flight == nullptr) return acknowledge(false);
  const engine::NoteEvent command{flight->keep(step.type),
                                  flight->keep(step.object.empty() ? step.authorization_id : step.object)};
  const engine::MessageRef message = message_of(*flight, step);
  launch(*flight, message, command);
}

void Delivery::acknowledge(bool kept) {
  answered_ = true;
  route_.respond_received(exchange_, kept, told_.answer);
}

}  // namespace holdfast::net
