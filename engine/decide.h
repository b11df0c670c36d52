// The decision: a pure function of a card, the path of nodes from it to the root, the request and the time.
//
// Threads: pure; reads its arguments only.
// Units: minor units; `now` has been raised to the last change of every node on the path, whose usage has been rolled
// to it.
// Source: semantics, "One order of reasons": the first check that fails names the reason.
#pragma once

#include <span>

#include "engine/authorization.h"
#include "engine/node.h"

namespace holdfast::engine {

// One node as the decision sees it. path[0] is the card.
struct PathNode {
  NodeIndex index = kNoNode;
  const std::vector<Limit>* limits = nullptr;
  const ZoneRules* zone = &utc();
  Weekday week_start = Weekday::monday;
  Usage usage;
};

// Depth of the tree of budgets, and the card itself.
inline constexpr std::size_t kPathMax = 9;

// `card` may be null: the card was not found. Decides, changes nothing. decision.authorized_at and .held are those of a
// first approval; the ledger corrects them for an incremental one.
Decision decide(const NodeProfile* card, std::span<const PathNode> path, const AuthorizationRequest& request,
                Instant now);

}  // namespace holdfast::engine
