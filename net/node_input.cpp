#include "net/node_input.h"

#include <algorithm>
#include <limits>

#include "engine/journal.h"
#include "engine/node_codec.h"
#include "net/node_json.h"

namespace holdfast::net {
namespace {

using engine::CategoryRange;
using engine::Country;
using engine::Limit;
using engine::Weekday;
using engine::WindowKind;

constexpr std::size_t kZoneNameBytesMax = 64;
constexpr std::int64_t kCountMax = std::numeric_limits<std::uint32_t>::max();

// A record holds besides the settings and the node's text: identity, message and outcome.
constexpr std::size_t kRecordRest = 1024;

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

bool looks_like_zone_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '+' || c == '/';
  });
}

std::string read_label(const JsonValue& value) {
  const std::string_view text = value.string(engine::kLabelBytesMax);
  if (text.empty()) value.fail("must not be empty");
  return std::string(text);
}

CategoryRange read_category(const JsonValue& value) {
  const std::string_view text = value.string(100);
  if (const auto range = engine::category_range_from_text(text)) return *range;
  if (const auto code = engine::category_from_name(text)) return {*code, *code};
  value.fail("must be a merchant category: four digits, a range as in \"3000-3299\", or a name of Stripe's list");
  return {};
}

Country read_country(const JsonValue& value) {
  const auto country = engine::country_from_text(value.string(10));
  if (!country) value.fail("must be a country of ISO 3166-1: two letters, three letters or three digits");
  return country.value_or(Country{});
}

std::string read_merchant(const JsonValue& value) {
  const std::string_view text = value.string(engine::kMerchantIdBytesMax);
  if (text.empty()) value.fail("must not be empty");
  return std::string(text);
}

// `selects`: a list of what something is for, which when empty would be for everything.
template <class T, class ReadEntry>
std::optional<std::vector<T>> read_list(const JsonObject& object, std::string_view name, bool selects,
                                        ReadEntry&& read_entry) {
  const auto value = object.find(name);
  if (!value) return std::nullopt;
  std::vector<T> entries;
  if (value->is_null()) return entries;
  const JsonArray array = value->array(kControlListMax);
  if (selects && array.empty()) value->fail("must not be empty: leave it out (or null) for all");
  array.for_each([&](const JsonValue& each) { entries.push_back(read_entry(each)); });
  return entries;
}

// One of two forms: a window by name, or one that rolls.
void read_window(const JsonObject& object, Limit& limit) {
  const auto rolling = object.optional_int64("rolling", engine::kRollingSecondsMin, engine::kRollingSecondsMax);
  if (!rolling) {
    limit.window = object.required_enumerated<WindowKind>("window", kWindows);
    return;
  }
  if (object.has("window") && !object.is_null("window")) {
    object.fail("window", "excludes rolling: give one of the two");
  }
  limit.window = WindowKind::rolling;
  limit.rolling_seconds = static_cast<std::uint32_t>(*rolling);
}

Limit read_limit(const JsonObject& object) {
  Limit limit;
  reject_unknown_members(object, {"amount", "count", "window", "rolling", "categories"});
  const auto amount = object.optional_int64("amount", 0);
  const auto count = object.optional_int64("count", 0, kCountMax);
  read_window(object, limit);
  limit.categories = read_list<CategoryRange>(object, "categories", true, read_category).value_or(limit.categories);
  limit.form = count ? Limit::Form::count : Limit::Form::amount;
  limit.value = count.value_or(amount.value_or(0));
  if (amount.has_value() == count.has_value()) {
    object.fail(amount ? "count" : "amount", "is one of two: a limit has either an amount or a count");
  } else if (count && limit.window == WindowKind::authorization) {
    object.fail("window", "cannot be \"authorization\" for a count: one request is one approval");
  }
  return limit;
}

void read_time_zone(const JsonValue& value, const ZoneLookup& zones, NodePatch& patch) {
  patch.time_zone = std::string();
  if (value.is_null()) return;
  const std::string_view name = value.string(kZoneNameBytesMax);
  if (name == engine::utc().name) {
    patch.time_zone = name;
    return;
  }
  patch.zone = looks_like_zone_name(name) ? zones(name) : std::nullopt;
  if (!patch.zone) return value.fail("must be a name of the IANA time zone database, such as \"Europe/Berlin\"");
  patch.time_zone = patch.zone->name;
}

void read_metadata(const JsonValue& value, bool creates, NodePatch& patch) {
  if (value.is_null()) {
    patch.reset_metadata = true;
    return;
  }
  value.object().for_each([&](std::string_view key, const JsonValue& each) {
    if (key.empty() || key.size() > engine::kMetadataKeyBytesMax || key.find('\0') != std::string_view::npos) {
      each.fail("has a name that is empty, longer than 40 bytes or not text", JsonErrorCode::too_long);
    }
    std::optional<std::string> text;
    if (creates || !each.is_null()) text = std::string(each.string(engine::kMetadataValueBytesMax));
    patch.metadata.emplace_back(key, std::move(text));
  });
}

void apply_metadata(const NodePatch& patch, std::vector<std::pair<std::string, std::string>>& metadata) {
  if (patch.reset_metadata) metadata.clear();
  for (const auto& [key, value] : patch.metadata) {
    const auto place = std::ranges::find(metadata, key, &std::pair<std::string, std::string>::first);
    if (!value && place != metadata.end()) metadata.erase(place);
    if (value && place != metadata.end()) place->second = *value;
    if (value && place == metadata.end()) metadata.emplace_back(key, *value);
  }
}

}  // namespace

std::vector<Limit> read_limits(const JsonValue& value) {
  std::vector<Limit> limits;
  if (value.is_null()) return limits;
  value.array(engine::kLimitsMax).for_each([&](const JsonValue& each) { limits.push_back(read_limit(each.object())); });
  return limits;
}

BudgetAbove read_budget(const JsonValue& value, const BudgetLookup& budgets) {
  const auto budget = budgets(value.string(engine::kIdBytesMax));
  if (!budget) value.fail("must be the id of a budget that there is");
  return budget.value_or(BudgetAbove{});
}

NodePatch read_node(const JsonObject& body, const ZoneLookup& zones, bool creates) {
  NodePatch patch;
  if (const auto value = body.find("label")) patch.label = read_label(*value);
  if (const auto value = body.find("limits")) patch.limits = read_limits(*value);
  if (const auto value = body.find("time_zone")) read_time_zone(*value, zones, patch);
  if (const auto value = body.find("week_start")) {
    patch.week_start = value->is_null() ? Weekday::monday : value->enumerated<Weekday>(kWeekdays);
  }
  patch.refunds_restore = read_flag(body, "refunds_restore", false);
  if (const auto value = body.find("metadata")) read_metadata(*value, creates, patch);
  return patch;
}

void require_label(const JsonObject& body) {
  if (!body.has("label") || body.is_null("label")) body.required_string("label", engine::kLabelBytesMax);
}

PlacesPatch read_places(const JsonObject& controls) {
  PlacesPatch patch;
  patch.allowed_categories = read_list<CategoryRange>(controls, "allowed_categories", true, read_category);
  patch.blocked_categories = read_list<CategoryRange>(controls, "blocked_categories", false, read_category);
  patch.allowed_countries = read_list<Country>(controls, "allowed_countries", true, read_country);
  patch.blocked_countries = read_list<Country>(controls, "blocked_countries", false, read_country);
  patch.allowed_merchants = read_list<std::string>(controls, "allowed_merchants", true, read_merchant);
  patch.blocked_merchants = read_list<std::string>(controls, "blocked_merchants", false, read_merchant);
  patch.cash = read_flag(controls, "cash", true);
  return patch;
}

std::optional<bool> read_flag(const JsonObject& object, std::string_view name, bool otherwise) {
  const auto value = object.find(name);
  if (!value) return std::nullopt;
  return value->is_null() ? otherwise : value->boolean();
}

std::optional<std::uint32_t> read_number(const JsonObject& object, std::string_view name, std::uint32_t min,
                                         std::uint32_t max, std::uint32_t otherwise) {
  const auto value = object.find(name);
  if (!value) return std::nullopt;
  return value->is_null() ? otherwise : static_cast<std::uint32_t>(value->int64(min, max));
}

std::optional<engine::Currency> read_currency(const JsonObject& body) {
  const auto text = body.optional_string("currency", 8);
  if (!text) return std::nullopt;
  const auto currency = engine::currency_from_alpha(*text);
  if (!currency) body.fail("currency", "must be a currency of ISO 4217, such as \"USD\"");
  return currency;
}

void reject_unknown(const JsonObject& object, std::span<const std::string_view> allowed,
                    std::span<const std::string_view> more) {
  std::vector<std::string_view> all(allowed.begin(), allowed.end());
  all.insert(all.end(), more.begin(), more.end());
  reject_unknown_members(object, all);
}

void reject_immutable(const JsonObject& body, std::span<const std::string_view> immutable) {
  body.for_each([immutable](std::string_view name, const JsonValue& value) {
    if (name == "status") return value.fail("cannot be changed here: post to /freeze, /unfreeze or /close");
    if (std::ranges::find(immutable, name) != immutable.end()) value.fail("cannot be changed");
  });
}

std::optional<InputFault> apply(const NodePatch& patch, engine::NodeSettings& settings) {
  set_if_given(patch.label, settings.label);
  set_if_given(patch.limits, settings.limits);
  set_if_given(patch.time_zone, settings.time_zone);
  if (settings.parent == engine::kNoNode && settings.time_zone.empty()) settings.time_zone = engine::utc().name;
  set_if_given(patch.week_start, settings.week_start);
  set_if_given(patch.refunds_restore, settings.refunds_restore);
  apply_metadata(patch, settings.metadata);
  if (settings.metadata.size() > engine::kMetadataEntriesMax) {
    return InputFault{"metadata", "must have at most 50 entries"};
  }
  return std::nullopt;
}

void apply(const PlacesPatch& patch, engine::Controls& controls) {
  set_if_given(patch.allowed_categories, controls.allowed_categories);
  set_if_given(patch.blocked_categories, controls.blocked_categories);
  set_if_given(patch.allowed_countries, controls.allowed_countries);
  set_if_given(patch.blocked_countries, controls.blocked_countries);
  set_if_given(patch.allowed_merchants, controls.allowed_merchants);
  set_if_given(patch.blocked_merchants, controls.blocked_merchants);
  set_if_given(patch.cash, controls.cash);
}

bool fits_record(const engine::NodeSettings& settings, std::size_t text_bytes) {
  std::vector<std::byte> buffer(engine::kRecordBytesMax);
  engine::ByteWriter out(buffer);
  engine::write(out, settings);
  return out.ok() && out.size() + text_bytes + kStateTextBytesMax + kRecordRest <= engine::kRecordBytesMax;
}

}  // namespace holdfast::net
