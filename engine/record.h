// The bytes of a journal record.
//
// Threads: pure functions.
// Invariants: encode(decode(bytes)) == bytes, so that applying a record's command again and encoding the result can be
// compared byte for byte. Bytes written by an older release stay readable: a changed form gets a new type number.
// Errors: decode gives nullopt for anything that is not exactly one record; encode gives an empty span when the record
// does not fit.
//
// Grammar (primitive forms: codec.h; *d is a varint difference in milliseconds to `now`, 0 for "none" where marked ?):
//   record   := type:u8 now:i64 message command outcome
//   message  := id:text8 [ endpoint:text8 content:u64 answer:text32 ]      bracket present when id is not empty
//   create   := node:u32 identity settings                    outcome: version:u32
//   change   := node:u32 settings                             outcome: version:u32
//   status   := node:u32 status:u8                            outcome: version:u32
//   authorize:= card:u32 [reference:text8 when card = 0] processor:u8 authorization:text8 flags:u8 amount:varint
//               cash:varint currency:u16 merchant_id:text8 merchant_name:text8 category:u16 country:u16 checks:u8
//               outcome: decision
//               flags: 1 incremental, 2 partial approval; checks: cvc | expiry << 2 | address << 4 | postal << 6
//   decision := reason:u8 verdict:u8 approved:varint would_approve:varint held:varint decided:d authorized:d
//               [ node:u32 limit:u8 retry:?d when verdict & 8 ]
//               verdict: retryable | lifetime limit << 2 | details follow << 3 | tripped << 4
//   withdraw := card:u32 processor:u8 authorization:text8 amount:varint charged:d authorized:d
//               charged and authorized reach back to the epoch when there was no decision
//               outcome: released:varint decided:d
//   note     := event_type:text8 object:text8
//   zone     := zone_rules
//   add_key  := id:u64 u64 role:u8 label:text8 digest:32 bytes node:u32
//   remove_key := id:u64 u64
//   advise   := card:u32 kind:u8 processor:u8 authorization:text8 key:u64 u64 amount:varint final:u8 told:i64
//               merchant_id:text8 merchant_name:text8 category:u16 country:u16
//               outcome: status:u8 flags:u8 released:varint posted:varint held:varint captured:varint
//               refunded:varint decided:d authorized:d
//   identity, settings, zone_rules: node_codec.h
#pragma once

#include <optional>
#include <span>

#include "engine/command.h"

namespace holdfast::engine {

std::span<const std::byte> encode(const Record& record, std::span<std::byte> buffer);
// The record views `bytes`.
std::optional<Record> decode(std::span<const std::byte> bytes);

}  // namespace holdfast::engine
