#include "engine/exposure.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "engine/exposure_windows.h"

namespace holdfast::engine {
namespace {

// More make the bound no tighter but for trees of many time zones, and the work grows with their cube.
constexpr std::size_t kCutsMax = 16;

bool is_fixed(WindowKind kind) {
  return kind != WindowKind::authorization && kind != WindowKind::lifetime && kind != WindowKind::rolling;
}

// Whether everything that the node lets pass is about this limit.
bool concerns_everything(const Limit& limit, const Controls& controls) {
  if (limit.categories.empty()) return true;
  const auto is_inside = [&](CategoryRange allowed) {
    return std::any_of(limit.categories.begin(), limit.categories.end(), [allowed](CategoryRange range) {
      return range.first <= allowed.first && allowed.last <= range.last;
    });
  };
  return !controls.allowed_categories.empty() &&
         std::all_of(controls.allowed_categories.begin(), controls.allowed_categories.end(), is_inside);
}

class Calculation {
 public:
  Calculation(std::span<const ExposureNode> tree, Instant now, Instant until) : tree_(tree), now_(now), until_(until) {
    find_cuts();
    find_largest();
  }

  std::vector<NodeExposure> run() {
    std::vector<NodeExposure> found(tree_.size());
    std::vector<Stretches> children(tree_.size());
    for (std::size_t i = tree_.size(); i-- != 0;) {
      const PathNode& node = tree_[i].node;
      Stretches most = own_bounds(i);
      divide(most);
      found[i].own = visible(whole(most), tree_[i].copies);
      if (is_budget(node.index)) {
        if (children[i].empty()) children[i].assign(most.size(), 0);
        for (std::size_t k = 0; k < most.size(); ++k)
          most[k] = std::min(most[k], children[i][k]);
        divide(most);
      }
      found[i].most = visible(whole(most), tree_[i].copies);
      const Tally lifetime = node.usage.tally(usage_index(WindowKind::lifetime));
      found[i].held = lifetime.held;
      found[i].posted = lifetime.posted;
      if (tree_[i].parent != ExposureNode::kRoot) add_to(children[tree_[i].parent], most, tree_[i].copies);
    }
    return found;
  }

 private:
  // A bound for each stretch from a cut to a later one.
  using Stretches = std::vector<Minor>;

  std::size_t place(std::size_t from, std::size_t to) const { return from * cuts_.size() + to; }
  Minor whole(const Stretches& bounds) const { return bounds[place(0, cuts_.size() - 1)]; }

  static std::optional<Minor> visible(Minor bound, std::uint32_t copies) {
    const Minor all = saturating_times(bound, copies);
    return all == kUnlimited ? std::nullopt : std::optional(all);
  }
  static void add_to(Stretches& sum, const Stretches& bounds, std::uint32_t copies) {
    if (sum.empty()) sum.assign(bounds.size(), 0);
    for (std::size_t k = 0; k < bounds.size(); ++k)
      sum[k] = saturating_add(sum[k], saturating_times(bounds[k], copies));
  }

  const WindowsAhead& windows(const PathNode& node, WindowKind kind) {
    const Weekday week_start = kind == WindowKind::week ? node.week_start() : Weekday::monday;
    const auto key = std::make_tuple(kind, node.zone, week_start);
    const auto found = windows_.find(key);
    if (found != windows_.end()) return found->second;
    return windows_.try_emplace(key, kind, *node.zone, week_start, now_, until_).first->second;
  }

  void find_cuts() {
    std::set<Instant> inside;
    const auto cut = [&](Instant at) {
      if (at > now_ && at < until_) inside.insert(at);
    };
    for (const ExposureNode& each : tree_) {
      const PathNode& node = each.node;
      for (const Limit& limit : node.profile->settings.limits) {
        if (!is_fixed(limit.window)) continue;
        cut(windows(node, limit.window).first_end());
        cut(windows(node, limit.window).last_begin());
      }
      if (const auto expiry = expiry_of(node.profile->identity, node.profile->settings)) cut(*expiry);
      if (inside.size() >= kCutsMax) break;
    }
    cuts_.push_back(now_);
    cuts_.insert(cuts_.end(), inside.begin(), inside.end());
    cuts_.push_back(until_);
  }

  // The largest single approval at each node: of what bounds it there and on the way to the root, and below.
  void find_largest() {
    largest_.assign(tree_.size(), kUnlimited);
    for (std::size_t i = 0; i < tree_.size(); ++i) {
      if (tree_[i].parent != ExposureNode::kRoot) largest_[i] = largest_[tree_[i].parent];
      const auto& settings = tree_[i].node.profile->settings;
      for (std::size_t k = 0; k < settings.limits.size(); ++k)
        largest_[i] = std::min(largest_[i], largest_under(tree_[i].node, k));
    }
    std::vector<Minor> below(tree_.size(), 0);
    for (std::size_t i = tree_.size(); i-- != 0;) {
      if (is_budget(tree_[i].node.index)) largest_[i] = std::min(largest_[i], below[i]);
      if (tree_[i].parent == ExposureNode::kRoot) continue;
      Minor& of_parent = below[tree_[i].parent];
      of_parent = std::max(of_parent, largest_[i]);
    }
  }

  Minor largest_under(const PathNode& node, std::size_t index) const {
    const Limit& limit = node.profile->settings.limits[index];
    if (limit.form == Limit::Form::count || !concerns_everything(limit, node.profile->settings.controls)) {
      return kUnlimited;
    }
    if (limit.window == WindowKind::authorization) return limit.value;
    // Refunds that restore leave more than the value.
    return std::max(limit.value, room_under(limit.value, node.tally_of(index, now_).used()));
  }

  Stretches own_bounds(std::size_t place_in_tree) {
    const PathNode& node = tree_[place_in_tree].node;
    Stretches bounds(cuts_.size() * cuts_.size(), 0);
    if (node.profile->status != NodeStatus::active) return bounds;
    const auto expiry = expiry_of(node.profile->identity, node.profile->settings);
    for (std::size_t from = 0; from + 1 < cuts_.size(); ++from) {
      for (std::size_t to = from + 1; to < cuts_.size(); ++to) {
        const Instant end = expiry ? std::min(cuts_[to], *expiry) : cuts_[to];
        if (cuts_[from] < end) bounds[place(from, to)] = own_bound(place_in_tree, cuts_[from], end);
      }
    }
    return bounds;
  }

  Minor own_bound(std::size_t place_in_tree, Instant from, Instant to) {
    const PathNode& node = tree_[place_in_tree].node;
    const NodeSettings& settings = node.profile->settings;
    Minor bound = kUnlimited;
    for (std::size_t i = 0; i < settings.limits.size(); ++i) {
      const Limit& limit = settings.limits[i];
      if (limit.window == WindowKind::authorization || !concerns_everything(limit, settings.controls)) continue;
      const Minor left = left_under(node, i, from, to);
      bound =
          std::min(bound, limit.form == Limit::Form::count ? saturating_times(left, largest_[place_in_tree]) : left);
    }
    if (settings.max_authorizations != 0) {
      const Minor approvals = node.usage.tally(usage_index(WindowKind::lifetime)).count;
      const Minor left = room_under(settings.max_authorizations, approvals);
      bound = std::min(bound, saturating_times(left, largest_[place_in_tree]));
    }
    return bound;
  }

  // By amount or count, as the limit has it.
  Minor left_under(const PathNode& node, std::size_t index, Instant from, Instant to) {
    const Limit& limit = node.profile->settings.limits[index];
    if (limit.window == WindowKind::rolling) {
      return RollingSpender(limit, rolling_parts(limit, node.counter_of(index), now_), from).spent_before(to);
    }
    const Tally tally = node.tally_of(index, now_);
    const Minor left = room_under(limit.value, limit.form == Limit::Form::count ? tally.count : tally.used());
    if (limit.window == WindowKind::lifetime) return left;
    const WindowsAhead& all = windows(node, limit.window);
    const Minor met = all.meeting(from, to);
    if (!all.is_current(from)) return saturating_times(limit.value, met);
    return saturating_add(left, saturating_times(limit.value, met - 1));
  }

  // No stretch can have more than its parts.
  void divide(Stretches& bounds) const {
    for (std::size_t length = 2; length < cuts_.size(); ++length) {
      for (std::size_t from = 0; from + length < cuts_.size(); ++from) {
        Minor& all = bounds[place(from, from + length)];
        for (std::size_t cut = from + 1; cut < from + length; ++cut)
          all = std::min(all, saturating_add(bounds[place(from, cut)], bounds[place(cut, from + length)]));
      }
    }
  }

  const std::span<const ExposureNode> tree_;
  const Instant now_;
  const Instant until_;
  std::vector<Instant> cuts_;   // with both ends
  std::vector<Minor> largest_;  // single approval, of each node
  std::map<std::tuple<WindowKind, const ZoneRules*, Weekday>, WindowsAhead> windows_;
};

}  // namespace

std::vector<NodeExposure> exposure_of(std::span<const ExposureNode> tree, Instant now, Instant until) {
  return Calculation(tree, now, until).run();
}

}  // namespace holdfast::engine
