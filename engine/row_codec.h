// The bytes of the state's rows: cards, authorizations, messages, zones and keys, as a checkpoint keeps them.
//
// Threads: pure functions.
// Errors: read functions give nullopt for anything that is not exactly one row.
//
// Grammar (primitive forms: codec.h; identity, settings, zone_rules: node_codec.h; keys are big-endian so that they
// sort):
//   cards           key := card:u32be                      value := identity settings status:u8 version:u32 balance
//     balance := { held:varint posted:varint count:u32 } x 6 rolled_at:i64 next_roll:i64 approvals:u64
//   authorizations  key := decided_at:i64be key:u64be u64be card:u32be
//     value := sequence:u64 body; body := approved:varint held:varint captured:varint refunded:varint
//              processor:u8 status:u8 reason:u8 n:u16 { kind:u8 reason:u8 amount:varint at:i64 }
//   messages        key := at:i64be key:u64be u64be
//     value := content:u64 command:u8 card:u32 decision answer:text32
//     decision := reason:u8 retryable:u8 lifetime:u8 node:u32 limit:u8 approved:varint would_approve:varint held:varint
//                 retry_after:i64 decided_at:i64 authorized_at:i64
//   zones           key := name                            value := zone_rules
//   keys            key := id:u64be u64be                  value := role:u8 label:text8 digest:32 bytes created_at:i64
#pragma once

#include <optional>
#include <string_view>

#include "engine/ledger.h"
#include "engine/messages.h"
#include "engine/rows.h"
#include "engine/shards.h"

namespace holdfast::engine {

struct CardRow {
  NodeIndex card = kNoNode;
  NodeProfile profile;  // its zone pointer is null: restore() looks it up
  NodeBalance balance;
};
struct AuthorizationRow {
  Authorization authorization;  // its links are empty
  std::vector<FollowUp> follow_ups;
};
struct MessageRow {
  Message message;
  std::string_view answer;  // views the value
};
struct KeyRow {
  Key128 id{0, 0};
  StoredKey key;
};

Bytes card_row_key(NodeIndex card);
Bytes authorization_row_key(Instant decided_at, Key128 key, NodeIndex card);
Bytes message_row_key(Instant at, Key128 key);
Bytes key_row_key(Key128 id);
// The time in the key of an authorization or a message; nullopt when it is none.
std::optional<Instant> time_of_row(BytesView key);
Bytes zone_row_key(std::string_view name);

Bytes card_row(const NodeProfile& profile, const NodeBalance& balance);
Bytes authorization_row(const Authorization& authorization, const std::vector<FollowUp>* follow_ups);
Bytes message_row(const Message& message, std::string_view answer);
Bytes zone_row(const ZoneRules& rules);
Bytes key_row(const StoredKey& key);

std::optional<CardRow> read_card_row(BytesView key, BytesView value);
std::optional<AuthorizationRow> read_authorization_row(BytesView key, BytesView value);
std::optional<MessageRow> read_message_row(BytesView key, BytesView value);
std::optional<ZoneRules> read_zone_row(BytesView value);
std::optional<KeyRow> read_key_row(BytesView key, BytesView value);

// The part of an authorization's row that does not depend on where the journal put its record.
inline constexpr std::size_t kSequenceBytes = sizeof(Sequence);

}  // namespace holdfast::engine
