#include "net/card_routes.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <chrono>
#include <limits>

#include "engine/identifier.h"
#include "net/card_input.h"
#include "net/card_json.h"
#include "net/list_page.h"

namespace holdfast::net {
namespace {

using engine::NodeIdentity;
using engine::NodeIndex;
using engine::NodeProfile;
using engine::NodeSlot;
using engine::NodeStatus;
using engine::Command;

// Numbers that are tried for a new card before it is given up: when half of all are taken, the chance of that is
// 2^-256.
constexpr unsigned kNumberAttempts = std::numeric_limits<std::uint8_t>::max() + 1;

const Problem kCardClosed{409, "card_closed", "Conflict", "the card is closed, which is final"};
const Problem kVersionLost{412, "version_mismatch", "Precondition failed",
                           "the card has another version than If-Match asks for"};

void respond_input_error(const Call& call, const JsonError& error, bool unsupported) {
  if (!unsupported) return respond_json_error(call.exchange, call.request, error);
  respond_problem(call.exchange, call.request, 400, "unsupported", "Not supported", error.detail);
}

ZoneLookup zone_lookup(Surroundings& surroundings) {
  return [&surroundings](std::string_view name) { return surroundings.zone(name); };
}

void append_slot(std::string& out, const NodeSlot& slot, const NodeProfile& profile, engine::Instant now) {
  append_card(out, profile, slot.balance.load().usage, now);
}

// What changes of a card have in common: the zone that must be durable first, and the card as the answer.
class CardChange : public ChangeRequest {
 public:
  CardChange(LoopContext& context, const Call& call, CallMessage message, NodeIndex card,
             std::unordered_set<std::string>& durable_zones)
      : ChangeRequest(context, call, std::move(message)), card_(card), durable_zones_(durable_zones) {}

  std::string_view compose(const engine::Outcome&) override {
    // On the owner's loop nobody replaces the profile meanwhile.
    const NodeSlot& slot = *context_.shards.nodes().cards.find(card_);
    append_slot(composed_, slot, *slot.profile.load(std::memory_order_relaxed), now_);
    return composed_;
  }

 protected:
  // Afterwards this may be gone.
  void launch_behind(const std::optional<engine::ZoneRules>& zone, Command command) {
    if (!zone || durable_zones_.contains(zone->name)) return launch(std::move(command));
    behind_zone_ = std::move(command);
    launch(engine::DefineZone{*zone}, false);
  }

  void decided(Flight& flight, const Answer& answer) override {
    const auto* zone = std::get_if<engine::DefineZone>(&flight.command);
    if (zone == nullptr) return respond_card(answer);
    durable_zones_.insert(zone->rules.name);
    launch(std::move(behind_zone_));
  }

  virtual void respond_card(const Answer& answer) {
    respond_json(exchange_, 200, answer.stored, {{"ETag", etag_of(version_in(answer.stored))}});
  }

  bool reject(Problem problem) {
    problem_ = std::move(problem);
    return false;
  }

  const NodeIndex card_;

 private:
  std::unordered_set<std::string>& durable_zones_;
  Command behind_zone_;
  std::string composed_;
};

class CreateRequest final : public CardChange {
 public:
  using CardChange::CardChange;

  void start(CardCreation creation) {
    NodeIdentity identity;
    identity.id = engine::make_ulid(now_, context_.surroundings.random());
    identity.created_at = now_;
    identity.currency = creation.currency;
    identity.processor_endpoint = std::move(creation.processor_endpoint);
    identity.processor_card = std::move(creation.processor_card);
    if (identity.processor_card.empty()) set_expiry(identity);
    launch_behind(creation.zone, engine::CreateNode{card_, std::move(identity), std::move(creation.settings)});
  }

  // Takes the card's names. Nothing after this refuses the creation, and nothing was taken when this does.
  bool prepare(Command& command, unsigned) override {
    NodeIdentity& identity = std::get<engine::CreateNode>(command).identity;
    if (!identity.processor_card.empty()) {
      if (context_.shards.enter_names(card_, identity)) return true;
      return reject({409, "processor_card_taken", "Conflict", "processor names a card that another card is bound to"});
    }
    for (unsigned attempt = 0; attempt < kNumberAttempts; ++attempt) {
      const CardNumber number = context_.issuer.number(identity.id, static_cast<std::uint8_t>(attempt));
      identity.number_attempt = static_cast<std::uint8_t>(attempt);
      identity.number_hash = context_.issuer.number_hash(number);
      identity.last4 = last4(number);
      if (context_.shards.enter_names(card_, identity)) return true;
    }
    return reject({503, "no_number_left", "No number left", "no free card number was found; use another bin"});
  }

 private:
  void set_expiry(NodeIdentity& identity) const {
    const std::chrono::year_month_day today{std::chrono::floor<std::chrono::days>(now_)};
    identity.expiry_month = static_cast<std::uint8_t>(static_cast<unsigned>(today.month()));
    identity.expiry_year = static_cast<std::uint16_t>(static_cast<int>(today.year()) + context_.settings.expiry_years);
  }

  // The number is derived again, for the first answer as for a repeat: they come out the same.
  void respond_card(const Answer& answer) override {
    std::string body = answer.stored;
    std::string location = "/api/v1/cards/";
    const std::string etag = etag_of(version_in(body));
    {
      const auto guard = context_.shards.epochs().pin(context_.loop);
      const NodeSlot* slot = context_.shards.nodes().cards.find(answer.card);
      const NodeIdentity& identity = slot->profile.load(std::memory_order_acquire)->identity;
      engine::append_id(location, "card_", identity.id);
      if (identity.processor_card.empty()) append_number(body, identity);
    }
    respond_json(exchange_, 201, body, {{"Location", location}, {"ETag", etag}, {"Cache-Control", "no-store"}});
    OPENSSL_cleanse(body.data(), body.size());
  }

  void append_number(std::string& body, const NodeIdentity& identity) const {
    const CardNumber number = context_.issuer.number(identity.id, identity.number_attempt);
    // Another secret or prefix than when the card was made gives another number, which is nobody's.
    if (context_.issuer.number_hash(number) != identity.number_hash) return;
    const Expiry expiry{identity.expiry_month, identity.expiry_year};
    append_secrets(body, number, context_.issuer.cvv(number, expiry), expiry);
  }
};

// A change of a card that is there.
class UpdateRequest : public CardChange {
 public:
  UpdateRequest(LoopContext& context, const Call& call, CallMessage message, NodeIndex card,
                std::unordered_set<std::string>& durable_zones, VersionCondition condition)
      : CardChange(context, call, std::move(message), card, durable_zones), condition_(condition) {}

 protected:
  // On the owner's loop.
  const NodeProfile& profile() const {
    return *context_.shards.nodes().cards.find(card_)->profile.load(std::memory_order_relaxed);
  }
  bool version_holds() const { return condition_.holds(profile().version); }

 private:
  const VersionCondition condition_;
};

class PatchRequest final : public UpdateRequest {
 public:
  using UpdateRequest::UpdateRequest;

  void start(CardPatch patch) {
    patch_ = std::move(patch);
    launch_behind(patch_.zone, engine::ChangeNode{card_, {}});
  }

  bool prepare(Command& command, unsigned) override {
    if (!version_holds()) return reject(kVersionLost);
    if (profile().status == NodeStatus::closed) return reject(kCardClosed);
    engine::NodeSettings& settings = std::get<engine::ChangeNode>(command).settings;
    settings = profile().settings;
    const auto fault = apply(patch_, profile().identity, settings);
    if (!fault) return true;
    return reject({400, "invalid_value", "Bad request", std::string(fault->member) + ' ' + std::string(fault->detail)});
  }

 private:
  CardPatch patch_;
};

class StatusRequest final : public UpdateRequest {
 public:
  using UpdateRequest::UpdateRequest;

  void start(NodeStatus status) {
    status_ = status;
    launch(engine::SetNodeStatus{card_, status});
  }

  // A status that the card has already is journaled all the same: what made it so may not be durable yet, and 200
  // promises that it is.
  bool prepare(Command&, unsigned) override {
    if (!version_holds()) return reject(kVersionLost);
    if (profile().status == status_) return true;
    return profile().status == NodeStatus::closed ? reject(kCardClosed) : true;
  }

 private:
  NodeStatus status_ = NodeStatus::active;
};

}  // namespace

CardRoutes::CardRoutes(LoopContext& context) : context_(context) {
  context_.shards.zones().for_each([this](const engine::ZoneRules& rules) { durable_zones_.insert(rules.name); });
}

void CardRoutes::add_to(Router& router) {
  const auto status = [this](NodeStatus wanted) {
    return [this, wanted](const Call& call) { set_status(call, wanted); };
  };
  router.add(Method::post, "/api/v1/cards", Action::create_cards, [this](const Call& call) { create(call); });
  router.add(Method::get, "/api/v1/cards", Action::read_cards, [this](const Call& call) { list(call); });
  router.add(Method::get, "/api/v1/cards/{id}", Action::read_cards, [this](const Call& call) { show(call); });
  router.add(Method::patch, "/api/v1/cards/{id}", Action::change_cards, [this](const Call& call) { patch(call); });
  router.add(Method::post, "/api/v1/cards/{id}/freeze", Action::tighten_cards, status(NodeStatus::frozen));
  router.add(Method::post, "/api/v1/cards/{id}/unfreeze", Action::change_cards, status(NodeStatus::active));
  router.add(Method::post, "/api/v1/cards/{id}/close", Action::change_cards, status(NodeStatus::closed));
}

void CardRoutes::create(const Call& call) {
  auto message = read_message(call, context_.shards.hasher());
  if (!message) return;
  CardCreation creation;
  if (context_.json.parse(call.request.body))
    creation = read_creation(context_.json, zone_lookup(context_.surroundings));
  if (!context_.json.ok()) return respond_input_error(call, context_.json.error(), creation.unsupported);
  const auto& endpoints = context_.settings.endpoints;
  if (!creation.processor_endpoint.empty() &&
      std::find(endpoints.begin(), endpoints.end(), creation.processor_endpoint) == endpoints.end()) {
    return respond_problem(call.exchange, call.request, 400, "invalid_value", "Bad request",
                           "processor.endpoint names no [[endpoint]] of the configuration");
  }
  const NodeIndex card = context_.shards.nodes().cards.allocate();
  if (card == engine::kNoNode) {
    return respond_problem(call.exchange, call.request, 503, "too_many_cards", "Too many cards",
                           "this store holds as many cards as it can");
  }
  ChangeRequest::make<CreateRequest>(under_way_, context_, call, std::move(*message), card, durable_zones_)
      .start(std::move(creation));
}

void CardRoutes::list(const Call& call) {
  const auto page = read_list_page(call.request.query);
  NodeIndex card = context_.shards.nodes().cards.last();
  std::optional<NodeIndex> after;
  if (page && page->after) after = context_.shards.directory().find(context_.shards.card_name(*page->after));
  if (!page || (page->after && !after)) {
    return respond_problem(call.exchange, call.request, 400, "invalid_value", "Bad request", kListPageRule);
  }
  if (after) card = *after - 1;
  const engine::Instant now = context_.surroundings.now();
  const auto guard = context_.shards.epochs().pin(context_.loop);
  std::string body = "{\"data\":[";
  std::size_t listed = 0;
  engine::Key128 last;
  for (; card != engine::kNoNode; --card) {
    const NodeSlot* slot = context_.shards.nodes().cards.find(card);
    const NodeProfile* profile = slot == nullptr ? nullptr : slot->profile.load(std::memory_order_acquire);
    if (profile == nullptr) continue;  // a number whose creation did not come about
    if (listed == page->limit) break;
    if (listed != 0) body += ',';
    append_slot(body, *slot, *profile, now);
    last = profile->identity.id;
    ++listed;
  }
  append_list_end(body, card == engine::kNoNode ? std::nullopt : std::optional(last));
  respond_json(call.exchange, 200, body);
}

NodeIndex CardRoutes::find(const Call& call) {
  const auto id = engine::parse_id("card_", call.id);
  const auto card = id ? context_.shards.directory().find(context_.shards.card_name(*id)) : std::nullopt;
  const NodeSlot* slot = card ? context_.shards.nodes().cards.find(*card) : nullptr;
  if (slot != nullptr && slot->profile.load(std::memory_order_acquire) != nullptr) return *card;
  respond_problem(call.exchange, call.request, 404, "card_not_found", "Not found", "there is no card with this id");
  return engine::kNoNode;
}

void CardRoutes::show(const Call& call) {
  const NodeIndex card = find(call);
  if (card == engine::kNoNode) return;
  const auto guard = context_.shards.epochs().pin(context_.loop);
  const NodeSlot& slot = *context_.shards.nodes().cards.find(card);
  const NodeProfile& profile = *slot.profile.load(std::memory_order_acquire);
  std::string body;
  append_slot(body, slot, profile, context_.surroundings.now());
  respond_json(call.exchange, 200, body, {{"ETag", etag_of(profile.version)}});
}

void CardRoutes::patch(const Call& call) {
  const NodeIndex card = find(call);
  if (card == engine::kNoNode) return;
  auto message = read_message(call, context_.shards.hasher());
  if (!message) return;
  const auto condition = read_if_match(call);
  if (!condition) return;
  CardPatch patch;
  if (context_.json.parse(call.request.body)) patch = read_patch(context_.json, zone_lookup(context_.surroundings));
  if (!context_.json.ok()) return respond_input_error(call, context_.json.error(), patch.unsupported);
  ChangeRequest::make<PatchRequest>(under_way_, context_, call, std::move(*message), card, durable_zones_, *condition)
      .start(std::move(patch));
}

void CardRoutes::set_status(const Call& call, NodeStatus status) {
  const NodeIndex card = find(call);
  if (card == engine::kNoNode) return;
  auto message = read_message(call, context_.shards.hasher());
  if (!message) return;
  const auto condition = read_if_match(call);
  if (!condition) return;
  if (!call.request.body.empty()) {
    if (context_.json.parse(call.request.body)) reject_unknown_members(context_.json.object(), {});
    if (!context_.json.ok()) return respond_json_error(call.exchange, call.request, context_.json.error());
  }
  ChangeRequest::make<StatusRequest>(under_way_, context_, call, std::move(*message), card, durable_zones_, *condition)
      .start(status);
}

}  // namespace holdfast::net
