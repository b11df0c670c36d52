#include "net/stripe_route.h"

#include "net/authorization_routes.h"
#include "net/content_hash.h"
#include "net/node_names.h"
#include "net/processors/stripe.h"

namespace holdfast::net {
namespace {

constexpr std::string_view kJson = "application/json";

}  // namespace

StripeRoute::StripeRoute(LoopContext& context, DecisionCounters& counters,
                         std::shared_ptr<const StripeSettings> settings)
    : context_(context), counters_(counters), settings_(std::move(settings)) {}

// ---- 3. Verify

bool StripeRoute::verified(const Request& request, Exchange& exchange) {
  const std::string_view header = request.count("Stripe-Signature") == 1 ? request.header("Stripe-Signature") : "";
  const SignatureResult result = settings_->signature.verify(header, request.body, context_.surroundings.now());
  counters_.signatures[static_cast<std::size_t>(result)].add();
  if (result == SignatureResult::ok) return true;
  // One answer for every cause: what was wrong with a forgery is nobody's business but the operator's.
  respond_problem(exchange, request, 401, "signature_invalid", "Unauthorized", "the webhook signature is not valid");
  return false;
}

// ---- 4. Decode

void StripeRoute::on_request(const Request& request, Exchange& exchange) {
  if (!verified(request, exchange)) return;
  const stripe::Event event = stripe::decode(request.body, context_.json);
  if (const auto* error = std::get_if<stripe::DecodeError>(&event)) {
    counters_.malformed.add();
    return respond_json_error(exchange, request, *error);
  }
  const auto* asked = std::get_if<stripe::AuthorizationEvent>(&event);
  Flight* flight = context_.desk.take();
  if (flight == nullptr) {
    if (asked == nullptr) {
      return respond_problem(exchange, request, 503, "overloaded", "Overloaded", "too many requests are under way");
    }
    counters_.by_reason[static_cast<std::size_t>(engine::Reason::overloaded)].add();
    body_.clear();
    stripe::append_decline(body_, engine::Reason::overloaded);
    return respond_decision(exchange, asked->api_version);
  }
  if (asked != nullptr) {
    return authorize(request, exchange, *flight, asked->event_id, asked->api_version, asked->request);
  }
  const auto& other = std::get<stripe::OtherEvent>(event);
  note(request, exchange, *flight, other.id, other.type, other.object_id);
}

void StripeRoute::authorize(const Request& request, Exchange& exchange, Flight& flight, std::string_view event_id,
                            std::string_view api_version, const engine::AuthorizationRequest& asked) {
  engine::Authorize command{engine::kNoNode, asked};
  command.request.authorization_id = flight.keep(asked.authorization_id);
  command.request.card_reference = flight.keep(asked.card_reference);
  command.request.merchant.id = flight.keep(asked.merchant.id);
  command.request.merchant.name = flight.keep(asked.merchant.name);
  command.card = context_.shards.directory()
                     .find(context_.shards.processor_card_name(settings_->name, asked.card_reference))
                     .value_or(engine::kNoNode);
  flight.message = {flight.keep(settings_->name), flight.keep(event_id),
                    content_hash(context_.shards.hasher(), command)};
  flight.note = flight.keep(api_version);
  flight.command = command;
  flight.is_authorization = true;
  launch(request, exchange, flight);
}

// Every other event is kept and answered 200.
void StripeRoute::note(const Request& request, Exchange& exchange, Flight& flight, std::string_view event_id,
                       std::string_view type, std::string_view object_id) {
  const engine::NoteEvent command{flight.keep(type), flight.keep(object_id)};
  flight.message = {flight.keep(settings_->name), flight.keep(event_id),
                    context_.shards.hasher().hash({type, object_id}).lo};
  flight.command = command;
  counters_.other_events.add();
  launch(request, exchange, flight);
}

void StripeRoute::launch(const Request& request, Exchange& exchange, Flight& flight) {
  flight.owner = this;
  flight.exchange = &exchange;
  flight.first_byte = request.first_byte;
  flight.deadline = answer_by(request.first_byte, settings_->deadline);
  flight.now = context_.surroundings.now();
  context_.desk.launch(flight);
}

// ---- 8. Encode and answer

void StripeRoute::respond_decision(Exchange& exchange, std::string_view version) {
  exchange.respond(200, kJson, body_, {{"Stripe-Version", stripe::answer_version(settings_->version, version)}});
}

void StripeRoute::landed(Flight& flight, const Answer& answer) {
  body_.clear();
  if (!flight.is_authorization) {
    const bool kept = answer.kind == Answer::Kind::decided || answer.kind == Answer::Kind::conflict;
    if (answer.repeated) counters_.duplicates.add();
    // Not kept: any status but 2xx makes Stripe send the event again later.
    body_ = kept ? "{\"received\":true}" : "{\"received\":false}";
    return flight.exchange->respond(kept ? 200 : 503, kJson, body_);
  }
  counters_.count(answer, flight.first_byte);
  if (answer.kind == Answer::Kind::conflict) {
    // ISO 8583 DE39 94: a duplicate that is none.
    body_ = R"({"approved":false,"metadata":{"decline_reason":"idempotency_conflict","response_code":"94"}})";
  } else {
    card_id_.clear();
    append_node_id(card_id_, context_, answer.decision.declined_by.node);
    stripe::append_answer(body_, answer.decision, std::get_if<engine::Authorize>(&flight.command)->request, card_id_);
  }
  respond_decision(*flight.exchange, flight.note);
}

}  // namespace holdfast::net
