// A card or budget and the budgets above it, as they stand, for whoever reads them.
//
// Threads: read_path() on any thread under an epoch guard, or on the owner's loop. What it gives views the profiles and
// is of use as long as the guard.
// Invariants: each node's figures are whole; those of two nodes may be of two moments, as decisions go on meanwhile.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/node_table.h"

namespace holdfast::net {

struct NodeView {
  engine::NodeIndex index = engine::kNoNode;
  const engine::NodeProfile* profile = nullptr;
  engine::NodeBalance balance;
  std::vector<std::uint64_t> counters;  // as profile->layout has them; empty: nothing was counted
};

// The node, then the budgets above it up to the root. Empty when there is no such node.
std::vector<NodeView> read_path(const engine::Nodes& nodes, engine::NodeIndex node);

// A node's time and place at `now`: windows that are over are empty.
struct NodeMoment {
  engine::Usage usage;
  engine::Instant now;  // a clock that went back does not go back for the node
  const engine::ZoneRules& zone;
  engine::Weekday week_start;
};
// Of path[0]. The zone is that of the nearest node on the path that has one, or UTC.
NodeMoment moment_of(std::span<const NodeView> path, engine::Instant now);

// What path[0] has used of its limit number `limit`; nothing when that is of each authorization alone.
engine::Tally usage_of_limit(const NodeView& node, const NodeMoment& moment, std::size_t limit);
// When that changes without anybody's doing; kNoInstant: never.
engine::Instant reset_of_limit(const NodeView& node, const NodeMoment& moment, std::size_t limit);

// Whether some amount limit on the path has more held and posted than it allows.
bool is_over_limit(std::span<const NodeView> path, engine::Instant now);

}  // namespace holdfast::net
