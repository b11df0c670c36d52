#include "net/authorization_routes.h"

#include <memory>

#include "engine/identifier.h"
#include "net/agent_scope.h"
#include "net/authorization_json.h"
#include "net/authorization_search.h"
#include "net/content_hash.h"
#include "net/list_page.h"
#include "net/native_codec.h"
#include "net/node_names.h"

namespace holdfast::net {
namespace {

using engine::Authorization;
using engine::Processor;

// A read that hops: from its origin to an owner loop, to the archive, and back.
struct Reading {
  LoopContext& context;
  Exchange& exchange;
  AgentScope scope;
  std::string request_id;
  engine::NodeIndex card = engine::kNoNode;
  ListPage page{};
  std::vector<ShownAuthorization> found{};
  bool more = false;
  bool is_list = false;
};
using ReadingPtr = std::shared_ptr<Reading>;

CardOfAuthorization card_of(LoopContext& context, engine::NodeIndex card) {
  CardOfAuthorization found;
  append_node_id(found.id, context, card);
  const auto guard = context.shards.epochs().pin(context.loop);
  if (const auto* profile = context.shards.nodes().profile(card)) found.currency = profile->identity.currency;
  return found;
}

void respond(Reading& reading, const std::vector<engine::Bytes>& records) {
  if (!reading.is_list && !reading.found.empty() &&
      !reading.scope.covers(reading.context.shards, reading.context.loop, reading.found[0].authorization.card)) {
    const Problem& outside = outside_scope();
    return respond_problem(reading.exchange, reading.request_id, outside.status, outside.code, outside.title,
                           outside.detail);
  }
  std::string body;
  if (reading.is_list) body += "{\"data\":[";
  std::size_t written = 0;
  for (std::size_t i = 0; i < reading.found.size(); ++i) {
    if (written != 0 && body.back() != ',') body += ',';
    const ShownAuthorization& found = reading.found[i];
    const CardOfAuthorization card = card_of(reading.context, found.authorization.card);
    if (append_authorization(body, found, records[i], card)) ++written;
  }
  if (!reading.is_list) {
    if (written == 1) return reading.exchange.respond(200, "application/json", body);
    return reading.exchange.respond(404, kProblemContentType,
                                    problem_json(404, "authorization_not_found", "Not found",
                                                 "there is no authorization with this id", reading.request_id));
  }
  if (!body.empty() && body.back() == ',') body.pop_back();
  append_list_end(body, reading.more ? std::optional(reading.found.back().authorization.key) : std::nullopt);
  reading.exchange.respond(200, "application/json", body);
}

void read_records(const ReadingPtr& reading) {
  std::vector<engine::Sequence> sequences;
  for (const ShownAuthorization& each : reading->found)
    sequences.push_back(each.authorization.sequence);
  reading->context.archive.read(std::move(sequences), [reading](std::vector<engine::Bytes> records) {
    reading->context.on_loop(reading->context.loop,
                             [reading, records = std::move(records)] { respond(*reading, records); });
  });
}

void collect_page(Reading& reading, const engine::Ledger& ledger) {
  const Authorization* next = ledger.newest_of(reading.card);
  if (reading.page.after) {
    const Authorization* last = ledger.find(*reading.page.after, reading.card);
    next = last == nullptr ? nullptr : ledger.older_than(*last);
  }
  for (; next != nullptr; next = ledger.older_than(*next)) {
    if (next->sequence == 0) continue;  // not durable: not there yet
    if (reading.found.size() == reading.page.limit) {
      reading.more = true;
      return;
    }
    reading.found.push_back(shown(ledger, *next));
  }
}

// From loop to loop until it is the one that has the card's authorizations: the card may join a tree meanwhile.
void read_page(const ReadingPtr& reading, unsigned loop) {
  reading->context.on_loop(loop, [reading, loop] {
    const engine::Shards& shards = reading->context.shards;
    const unsigned keeper = shards.keeper_of(reading->card, loop);
    if (keeper != loop) return read_page(reading, keeper);
    collect_page(*reading, shards[loop].ledger);
    read_records(reading);
  });
}

}  // namespace

AuthorizationRoutes::AuthorizationRoutes(LoopContext& context, DecisionCounters& counters)
    : context_(context), counters_(counters), follow_ups_(context, counters) {}

void AuthorizationRoutes::add_to(Router& router) {
  // What may be asked without effect is more than what may be done: fill() looks at which of the two it is.
  router.add(Method::post, "/api/v1/authorizations", Action::dry_run, [this](const Call& call) { authorize(call); });
  router.add(Method::get, "/api/v1/authorizations/{id}", Action::read_authorizations,
             [this](const Call& call) { show(call); });
  router.add(Method::get, "/api/v1/cards/{id}/authorizations", Action::read_authorizations,
             [this](const Call& call) { list_of_card(call); });
  follow_ups_.add_to(router);
}

// ---- The decision

engine::NodeIndex AuthorizationRoutes::resolve_card(Flight& flight, std::string_view reference) {
  auto& request = std::get<engine::Authorize>(flight.command).request;
  // What is no id goes no further: people put card numbers here, and the record would keep them.
  const auto id = engine::parse_id("card_", reference);
  if (!id) return engine::kNoNode;
  request.card_reference = flight.keep(reference);
  return context_.shards.directory().find(context_.shards.card_name(*id)).value_or(engine::kNoNode);
}

// The number goes no further than this function: the record names the card by its id, or not at all.
engine::NodeIndex AuthorizationRoutes::resolve_number(Flight& flight, std::string_view digits,
                                                      std::optional<std::string_view> cvv,
                                                      std::optional<std::string_view> expiration) {
  auto& request = std::get<engine::Authorize>(flight.command).request;
  request.card_reference = "number";
  const auto number = CardIssuer::read_number(digits);
  if (!number) return engine::kNoNode;
  const auto found = context_.shards.directory().find(context_.issuer.number_hash(*number));
  if (!found) return engine::kNoNode;
  card_id_.clear();
  append_node_id(card_id_, context_, *found);
  request.card_reference = flight.keep(card_id_);
  const auto guard = context_.shards.epochs().pin(context_.loop);
  const engine::NodeSlot* slot = context_.shards.nodes().find(*found);
  const auto* profile = slot == nullptr ? nullptr : slot->profile.load(std::memory_order_acquire);
  if (profile == nullptr) return engine::kNoNode;
  const Expiry expiry{profile->identity.expiry_month, profile->identity.expiry_year};
  const auto check = [](bool matches) { return matches ? engine::Check::match : engine::Check::mismatch; };
  if (cvv) request.verification.cvc = check(context_.issuer.cvv_matches(*number, expiry, *cvv));
  if (expiration) request.verification.expiry = check(parse_expiry(*expiration) == expiry);
  return *found;
}

// Everything of the request part that the body says. False: a problem has been answered.
bool AuthorizationRoutes::fill(Flight& flight, const Call& call, std::string_view body) {
  if (!context_.json.parse(body)) {
    respond_json_error(call.exchange, call.request, context_.json.error());
    return false;
  }
  native::Request request = native::decode(context_.json.object());
  const std::string_view key = call.request.header("Idempotency-Key");
  if (request.id.empty()) request.id = key;
  if (context_.json.ok() && !native::acceptable_id(request.id)) {
    respond_problem(call.exchange, call.request, 400, "invalid_value", "Bad request",
                    "id is missing: give 1 to 64 letters, digits, '_' or '-' in it or in the Idempotency-Key header");
    return false;
  }
  if (!context_.json.ok()) {
    respond_json_error(call.exchange, call.request, context_.json.error());
    return false;
  }
  if (!request.dry_run && !permits(call.role, Action::authorize)) {
    respond_problem(call.exchange, call.request, 403, "forbidden", "Forbidden",
                    "the role of this key permits this call with \"dry_run\": true only");
    return false;
  }
  engine::AuthorizationRequest& asked = request.authorization;
  asked.processor = Processor::native;
  asked.authorization_id = flight.keep(request.id);
  asked.merchant.id = flight.keep(asked.merchant.id);
  asked.merchant.name = flight.keep(asked.merchant.name);
  flight.command = engine::Authorize{engine::kNoNode, asked};
  auto& command = std::get<engine::Authorize>(flight.command);
  command.card = request.card ? resolve_card(flight, *request.card)
                              : resolve_number(flight, *request.number, request.cvv, request.expiration);
  if (!AgentScope(call).covers(context_.shards, context_.loop, command.card)) {
    respond_problem(call, outside_scope());
    return false;
  }
  flight.dry_run = request.dry_run;
  flight.message = {kNativeEndpoint, command.request.authorization_id, content_hash(context_.shards.hasher(), command)};
  return true;
}

void AuthorizationRoutes::authorize(const Call& call) {
  Flight* taken = context_.desk.take();
  Flight& flight = taken == nullptr ? spare_ : *taken;
  spare_.text_used = 0;
  if (!fill(flight, call, call.request.body)) {
    counters_.malformed.add();
    if (taken != nullptr) context_.desk.give_back(flight);
    return;
  }
  flight.owner = this;
  flight.exchange = &call.exchange;
  flight.note = flight.keep(call.request.id);
  flight.is_authorization = true;
  flight.first_byte = call.request.first_byte;
  flight.deadline = answer_by(flight.first_byte, context_.settings.authorization_deadline);
  flight.now = context_.surroundings.now();
  if (taken != nullptr) return context_.desk.launch(flight);
  Answer answer;  // too many are under way: an early decline, with nothing kept
  answer.decision.reason = engine::Reason::overloaded;
  answer.decision.retryable = engine::Retryable::after;
  answer.decision.decided_at = flight.now;
  landed(flight, answer);
}

void AuthorizationRoutes::landed(Flight& flight, const Answer& answer) {
  if (!flight.dry_run) counters_.count(answer, flight.first_byte);
  body_.clear();
  if (answer.kind == Answer::Kind::conflict) {
    body_ = problem_json(409, "idempotency_conflict", "Conflict",
                         "this id was used before for a request with other content", flight.note);
    return flight.exchange->respond(409, kProblemContentType, body_);
  }
  const auto& request = std::get_if<engine::Authorize>(&flight.command)->request;
  card_id_.clear();
  append_node_id(card_id_, context_, answer.decision.declined_by.node);
  const std::string_view card = request.card_reference == "number" ? std::string_view{} : request.card_reference;
  native::append_answer(body_, answer.decision, {flight.message.id, card, card_id_, request.currency, flight.dry_run});
  flight.exchange->respond(200, "application/json", body_);
}

// ---- Reading

void AuthorizationRoutes::show(const Call& call) {
  auto reading =
      std::make_shared<Reading>(Reading{context_, call.exchange, AgentScope(call), std::string(call.request.id)});
  search_authorization({context_, std::string(call.id),
                        [reading](const engine::Ledger& ledger, const Authorization& authorization) {
                          reading->found.assign(1, shown(ledger, authorization));
                        },
                        [reading] { read_records(reading); }});
}

void AuthorizationRoutes::list_of_card(const Call& call) {
  const auto page = read_list_page(call.request.query);
  if (!page) {
    return respond_problem(call.exchange, call.request, 400, "invalid_value", "Bad request", kListPageRule);
  }
  const auto card = find_card(context_, call.id);
  if (!card) {
    return respond_problem(call.exchange, call.request, 404, "card_not_found", "Not found",
                           "there is no card with this id");
  }
  const AgentScope scope(call);
  if (!scope.covers(context_.shards, context_.loop, *card)) return respond_problem(call, outside_scope());
  auto reading = std::make_shared<Reading>(Reading{context_, call.exchange, scope, std::string(call.request.id)});
  reading->card = *card;
  reading->page = *page;
  reading->is_list = true;
  read_page(reading, context_.shards.owner_of(*card));
}

}  // namespace holdfast::net
