// The bytes of a node's identity and settings, and of zone rules, as records and rows share them.
//
// Threads: pure functions on a writer or reader.
//
// Grammar (primitive forms: codec.h):
//   identity := id:u64 u64 created:i64 currency:u16 endpoint:text8 processor_card:text8 number_hash:u64 u64 attempt:u8
//               last4:text8 expiry_month:u8 expiry_year:u16
//   settings := label:text8 parent:u32 limits controls zone:text8 week_start:u8 refunds_restore:u8 metadata
//               expires_at:i64 (kNoInstant: none) max_authorizations:u32 breaker
//   limits   := n:u8 { form:u8 window:u8 value:i64 [rolling_seconds:u32 when the window is rolling] categories }
//   controls := flags:u8 policies:u8 [categories categories countries countries merchants merchants]
//               allowed before blocked; flags: 1 no cash, 2 no partial approval, 4 lists follow, 8 merchant lock;
//               policies: cvc | expiry << 2 | address << 4
//   breaker  := declines:u16 repeats:u16 [seconds:u32 cooldown_seconds:u32 when one of them is not 0]
//   categories := n:u16 { first:u16 last:u16 }   countries := n:u16 { u16 }   merchants := n:u16 { text8 }
//   metadata := n:u8 { key:text8 value:text32 }
//   zone_rules := name:text8 first_offset:i64 n:u16 { at:i64 offset:i64 }
#pragma once

#include "engine/codec.h"
#include "engine/node.h"

namespace holdfast::engine {

void write(ByteWriter& out, Key128 key);
void write(ByteWriter& out, const NodeIdentity& identity);
void write(ByteWriter& out, const NodeSettings& settings);
void write(ByteWriter& out, const ZoneRules& rules);
Key128 read_key(ByteReader& in);
NodeIdentity read_identity(ByteReader& in);
NodeSettings read_settings(ByteReader& in);
ZoneRules read_zone(ByteReader& in);

}  // namespace holdfast::engine
