// A card as the interface returns it.
//
// Threads: pure functions; profiles are read as net/node_view.h says.
// Invariants: the text never holds a card number or verification value, except where append_secrets() has put them.
// Units: amounts in minor units of the card's currency; limit_usd as exact decimal text.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "net/issuing.h"
#include "net/node_view.h"

namespace holdfast::net {

// Appends the card path[0] as a JSON object. Windows that are over at `now` count as empty.
void append_card(std::string& out, std::span<const NodeView> path, engine::Instant now);

// Adds what only the answer to a card's creation shows. `card` ends with a card as append_card() writes it.
void append_secrets(std::string& card, const CardNumber& number, const Cvv& cvv, Expiry expiry);

// What limit_usd says in cents: the card has exactly one lifetime limit on all amounts, and that in US dollars.
std::optional<engine::Minor> limit_usd_of(const std::vector<engine::Limit>& limits, engine::Currency currency);

}  // namespace holdfast::net
