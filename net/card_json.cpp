#include "net/card_json.h"

#include <algorithm>
#include <charconv>

#include "engine/identifier.h"
#include "net/problem.h"
#include "net/rfc3339.h"

namespace holdfast::net {
namespace {

using engine::NodeProfile;
using engine::Instant;
using engine::Limit;
using engine::Minor;
using engine::Usage;
using engine::WindowKind;

// Behind it come a version and a time: it is the last of its kind in the text, whatever metadata there is.
constexpr std::string_view kVersionMember = ",\"version\":";

constexpr std::string_view kWeekdays[] = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};

void append_integer(std::string& out, std::int64_t number) {
  char digits[24];
  out.append(digits, std::to_chars(std::begin(digits), std::end(digits), number).ptr);
}

void append_time(std::string& out, Instant at) {
  out += '"';
  append_rfc3339(out, at);
  out += '"';
}

void append_bool(std::string& out, bool value) {
  out += value ? "true" : "false";
}

// `, "name":`, without the comma at the beginning of an object.
void append_name(std::string& out, std::string_view name) {
  if (out.back() != '{') out += ',';
  append_json_string(out, name);
  out += ':';
}

template <class T, class Append>
void append_array(std::string& out, const std::vector<T>& entries, Append&& append) {
  out += '[';
  for (const T& entry : entries) {
    if (&entry != &entries.front()) out += ',';
    append(out, entry);
  }
  out += ']';
}

bool has_bounds(WindowKind window) {
  return window != WindowKind::authorization && window != WindowKind::lifetime;
}

// What is left of `limit` when `used` is used: never less than nothing.
std::int64_t remaining(std::int64_t limit, std::int64_t used) {
  return std::max<std::int64_t>(engine::checked_subtract(limit, used).value_or(limit), 0);
}

// Usage of a card, rolled to the time of the answer, and what is needed to say when its windows end.
struct Current {
  Usage usage;
  Instant now;
  const engine::ZoneRules& zone;
  engine::Weekday week_start;
};

Current current(const NodeProfile& profile, const Usage& usage, Instant now) {
  const engine::ZoneRules& zone = profile.zone == nullptr ? engine::utc() : profile.zone->get();
  // A clock that went back does not go back for the card (as in the ledger).
  Current current{usage, std::max(now, usage.rolled_at), zone, profile.settings.week_start};
  current.usage.roll(current.now, zone, current.week_start);
  return current;
}

void append_limit(std::string& out, const Limit& limit, const Current& at) {
  const bool counts = limit.form == Limit::Form::count;
  const bool has_usage = limit.window != WindowKind::authorization;
  const std::size_t index = has_usage ? engine::usage_index(limit.window) : 0;
  out += counts ? "{\"count\":" : "{\"amount\":";
  append_integer(out, limit.value);
  out += ",\"window\":";
  append_json_string(out, engine::window_name(limit.window));
  std::int64_t used = 0;
  if (counts) {
    used = at.usage.count[index];
    out += ",\"used\":";
    append_integer(out, used);
  } else {
    used = has_usage ? at.usage.tally(index).used() : 0;
    out += ",\"held\":";
    append_integer(out, has_usage ? at.usage.held[index] : 0);
    out += ",\"posted\":";
    append_integer(out, has_usage ? at.usage.posted[index] : 0);
  }
  out += ",\"remaining\":";
  append_integer(out, remaining(limit.value, used));
  out += ",\"resets_at\":";
  if (has_bounds(limit.window)) {
    append_time(out, engine::window_at(limit.window, at.now, at.zone, at.week_start).end);
  } else {
    out += "null";
  }
  out += '}';
}

bool over_limit(const std::vector<Limit>& limits, const Usage& usage) {
  return std::any_of(limits.begin(), limits.end(), [&](const Limit& limit) {
    if (limit.form != Limit::Form::amount || limit.window == WindowKind::authorization) return false;
    return usage.tally(engine::usage_index(limit.window)).used() > limit.value;
  });
}

void append_limit_usd(std::string& out, const NodeProfile& profile) {
  const auto& limits = profile.settings.limits;
  const bool has_just_that = limits.size() == 1 && limits[0].form == Limit::Form::amount &&
                             limits[0].window == WindowKind::lifetime &&
                             profile.identity.currency == engine::currency_from_alpha("USD");
  out += has_just_that ? engine::format_decimal(limits[0].value, profile.identity.currency) : "null";
}

void append_category(std::string& out, engine::CategoryRange range) {
  const auto append_code = [&out](engine::CategoryCode code) {
    for (int divisor = 1000; divisor != 0; divisor /= 10)
      out += static_cast<char>('0' + code / divisor % 10);
  };
  out += '"';
  append_code(range.first);
  if (range.last != range.first) {
    out += '-';
    append_code(range.last);
  }
  out += '"';
}

template <class T, class Append>
void append_control(std::string& out, std::string_view name, const std::vector<T>& entries, Append&& append) {
  if (entries.empty()) return;
  append_name(out, name);
  append_array(out, entries, append);
}

void append_controls(std::string& out, const engine::Controls& controls) {
  const auto append_country = [](std::string& to, engine::Country country) {
    append_json_string(to, engine::alpha2(country));
  };
  const auto append_merchant = [](std::string& to, const std::string& merchant) { append_json_string(to, merchant); };
  out += '{';
  append_control(out, "allowed_categories", controls.allowed_categories, append_category);
  append_control(out, "blocked_categories", controls.blocked_categories, append_category);
  append_control(out, "allowed_countries", controls.allowed_countries, append_country);
  append_control(out, "blocked_countries", controls.blocked_countries, append_country);
  append_control(out, "allowed_merchants", controls.allowed_merchants, append_merchant);
  append_control(out, "blocked_merchants", controls.blocked_merchants, append_merchant);
  if (!controls.cash) {
    append_name(out, "cash");
    out += "false";
  }
  if (!controls.partial_approval) {
    append_name(out, "partial_approval");
    out += "false";
  }
  out += '}';
}

void append_identity(std::string& out, const NodeProfile& profile) {
  const engine::NodeIdentity& identity = profile.identity;
  out += "{\"id\":\"";
  engine::append_id(out, "card_", identity.id);
  out += "\",\"object\":\"card\",\"label\":";
  append_json_string(out, profile.settings.label);
  out += ",\"status\":";
  append_json_string(out, engine::node_status_name(profile.status));
  out += ",\"currency\":";
  append_json_string(out, engine::alpha_code(identity.currency));
  out += ",\"last4\":";
  identity.last4.empty() ? void(out += "null") : append_json_string(out, identity.last4);
  out += ",\"expiration\":";
  if (identity.expiry_month == 0) {
    out += "null";
  } else {
    append_json_string(out, format_expiry({identity.expiry_month, identity.expiry_year}));
  }
}

void append_processor(std::string& out, const engine::NodeIdentity& identity) {
  if (identity.processor_card.empty()) {
    out += "null";
    return;
  }
  out += "{\"endpoint\":";
  append_json_string(out, identity.processor_endpoint);
  out += ",\"card_id\":";
  append_json_string(out, identity.processor_card);
  out += '}';
}

void append_metadata(std::string& out, const std::vector<std::pair<std::string, std::string>>& metadata) {
  out += '{';
  for (const auto& [key, value] : metadata) {
    append_name(out, key);
    append_json_string(out, value);
  }
  out += '}';
}

}  // namespace

void append_card(std::string& out, const NodeProfile& profile, const Usage& usage, Instant now) {
  const engine::NodeSettings& settings = profile.settings;
  const Current at = current(profile, usage, now);
  append_identity(out, profile);
  out += ",\"budget\":null,\"limit_usd\":";
  append_limit_usd(out, profile);
  out += ",\"over_limit\":";
  append_bool(out, over_limit(settings.limits, at.usage));
  out += ",\"limits\":";
  append_array(out, settings.limits, [&](std::string& to, const Limit& limit) { append_limit(to, limit, at); });
  out += ",\"controls\":";
  append_controls(out, settings.controls);
  out += ",\"time_zone\":";
  append_json_string(out, settings.time_zone);
  out += ",\"week_start\":";
  append_json_string(out, kWeekdays[static_cast<std::size_t>(settings.week_start)]);
  out += ",\"refunds_restore\":";
  append_bool(out, settings.refunds_restore);
  out += ",\"processor\":";
  append_processor(out, profile.identity);
  out += ",\"metadata\":";
  append_metadata(out, settings.metadata);
  out += ",\"expires_at\":";
  settings.expires_at ? append_time(out, *settings.expires_at) : void(out += "null");
  out += kVersionMember;
  append_integer(out, profile.version);
  out += ",\"created_at\":";
  append_time(out, profile.identity.created_at);
  out += '}';
}

void append_secrets(std::string& card, const CardNumber& number, const Cvv& cvv, Expiry expiry) {
  // Room for all of it at once, so that growing leaves no copy of the number behind.
  card.reserve(card.size() + 128);
  card.pop_back();
  card += ",\"number\":\"";
  card += number.reveal();
  card += "\",\"cvv\":\"";
  card += cvv.reveal();
  card += "\",\"exp_month\":";
  append_integer(card, expiry.month);
  card += ",\"exp_year\":";
  append_integer(card, expiry.year);
  card += '}';
}

std::uint32_t version_in(std::string_view card) {
  const std::size_t at = card.rfind(kVersionMember);
  if (at == std::string_view::npos) return 0;
  std::uint32_t version = 0;
  std::from_chars(card.data() + at + kVersionMember.size(), card.data() + card.size(), version);
  return version;
}

}  // namespace holdfast::net
