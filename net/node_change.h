// A call that makes or changes a card or budget, as far as both are alike: the zone that has to be durable first, the
// version that the caller asks for, and the node as the answer.
//
// Threads: as net/change_request.h says.
// Invariants: no node uses a time zone whose rules are not durable; nothing is put under a budget that is closed; what
// an agent asks is measured against the tree and the settings as they are on the owner's loop.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "net/agent_scope.h"
#include "net/change_request.h"
#include "net/node_view.h"

namespace holdfast::net {

// What tells cards and budgets apart for those who call.
struct NodeKind {
  std::string_view path;  // of the list
  std::string_view id_prefix;
  std::string_view noun;
  std::string_view not_found;  // codes of problems
  std::string_view closed;
};
const NodeKind& kind_of(engine::NodeIndex node);

// Appends the node path[0] as a JSON object.
void append_node(std::string& out, std::span<const NodeView> path, engine::Instant now);

class NodeChange : public ChangeRequest {
 public:
  // `durable_zones`: by name; outlives this.
  NodeChange(LoopContext& context, const Call& call, CallMessage message, engine::NodeIndex node,
             std::unordered_set<std::string>& durable_zones)
      : ChangeRequest(context, call, std::move(message)), node_(node), durable_zones_(durable_zones) {}

  std::string_view compose(const engine::Outcome&) override;

 protected:
  // Afterwards this may be gone.
  void launch_behind(const std::optional<engine::ZoneRules>& zone, engine::Command command);
  void decided(Flight& flight, const Answer& answer) override;
  // The node is durable; answer.stored is its text.
  virtual void respond_node(const Answer& answer);

  // For prepare().
  bool reject(Problem problem);
  // Whether something may be put under this budget; notes the problem. kNoNode: it may.
  bool is_open(engine::NodeIndex budget);

  const engine::NodeIndex node_;

 private:
  std::unordered_set<std::string>& durable_zones_;
  engine::Command behind_zone_;
  std::string composed_;
};

// A creation: 201, with the place where the node is found from now on.
class NodeCreation : public NodeChange {
 public:
  using NodeChange::NodeChange;

 protected:
  engine::NodeIdentity new_identity(engine::Currency currency) const;
  void respond_node(const Answer& answer) override;
  // Adds to the text of the node what only this answer shows. True: the body is a secret.
  virtual bool add_secrets(std::string&, const engine::NodeIdentity&) const { return false; }
};

// A change of a node that is there, unless it is closed or has another version than was asked for.
class NodeUpdate : public NodeChange {
 public:
  NodeUpdate(LoopContext& context, const Call& call, CallMessage message, engine::NodeIndex node,
             std::unordered_set<std::string>& durable_zones, VersionCondition condition)
      : NodeChange(context, call, std::move(message), node, durable_zones), scope_(call), condition_(condition) {}

 protected:
  // On the owner's loop.
  const engine::NodeProfile& profile() const { return *context_.shards.nodes().profile(node_); }
  // For prepare(); note the problem.
  bool is_in_scope(unsigned loop);
  bool may_become(const engine::NodeSettings& settings);
  bool has_version();
  bool reject_closed();
  bool reject_fault(std::string_view member, std::string_view detail);

 private:
  const AgentScope scope_;
  const VersionCondition condition_;
};

// Freezes, unfreezes or closes.
class StatusRequest final : public NodeUpdate {
 public:
  using NodeUpdate::NodeUpdate;
  void start(engine::NodeStatus status);
  bool prepare(engine::Command& command, unsigned loop) override;

 private:
  engine::NodeStatus status_ = engine::NodeStatus::active;
};

}  // namespace holdfast::net
