// A card as the interface returns it.
//
// Threads: pure functions; a profile is read under the caller's epoch guard.
// Invariants: the text never holds a card number or verification value, except where append_secrets() has put them.
// Units: amounts in minor units of the card's currency; limit_usd as exact decimal text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/node.h"
#include "net/issuing.h"

namespace holdfast::net {

// Appends the card as a JSON object. Windows that are over at `now` count as empty.
void append_card(std::string& out, const engine::NodeProfile& profile, const engine::Usage& usage, engine::Instant now);

// Adds what only the answer to a card's creation shows. `card` ends with a card as append_card() writes it.
void append_secrets(std::string& card, const CardNumber& number, const Cvv& cvv, Expiry expiry);

// The version that the text of a card, as append_card() writes it, tells; 0 when it is something else.
std::uint32_t version_in(std::string_view card);

}  // namespace holdfast::net
