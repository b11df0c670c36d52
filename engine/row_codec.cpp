#include "engine/row_codec.h"

#include <bit>
#include <utility>

#include "engine/codec.h"
#include "engine/node_codec.h"

namespace holdfast::engine {
namespace {

// Rows are built in a buffer that is made once a thread, and copied at their size.
template <class Write>
Bytes build(std::size_t most, Write&& write_into) {
  thread_local std::vector<std::byte> buffer;
  if (buffer.size() < most) buffer.resize(most);
  ByteWriter out(buffer);
  write_into(out);
  if (!out.ok()) return {};
  return {out.written().begin(), out.written().end()};
}

constexpr std::uint64_t swapped(std::uint64_t value) {
  return __builtin_bswap64(value);
}
// Signed times sort as unsigned big-endian once the sign bit is turned.
constexpr std::uint64_t kSignBit = std::uint64_t{1} << 63;

void write_be(ByteWriter& out, Key128 key) {
  out.u64(swapped(key.hi));
  out.u64(swapped(key.lo));
}
Key128 read_be_key(ByteReader& in) {
  const std::uint64_t hi = swapped(in.u64());
  return {hi, swapped(in.u64())};
}

void write_be(ByteWriter& out, Instant at) {
  out.u64(swapped(std::bit_cast<std::uint64_t>(to_millis(at)) ^ kSignBit));
}
Instant read_be_instant(ByteReader& in) {
  return from_millis(std::bit_cast<std::int64_t>(swapped(in.u64()) ^ kSignBit));
}

void write(ByteWriter& out, const NodeBalance& balance) {
  const Usage& usage = balance.usage;
  for (std::size_t i = 0; i < kUsageWindows; ++i) {
    out.varint(usage.held[i]);
    out.varint(usage.posted[i]);
    out.u32(usage.count[i]);
  }
  out.i64(to_millis(usage.rolled_at));
  out.i64(to_millis(usage.next_roll));
  out.u64(balance.approvals);
}

NodeBalance read_balance(ByteReader& in) {
  NodeBalance balance;
  Usage& usage = balance.usage;
  for (std::size_t i = 0; i < kUsageWindows; ++i) {
    usage.held[i] = in.varint();
    usage.posted[i] = in.varint();
    usage.count[i] = in.u32();
  }
  usage.rolled_at = from_millis(in.i64());
  usage.next_roll = from_millis(in.i64());
  balance.approvals = in.u64();
  return balance;
}

void write(ByteWriter& out, const Decision& decision) {
  out.u8(static_cast<std::uint8_t>(decision.reason));
  out.u8(static_cast<std::uint8_t>(decision.retryable));
  out.u8(static_cast<std::uint8_t>((decision.lifetime_limit ? 1 : 0) | (decision.tripped ? 2 : 0)));
  out.u32(decision.declined_by.node);
  out.u8(static_cast<std::uint8_t>(decision.declined_by.limit));
  out.varint(decision.approved_amount);
  out.varint(decision.would_approve);
  out.varint(decision.held);
  out.i64(to_millis(decision.retry_after));
  out.i64(to_millis(decision.decided_at));
  out.i64(to_millis(decision.authorized_at));
}

Decision read_decision(ByteReader& in) {
  Decision decision;
  const std::uint8_t reason = in.u8();
  if (reason >= kReasons) in.fail();
  decision.reason = static_cast<Reason>(reason);
  decision.retryable = static_cast<Retryable>(in.u8());
  const std::uint8_t flags = in.u8();
  decision.lifetime_limit = (flags & 1U) != 0;
  decision.tripped = (flags & 2U) != 0;
  decision.declined_by.node = in.u32();
  decision.declined_by.limit = static_cast<std::int8_t>(in.u8());
  decision.approved_amount = in.varint();
  decision.would_approve = in.varint();
  decision.held = in.varint();
  decision.retry_after = from_millis(in.i64());
  decision.decided_at = from_millis(in.i64());
  decision.authorized_at = from_millis(in.i64());
  return decision;
}

void write(ByteWriter& out, const FollowUp& event) {
  out.u8(static_cast<std::uint8_t>(event.kind));
  out.u8(static_cast<std::uint8_t>(event.reason));
  out.u8(event.flags);
  out.varint(event.amount);
  out.i64(to_millis(event.at));
  if (event.is(AdviceKind::refund_reversal)) out.varint(event.rest);
  if (!event.is(AdviceKind::refund)) return;
  out.u16(event.restored);
  out.u16(event.category);
  out.u32(event.budget);
  out.varint(event.rest);
}

FollowUp read_follow_up(ByteReader& in) {
  FollowUp event;
  event.kind = static_cast<FollowUp::Kind>(in.u8());
  event.reason = static_cast<Reason>(in.u8());
  event.flags = in.u8();
  event.amount = in.varint();
  event.at = from_millis(in.i64());
  if (event.is(AdviceKind::refund_reversal)) event.rest = in.varint();
  if (!event.is(AdviceKind::refund)) return event;
  event.restored = in.u16();
  event.category = in.u16();
  event.budget = in.u32();
  event.rest = in.varint();
  return event;
}

void write(ByteWriter& out, const Charge& charge) {
  out.varint(charge.held);
  out.i64(to_millis(charge.at));
  out.u32(charge.budget);
  out.u16(charge.category);
}

Charge read_charge(ByteReader& in) {
  Charge charge;
  charge.held = in.varint();
  charge.at = from_millis(in.i64());
  charge.budget = in.u32();
  charge.category = in.u16();
  return charge;
}

constexpr std::size_t kVarintBytesMax = 10;
constexpr std::size_t kFollowUpBytesMax = 3 + kVarintBytesMax + 8 + 2 + 2 + 4 + kVarintBytesMax;
constexpr std::size_t kChargeBytesMax = kVarintBytesMax + 8 + 4 + 2;
constexpr std::size_t kAuthorizationBytesMax = 96 + 4 * kVarintBytesMax;
constexpr std::size_t kCounterBytesMax = 4096 * kVarintBytesMax;
constexpr std::size_t kMessageBytesMax = 128;

}  // namespace

Bytes node_row_key(NodeIndex node) {
  return build(4, [&](ByteWriter& out) { out.u32(__builtin_bswap32(node)); });
}
Bytes authorization_row_key(Instant decided_at, Key128 key, NodeIndex card) {
  return build(28, [&](ByteWriter& out) {
    write_be(out, decided_at);
    write_be(out, key);
    out.u32(__builtin_bswap32(card));
  });
}
Bytes message_row_key(Instant at, Key128 key) {
  return build(24, [&](ByteWriter& out) {
    write_be(out, at);
    write_be(out, key);
  });
}
std::optional<Instant> time_of_row(BytesView key) {
  ByteReader in(key);
  const Instant at = read_be_instant(in);
  if (!in.ok()) return std::nullopt;
  return at;
}

Bytes key_row_key(Key128 id) {
  return build(16, [&](ByteWriter& out) { write_be(out, id); });
}
Bytes zone_row_key(std::string_view name) {
  return build(name.size(), [&](ByteWriter& out) { out.raw(name.data(), name.size()); });
}

Bytes node_row(const NodeProfile& profile, const NodeBalance& balance) {
  return build(kRecordBytesMax + kCounterBytesMax, [&](ByteWriter& out) {
    write(out, profile.identity);
    write(out, profile.settings);
    out.u8(static_cast<std::uint8_t>(profile.status));
    out.u32(profile.version);
    write(out, balance);
    if (profile.counters == nullptr) return;
    for (const std::uint64_t word : std::as_const(*profile.counters).own())
      out.varint(std::bit_cast<std::int64_t>(word));
  });
}

Bytes authorization_row(const Authorization& authorization, const Details* details) {
  static const Details kNone;
  if (details == nullptr) details = &kNone;
  const std::size_t most = kAuthorizationBytesMax + details->follow_ups.size() * kFollowUpBytesMax +
                           details->charges.size() * kChargeBytesMax;
  return build(most, [&](ByteWriter& out) {
    out.u64(authorization.sequence);
    out.varint(authorization.approved);
    out.varint(authorization.held);
    out.varint(authorization.captured);
    out.varint(authorization.refunded);
    out.i64(to_millis(authorization.charged_at));
    out.u32(authorization.budget);
    out.u16(authorization.category);
    out.u8(static_cast<std::uint8_t>(authorization.processor));
    out.u8(static_cast<std::uint8_t>(authorization.status));
    out.u8(static_cast<std::uint8_t>(authorization.reason));
    out.i64(to_millis(authorization.told));
    out.u32(static_cast<std::uint32_t>(details->follow_ups.size()));
    for (const FollowUp& event : details->follow_ups)
      write(out, event);
    out.u32(static_cast<std::uint32_t>(details->charges.size()));
    for (const Charge& charge : details->charges)
      write(out, charge);
  });
}

Bytes message_row(const Message& message, std::string_view answer) {
  return build(kMessageBytesMax + answer.size(), [&](ByteWriter& out) {
    out.u64(message.content);
    out.u8(message.command);
    out.u32(message.card);
    write(out, message.decision);
    out.text32(answer);
  });
}

Bytes zone_row(const ZoneRules& rules) {
  return build(512 + rules.transitions.size() * 16, [&](ByteWriter& out) { write(out, rules); });
}

Bytes key_row(const StoredKey& key) {
  return build(512, [&](ByteWriter& out) {
    out.u8(key.role);
    out.text8(key.label);
    out.raw(key.digest.data(), key.digest.size());
    out.i64(to_millis(key.created_at));
    out.u32(key.node);
  });
}

std::optional<NodeRow> read_node_row(BytesView key, BytesView value) {
  ByteReader key_in(key);
  ByteReader in(value);
  NodeRow row;
  row.node = __builtin_bswap32(key_in.u32());
  row.profile.identity = read_identity(in);
  row.profile.settings = read_settings(in);
  const std::uint8_t status = in.u8();
  if (status > static_cast<std::uint8_t>(NodeStatus::closed)) in.fail();
  row.profile.status = static_cast<NodeStatus>(status);
  row.profile.version = in.u32();
  row.balance = read_balance(in);
  if (!in.ok()) return std::nullopt;
  row.counters.resize(layout_of(row.profile.settings).words);
  for (std::uint64_t& word : row.counters)
    word = std::bit_cast<std::uint64_t>(in.varint());
  if (!key_in.finished() || !in.finished() || (row.node & ~kBudgetBit) == 0) return std::nullopt;
  return row;
}

std::optional<AuthorizationRow> read_authorization_row(BytesView key, BytesView value) {
  ByteReader key_in(key);
  ByteReader in(value);
  AuthorizationRow row;
  Authorization& authorization = row.authorization;
  authorization.decided_at = read_be_instant(key_in);
  authorization.key = read_be_key(key_in);
  authorization.card = __builtin_bswap32(key_in.u32());
  authorization.sequence = in.u64();
  authorization.approved = in.varint();
  authorization.held = in.varint();
  authorization.captured = in.varint();
  authorization.refunded = in.varint();
  authorization.charged_at = from_millis(in.i64());
  authorization.budget = in.u32();
  authorization.category = in.u16();
  authorization.processor = static_cast<Processor>(in.u8());
  authorization.status = static_cast<AuthorizationStatus>(in.u8());
  authorization.reason = static_cast<Reason>(in.u8());
  authorization.told = from_millis(in.i64());
  const std::uint32_t events = in.u32();
  for (std::uint32_t i = 0; i < events && in.ok(); ++i)
    row.details.follow_ups.push_back(read_follow_up(in));
  const std::uint32_t charges = in.u32();
  for (std::uint32_t i = 0; i < charges && in.ok(); ++i)
    row.details.charges.push_back(read_charge(in));
  if (!key_in.finished() || !in.finished()) return std::nullopt;
  return row;
}

std::optional<MessageRow> read_message_row(BytesView key, BytesView value) {
  ByteReader key_in(key);
  ByteReader in(value);
  MessageRow row;
  row.message.at = read_be_instant(key_in);
  row.message.key = read_be_key(key_in);
  row.message.content = in.u64();
  row.message.command = in.u8();
  row.message.card = in.u32();
  row.message.decision = read_decision(in);
  row.answer = in.text32();
  if (!key_in.finished() || !in.finished()) return std::nullopt;
  return row;
}

std::optional<ZoneRules> read_zone_row(BytesView value) {
  ByteReader in(value);
  ZoneRules rules = read_zone(in);
  if (!in.finished()) return std::nullopt;
  return rules;
}

std::optional<KeyRow> read_key_row(BytesView key, BytesView value) {
  ByteReader key_in(key);
  ByteReader in(value);
  KeyRow row;
  row.id = read_be_key(key_in);
  row.key.role = in.u8();
  row.key.label = in.text8();
  in.raw(row.key.digest.data(), row.key.digest.size());
  row.key.created_at = from_millis(in.i64());
  row.key.node = in.u32();
  if (!key_in.finished() || !in.finished() || !may_be_bound_to(row.key.node)) return std::nullopt;
  return row;
}

}  // namespace holdfast::engine
