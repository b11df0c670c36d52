#include "net/budget_input.h"

#include "net/budget_json.h"

namespace holdfast::net {
namespace {

constexpr std::string_view kCreationMembers[] = {"controls", "parent", "currency"};
constexpr std::string_view kPatchMembers[] = {"controls"};
constexpr std::string_view kImmutableMembers[] = {"id",     "object",     "status",  "currency",
                                                  "parent", "over_limit", "version", "created_at"};

BudgetControlsPatch read_controls(const JsonValue& value) {
  BudgetControlsPatch patch;
  if (value.is_null()) {
    patch.reset = true;
    return patch;
  }
  const JsonObject object = value.object();
  reject_unknown(object, kPlacesMembers);
  patch.places = read_places(object);
  return patch;
}

BudgetPatch read_settings(const JsonObject& body, const InputLookups& lookups, bool creates) {
  BudgetPatch patch;
  patch.node = read_node(body, lookups.zone, creates);
  if (const auto value = body.find("controls")) patch.controls = read_controls(*value);
  return patch;
}

// The budget above, and the currency that follows from it or is asked for.
BudgetAbove read_parent(const JsonObject& body, const BudgetLookup& budgets, BudgetCreation& into) {
  const auto value = body.find("parent");
  const BudgetAbove parent = value && !value->is_null() ? read_budget(*value, budgets) : BudgetAbove{};
  const auto currency = read_currency(body);
  const auto usd = engine::currency_from_alpha("USD");
  if (parent.index == engine::kNoNode) {
    into.currency = currency.value_or(usd.value_or(engine::Currency{}));
    return parent;
  }
  into.currency = currency.value_or(parent.currency);
  if (into.currency != parent.currency) body.fail("currency", "must be that of the parent");
  if (parent.depth >= engine::kBudgetDepthMax) body.fail("parent", "stands as deep as a budget can: 8 levels");
  return parent;
}

std::size_t text_bytes(const engine::NodeIdentity& identity, const engine::NodeSettings& settings) {
  engine::NodeProfile profile;
  profile.identity = identity;
  profile.settings = settings;
  const NodeView budget{engine::kNoNode, &profile, {}, {}};
  std::string text;
  append_budget(text, {&budget, 1}, {});
  return text.size();
}

}  // namespace

std::optional<InputFault> apply(const BudgetPatch& patch, const engine::NodeIdentity& identity,
                                engine::NodeSettings& settings) {
  if (const auto fault = apply(patch.node, settings)) return fault;
  if (patch.controls) {
    if (patch.controls->reset) settings.controls = {};
    apply(patch.controls->places, settings.controls);
  }
  return fits_record(settings, text_bytes(identity, settings)) ? std::nullopt : std::optional(kTooLong);
}

BudgetCreation read_budget_creation(JsonDocument& json, const InputLookups& lookups) {
  BudgetCreation creation;
  const JsonObject body = json.object();
  reject_unknown(body, kNodeMembers, kCreationMembers);
  require_label(body);
  creation.settings.parent = read_parent(body, lookups.budget, creation).index;
  const BudgetPatch patch = read_settings(body, lookups, true);
  engine::NodeIdentity identity;
  identity.currency = creation.currency;
  if (json.ok()) {
    if (const auto fault = apply(patch, identity, creation.settings)) body.fail(fault->member, fault->detail);
  }
  creation.zone = patch.node.zone;
  return creation;
}

BudgetPatch read_budget_patch(JsonDocument& json, const InputLookups& lookups) {
  const JsonObject body = json.object();
  reject_immutable(body, kImmutableMembers);
  reject_unknown(body, kNodeMembers, kPatchMembers);
  return read_settings(body, lookups, false);
}

}  // namespace holdfast::net
