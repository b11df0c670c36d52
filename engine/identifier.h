// Identifiers made by Holdfast: a prefix and a ULID ("card_01J9ZK3Q6T8V5W2X4Y6Z8A0B1C"), held as 128 bits.
//
// Threads: pure functions.
// Format: 48 bits of milliseconds, 80 random bits, as 26 characters of Crockford's base 32, upper case. Ids made later
// sort later, as numbers and as text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/instant.h"
#include "engine/key128.h"

namespace holdfast::engine {

// `random` gives the 80 low bits (16 of hi, 64 of lo); the rest of it is ignored.
Key128 make_ulid(Instant now, Key128 random);

void append_id(std::string& out, std::string_view prefix, Key128 ulid);  // prefix with its underscore: "card_"
std::string format_id(std::string_view prefix, Key128 ulid);
// nullopt unless the text is exactly the prefix and a canonical ULID (either case is read).
std::optional<Key128> parse_id(std::string_view prefix, std::string_view text);

}  // namespace holdfast::engine
