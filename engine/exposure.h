// Exposure: the most that can still be approved in a tree from now until an instant, if its rules stay as they are.
//
// Threads: pure; reads its arguments only.
// Invariants: never less than what any sequence of requests can be approved. With limits of amounts only, and one time
// zone, it is what a spender reaches who spends all that there is as soon as it is there, the cards whose windows end
// first before the others.
// Units: minor units. Times are [now, until): what is approved at `until` does not count.
// Source: semantics, "Exposure".
//
// The rule. The span is cut where a window of some limit in the tree ends first and where one begins last, and where a
// card expires. For each stretch between two cuts a node's bound is the smallest of: what each of its limits leaves;
// the sum of its children's bounds; and the sum of its own bounds over the two parts of the stretch, wherever it is
// divided. What a limit leaves:
// - an amount in fixed windows: what is left of the current window, and the whole value for each further one;
// - an amount in a rolling window: what is left, at once; later what drops out, at once when it does;
// - a count, and a card's max_authorizations: as many approvals, each of the largest amount that one approval can have
//   there: the smallest amount that limits it on its way to the root;
// - a limit about some categories: nothing less, unless the node allows no others.
// A closed, frozen or expired node leaves nothing, nor does a budget without cards.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/decide.h"

namespace holdfast::engine {

// Farther ahead than this nobody may ask: hours are counted one by one.
inline constexpr std::chrono::hours kExposureSpanMax{400 * 24};

struct ExposureNode {
  static constexpr std::size_t kRoot = SIZE_MAX;
  std::size_t parent = kRoot;  // place of its budget, which stands before it
  PathNode node;               // its usage rolled to `now`, which is not before its last change
  std::uint32_t copies = 1;    // so many such cards; more than one for cards that are only thought of
};

struct NodeExposure {
  std::optional<Minor> most;  // of the node and everything below it; nullopt: no limit bounds it
  std::optional<Minor> own;   // what its own limits leave, whatever is below it
  Minor held = 0;             // of its lifetime
  Minor posted = 0;
};

// Of each node, in the same order. until > now, by kExposureSpanMax at the most.
std::vector<NodeExposure> exposure_of(std::span<const ExposureNode> tree, Instant now, Instant until);

}  // namespace holdfast::engine
