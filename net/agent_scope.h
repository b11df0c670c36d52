// What a key of role agent may reach: the card or budget that it is bound to and what is below that, to read it, to ask
// without effect, to freeze it and to lower its limits.
//
// Threads: covers() on any loop under its own number; what changes a node asks again on the node's owner loop, where
// nothing moves meanwhile. The rest are pure functions.
// Invariants: an agent never makes anything more permissive; keys of other roles are not bound at all.
#pragma once

#include <optional>

#include "engine/shards.h"
#include "net/change_request.h"
#include "net/router.h"

namespace holdfast::net {

class AgentScope {
 public:
  // Of whoever calls.
  explicit AgentScope(const Call& call) : is_agent_(call.role == Role::agent), bound_(call.node) {}

  bool is_agent() const { return is_agent_; }
  // Whether the caller may see the node. What is not there is nobody's but of those who may see everything.
  bool covers(engine::Shards& shards, unsigned loop, engine::NodeIndex node) const {
    return !is_agent_ || may_see(shards, loop, bound_, node);
  }

  // `node` is `bound` or stands below it.
  static bool may_see(engine::Shards& shards, unsigned loop, engine::NodeIndex bound, engine::NodeIndex node);

 private:
  bool is_agent_;
  engine::NodeIndex bound_;
};

// For what is not below the agent's node.
const Problem& outside_scope();
// For a change of anything but limits.
const Problem& limits_only();
bool names_limits_only(const JsonObject& patch);
// Why an agent may not change the settings so; nullopt when it may: every limit is there still, with a value that is
// the same or smaller, and nothing else is changed but that limits were added.
std::optional<Problem> agent_may_change(const engine::NodeSettings& before, const engine::NodeSettings& after);
// Answers a call with a problem that was found at once.
void respond_problem(const Call& call, const Problem& problem);

}  // namespace holdfast::net
