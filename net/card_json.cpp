#include "net/card_json.h"

#include "engine/breaker.h"
#include "net/node_json.h"
#include "net/problem.h"

namespace holdfast::net {
namespace {

using engine::Limit;

void append_issued(std::string& out, const engine::NodeIdentity& identity) {
  append_name(out, "last4");
  identity.last4.empty() ? void(out += "null") : append_json_string(out, identity.last4);
  append_name(out, "expiration");
  if (identity.expiry_month == 0) {
    out += "null";
  } else {
    append_json_string(out, format_expiry({identity.expiry_month, identity.expiry_year}));
  }
}

void append_limit_usd(std::string& out, const engine::NodeProfile& profile) {
  const auto amount = limit_usd_of(profile.settings.limits, profile.identity.currency);
  append_name(out, "limit_usd");
  out += amount ? engine::format_decimal(*amount, profile.identity.currency) : "null";
}

void append_processor(std::string& out, const engine::NodeIdentity& identity) {
  append_name(out, "processor");
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

// Only of a card that is locked.
void append_lock(std::string& out, const NodeView& card) {
  const std::uint16_t at = card.profile->layout.merchant_lock;
  if (card.counters.empty() || at == engine::CounterLayout::kNone) return;
  const auto lock = engine::ConstWords(card.counters).subspan(at);
  if (!engine::is_locked(lock)) return;
  append_name(out, "locked_merchant");
  append_json_string(out, engine::locked_merchant(lock));
}

std::string_view cause_name(engine::TripCause cause) {
  switch (cause) {
    case engine::TripCause::declines:
      return "declines";
    case engine::TripCause::repeats:
      return "repeats";
    case engine::TripCause::half_open:
      break;
  }
  return "half_open";
}

void append_trip(std::string& out, const engine::Trip& trip) {
  out += "{\"at\":";
  append_time(out, trip.at);
  append_name(out, "until");
  append_time(out, trip.until);
  append_name(out, "cause");
  append_json_string(out, cause_name(trip.cause));
  out += '}';
}

// Only of a card that has a breaker.
void append_breaker_state(std::string& out, const NodeView& card, engine::Instant now) {
  const std::uint16_t at = card.profile->layout.breaker;
  if (card.counters.empty() || at == engine::CounterLayout::kNone) return;
  const auto breaker = engine::ConstWords(card.counters).subspan(at, engine::breaker_words());
  const engine::Instant until = engine::breaker_declines_until(breaker, now);
  const bool half_open = engine::breaker_is_half_open(breaker, now);
  append_name(out, "loop_breaker_state");
  out += "{\"state\":";
  append_json_string(out, until != engine::kNoInstant ? "open" : half_open ? "half_open" : "closed");
  append_name(out, "until");
  append_time_or_null(out, until);
  append_name(out, "trips");
  append_integer(out, static_cast<std::int64_t>(engine::trips_of(breaker)));
  append_name(out, "last_trips");
  out += '[';
  for (const engine::Trip& trip : engine::last_trips(breaker)) {
    if (out.back() == '}') out += ',';
    append_trip(out, trip);
  }
  out += "]}";
}

}  // namespace

void append_card(std::string& out, std::span<const NodeView> path, engine::Instant now) {
  const NodeView& card = path[0];
  const engine::NodeProfile& profile = *card.profile;
  append_node_head(out, "card", kCardIdPrefix, profile);
  append_issued(out, profile.identity);
  append_parent(out, "budget", path);
  append_limit_usd(out, profile);
  append_rules(out, path, now);
  append_lock(out, card);
  append_breaker_state(out, card, std::max(now, card.balance.usage.rolled_at));
  append_calendar(out, profile.settings);
  append_processor(out, profile.identity);
  append_metadata(out, profile.settings);
  append_name(out, "expires_at");
  append_time_or_null(out, profile.settings.expires_at.value_or(engine::kNoInstant));
  append_node_tail(out, profile);
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

std::optional<engine::Minor> limit_usd_of(const std::vector<Limit>& limits, engine::Currency currency) {
  if (limits.size() != 1 || currency != engine::currency_from_alpha("USD")) return std::nullopt;
  const Limit& limit = limits[0];
  if (limit.form != Limit::Form::amount || limit.window != engine::WindowKind::lifetime) return std::nullopt;
  if (!limit.categories.empty()) return std::nullopt;
  return limit.value;
}

}  // namespace holdfast::net
