#include "net/node_view.h"

#include <algorithm>

namespace holdfast::net {
namespace {

using engine::Instant;
using engine::Limit;
using engine::WindowKind;

engine::ConstWords counter_of(const NodeView& node, std::size_t limit) {
  const auto& rule = node.profile->settings.limits[limit];
  return engine::ConstWords(node.counters).subspan(node.profile->layout.limits[limit], engine::counter_words(rule));
}

const engine::ZoneRules& zone_of(std::span<const NodeView> path) {
  const auto own =
      std::find_if(path.begin(), path.end(), [](const NodeView& node) { return node.profile->zone != nullptr; });
  return own == path.end() ? engine::utc() : own->profile->zone->get();
}

bool has_bounds(const Limit& limit) {
  return limit.window != WindowKind::authorization && limit.window != WindowKind::lifetime;
}

bool is_over_own_limit(std::span<const NodeView> path, Instant now) {
  const NodeMoment moment = moment_of(path, now);
  const auto& limits = path[0].profile->settings.limits;
  for (std::size_t i = 0; i < limits.size(); ++i) {
    if (limits[i].form != Limit::Form::amount || limits[i].window == WindowKind::authorization) continue;
    if (usage_of_limit(path[0], moment, i).used() > limits[i].value) return true;
  }
  return false;
}

}  // namespace

std::vector<NodeView> read_path(const engine::Nodes& nodes, engine::NodeIndex node) {
  std::vector<NodeView> path;
  while (node != engine::kNoNode) {
    const engine::NodeSlot* slot = nodes.find(node);
    const auto* profile = slot == nullptr ? nullptr : slot->profile.load(std::memory_order_acquire);
    if (profile == nullptr) break;
    path.push_back({node, profile, slot->balance.load(), {}});
    if (profile->counters != nullptr) path.back().counters = profile->counters->load();
    node = profile->settings.parent;
  }
  return path;
}

NodeMoment moment_of(std::span<const NodeView> path, Instant now) {
  const NodeView& node = path[0];
  const engine::Usage& usage = node.balance.usage;
  NodeMoment moment{usage, std::max(now, usage.rolled_at), zone_of(path), node.profile->settings.week_start};
  moment.usage.roll(moment.now, moment.zone, moment.week_start);
  return moment;
}

engine::Tally usage_of_limit(const NodeView& node, const NodeMoment& moment, std::size_t limit) {
  const Limit& rule = node.profile->settings.limits[limit];
  if (rule.window == WindowKind::authorization) return {};
  if (rule.has_counter()) {
    if (node.counters.empty()) return {};
    return engine::tally(rule, counter_of(node, limit), moment.now, moment.usage.since_of(rule.window));
  }
  const std::size_t index = engine::usage_index(rule.window);
  return {moment.usage.held[index], moment.usage.posted[index], moment.usage.count[index]};
}

Instant reset_of_limit(const NodeView& node, const NodeMoment& moment, std::size_t limit) {
  const Limit& rule = node.profile->settings.limits[limit];
  if (rule.window == WindowKind::rolling) {
    return node.counters.empty() ? engine::kNoInstant : engine::next_drop(rule, counter_of(node, limit), moment.now);
  }
  if (!has_bounds(rule)) return engine::kNoInstant;
  return engine::window_at(rule.window, moment.now, moment.zone, moment.week_start).end;
}

bool is_over_limit(std::span<const NodeView> path, Instant now) {
  for (; !path.empty(); path = path.subspan(1)) {
    if (is_over_own_limit(path, now)) return true;
  }
  return false;
}

}  // namespace holdfast::net
