// The calls that cards and budgets answer alike: the list, one of them, and POST .../freeze, /unfreeze, /close.
//
// Threads: belong to one event loop. Nodes are read from any loop under an epoch guard and changed by flights.
#pragma once

#include <string>
#include <unordered_set>

#include "net/change_request.h"
#include "net/loop_context.h"
#include "net/node_change.h"
#include "net/node_input.h"
#include "net/router.h"

namespace holdfast::net {

class NodeRoutes {
 public:
  NodeRoutes(const NodeRoutes&) = delete;
  NodeRoutes& operator=(const NodeRoutes&) = delete;

 protected:
  // `table`: that of the cards or that of the budgets, and `kind` likewise. Zones that are defined by now are durable:
  // construct it before the loops run.
  NodeRoutes(LoopContext& context, engine::NodeTable& table, const NodeKind& kind);
  ~NodeRoutes() = default;

  void list(const Call& call);
  void show(const Call& call);
  void set_status(const Call& call, engine::NodeStatus status);

  // The node that the path names and the caller may see; kNoNode when a problem has been answered.
  engine::NodeIndex find(const Call& call);
  // Whether the caller may ask for the change that was read into the document at all; false when a problem has been
  // answered. An agent's, of anything but limits, must not get as far as to prepare what it would need.
  bool may_patch(const Call& call);
  // A number for a new one; kNoNode when a problem has been answered.
  engine::NodeIndex allocate(const Call& call);

  LoopContext& context_;
  const InputLookups lookups_;
  std::unordered_set<std::string> durable_zones_;
  ChangeRequests under_way_;

 private:
  engine::Key128 name_of(engine::Key128 id) const;

  engine::NodeTable& table_;
  const NodeKind& kind_;
};

}  // namespace holdfast::net
