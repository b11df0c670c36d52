#include "net/card_input.h"

#include <algorithm>

#include "net/card_json.h"
#include "net/rfc3339.h"

namespace holdfast::net {
namespace {

using engine::CheckPolicy;
using engine::Limit;

constexpr std::string_view kCardMembers[] = {"budget", "limit_usd", "controls", "expires_at"};
constexpr std::string_view kCreationMembers[] = {"budget",     "limit_usd", "controls",
                                                 "expires_at", "currency",  "processor"};
constexpr std::string_view kImmutableMembers[] = {
    "id",         "object",    "status",    "currency",        "last4",
    "number",     "cvv",       "exp_month", "exp_year",        "expiration",
    "over_limit", "processor", "version",   "locked_merchant", "loop_breaker_state",
    "created_at"};
constexpr std::string_view kControlMembers[] = {"partial_approval", "merchant_lock", "max_authorizations",
                                                "verification", "loop_breaker"};

constexpr std::pair<std::string_view, CheckPolicy> kPolicies[] = {
    {"ignore", CheckPolicy::ignore},
    {"decline_on_mismatch", CheckPolicy::decline_on_mismatch},
    {"require_match", CheckPolicy::require_match},
};

bool visible(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

engine::Currency usd() {
  return engine::currency_from_alpha("USD").value_or(engine::Currency{});
}

// Of text, because a double has no cents.
engine::Minor read_limit_usd(const JsonValue& value) {
  const auto amount = engine::parse_decimal(value.decimal_text(), usd());
  if (!amount) {
    value.fail("must be a decimal amount of US dollars with at most 2 decimals and no exponent");
  } else if (*amount < 0) {
    value.fail("must not be negative", JsonErrorCode::out_of_range);
  }
  return amount.value_or(0);
}

std::optional<bool> read_merchant_lock(const JsonObject& controls) {
  const auto value = controls.find("merchant_lock");
  if (!value) return std::nullopt;
  if (value->is_null()) return false;
  constexpr std::pair<std::string_view, bool> kLocks[] = {{"first_use", true}};
  return value->enumerated<bool>(kLocks);
}

std::optional<CheckPolicy> read_policy(const JsonObject& verification, std::string_view name, CheckPolicy otherwise) {
  const auto value = verification.find(name);
  if (!value) return std::nullopt;
  return value->is_null() ? otherwise : value->enumerated<CheckPolicy>(kPolicies);
}

void read_verification(const JsonValue& value, CardControlsPatch& patch) {
  const engine::Controls usual;
  if (value.is_null()) {
    patch.cvc = usual.cvc;
    patch.expiry = usual.expiry;
    patch.address = usual.address;
    return;
  }
  const JsonObject object = value.object();
  reject_unknown_members(object, {"cvc", "expiry", "avs"});
  patch.cvc = read_policy(object, "cvc", usual.cvc);
  patch.expiry = read_policy(object, "expiry", usual.expiry);
  patch.address = read_policy(object, "avs", usual.address);
}

LoopBreakerPatch read_loop_breaker(const JsonValue& value) {
  LoopBreakerPatch patch;
  if (value.is_null()) {
    patch.reset = true;
    return patch;
  }
  const JsonObject object = value.object();
  reject_unknown_members(object, {"declines", "repeats", "seconds", "cooldown_seconds"});
  patch.declines = read_number(object, "declines", 1, engine::kDeclinesMax, 0);
  patch.repeats = read_number(object, "repeats", 2, engine::kRepeatsMax, 0);
  patch.seconds = read_number(object, "seconds", 1, engine::kBreakerSecondsMax, 0);
  patch.cooldown_seconds = read_number(object, "cooldown_seconds", 1, kCooldownSecondsMax, kCooldownSecondsDefault);
  return patch;
}

CardControlsPatch read_controls(const JsonValue& value) {
  CardControlsPatch patch;
  if (value.is_null()) {
    patch.reset = true;
    return patch;
  }
  const JsonObject object = value.object();
  reject_unknown(object, kPlacesMembers, kControlMembers);
  patch.places = read_places(object);
  patch.partial_approval = read_flag(object, "partial_approval", true);
  patch.merchant_lock = read_merchant_lock(object);
  patch.max_authorizations = read_number(object, "max_authorizations", 1, kMaxAuthorizationsMax, 0);
  if (const auto verification = object.find("verification")) read_verification(*verification, patch);
  if (const auto breaker = object.find("loop_breaker")) patch.loop_breaker = read_loop_breaker(*breaker);
  return patch;
}

engine::Instant read_expires_at(const JsonValue& value) {
  const auto instant = parse_rfc3339(value.string(64));
  if (!instant) value.fail("must be a time of RFC 3339, such as \"2026-11-23T15:00:00Z\"");
  return instant.value_or(engine::Instant{});
}

CardPatch read_settings(const JsonObject& body, const InputLookups& lookups, bool creates) {
  CardPatch patch;
  patch.node = read_node(body, lookups.zone, creates);
  if (const auto value = body.find("budget")) {
    patch.budget = value->is_null() ? BudgetAbove{} : read_budget(*value, lookups.budget);
  }
  if (const auto value = body.find("limit_usd")) {
    patch.limit_usd = value->is_null() ? std::nullopt : std::optional(read_limit_usd(*value));
    const auto others = body.find("limits");
    if (!value->is_null() && others && !others->is_null()) value->fail("excludes limits: give one of the two");
  }
  if (const auto value = body.find("controls")) patch.controls = read_controls(*value);
  if (const auto value = body.find("expires_at")) {
    patch.expires_at = value->is_null() ? std::nullopt : std::optional(read_expires_at(*value));
  }
  return patch;
}

void read_processor(const JsonObject& body, CardCreation& into) {
  const auto processor = body.optional_object("processor");
  if (!processor) return;
  reject_unknown_members(*processor, {"endpoint", "card_id"});
  into.processor_endpoint = processor->required_string("endpoint", engine::kIdBytesMax);
  into.processor_card = processor->required_string("card_id", engine::kIdBytesMax);
  if (!visible(into.processor_endpoint)) processor->fail("endpoint", "must be visible ASCII characters");
  if (!visible(into.processor_card)) processor->fail("card_id", "must be visible ASCII characters");
}

std::optional<InputFault> apply_loop_breaker(const LoopBreakerPatch& patch, engine::LoopBreaker& breaker) {
  if (patch.reset) {
    breaker = {};
    return std::nullopt;
  }
  if (!breaker.present()) breaker.cooldown_seconds = kCooldownSecondsDefault;
  if (patch.declines) breaker.declines = static_cast<std::uint16_t>(*patch.declines);
  if (patch.repeats) breaker.repeats = static_cast<std::uint16_t>(*patch.repeats);
  set_if_given(patch.seconds, breaker.seconds);
  set_if_given(patch.cooldown_seconds, breaker.cooldown_seconds);
  if (!breaker.present()) return InputFault{"controls.loop_breaker", "must have declines, repeats or both"};
  if (breaker.seconds == 0) return InputFault{"controls.loop_breaker", "must have seconds"};
  return std::nullopt;
}

std::optional<InputFault> apply_controls(const CardControlsPatch& patch, engine::NodeSettings& settings) {
  engine::Controls& controls = settings.controls;
  if (patch.reset) {
    controls = {};
    settings.max_authorizations = 0;
    settings.loop_breaker = {};
  }
  apply(patch.places, controls);
  set_if_given(patch.partial_approval, controls.partial_approval);
  set_if_given(patch.merchant_lock, controls.merchant_lock);
  set_if_given(patch.max_authorizations, settings.max_authorizations);
  set_if_given(patch.cvc, controls.cvc);
  set_if_given(patch.expiry, controls.expiry);
  set_if_given(patch.address, controls.address);
  return patch.loop_breaker ? apply_loop_breaker(*patch.loop_breaker, settings.loop_breaker) : std::nullopt;
}

// limit_usd is another name for a single lifetime limit; null takes that one away and no other limits.
void apply_limit_usd(const CardPatch& patch, engine::Currency currency, std::vector<Limit>& limits) {
  if (!patch.limit_usd) return;
  if (*patch.limit_usd) {
    limits = {{Limit::Form::amount, engine::WindowKind::lifetime, **patch.limit_usd}};
  } else if (!patch.node.limits && limit_usd_of(limits, currency)) {
    limits.clear();
  }
}

std::size_t text_bytes(const engine::NodeIdentity& identity, const engine::NodeSettings& settings) {
  engine::NodeProfile profile;
  profile.identity = identity;
  profile.settings = settings;
  const NodeView card{engine::kNoNode, &profile, {}, {}};
  std::string text;
  append_card(text, {&card, 1}, {});
  return text.size();
}

}  // namespace

std::optional<InputFault> apply(const CardPatch& patch, const engine::NodeIdentity& identity,
                                engine::NodeSettings& settings) {
  if (patch.limit_usd && *patch.limit_usd && identity.currency != usd()) {
    return InputFault{"limit_usd", "needs a card in US dollars: give limits in the card's currency"};
  }
  if (patch.budget) {
    if (patch.budget->index != engine::kNoNode && patch.budget->currency != identity.currency) {
      return InputFault{"budget", "has another currency than the card"};
    }
    settings.parent = patch.budget->index;
  }
  if (const auto fault = apply(patch.node, settings)) return fault;
  apply_limit_usd(patch, identity.currency, settings.limits);
  set_if_given(patch.expires_at, settings.expires_at);
  if (patch.controls) {
    if (const auto fault = apply_controls(*patch.controls, settings)) return fault;
  }
  return fits_record(settings, text_bytes(identity, settings)) ? std::nullopt : std::optional(kTooLong);
}

CardCreation read_creation(JsonDocument& json, const InputLookups& lookups) {
  CardCreation creation;
  const JsonObject body = json.object();
  reject_unknown(body, kNodeMembers, kCreationMembers);
  require_label(body);
  const CardPatch patch = read_settings(body, lookups, true);
  const BudgetAbove budget = patch.budget.value_or(BudgetAbove{});
  const auto currency = read_currency(body);
  creation.currency = currency.value_or(budget.index == engine::kNoNode ? usd() : budget.currency);
  read_processor(body, creation);
  engine::NodeIdentity identity;
  identity.currency = creation.currency;
  identity.processor_endpoint = creation.processor_endpoint;
  identity.processor_card = creation.processor_card;
  if (json.ok()) {
    if (const auto fault = apply(patch, identity, creation.settings)) body.fail(fault->member, fault->detail);
  }
  creation.zone = patch.node.zone;
  return creation;
}

CardPatch read_patch(JsonDocument& json, const InputLookups& lookups) {
  const JsonObject body = json.object();
  reject_immutable(body, kImmutableMembers);
  reject_unknown(body, kNodeMembers, kCardMembers);
  return read_settings(body, lookups, false);
}

}  // namespace holdfast::net
