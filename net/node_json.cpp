#include "net/node_json.h"

#include <algorithm>
#include <charconv>

#include "engine/identifier.h"
#include "net/problem.h"
#include "net/rfc3339.h"

namespace holdfast::net {
namespace {

using engine::CheckPolicy;
using engine::Instant;
using engine::Limit;

// Behind it come a version and a time: it is the last of its kind in the text, whatever metadata there is.
constexpr std::string_view kVersionMember = ",\"version\":";

constexpr std::string_view kWeekdays[] = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};

template <class T, class Append>
void append_array(std::string& out, const std::vector<T>& entries, Append&& append) {
  out += '[';
  for (const T& entry : entries) {
    if (&entry != &entries.front()) out += ',';
    append(out, entry);
  }
  out += ']';
}

void append_member(std::string& out, std::string_view name, std::int64_t number) {
  append_name(out, name);
  append_integer(out, number);
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
void append_list(std::string& out, std::string_view name, const std::vector<T>& entries, Append&& append) {
  if (entries.empty()) return;
  append_name(out, name);
  append_array(out, entries, append);
}

// How much of `limit` is left when `used` is used: never less than nothing.
std::int64_t remaining(std::int64_t limit, std::int64_t used) {
  return std::max<std::int64_t>(engine::checked_subtract(limit, used).value_or(limit), 0);
}

// How much `used` is above `limit`, which approvals alone never make it.
std::int64_t beyond(std::int64_t limit, std::int64_t used) {
  return used > limit ? used - limit : 0;
}

void append_window(std::string& out, const Limit& limit) {
  if (limit.window == engine::WindowKind::rolling) return append_member(out, "rolling", limit.rolling_seconds);
  append_name(out, "window");
  append_json_string(out, engine::window_name(limit.window));
}

void append_limit(std::string& out, const NodeView& node, const NodeMoment& moment, std::size_t index) {
  const Limit& limit = node.profile->settings.limits[index];
  const engine::Tally tally = usage_of_limit(node, moment, index);
  const bool counts = limit.form == Limit::Form::count;
  const std::int64_t used = counts ? tally.count : tally.used();
  out += '{';
  append_member(out, counts ? "count" : "amount", limit.value);
  append_window(out, limit);
  append_list(out, "categories", limit.categories, append_category);
  if (counts) {
    append_member(out, "used", used);
  } else {
    append_member(out, "held", tally.held);
    append_member(out, "posted", tally.posted);
  }
  append_member(out, "remaining", remaining(limit.value, used));
  if (!counts) append_member(out, "beyond", beyond(limit.value, used));
  append_name(out, "resets_at");
  append_time_or_null(out, reset_of_limit(node, moment, index));
  out += '}';
}

void append_places(std::string& out, const engine::Controls& controls) {
  const auto append_country = [](std::string& to, engine::Country country) {
    append_json_string(to, engine::alpha2(country));
  };
  const auto append_merchant = [](std::string& to, const std::string& merchant) { append_json_string(to, merchant); };
  append_list(out, "allowed_categories", controls.allowed_categories, append_category);
  append_list(out, "blocked_categories", controls.blocked_categories, append_category);
  append_list(out, "allowed_countries", controls.allowed_countries, append_country);
  append_list(out, "blocked_countries", controls.blocked_countries, append_country);
  append_list(out, "allowed_merchants", controls.allowed_merchants, append_merchant);
  append_list(out, "blocked_merchants", controls.blocked_merchants, append_merchant);
}

std::string_view policy_name(CheckPolicy policy) {
  switch (policy) {
    case CheckPolicy::ignore:
      return "ignore";
    case CheckPolicy::decline_on_mismatch:
      return "decline_on_mismatch";
    case CheckPolicy::require_match:
      break;
  }
  return "require_match";
}

void append_verification(std::string& out, const engine::Controls& controls) {
  const engine::Controls usual;
  const auto append = [&out](std::string_view name, CheckPolicy policy, CheckPolicy otherwise) {
    if (policy == otherwise) return;
    append_name(out, name);
    append_json_string(out, policy_name(policy));
  };
  if (controls.cvc == usual.cvc && controls.expiry == usual.expiry && controls.address == usual.address) return;
  append_name(out, "verification");
  out += '{';
  append("cvc", controls.cvc, usual.cvc);
  append("expiry", controls.expiry, usual.expiry);
  append("avs", controls.address, usual.address);
  out += '}';
}

void append_loop_breaker(std::string& out, const engine::LoopBreaker& breaker) {
  if (!breaker.present()) return;
  append_name(out, "loop_breaker");
  out += '{';
  if (breaker.declines != 0) append_member(out, "declines", breaker.declines);
  if (breaker.repeats != 0) append_member(out, "repeats", breaker.repeats);
  append_member(out, "seconds", breaker.seconds);
  append_member(out, "cooldown_seconds", breaker.cooldown_seconds);
  out += '}';
}

// Those that are set, and no others. Of a budget only the first two kinds ever are.
void append_controls(std::string& out, const engine::NodeSettings& settings) {
  const engine::Controls& controls = settings.controls;
  out += '{';
  append_places(out, controls);
  if (!controls.cash) {
    append_name(out, "cash");
    out += "false";
  }
  if (!controls.partial_approval) {
    append_name(out, "partial_approval");
    out += "false";
  }
  if (controls.merchant_lock) {
    append_name(out, "merchant_lock");
    out += "\"first_use\"";
  }
  if (settings.max_authorizations != 0) append_member(out, "max_authorizations", settings.max_authorizations);
  append_verification(out, controls);
  append_loop_breaker(out, settings.loop_breaker);
  out += '}';
}

}  // namespace

void append_integer(std::string& out, std::int64_t number) {
  char digits[24];
  out.append(digits, std::to_chars(std::begin(digits), std::end(digits), number).ptr);
}

void append_bool(std::string& out, bool value) {
  out += value ? "true" : "false";
}

void append_time(std::string& out, Instant at) {
  out += '"';
  append_rfc3339(out, at);
  out += '"';
}

void append_time_or_null(std::string& out, Instant at) {
  at == engine::kNoInstant ? void(out += "null") : append_time(out, at);
}

void append_name(std::string& out, std::string_view name) {
  if (out.back() != '{') out += ',';
  append_json_string(out, name);
  out += ':';
}

void append_node_head(std::string& out, std::string_view object, std::string_view id_prefix,
                      const engine::NodeProfile& profile) {
  out += "{\"id\":\"";
  engine::append_id(out, id_prefix, profile.identity.id);
  out += "\",\"object\":";
  append_json_string(out, object);
  out += ",\"label\":";
  append_json_string(out, profile.settings.label);
  out += ",\"status\":";
  append_json_string(out, engine::node_status_name(profile.status));
  out += ",\"currency\":";
  append_json_string(out, engine::alpha_code(profile.identity.currency));
}

void append_parent(std::string& out, std::string_view name, std::span<const NodeView> path) {
  append_name(out, name);
  if (path.size() < 2) {
    out += "null";
    return;
  }
  out += '"';
  engine::append_id(out, kBudgetIdPrefix, path[1].profile->identity.id);
  out += '"';
}

void append_rules(std::string& out, std::span<const NodeView> path, Instant now) {
  const engine::NodeSettings& settings = path[0].profile->settings;
  const NodeMoment moment = moment_of(path, now);
  append_name(out, "over_limit");
  append_bool(out, is_over_limit(path, now));
  append_name(out, "limits");
  out += '[';
  for (std::size_t i = 0; i < settings.limits.size(); ++i) {
    if (i != 0) out += ',';
    append_limit(out, path[0], moment, i);
  }
  out += ']';
  append_name(out, "controls");
  append_controls(out, settings);
}

void append_calendar(std::string& out, const engine::NodeSettings& settings) {
  append_name(out, "time_zone");
  settings.time_zone.empty() ? void(out += "null") : append_json_string(out, settings.time_zone);
  append_name(out, "week_start");
  append_json_string(out, kWeekdays[static_cast<std::size_t>(settings.week_start)]);
  append_name(out, "refunds_restore");
  append_bool(out, settings.refunds_restore);
}

void append_metadata(std::string& out, const engine::NodeSettings& settings) {
  append_name(out, "metadata");
  out += '{';
  for (const auto& [key, value] : settings.metadata) {
    append_name(out, key);
    append_json_string(out, value);
  }
  out += '}';
}

void append_node_tail(std::string& out, const engine::NodeProfile& profile) {
  out += kVersionMember;
  append_integer(out, profile.version);
  append_name(out, "created_at");
  append_time(out, profile.identity.created_at);
  out += '}';
}

std::uint32_t version_in(std::string_view node) {
  const std::size_t at = node.rfind(kVersionMember);
  if (at == std::string_view::npos) return 0;
  std::uint32_t version = 0;
  std::from_chars(node.data() + at + kVersionMember.size(), node.data() + node.size(), version);
  return version;
}

}  // namespace holdfast::net
