#include "net/processor_route.h"

#include "net/content_hash.h"
#include "net/node_names.h"
#include "net/router.h"

namespace holdfast::net {
namespace {

// What an answer has to repeat travels in the flight's note. No codec lets U+0000 through.
constexpr char kSeparator = '\0';
// More than any card can spend: what is left of its limits is what a decline of this would approve.
constexpr engine::Minor kMoreThanAll = 1'000'000'000'000'000;

std::string_view keep_all(Flight& flight, const Asked& asked) {
  const std::size_t begin = flight.text_used;
  for (const std::string_view each : asked.repeat) {
    flight.keep(each);
    flight.keep({&kSeparator, 1});
  }
  return {flight.text.data() + begin, flight.text_used - begin};
}

// The question as the codec gave it, from what the flight has kept of it.
Asked asked_of(const Flight& flight) {
  Asked asked;
  asked.message_id = flight.message.id;
  asked.request = std::get<engine::Authorize>(flight.command).request;
  std::string_view rest = flight.note;
  for (std::string_view& each : asked.repeat) {
    const std::size_t end = rest.find(kSeparator);
    each = rest.substr(0, end);
    rest.remove_prefix(end + 1);
  }
  return asked;
}

}  // namespace

ProcessorRoute::ProcessorRoute(LoopContext& context, DecisionCounters& counters, EndpointSettingsPtr settings)
    : context_(context), counters_(counters), settings_(std::move(settings)) {}

// ---- 3. Verify

bool ProcessorRoute::verified(const Request& request, Exchange& exchange, SignatureResult result) {
  counters_.signatures[static_cast<std::size_t>(result)].add();
  if (result == SignatureResult::ok) return true;
  // One answer for every cause: what was wrong with a forgery is nobody's business but the operator's.
  respond_problem(exchange, request, 401, "signature_invalid", "Unauthorized", "the webhook signature is not valid");
  return false;
}

// ---- 4. Decode

void ProcessorRoute::on_request(const Request& request, Exchange& exchange) {
  const Dialect& dialect = *settings_->dialect;
  if (!verified(request, exchange, dialect.verify(request, context_.surroundings.now()))) return;
  Event event = dialect.decode(request.body, context_.json);
  if (const auto* error = std::get_if<JsonError>(&event)) {
    counters_.malformed.add();
    return respond_json_error(exchange, request, *error);
  }
  if (const SignatureResult result = dialect.verify_event(request, event); result != SignatureResult::ok) {
    verified(request, exchange, result);
    return;
  }
  if (auto* asked = std::get_if<Asked>(&event)) return on_asked(request, exchange, *asked);
  if (std::holds_alternative<Ping>(event)) return respond_received(exchange, true, request.body);
  counters_.other_events.add();
  Delivery::begin(*this, exchange, request, std::get<Told>(std::move(event)));
}

void ProcessorRoute::on_asked(const Request& request, Exchange& exchange, Asked& asked) {
  if (asked.message_id.empty()) {
    message_id_.clear();
    wire::append_message_id(message_id_, asked.request.authorization_id, request.body);
    asked.message_id = message_id_;
  }
  const engine::NodeIndex card = find_card(asked.request.card_reference);
  const bool adopts = settings_->unknown_cards.adopt && asked.request.currency != engine::Currency{};
  if (card == engine::kNoNode && adopts) {
    return Delivery::begin(*this, exchange, request, asked);
  }
  ask(exchange, request.first_byte, asked, card);
}

engine::NodeIndex ProcessorRoute::find_card(std::string_view reference) const {
  return context_.shards.directory()
      .find(context_.shards.processor_card_name(settings_->name, reference))
      .value_or(engine::kNoNode);
}

// ---- 5. Claim and decide

void ProcessorRoute::ask(Exchange& exchange, SteadyTime first_byte, const Asked& asked, engine::NodeIndex card) {
  Flight* flight = context_.desk.take();
  if (flight == nullptr) return respond_decline(exchange, asked, engine::Reason::overloaded);
  engine::Authorize command{card, asked.request};
  command.request.authorization_id = flight->keep(asked.request.authorization_id);
  command.request.card_reference = flight->keep(asked.request.card_reference);
  command.request.merchant.id = flight->keep(asked.request.merchant.id);
  command.request.merchant.name = flight->keep(asked.request.merchant.name);
  flight->message = {flight->keep(settings_->name), flight->keep(asked.message_id),
                     content_hash(context_.shards.hasher(), command)};
  flight->note = keep_all(*flight, asked);
  flight->command = command;
  flight->is_authorization = true;
  flight->context = asked.wants_balance ? this : nullptr;
  flight->owner = this;
  set_times(*flight, exchange, first_byte);
  context_.desk.launch(*flight);
}

void ProcessorRoute::set_times(Flight& flight, Exchange& exchange, SteadyTime first_byte) const {
  flight.exchange = &exchange;
  flight.first_byte = first_byte;
  flight.deadline = answer_by(first_byte, settings_->deadline);
  flight.now = context_.surroundings.now();
}

// What the limits leave is what they would approve of a purchase larger than all of them.
void ProcessorRoute::ask_for_balance(Flight& question) {
  Flight* flight = context_.desk.take();
  if (flight == nullptr) return respond_decision(question, question.answer, nullptr);
  const Asked asked = asked_of(question);
  engine::Authorize command = std::get<engine::Authorize>(question.command);
  command.request.authorization_id = flight->keep(asked.request.authorization_id);
  command.request.card_reference = flight->keep(asked.request.card_reference);
  command.request.merchant.id = flight->keep(asked.request.merchant.id);
  command.request.merchant.name = flight->keep(asked.request.merchant.name);
  command.request.amount = kMoreThanAll;
  flight->message = {{}, flight->keep(asked.message_id), 0};
  flight->note = keep_all(*flight, asked);
  flight->command = command;
  flight->is_authorization = flight->dry_run = true;
  flight->owner = this;
  set_times(*flight, *question.exchange, question.first_byte);
  context_.desk.launch(*flight);
}

// ---- 8. Encode and answer

void ProcessorRoute::landed(Flight& flight, const Answer& answer) {
  if (!flight.dry_run) {
    const bool wants_balance = flight.context != nullptr;
    if (wants_balance && answer.kind == Answer::Kind::decided && answer.decision.approved()) {
      return ask_for_balance(flight);
    }
    return respond_decision(flight, answer, nullptr);
  }
  const engine::Decision& room = answer.decision;
  const engine::Minor available = room.approved() ? room.approved_amount : room.would_approve;
  const wire::Balance balance{available, available, asked_of(flight).request.currency};
  // The question itself was approved; only the balance was open.
  Answer approved;
  approved.kind = Answer::Kind::decided;
  std::get<engine::Authorize>(flight.command).request.amount = 0;
  respond_decision(flight, approved, &balance);
}

void ProcessorRoute::respond_decision(Flight& flight, const Answer& answer, const wire::Balance* balance) {
  counters_.count(answer, flight.first_byte);
  const Asked asked = asked_of(flight);
  reply_.clear();
  if (answer.kind == Answer::Kind::conflict) {
    settings_->dialect->conflict(reply_, asked);
  } else {
    card_id_.clear();
    append_node_id(card_id_, context_, answer.decision.declined_by.node);
    settings_->dialect->answer(reply_, asked, answer.decision, card_id_, balance);
  }
  respond(*flight.exchange);
}

void ProcessorRoute::respond_decline(Exchange& exchange, const Asked& asked, engine::Reason reason) {
  counters_.by_reason[static_cast<std::size_t>(reason)].add();
  reply_.clear();
  settings_->dialect->decline(reply_, asked, reason);
  respond(exchange);
}

void ProcessorRoute::respond(Exchange& exchange) {
  if (reply_.header.name.empty()) return exchange.respond(reply_.status, kJson, reply_.body);
  exchange.respond(reply_.status, kJson, reply_.body, {reply_.header});
}

// Not kept: any status but 2xx makes a processor send its news again later.
void ProcessorRoute::respond_received(Exchange& exchange, bool kept, std::string_view body) {
  if (kept && !body.empty()) return exchange.respond(200, kJson, body);
  exchange.respond(kept ? 200 : 503, kJson, kept ? "{\"received\":true}" : "{\"received\":false}");
}

}  // namespace holdfast::net
