#include "net/agent_scope.h"

#include <algorithm>
#include <vector>

namespace holdfast::net {
namespace {

using engine::Limit;
using engine::NodeIndex;
using engine::NodeSettings;

bool is_as_strict(const Limit& before, const Limit& after) {
  Limit same = after;
  same.value = before.value;
  return same == before && after.value <= before.value;
}

// Each limit has one that is as strict in its place, which takes the place of no other.
bool keeps_limits(std::vector<Limit> before, std::vector<Limit> after) {
  // The strictest first: where one has a choice among several, the others of its kind need less strict ones.
  const auto by_value = [](const Limit& a, const Limit& b) { return a.value < b.value; };
  std::sort(before.begin(), before.end(), by_value);
  std::sort(after.begin(), after.end(), by_value);
  return std::all_of(before.begin(), before.end(), [&](const Limit& limit) {
    const auto found =
        std::find_if(after.begin(), after.end(), [&](const Limit& other) { return is_as_strict(limit, other); });
    if (found == after.end()) return false;
    after.erase(found);
    return true;
  });
}

}  // namespace

bool AgentScope::may_see(engine::Shards& shards, unsigned loop, NodeIndex bound, NodeIndex node) {
  const auto guard = shards.epochs().pin(loop);
  while (node != engine::kNoNode) {
    const engine::NodeProfile* profile = shards.nodes().profile(node);
    if (profile == nullptr) return false;
    if (node == bound) return true;
    node = profile->settings.parent;
  }
  return false;
}

const Problem& outside_scope() {
  static const Problem kOutside{403, "forbidden", "Forbidden",
                                "this key is bound to another card or budget than what is asked for"};
  return kOutside;
}

const Problem& limits_only() {
  static const Problem kLimitsOnly{403, "forbidden", "Forbidden",
                                   "a key of role agent may change limits only, and only to lower them"};
  return kLimitsOnly;
}

bool names_limits_only(const JsonObject& patch) {
  bool only = true;
  patch.for_each([&](std::string_view name, const JsonValue&) { only &= name == "limits" || name == "limit_usd"; });
  return only;
}

std::optional<Problem> agent_may_change(const NodeSettings& before, const NodeSettings& after) {
  NodeSettings rest = after;
  rest.limits = before.limits;
  if (rest != before) return limits_only();
  if (keeps_limits(before.limits, after.limits)) return std::nullopt;
  return Problem{403, "forbidden", "Forbidden",
                 "a key of role agent may lower and add limits, not raise or remove them"};
}

void respond_problem(const Call& call, const Problem& problem) {
  respond_problem(call.exchange, call.request, problem.status, problem.code, problem.title, problem.detail);
}

}  // namespace holdfast::net
