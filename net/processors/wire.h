// What the wire forms of processors have in common: text that may be missing, numbers, and the answer to a balance.
//
// Threads: pure functions.
// Units: minor units; sizes in bytes of UTF-8.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/authorization.h"
#include "net/json_document.h"

namespace holdfast::net::wire {

// What a balance inquiry is told.
struct Balance {
  engine::Minor settled = 0;    // what the limits leave of what has been posted
  engine::Minor available = 0;  // less what is held
  engine::Currency currency;
};

// Text that decides nothing by its type: what is not a string is as good as absent.
std::string_view text_or_empty(const JsonObject& object, std::string_view name);

// The member as an object; an empty one when it is missing, null or something else.
JsonObject object_or_empty(const JsonObject& object, std::string_view name);

// At most `bytes_max` bytes, cut between characters.
std::string_view cut(std::string_view text, std::size_t bytes_max);

// Fit for engine::Merchant::name.
std::string_view merchant_name(const JsonObject& object, std::string_view name);

// The category's four digits, or none.
engine::CategoryCode category(const JsonObject& object, std::string_view name);

// Either case, two or three letters or three digits; none when it is not listed.
engine::Country country(const JsonObject& object, std::string_view name);

// None when ISO 4217 does not list it, so that the decision and not the codec says no.
engine::Currency currency(std::string_view alpha);

// For messages that bring no id: what they are about and a hash of the whole body, so that a repeat, which is the same
// body, has the same id. At most kMessageIdBytesMax.
void append_message_id(std::string& out, std::string_view about, std::string_view body);

void append_integer(std::string& out, std::int64_t value);

}  // namespace holdfast::net::wire
