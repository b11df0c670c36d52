#include "net/authorization_routes.h"

#include <charconv>
#include <memory>

#include "engine/identifier.h"
#include "engine/record.h"
#include "net/content_hash.h"
#include "net/list_page.h"
#include "net/native_codec.h"
#include "net/rfc3339.h"

namespace holdfast::net {
namespace {

using engine::Authorization;
using engine::Processor;

// Identifier spaces in which GET looks for an id, in this order.
constexpr Processor kProcessors[] = {Processor::native, Processor::stripe, Processor::lithic, Processor::marqeta};

// One authorization as it goes out: what the ledger says, and what its record adds.
struct Shown {
  Authorization authorization;
  std::vector<engine::FollowUp> follow_ups;
};

void append_integer(std::string& out, std::int64_t number) {
  char digits[24];
  out.append(digits, std::to_chars(std::begin(digits), std::end(digits), number).ptr);
}

void append_time(std::string& out, engine::Instant at) {
  out += '"';
  append_rfc3339(out, at);
  out += '"';
}

void append_merchant(std::string& out, const engine::Merchant& merchant) {
  out += "{\"id\":";
  append_json_string(out, merchant.id);
  out += ",\"name\":";
  append_json_string(out, merchant.name);
  out += ",\"category\":";
  if (merchant.category == engine::kNoCategory) {
    out += "null";
  } else {
    std::string digits = std::to_string(merchant.category);
    digits.insert(0, 4 - digits.size(), '0');
    append_json_string(out, digits);
  }
  out += ",\"country\":";
  const std::string_view country = engine::alpha2(merchant.country);
  country.empty() ? void(out += "null") : append_json_string(out, country);
  out += '}';
}

void append_event(std::string& out, std::string_view type, engine::Reason reason, engine::Minor amount,
                  engine::Instant at) {
  out += "{\"type\":";
  append_json_string(out, type);
  out += ",\"amount\":";
  append_integer(out, amount);
  out += ",\"decline_reason\":";
  reason == engine::Reason::none ? void(out += "null") : append_json_string(out, engine::reason_name(reason));
  out += ",\"at\":";
  append_time(out, at);
  out += '}';
}

std::string_view follow_up_name(engine::FollowUp::Kind kind) {
  switch (kind) {
    case engine::FollowUp::Kind::incremental:
      return "incremental";
    case engine::FollowUp::Kind::withdrawn:
      return "withdrawn";
    case engine::FollowUp::Kind::again:
      return "authorization";
    default:
      break;
  }
  return engine::advice_name(static_cast<engine::AdviceKind>(static_cast<unsigned>(kind) -
                                                             static_cast<unsigned>(engine::FollowUp::Kind::advice)));
}

void append_history(std::string& out, const engine::Decision& first, const Shown& shown) {
  out += "[";
  append_event(out, "authorization", first.reason, first.approved_amount, first.decided_at);
  for (const engine::FollowUp& event : shown.follow_ups) {
    out += ',';
    append_event(out, follow_up_name(event.kind), event.reason, event.amount, event.at);
  }
  out += ']';
}

// An authorization with its record. False when the record cannot be read any more.
bool append_authorization(std::string& out, const Shown& shown, const engine::Bytes& bytes, std::string_view card) {
  const auto record = engine::decode(bytes);
  const auto* command = record ? std::get_if<engine::Authorize>(&record->command) : nullptr;
  const auto* decision = record ? std::get_if<engine::Decision>(&record->outcome) : nullptr;
  if (command == nullptr || decision == nullptr) return false;
  const Authorization& authorization = shown.authorization;
  const bool declined = authorization.status == engine::AuthorizationStatus::declined;
  out += "{\"id\":";
  append_json_string(out, command->request.authorization_id);
  out += ",\"object\":\"authorization\",\"card\":";
  card.empty() ? void(out += "null") : append_json_string(out, card);
  out += ",\"endpoint\":";
  append_json_string(out, record->message.endpoint);
  out += ",\"status\":";
  append_json_string(out, engine::authorization_status_name(authorization.status));
  out += declined ? ",\"approved\":false" : ",\"approved\":true";
  out += ",\"amount\":";
  append_integer(out, command->request.amount);
  out += ",\"approved_amount\":";
  append_integer(out, authorization.approved);
  out += ",\"currency\":";
  append_json_string(out, engine::alpha_code(command->request.currency));
  out += ",\"held\":";
  append_integer(out, authorization.held);
  out += ",\"captured\":";
  append_integer(out, authorization.captured);
  out += ",\"refunded\":";
  append_integer(out, authorization.refunded);
  out += ",\"decline_reason\":";
  declined ? append_json_string(out, engine::reason_name(authorization.reason)) : void(out += "null");
  out += ",\"merchant\":";
  append_merchant(out, command->request.merchant);
  out += ",\"decided_at\":";
  append_time(out, authorization.decided_at);
  out += ",\"history\":";
  append_history(out, *decision, shown);
  out += '}';
  return true;
}

Shown shown(const engine::Ledger& ledger, const Authorization& authorization) {
  Shown copy{authorization, {}};
  if (const auto* details = ledger.details(authorization)) copy.follow_ups = details->follow_ups;
  return copy;
}

// A read that hops: from its origin to an owner loop, to the archive, and back.
struct Reading {
  LoopContext& context;
  Exchange& exchange;
  std::string request_id;
  std::string id;  // of the authorization, when one is asked for
  engine::NodeIndex card = engine::kNoNode;
  ListPage page;
  std::vector<Shown> found;
  bool more = false;
  bool is_list = false;
};
using ReadingPtr = std::shared_ptr<Reading>;

void respond(Reading& reading, const std::vector<engine::Bytes>& records) {
  std::string body;
  if (reading.is_list) body += "{\"data\":[";
  std::size_t written = 0;
  for (std::size_t i = 0; i < reading.found.size(); ++i) {
    if (written != 0 && body.back() != ',') body += ',';
    std::string card;
    append_card_id(card, reading.context, reading.found[i].authorization.card);
    if (append_authorization(body, reading.found[i], records[i], card)) ++written;
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
  for (const Shown& each : reading->found)
    sequences.push_back(each.authorization.sequence);
  reading->context.archive.read(std::move(sequences), [reading](std::vector<engine::Bytes> records) {
    reading->context.on_loop(reading->context.loop,
                             [reading, records = std::move(records)] { respond(*reading, records); });
  });
}

// Loop after loop until one knows the id: an id does not tell which card it belongs to.
void search_on(const ReadingPtr& reading, unsigned loop) {
  if (loop == reading->context.shards.count()) return read_records(reading);
  reading->context.on_loop(loop, [reading, loop] {
    const engine::Ledger& ledger = reading->context.shards[loop].ledger;
    for (const Processor processor : kProcessors) {
      const Authorization* found = ledger.find_any(ledger.authorization_key(processor, reading->id));
      if (found == nullptr || found->sequence == 0) continue;
      // The same id may have been declined on another card first: what was approved is what is asked for.
      if (reading->found.empty() || found->status != engine::AuthorizationStatus::declined) {
        reading->found.assign(1, shown(ledger, *found));
      }
      if (found->status != engine::AuthorizationStatus::declined) return read_records(reading);
    }
    search_on(reading, loop + 1);
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

}  // namespace

void append_card_id(std::string& out, LoopContext& context, engine::NodeIndex card) {
  const engine::NodeSlot* slot = context.shards.nodes().cards.find(card);
  if (slot == nullptr) return;
  const auto guard = context.shards.epochs().pin(context.loop);
  const engine::NodeProfile* profile = slot->profile.load(std::memory_order_acquire);
  if (profile != nullptr) engine::append_id(out, "card_", profile->identity.id);
}

AuthorizationRoutes::AuthorizationRoutes(LoopContext& context, DecisionCounters& counters)
    : context_(context), counters_(counters) {}

void AuthorizationRoutes::add_to(Router& router) {
  // What may be asked without effect is more than what may be done: fill() looks at which of the two it is.
  router.add(Method::post, "/api/v1/authorizations", Action::dry_run, [this](const Call& call) { authorize(call); });
  router.add(Method::get, "/api/v1/authorizations/{id}", Action::read_authorizations,
             [this](const Call& call) { show(call); });
  router.add(Method::get, "/api/v1/cards/{id}/authorizations", Action::read_authorizations,
             [this](const Call& call) { list_of_card(call); });
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
  append_card_id(card_id_, context_, *found);
  request.card_reference = flight.keep(card_id_);
  const auto guard = context_.shards.epochs().pin(context_.loop);
  const engine::NodeSlot* slot = context_.shards.nodes().cards.find(*found);
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
  append_card_id(card_id_, context_, answer.decision.declined_by.node);
  const std::string_view card = request.card_reference == "number" ? std::string_view{} : request.card_reference;
  native::append_answer(body_, answer.decision, {flight.message.id, card, card_id_, request.currency, flight.dry_run});
  flight.exchange->respond(200, "application/json", body_);
}

// ---- Reading

void AuthorizationRoutes::show(const Call& call) {
  auto reading = std::make_shared<Reading>(Reading{context_,
                                                   call.exchange,
                                                   std::string(call.request.id),
                                                   std::string(call.id),
                                                   engine::kNoNode,
                                                   {},
                                                   {},
                                                   false,
                                                   false});
  search_on(reading, 0);
}

void AuthorizationRoutes::list_of_card(const Call& call) {
  const auto page = read_list_page(call.request.query);
  if (!page) {
    return respond_problem(call.exchange, call.request, 400, "invalid_value", "Bad request", kListPageRule);
  }
  const auto id = engine::parse_id("card_", call.id);
  const auto card = id ? context_.shards.directory().find(context_.shards.card_name(*id)) : std::nullopt;
  if (!card) {
    return respond_problem(call.exchange, call.request, 404, "card_not_found", "Not found",
                           "there is no card with this id");
  }
  auto reading = std::make_shared<Reading>(
      Reading{context_, call.exchange, std::string(call.request.id), {}, *card, *page, {}, false, true});
  context_.on_loop(context_.shards.owner_of(*card), [reading] {
    collect_page(*reading, reading->context.shards[reading->context.shards.owner_of(reading->card)].ledger);
    read_records(reading);
  });
}

}  // namespace holdfast::net
