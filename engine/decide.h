// The decision: a pure function of a card, the path of nodes from it to the root, the request and the time.
//
// Threads: pure; reads its arguments only.
// Units: minor units; `now` has been raised to the last change of every node on the path, whose usage has been rolled
// to it.
// Source: semantics, "One order of reasons": the first check that fails on any node names the reason, a card's before
// its ancestors'.
#pragma once

#include <span>

#include "engine/authorization.h"
#include "engine/node.h"

namespace holdfast::engine {

// One node as the decision sees it. path[0] is the card.
struct PathNode {
  NodeIndex index = kNoNode;
  const NodeProfile* profile = nullptr;
  const ZoneRules* zone = &utc();  // its own or inherited
  Usage usage;
  ConstWords counters;

  Weekday week_start() const { return profile->settings.week_start; }
  // The words of limit number `limit`, which has a counter.
  ConstWords counter_of(std::size_t limit) const;
  // What the limit's window holds at `now`, to which usage has been rolled.
  Tally tally_of(std::size_t limit, Instant now) const;
};

// An empty path: the card was not found. Decides, changes nothing. decision.authorized_at and .held are those of a
// first approval, and .tripped is unset; the ledger corrects them.
Decision decide(std::span<const PathNode> path, const AuthorizationRequest& request, Instant now);

// Held and posted of an amount limit's window are above it, on any node of the path.
bool is_over_limit(std::span<const PathNode> path, Instant now);

}  // namespace holdfast::engine
