#include "engine/node_codec.h"

namespace holdfast::engine {
namespace {

enum ControlFlag : std::uint8_t { kNoCash = 1, kNoPartialApproval = 2, kLists = 4, kMerchantLock = 8 };

bool has_lists(const Controls& controls) {
  return !controls.allowed_categories.empty() || !controls.blocked_categories.empty() ||
         !controls.allowed_countries.empty() || !controls.blocked_countries.empty() ||
         !controls.allowed_merchants.empty() || !controls.blocked_merchants.empty();
}

void write(ByteWriter& out, CategoryRange range) {
  out.u16(range.first);
  out.u16(range.last);
}
void write(ByteWriter& out, Country country) {
  out.u16(country.numeric);
}
void write(ByteWriter& out, const std::string& text) {
  out.text8(text);
}

void read(ByteReader& in, CategoryRange& range) {
  range.first = in.u16();
  range.last = in.u16();
}
void read(ByteReader& in, Country& country) {
  country.numeric = in.u16();
}
void read(ByteReader& in, std::string& text) {
  text = in.text8();
}

template <class T>
void write_list(ByteWriter& out, const std::vector<T>& list) {
  out.u16(static_cast<std::uint16_t>(list.size()));
  for (const T& entry : list)
    write(out, entry);
}

template <class T>
void read_list(ByteReader& in, std::vector<T>& list) {
  const std::uint16_t count = in.u16();
  for (std::uint16_t i = 0; i < count && in.ok(); ++i)
    read(in, list.emplace_back());
}

void write(ByteWriter& out, const Controls& controls) {
  std::uint8_t flags = 0;
  if (!controls.cash) flags |= kNoCash;
  if (!controls.partial_approval) flags |= kNoPartialApproval;
  if (has_lists(controls)) flags |= kLists;
  if (controls.merchant_lock) flags |= kMerchantLock;
  out.u8(flags);
  out.u8(static_cast<std::uint8_t>(static_cast<unsigned>(controls.cvc) | static_cast<unsigned>(controls.expiry) << 2 |
                                   static_cast<unsigned>(controls.address) << 4));
  if ((flags & kLists) == 0) return;
  write_list(out, controls.allowed_categories);
  write_list(out, controls.blocked_categories);
  write_list(out, controls.allowed_countries);
  write_list(out, controls.blocked_countries);
  write_list(out, controls.allowed_merchants);
  write_list(out, controls.blocked_merchants);
}

CheckPolicy read_policy(ByteReader& in, unsigned bits) {
  if ((bits & 3U) > static_cast<unsigned>(CheckPolicy::require_match)) in.fail();
  return static_cast<CheckPolicy>(bits & 3U);
}

Controls read_controls(ByteReader& in) {
  Controls controls;
  const std::uint8_t flags = in.u8();
  const std::uint8_t policies = in.u8();
  controls.cvc = read_policy(in, policies);
  controls.expiry = read_policy(in, policies >> 2U);
  controls.address = read_policy(in, policies >> 4U);
  controls.merchant_lock = (flags & kMerchantLock) != 0;
  controls.cash = (flags & kNoCash) == 0;
  controls.partial_approval = (flags & kNoPartialApproval) == 0;
  if ((flags & kLists) == 0) return controls;
  read_list(in, controls.allowed_categories);
  read_list(in, controls.blocked_categories);
  read_list(in, controls.allowed_countries);
  read_list(in, controls.blocked_countries);
  read_list(in, controls.allowed_merchants);
  read_list(in, controls.blocked_merchants);
  return controls;
}

void write(ByteWriter& out, const std::vector<Limit>& limits) {
  out.u8(static_cast<std::uint8_t>(limits.size()));
  for (const Limit& limit : limits) {
    out.u8(static_cast<std::uint8_t>(limit.form));
    out.u8(static_cast<std::uint8_t>(limit.window));
    out.i64(limit.value);
    if (limit.window == WindowKind::rolling) out.u32(limit.rolling_seconds);
    write_list(out, limit.categories);
  }
}

std::vector<Limit> read_limits(ByteReader& in) {
  std::vector<Limit> limits;
  const std::uint8_t count = in.u8();
  if (count > kLimitsMax) in.fail();
  for (std::uint8_t i = 0; i < count && in.ok(); ++i) {
    const std::uint8_t form = in.u8();
    const std::uint8_t window = in.u8();
    if (form > 1 || window >= kWindowKinds) in.fail();
    Limit& limit = limits.emplace_back();
    limit.form = static_cast<Limit::Form>(form);
    limit.window = static_cast<WindowKind>(window);
    limit.value = in.i64();
    if (limit.window == WindowKind::rolling) {
      limit.rolling_seconds = in.u32();
      if (limit.rolling_seconds < kRollingSecondsMin || limit.rolling_seconds > kRollingSecondsMax) in.fail();
    }
    read_list(in, limit.categories);
  }
  return limits;
}

void write(ByteWriter& out, const LoopBreaker& breaker) {
  out.u16(breaker.declines);
  out.u16(breaker.repeats);
  if (!breaker.present()) return;
  out.u32(breaker.seconds);
  out.u32(breaker.cooldown_seconds);
}

LoopBreaker read_breaker(ByteReader& in) {
  LoopBreaker breaker;
  breaker.declines = in.u16();
  breaker.repeats = in.u16();
  if (breaker.declines > kDeclinesMax || breaker.repeats > kRepeatsMax) in.fail();
  if (!breaker.present()) return breaker;
  breaker.seconds = in.u32();
  breaker.cooldown_seconds = in.u32();
  return breaker;
}

}  // namespace

void write(ByteWriter& out, Key128 key) {
  out.u64(key.hi);
  out.u64(key.lo);
}

Key128 read_key(ByteReader& in) {
  const std::uint64_t hi = in.u64();
  return {hi, in.u64()};
}

void write(ByteWriter& out, const NodeIdentity& identity) {
  write(out, identity.id);
  out.i64(to_millis(identity.created_at));
  out.u16(identity.currency.numeric);
  out.text8(identity.processor_endpoint);
  out.text8(identity.processor_card);
  write(out, identity.number_hash);
  out.u8(identity.number_attempt);
  out.text8(identity.last4);
  out.u8(identity.expiry_month);
  out.u16(identity.expiry_year);
}

NodeIdentity read_identity(ByteReader& in) {
  NodeIdentity identity;
  identity.id = read_key(in);
  identity.created_at = from_millis(in.i64());
  identity.currency.numeric = in.u16();
  identity.processor_endpoint = in.text8();
  identity.processor_card = in.text8();
  identity.number_hash = read_key(in);
  identity.number_attempt = in.u8();
  identity.last4 = in.text8();
  identity.expiry_month = in.u8();
  identity.expiry_year = in.u16();
  return identity;
}

void write(ByteWriter& out, const NodeSettings& settings) {
  out.text8(settings.label);
  out.u32(settings.parent);
  write(out, settings.limits);
  write(out, settings.controls);
  out.text8(settings.time_zone);
  out.u8(static_cast<std::uint8_t>(settings.week_start));
  out.u8(settings.refunds_restore ? 1 : 0);
  out.u8(static_cast<std::uint8_t>(settings.metadata.size()));
  for (const auto& [key, value] : settings.metadata) {
    out.text8(key);
    out.text32(value);
  }
  out.i64(to_millis(settings.expires_at.value_or(kNoInstant)));
  out.u32(settings.max_authorizations);
  write(out, settings.loop_breaker);
}

NodeSettings read_settings(ByteReader& in) {
  NodeSettings settings;
  settings.label = in.text8();
  settings.parent = in.u32();
  settings.limits = read_limits(in);
  settings.controls = read_controls(in);
  settings.time_zone = in.text8();
  const std::uint8_t week_start = in.u8();
  if (week_start > static_cast<std::uint8_t>(Weekday::sunday)) in.fail();
  settings.week_start = static_cast<Weekday>(week_start);
  settings.refunds_restore = in.u8() != 0;
  const std::uint8_t entries = in.u8();
  for (std::uint8_t i = 0; i < entries && in.ok(); ++i) {
    const std::string_view key = in.text8();
    settings.metadata.emplace_back(key, in.text32());
  }
  if (const Instant expires = from_millis(in.i64()); expires != kNoInstant) settings.expires_at = expires;
  settings.max_authorizations = in.u32();
  settings.loop_breaker = read_breaker(in);
  return settings;
}

void write(ByteWriter& out, const ZoneRules& rules) {
  out.text8(rules.name);
  out.i64(rules.first_offset_seconds);
  out.u16(static_cast<std::uint16_t>(rules.transitions.size()));
  for (const ZoneRules::Transition& transition : rules.transitions) {
    out.i64(to_millis(transition.at));
    out.i64(transition.offset_seconds);
  }
}

ZoneRules read_zone(ByteReader& in) {
  ZoneRules rules;
  rules.name = in.text8();
  rules.first_offset_seconds = static_cast<std::int32_t>(in.i64());
  const std::uint16_t count = in.u16();
  for (std::uint16_t i = 0; i < count && in.ok(); ++i) {
    const Instant at = from_millis(in.i64());
    rules.transitions.push_back({at, static_cast<std::int32_t>(in.i64())});
  }
  return rules;
}

}  // namespace holdfast::engine
