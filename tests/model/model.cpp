#include "tests/model/model.h"

#include <algorithm>
#include <chrono>

namespace holdfast::model {

using engine::CreateNode;
using engine::Instant;
using engine::kNoInstant;
using engine::kNoNode;
using engine::Limit;
using engine::NodeIndex;
using engine::NodeStatus;
using engine::WindowKind;

const char* bend_name(Bend bend) {
  constexpr const char* kNames[kBends] = {"none",
                                          "equal_declines",
                                          "count_given_back",
                                          "released_from_oldest",
                                          "captured_from_newest",
                                          "refund_restores_all",
                                          "rolling_is_exact",
                                          "breaker_counts_edge",
                                          "edit_resets_counter",
                                          "forced_spares_budgets",
                                          "clock_goes_back"};
  return kNames[static_cast<std::size_t>(bend)];
}

// ---- What may be asked

bool Model::allows(const engine::Command& command, Instant now) const {
  const auto known = [&](NodeIndex node) { return nodes_.count(node) != 0; };
  const auto settings_fit = [&](const engine::NodeSettings& settings) {
    const bool parent_fits =
        settings.parent == kNoNode || (engine::is_budget(settings.parent) && known(settings.parent));
    const bool zone_fits =
        settings.time_zone.empty() || settings.time_zone == engine::utc().name || zones_.count(settings.time_zone) != 0;
    return parent_fits && zone_fits;
  };
  if (const auto* create = std::get_if<CreateNode>(&command)) {
    if (known(create->node) || !settings_fit(create->settings)) return false;
    return !engine::is_budget(create->node) || path_of(create->settings.parent).size() < engine::kBudgetDepthMax;
  }
  if (const auto* change = std::get_if<engine::ChangeNode>(&command)) {
    if (!known(change->node) || !settings_fit(change->settings)) return false;
    return !engine::is_budget(change->node) || nodes_.at(change->node).settings.parent == change->settings.parent;
  }
  if (const auto* status = std::get_if<engine::SetNodeStatus>(&command)) {
    return known(status->node) &&
           (nodes_.at(status->node).status != NodeStatus::closed || status->status == NodeStatus::closed);
  }
  if (const auto* authorize = std::get_if<engine::Authorize>(&command)) {
    return authorize->card == kNoNode || known(authorize->card);
  }
  if (const auto* withdraw = std::get_if<engine::Withdraw>(&command)) {
    const Name name{withdraw->card, withdraw->processor, std::string(withdraw->authorization_id)};
    if (!withdraw->decided()) return true;
    const Authorization* authorization = find(name, now);
    return authorization != nullptr && authorization->decided_at == withdraw->authorized_at;
  }
  if (const auto* advise = std::get_if<engine::Advise>(&command)) return known(advise->card);
  return true;
}

engine::Outcome Model::apply(const engine::Command& command, Instant now) {
  if (const auto* create_node = std::get_if<CreateNode>(&command)) return create(*create_node);
  if (const auto* change_node = std::get_if<engine::ChangeNode>(&command)) return change(*change_node, now);
  if (const auto* status = std::get_if<engine::SetNodeStatus>(&command)) return set_status(*status);
  if (const auto* request = std::get_if<engine::Authorize>(&command)) return authorize(*request, now);
  if (const auto* undone = std::get_if<engine::Withdraw>(&command)) return withdraw(*undone, now);
  if (const auto* advice = std::get_if<engine::Advise>(&command)) return advise(*advice, now);
  if (const auto* zone = std::get_if<engine::DefineZone>(&command)) zones_[zone->rules.name] = zone->rules;
  return std::monostate{};
}

// ---- Nodes

engine::NodeOutcome Model::create(const CreateNode& command) {
  Node node;
  node.identity = command.identity;
  node.settings = command.settings;
  node.counted_since.assign(node.settings.limits.size(), kNoInstant);
  nodes_[command.node] = node;
  return {node.version};
}

engine::NodeOutcome Model::change(const engine::ChangeNode& command, Instant now) {
  Node& node = nodes_.at(command.node);
  // What was charged at this very instant was charged before a counter that begins now.
  const Instant begin = std::max(now, node.last_change) + std::chrono::milliseconds(1);
  node.counted_since = counted_since(node, command.settings, begin);
  if (std::count(node.counted_since.begin(), node.counted_since.end(), begin) != 0) change_at(command.node, begin);
  node.settings = command.settings;
  ++node.version;
  if (!node.settings.controls.merchant_lock) node.locked_to.reset();
  if (!node.settings.loop_breaker.present()) node.breaker = {};
  // The card has had all the approvals that it may have.
  const std::uint32_t most = node.settings.max_authorizations;
  if (!engine::is_budget(command.node) && most != 0 && node.approvals >= most) node.status = NodeStatus::closed;
  return {node.version};
}

// A limit that rolls or is about some categories counts from the moment it was set; one that is about the same as one
// before goes on counting.
std::vector<Instant> Model::counted_since(const Node& old, const engine::NodeSettings& settings, Instant begin) const {
  std::vector<Instant> since(settings.limits.size(), kNoInstant);
  for (std::size_t i = 0; i < settings.limits.size(); ++i) {
    const Limit& limit = settings.limits[i];
    if (!limit.has_counter()) continue;
    const auto same = std::find_if(old.settings.limits.begin(), old.settings.limits.end(), [&](const Limit& each) {
      if (bend_ == Bend::edit_resets_counter && each.value != limit.value) return false;
      return each.has_counter() && each.window == limit.window && each.rolling_seconds == limit.rolling_seconds &&
             each.categories == limit.categories;
    });
    const bool begins = same == old.settings.limits.end();
    since[i] = begins ? begin : old.counted_since[static_cast<std::size_t>(same - old.settings.limits.begin())];
  }
  return since;
}

engine::NodeOutcome Model::set_status(const engine::SetNodeStatus& command) {
  Node& node = nodes_.at(command.node);
  if (node.status == command.status) return {node.version};
  node.status = command.status;
  return {++node.version};
}

std::vector<NodeIndex> Model::path_of(NodeIndex node) const {
  std::vector<NodeIndex> path;
  while (nodes_.count(node) != 0) {
    path.push_back(node);
    node = nodes_.at(node).settings.parent;
  }
  return path;
}

// Time never goes back for a node.
Instant Model::time_of(const std::vector<NodeIndex>& path, Instant now) const {
  if (bend_ == Bend::clock_goes_back) return now;
  for (const NodeIndex node : path)
    now = std::max(now, nodes_.at(node).last_change);
  return now;
}

void Model::touch(const std::vector<NodeIndex>& path, Instant at) {
  for (const NodeIndex node : path)
    change_at(node, at);
}

void Model::change_at(NodeIndex index, Instant at) {
  Node& node = nodes_.at(index);
  for (const WindowKind window :
       {WindowKind::hour, WindowKind::day, WindowKind::week, WindowKind::month, WindowKind::year})
    node.since[window] = since(index, window, at);
  node.last_change = at;
}

// ---- Windows

const engine::ZoneRules& Model::zone_of(NodeIndex node) const {
  for (const NodeIndex each : path_of(node)) {
    const std::string& name = nodes_.at(each).settings.time_zone;
    if (name.empty()) continue;
    return name == engine::utc().name ? engine::utc() : zones_.at(name);
  }
  return engine::utc();
}

// From when on the window of `now` counts: from where it begins in the node's zone; but one that was under way when the
// zone or the first day of the week changed goes on until one of the new ones begins.
Instant Model::since(NodeIndex index, WindowKind window, Instant now) const {
  const Node& node = nodes_.at(index);
  const Instant start = engine::window_at(window, now, zone_of(index), node.settings.week_start).start;
  const auto before = node.since.find(window);
  return before == node.since.end() || start > node.last_change ? start : before->second;
}

// A rolling window of L is looked at in sixtieths, k = floor(t / (L / 60)); a charge counts until all of its sixtieth
// is older than L.
Instant Model::drops_out_at(const Limit& limit, Instant at) const {
  const std::int64_t length = std::int64_t{limit.rolling_seconds} * 1000;
  if (bend_ == Bend::rolling_is_exact) return at + std::chrono::milliseconds(length);
  const auto part = std::chrono::milliseconds(length / 60);
  const Instant part_ends = at - at.time_since_epoch() % part + part;
  return part_ends + std::chrono::milliseconds(length);
}

Sum Model::window_of(NodeIndex index, WindowKind window, Instant now) const {
  const Instant start = since(index, window, now);
  Sum sum;
  for (const Entry& entry : nodes_.at(index).entries) {
    if (entry.at >= start) sum += entry.sum;
  }
  return sum;
}

std::vector<const Entry*> Model::counted_by(NodeIndex index, std::size_t number, Instant now) const {
  const Node& node = nodes_.at(index);
  const Limit& limit = node.settings.limits[number];
  const bool rolling = limit.window == WindowKind::rolling;
  const Instant start = rolling ? kNoInstant : since(index, limit.window, now);
  std::vector<const Entry*> counted;
  for (const Entry& entry : node.entries) {
    if (entry.at < std::max(start, node.counted_since[number]) || !limit.concerns(entry.category)) continue;
    if (!rolling || now < drops_out_at(limit, entry.at)) counted.push_back(&entry);
  }
  return counted;
}

Sum Model::limit_of(NodeIndex index, std::size_t number, Instant now) const {
  Sum sum;
  for (const Entry* entry : counted_by(index, number, now))
    sum += entry->sum;
  return sum;
}

Charge Model::charge(const std::vector<NodeIndex>& path, Instant at, engine::CategoryCode category, const Sum& sum) {
  Charge charge{sum.held, at, {}};
  for (const NodeIndex node : path) {
    auto& entries = nodes_.at(node).entries;
    charge.places.emplace_back(node, entries.size());
    entries.push_back({at, category, sum});
  }
  return charge;
}

void Model::change_charge(const Charge& charge, Minor held, Minor posted) {
  for (const auto& [node, entry] : charge.places) {
    Sum& sum = nodes_.at(node).entries[entry].sum;
    sum.held += held;
    sum.posted += posted;
  }
}

// ---- Authorizations

const Authorization* Model::find(const Name& name, Instant now) const {
  const auto found = authorizations_.find(name);
  if (found == authorizations_.end()) return nullptr;
  const Authorization& known = found->second;
  const bool forgotten =
      known.status != engine::AuthorizationStatus::pending && known.decided_at < now - std::chrono::hours(7 * 24);
  return forgotten ? nullptr : &known;
}

}  // namespace holdfast::model
