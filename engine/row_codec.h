// The bytes of the state's rows: nodes, authorizations, messages, zones and keys, as a checkpoint keeps them.
//
// Threads: pure functions.
// Errors: read functions give nullopt for anything that is not exactly one row.
//
// Grammar (primitive forms: codec.h; identity, settings, zone_rules: node_codec.h; keys are big-endian so that they
// sort):
//   nodes           key := node:u32be         value := identity settings status:u8 version:u32 balance counters
//     balance := { held:varint posted:varint count:u32 } x 6 rolled_at:i64 next_roll:i64 approvals:u64
//     counters := { varint } as many as the settings need (counters.h)
//   authorizations  key := decided_at:i64be key:u64be u64be card:u32be
//     value := sequence:u64 body; body := approved:varint held:varint captured:varint refunded:varint
//              charged_at:i64 budget:u32 category:u16 processor:u8 status:u8 reason:u8 told:i64
//              n:u32 { kind:u8 reason:u8 flags:u8 amount:varint at:i64 [of a refund's reversal: rest:varint]
//              [of a refund: restored:u16 category:u16 budget:u32 rest:varint] }
//              n:u32 { held:varint at:i64 budget:u32 category:u16 }
//   messages        key := at:i64be key:u64be u64be
//     value := content:u64 command:u8 card:u32 decision answer:text32
//     decision := reason:u8 retryable:u8 flags:u8 node:u32 limit:u8 approved:varint would_approve:varint held:varint
//                 retry_after:i64 decided_at:i64 authorized_at:i64
//   zones           key := name                            value := zone_rules
//   keys            key := id:u64be u64be                  value := role:u8 label:text8 digest:32 bytes created_at:i64
//                                                                  node:u32
#pragma once

#include <optional>
#include <string_view>

#include "engine/ledger.h"
#include "engine/messages.h"
#include "engine/rows.h"
#include "engine/shards.h"

namespace holdfast::engine {

struct NodeRow {
  NodeIndex node = kNoNode;
  NodeProfile profile;  // without zone and counters: restore() makes them
  NodeBalance balance;
  std::vector<std::uint64_t> counters;  // as many words as the settings need
};
struct AuthorizationRow {
  Authorization authorization;  // its links are empty
  Details details;
};
struct MessageRow {
  Message message;
  std::string_view answer;  // views the value
};
struct KeyRow {
  Key128 id{0, 0};
  StoredKey key;
};

Bytes node_row_key(NodeIndex node);
Bytes authorization_row_key(Instant decided_at, Key128 key, NodeIndex card);
Bytes message_row_key(Instant at, Key128 key);
Bytes key_row_key(Key128 id);
// The time in the key of an authorization or a message; nullopt when it is none.
std::optional<Instant> time_of_row(BytesView key);
Bytes zone_row_key(std::string_view name);

Bytes node_row(const NodeProfile& profile, const NodeBalance& balance);
Bytes authorization_row(const Authorization& authorization, const Details* details);
Bytes message_row(const Message& message, std::string_view answer);
Bytes zone_row(const ZoneRules& rules);
Bytes key_row(const StoredKey& key);

std::optional<NodeRow> read_node_row(BytesView key, BytesView value);
std::optional<AuthorizationRow> read_authorization_row(BytesView key, BytesView value);
std::optional<MessageRow> read_message_row(BytesView key, BytesView value);
std::optional<ZoneRules> read_zone_row(BytesView value);
std::optional<KeyRow> read_key_row(BytesView key, BytesView value);

// The part of an authorization's row that does not depend on where the journal put its record.
inline constexpr std::size_t kSequenceBytes = sizeof(Sequence);

}  // namespace holdfast::engine
