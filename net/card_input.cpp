#include "net/card_input.h"

#include <algorithm>
#include <limits>

#include "engine/node_codec.h"
#include "engine/journal.h"
#include "net/card_json.h"
#include "net/rfc3339.h"

namespace holdfast::net {
namespace {

using engine::CategoryRange;
using engine::Country;
using engine::Limit;
using engine::Weekday;
using engine::WindowKind;

constexpr std::size_t kZoneNameBytesMax = 64;
constexpr std::int64_t kCountMax = std::numeric_limits<std::uint32_t>::max();

// A record holds besides the settings and the stored text: identity, message, outcome; and the text grows by the digits
// of balances that are still nought when it is measured.
constexpr std::size_t kRecordRest = 4096;

constexpr std::pair<std::string_view, WindowKind> kWindows[] = {
    {"authorization", WindowKind::authorization},
    {"hour", WindowKind::hour},
    {"day", WindowKind::day},
    {"week", WindowKind::week},
    {"month", WindowKind::month},
    {"year", WindowKind::year},
    {"lifetime", WindowKind::lifetime},
};

constexpr std::pair<std::string_view, Weekday> kWeekdays[] = {
    {"monday", Weekday::monday},     {"tuesday", Weekday::tuesday}, {"wednesday", Weekday::wednesday},
    {"thursday", Weekday::thursday}, {"friday", Weekday::friday},   {"saturday", Weekday::saturday},
    {"sunday", Weekday::sunday},
};

constexpr std::string_view kSettingsMembers[] = {"label",      "limits",     "limit_usd",       "controls", "time_zone",
                                                 "week_start", "expires_at", "refunds_restore", "metadata"};
constexpr std::string_view kCreationMembers[] = {"currency", "processor"};
// Known to the interface; there only to be refused with better words than "unknown".
constexpr std::string_view kMissingMembers[] = {"budget", "loop_breaker", "merchant_lock", "max_authorizations"};
constexpr std::string_view kImmutableMembers[] = {"id",         "object",    "status",    "currency",  "last4",
                                                  "number",     "cvv",       "exp_month", "exp_year",  "expiration",
                                                  "over_limit", "processor", "version",   "created_at"};

bool visible(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

bool looks_like_zone_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '+' || c == '/';
  });
}

bool is_usd(engine::Currency currency) {
  return currency == engine::currency_from_alpha("USD");
}

// Reads one body. The first error stays in the document.
class Reader {
 public:
  Reader(JsonDocument& json, const ZoneLookup& zones, bool creates) : json_(json), zones_(zones), creates_(creates) {}

  CardPatch settings(const JsonObject& body);
  void creation(const JsonObject& body, CardCreation& into);
  void reject_immutable(const JsonObject& body) const;
  void reject_unknown(const JsonObject& body) const;
  bool unsupported() const { return unsupported_; }

 private:
  void fail_unsupported(const JsonValue& value, std::string_view detail) {
    if (json_.ok()) unsupported_ = true;
    value.fail(detail);
  }
  void reject_missing(const JsonObject& object);

  std::string label(const JsonValue& value) const;
  std::vector<Limit> limits(const JsonValue& value);
  Limit limit(const JsonObject& object);
  engine::Minor limit_usd(const JsonValue& value) const;
  ControlsPatch controls(const JsonValue& value);
  void time_zone(const JsonValue& value, CardPatch& patch) const;
  engine::Instant expires_at(const JsonValue& value) const;
  void metadata(const JsonValue& value, CardPatch& patch) const;

  template <class T, class ReadEntry>
  std::optional<std::vector<T>> list(const JsonObject& object, std::string_view name, bool allows,
                                     ReadEntry&& read_entry) const;
  std::optional<bool> flag(const JsonObject& object, std::string_view name, bool otherwise) const;

  JsonDocument& json_;
  const ZoneLookup& zones_;
  const bool creates_;
  bool unsupported_ = false;
};

void Reader::reject_immutable(const JsonObject& body) const {
  body.for_each([](std::string_view name, const JsonValue& value) {
    if (name == "status") return value.fail("cannot be changed here: post to /freeze, /unfreeze or /close");
    if (std::ranges::find(kImmutableMembers, name) != std::end(kImmutableMembers)) value.fail("cannot be changed");
  });
}

void Reader::reject_unknown(const JsonObject& body) const {
  std::vector<std::string_view> allowed(std::begin(kSettingsMembers), std::end(kSettingsMembers));
  allowed.insert(allowed.end(), std::begin(kMissingMembers), std::end(kMissingMembers));
  if (creates_) allowed.insert(allowed.end(), std::begin(kCreationMembers), std::end(kCreationMembers));
  reject_unknown_members(body, allowed);
}

void Reader::reject_missing(const JsonObject& object) {
  for (const std::string_view name : kMissingMembers) {
    const auto value = object.find(name);
    if (value && !value->is_null()) fail_unsupported(*value, "is not supported by this release");
  }
}

std::string Reader::label(const JsonValue& value) const {
  const std::string_view text = value.string(engine::kLabelBytesMax);
  if (text.empty()) value.fail("must not be empty");
  return std::string(text);
}

Limit Reader::limit(const JsonObject& object) {
  Limit limit;
  for (const std::string_view name : {"rolling", "categories"}) {
    const auto value = object.find(name);
    if (value && !value->is_null()) {
      fail_unsupported(*value, "is not supported: this release has fixed windows only, for all categories");
    }
  }
  reject_unknown_members(object, {"amount", "count", "window", "rolling", "categories"});
  const auto amount = object.optional_int64("amount", 0);
  const auto count = object.optional_int64("count", 0, kCountMax);
  limit.window = object.required_enumerated<WindowKind>("window", kWindows);
  limit.form = count ? Limit::Form::count : Limit::Form::amount;
  limit.value = count.value_or(amount.value_or(0));
  if (amount.has_value() == count.has_value()) {
    object.fail(amount ? "count" : "amount", "is one of two: a limit has either an amount or a count");
  } else if (count && limit.window == WindowKind::authorization) {
    object.fail("window", "cannot be \"authorization\" for a count: one request is one approval");
  }
  return limit;
}

std::vector<Limit> Reader::limits(const JsonValue& value) {
  std::vector<Limit> limits;
  if (value.is_null()) return limits;
  value.array(engine::kLimitsMax).for_each([&](const JsonValue& each) { limits.push_back(limit(each.object())); });
  return limits;
}

// Of text, because a double has no cents.
engine::Minor Reader::limit_usd(const JsonValue& value) const {
  const std::string_view text = value.decimal_text();
  const auto amount = engine::parse_decimal(text, engine::currency_from_alpha("USD").value_or(engine::Currency{}));
  if (!amount) {
    value.fail("must be a decimal amount of US dollars with at most 2 decimals and no exponent");
  } else if (*amount < 0) {
    value.fail("must not be negative", JsonErrorCode::out_of_range);
  }
  return amount.value_or(0);
}

template <class T, class ReadEntry>
std::optional<std::vector<T>> Reader::list(const JsonObject& object, std::string_view name, bool allows,
                                           ReadEntry&& read_entry) const {
  const auto value = object.find(name);
  if (!value) return std::nullopt;
  std::vector<T> entries;
  if (value->is_null()) return entries;
  const JsonArray array = value->array(kControlListMax);
  // It would allow everything, which is not what an empty list of what is allowed looks like.
  if (allows && array.empty()) value->fail("must not be empty: leave it out (or null) to allow all");
  array.for_each([&](const JsonValue& each) { entries.push_back(read_entry(each)); });
  return entries;
}

std::optional<bool> Reader::flag(const JsonObject& object, std::string_view name, bool otherwise) const {
  const auto value = object.find(name);
  if (!value) return std::nullopt;
  return value->is_null() ? otherwise : value->boolean();
}

CategoryRange category(const JsonValue& value) {
  const std::string_view text = value.string(100);
  if (const auto range = engine::category_range_from_text(text)) return *range;
  if (const auto code = engine::category_from_name(text)) return {*code, *code};
  value.fail("must be a merchant category: four digits, a range as in \"3000-3299\", or a name of Stripe's list");
  return {};
}

Country country(const JsonValue& value) {
  const auto country = engine::country_from_text(value.string(10));
  if (!country) value.fail("must be a country of ISO 3166-1: two letters, three letters or three digits");
  return country.value_or(Country{});
}

std::string merchant(const JsonValue& value) {
  const std::string_view text = value.string(engine::kMerchantIdBytesMax);
  if (text.empty()) value.fail("must not be empty");
  return std::string(text);
}

ControlsPatch Reader::controls(const JsonValue& value) {
  ControlsPatch patch;
  if (value.is_null()) {
    patch.reset = true;
    return patch;
  }
  const JsonObject object = value.object();
  reject_missing(object);
  reject_unknown_members(object, {"allowed_categories", "blocked_categories", "allowed_countries", "blocked_countries",
                                  "allowed_merchants", "blocked_merchants", "cash", "partial_approval", "loop_breaker",
                                  "merchant_lock", "max_authorizations"});
  patch.allowed_categories = list<CategoryRange>(object, "allowed_categories", true, category);
  patch.blocked_categories = list<CategoryRange>(object, "blocked_categories", false, category);
  patch.allowed_countries = list<Country>(object, "allowed_countries", true, country);
  patch.blocked_countries = list<Country>(object, "blocked_countries", false, country);
  patch.allowed_merchants = list<std::string>(object, "allowed_merchants", true, merchant);
  patch.blocked_merchants = list<std::string>(object, "blocked_merchants", false, merchant);
  patch.cash = flag(object, "cash", true);
  patch.partial_approval = flag(object, "partial_approval", true);
  return patch;
}

void Reader::time_zone(const JsonValue& value, CardPatch& patch) const {
  patch.time_zone = engine::utc().name;
  if (value.is_null()) return;
  const std::string_view name = value.string(kZoneNameBytesMax);
  if (name == engine::utc().name) return;
  patch.zone = looks_like_zone_name(name) ? zones_(name) : std::nullopt;
  if (!patch.zone) return value.fail("must be a name of the IANA time zone database, such as \"Europe/Berlin\"");
  patch.time_zone = patch.zone->name;
}

engine::Instant Reader::expires_at(const JsonValue& value) const {
  const auto instant = parse_rfc3339(value.string(64));
  if (!instant) value.fail("must be a time of RFC 3339, such as \"2026-11-23T15:00:00Z\"");
  return instant.value_or(engine::Instant{});
}

void Reader::metadata(const JsonValue& value, CardPatch& patch) const {
  if (value.is_null()) {
    patch.reset_metadata = true;
    return;
  }
  value.object().for_each([&](std::string_view key, const JsonValue& each) {
    if (key.empty() || key.size() > engine::kMetadataKeyBytesMax || key.find('\0') != std::string_view::npos) {
      each.fail("has a name that is empty, longer than 40 bytes or not text", JsonErrorCode::too_long);
    }
    std::optional<std::string> text;
    if (creates_ || !each.is_null()) text = std::string(each.string(engine::kMetadataValueBytesMax));
    patch.metadata.emplace_back(key, std::move(text));
  });
}

CardPatch Reader::settings(const JsonObject& body) {
  CardPatch patch;
  reject_missing(body);
  if (const auto value = body.find("label")) patch.label = label(*value);
  if (const auto value = body.find("limits")) patch.limits = limits(*value);
  if (const auto value = body.find("limit_usd")) {
    patch.limit_usd = value->is_null() ? std::nullopt : std::optional(limit_usd(*value));
    const auto others = body.find("limits");
    if (!value->is_null() && others && !others->is_null()) value->fail("excludes limits: give one of the two");
  }
  if (const auto value = body.find("controls")) patch.controls = controls(*value);
  if (const auto value = body.find("time_zone")) time_zone(*value, patch);
  if (const auto value = body.find("week_start")) {
    patch.week_start = value->is_null() ? Weekday::monday : value->enumerated<Weekday>(kWeekdays);
  }
  if (const auto value = body.find("expires_at")) {
    patch.expires_at = value->is_null() ? std::nullopt : std::optional(expires_at(*value));
  }
  patch.refunds_restore = flag(body, "refunds_restore", false);
  if (const auto value = body.find("metadata")) metadata(*value, patch);
  return patch;
}

void Reader::creation(const JsonObject& body, CardCreation& into) {
  const auto currency = engine::currency_from_alpha(body.optional_string("currency", 8).value_or("USD"));
  if (!currency) body.fail("currency", "must be a currency of ISO 4217, such as \"USD\"");
  into.currency = currency.value_or(engine::Currency{});
  const auto processor = body.optional_object("processor");
  if (!processor) return;
  reject_unknown_members(*processor, {"endpoint", "card_id"});
  into.processor_endpoint = processor->required_string("endpoint", engine::kIdBytesMax);
  into.processor_card = processor->required_string("card_id", engine::kIdBytesMax);
  if (!visible(into.processor_endpoint)) processor->fail("endpoint", "must be visible ASCII characters");
  if (!visible(into.processor_card)) processor->fail("card_id", "must be visible ASCII characters");
}

template <class T>
void set_if_given(const std::optional<T>& from, T& into) {
  if (from) into = *from;
}

void apply_controls(const ControlsPatch& patch, engine::Controls& controls) {
  if (patch.reset) controls = {};
  set_if_given(patch.allowed_categories, controls.allowed_categories);
  set_if_given(patch.blocked_categories, controls.blocked_categories);
  set_if_given(patch.allowed_countries, controls.allowed_countries);
  set_if_given(patch.blocked_countries, controls.blocked_countries);
  set_if_given(patch.allowed_merchants, controls.allowed_merchants);
  set_if_given(patch.blocked_merchants, controls.blocked_merchants);
  set_if_given(patch.cash, controls.cash);
  set_if_given(patch.partial_approval, controls.partial_approval);
}

// limit_usd is another name for a single lifetime limit; null takes that one away and no other limits.
void apply_limits(const CardPatch& patch, engine::Currency currency, std::vector<Limit>& limits) {
  if (patch.limits) limits = *patch.limits;
  if (!patch.limit_usd) return;
  if (*patch.limit_usd) {
    limits = {{Limit::Form::amount, WindowKind::lifetime, **patch.limit_usd}};
  } else if (!patch.limits && is_usd(currency) && limits.size() == 1 && limits[0].form == Limit::Form::amount &&
             limits[0].window == WindowKind::lifetime) {
    limits.clear();
  }
}

void apply_metadata(const CardPatch& patch, std::vector<std::pair<std::string, std::string>>& metadata) {
  if (patch.reset_metadata) metadata.clear();
  for (const auto& [key, value] : patch.metadata) {
    const auto place = std::ranges::find(metadata, key, &std::pair<std::string, std::string>::first);
    if (!value && place != metadata.end()) metadata.erase(place);
    if (value && place != metadata.end()) place->second = *value;
    if (value && place == metadata.end()) metadata.emplace_back(key, *value);
  }
}

bool fits_record(const engine::NodeIdentity& identity, const engine::NodeSettings& settings) {
  std::vector<std::byte> buffer(engine::kRecordBytesMax);
  engine::ByteWriter out(buffer);
  engine::write(out, settings);
  std::string text;
  append_card(text, {identity, settings, engine::NodeStatus::active, 1, nullptr, {}, nullptr}, {}, {});
  return out.ok() && out.size() + text.size() + kRecordRest <= engine::kRecordBytesMax;
}

}  // namespace

std::optional<InputFault> apply(const CardPatch& patch, const engine::NodeIdentity& identity,
                                engine::NodeSettings& settings) {
  if (patch.limit_usd && *patch.limit_usd && !is_usd(identity.currency)) {
    return InputFault{"limit_usd", "needs a card in US dollars: give limits in the card's currency"};
  }
  set_if_given(patch.label, settings.label);
  apply_limits(patch, identity.currency, settings.limits);
  if (patch.controls) apply_controls(*patch.controls, settings.controls);
  set_if_given(patch.time_zone, settings.time_zone);
  set_if_given(patch.week_start, settings.week_start);
  set_if_given(patch.expires_at, settings.expires_at);
  set_if_given(patch.refunds_restore, settings.refunds_restore);
  apply_metadata(patch, settings.metadata);
  if (settings.metadata.size() > engine::kMetadataEntriesMax) {
    return InputFault{"metadata", "must have at most 50 entries"};
  }
  if (!fits_record(identity, settings)) {
    return InputFault{"metadata", "and the lists of controls together are too long for one card"};
  }
  return std::nullopt;
}

CardCreation read_creation(JsonDocument& json, const ZoneLookup& zones) {
  CardCreation creation;
  Reader reader(json, zones, true);
  const JsonObject body = json.object();
  reader.reject_unknown(body);
  if (!body.has("label") || body.is_null("label")) body.required_string("label", engine::kLabelBytesMax);
  const CardPatch patch = reader.settings(body);
  reader.creation(body, creation);
  engine::NodeIdentity identity;
  identity.currency = creation.currency;
  identity.processor_endpoint = creation.processor_endpoint;
  identity.processor_card = creation.processor_card;
  if (json.ok()) {
    if (const auto fault = apply(patch, identity, creation.settings)) body.fail(fault->member, fault->detail);
  }
  creation.zone = patch.zone;
  creation.unsupported = reader.unsupported();
  return creation;
}

CardPatch read_patch(JsonDocument& json, const ZoneLookup& zones) {
  Reader reader(json, zones, false);
  const JsonObject body = json.object();
  reader.reject_immutable(body);
  reader.reject_unknown(body);
  CardPatch patch = reader.settings(body);
  patch.unsupported = reader.unsupported();
  return patch;
}

}  // namespace holdfast::net
