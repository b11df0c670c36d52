#include "net/budget_json.h"

#include "net/node_json.h"

namespace holdfast::net {

void append_budget(std::string& out, std::span<const NodeView> path, engine::Instant now) {
  const engine::NodeProfile& profile = *path[0].profile;
  append_node_head(out, "budget", kBudgetIdPrefix, profile);
  append_parent(out, "parent", path);
  append_rules(out, path, now);
  append_calendar(out, profile.settings);
  append_metadata(out, profile.settings);
  append_node_tail(out, profile);
}

}  // namespace holdfast::net
