#include "net/card_routes.h"

#include <algorithm>
#include <chrono>
#include <limits>

#include "net/card_input.h"
#include "net/card_json.h"

namespace holdfast::net {
namespace {

using engine::Command;
using engine::NodeIdentity;
using engine::NodeIndex;

// Numbers that are tried for a new card before it is given up: when half of all are taken, the chance of that is
// 2^-256.
constexpr unsigned kNumberAttempts = std::numeric_limits<std::uint8_t>::max() + 1;

class CardCreationRequest final : public NodeCreation {
 public:
  using NodeCreation::NodeCreation;

  void start(CardCreation creation) {
    NodeIdentity identity = new_identity(creation.currency);
    identity.processor_endpoint = std::move(creation.processor_endpoint);
    identity.processor_card = std::move(creation.processor_card);
    if (identity.processor_card.empty()) set_expiry(identity);
    launch_behind(creation.zone, engine::CreateNode{node_, std::move(identity), std::move(creation.settings)});
  }

  // Takes the card's names. Nothing after this refuses the creation, and nothing was taken when this does.
  bool prepare(Command& command, unsigned) override {
    auto& creation = std::get<engine::CreateNode>(command);
    if (!is_open(creation.settings.parent)) return false;
    NodeIdentity& identity = creation.identity;
    if (!identity.processor_card.empty()) {
      if (context_.shards.enter_names(node_, identity)) return true;
      return reject({409, "processor_card_taken", "Conflict", "processor names a card that another card is bound to"});
    }
    for (unsigned attempt = 0; attempt < kNumberAttempts; ++attempt) {
      const CardNumber number = context_.issuer.number(identity.id, static_cast<std::uint8_t>(attempt));
      identity.number_attempt = static_cast<std::uint8_t>(attempt);
      identity.number_hash = context_.issuer.number_hash(number);
      identity.last4 = last4(number);
      if (context_.shards.enter_names(node_, identity)) return true;
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
  bool add_secrets(std::string& body, const NodeIdentity& identity) const override {
    if (!identity.processor_card.empty()) return true;
    const CardNumber number = context_.issuer.number(identity.id, identity.number_attempt);
    // Another secret or prefix than when the card was made gives another number, which is nobody's.
    if (context_.issuer.number_hash(number) != identity.number_hash) return true;
    const Expiry expiry{identity.expiry_month, identity.expiry_year};
    append_secrets(body, number, context_.issuer.cvv(number, expiry), expiry);
    return true;
  }
};

class CardPatchRequest final : public NodeUpdate {
 public:
  using NodeUpdate::NodeUpdate;

  void start(CardPatch patch) {
    patch_ = std::move(patch);
    // The budget tells who is to decide: a card that gets one changes its owner before prepare() is asked.
    engine::ChangeNode command{node_, {}};
    command.settings.parent = patch_.budget.value_or(BudgetAbove{}).index;
    launch_behind(patch_.node.zone, std::move(command));
  }

  bool prepare(Command& command, unsigned loop) override {
    if (!is_in_scope(loop) || !has_version()) return false;
    if (profile().status == engine::NodeStatus::closed) return reject_closed();
    engine::NodeSettings& settings = std::get<engine::ChangeNode>(command).settings;
    settings = profile().settings;
    if (const auto fault = apply(patch_, profile().identity, settings)) {
      return reject_fault(fault->member, fault->detail);
    }
    if (!may_become(settings)) return false;
    return settings.parent == profile().settings.parent || is_open(settings.parent);
  }

 private:
  CardPatch patch_;
};

}  // namespace

CardRoutes::CardRoutes(LoopContext& context)
    : NodeRoutes(context, context.shards.nodes().cards, kind_of(engine::kNoNode)) {}

void CardRoutes::add_to(Router& router) {
  const auto status = [this](engine::NodeStatus wanted) {
    return [this, wanted](const Call& call) { set_status(call, wanted); };
  };
  router.add(Method::post, "/api/v1/cards", Action::create_cards, [this](const Call& call) { create(call); });
  router.add(Method::get, "/api/v1/cards", Action::read_cards, [this](const Call& call) { list(call); });
  router.add(Method::get, "/api/v1/cards/{id}", Action::read_cards, [this](const Call& call) { show(call); });
  router.add(Method::patch, "/api/v1/cards/{id}", Action::tighten_cards, [this](const Call& call) { patch(call); });
  router.add(Method::post, "/api/v1/cards/{id}/freeze", Action::tighten_cards, status(engine::NodeStatus::frozen));
  router.add(Method::post, "/api/v1/cards/{id}/unfreeze", Action::change_cards, status(engine::NodeStatus::active));
  router.add(Method::post, "/api/v1/cards/{id}/close", Action::change_cards, status(engine::NodeStatus::closed));
}

void CardRoutes::create(const Call& call) {
  auto message = read_message(call, context_.shards.hasher());
  if (!message) return;
  CardCreation creation;
  if (context_.json.parse(call.request.body)) creation = read_creation(context_.json, lookups_);
  if (!context_.json.ok()) return respond_json_error(call.exchange, call.request, context_.json.error());
  const auto& endpoints = context_.settings.endpoints;
  if (!creation.processor_endpoint.empty() &&
      std::find(endpoints.begin(), endpoints.end(), creation.processor_endpoint) == endpoints.end()) {
    return respond_problem(call.exchange, call.request, 400, "invalid_value", "Bad request",
                           "processor.endpoint names no [[endpoint]] of the configuration");
  }
  const NodeIndex card = allocate(call);
  if (card == engine::kNoNode) return;
  ChangeRequest::make<CardCreationRequest>(under_way_, context_, call, std::move(*message), card, durable_zones_)
      .start(std::move(creation));
}

void CardRoutes::patch(const Call& call) {
  const NodeIndex card = find(call);
  if (card == engine::kNoNode) return;
  auto message = read_message(call, context_.shards.hasher());
  if (!message) return;
  const auto condition = read_if_match(call);
  if (!condition) return;
  CardPatch patch;
  if (context_.json.parse(call.request.body)) patch = read_patch(context_.json, lookups_);
  if (!context_.json.ok()) return respond_json_error(call.exchange, call.request, context_.json.error());
  if (!may_patch(call)) return;
  ChangeRequest::make<CardPatchRequest>(under_way_, context_, call, std::move(*message), card, durable_zones_,
                                        *condition)
      .start(std::move(patch));
}

}  // namespace holdfast::net
