#include "engine/exposure.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "engine/shards.h"

namespace holdfast::engine {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Currency kUsd{840};
// A Friday; the week ends on Sunday, the month on Tuesday.
const Instant kNoon = std::chrono::sys_days{std::chrono::year{2026} / 11 / 27} + hours{12};
const Instant kMidnight = kNoon + hours{12};

Limit amount(Minor value, WindowKind window = WindowKind::day) {
  return {Limit::Form::amount, window, value, 0, {}};
}
Limit count(std::int64_t value, WindowKind window = WindowKind::day) {
  return {Limit::Form::count, window, value, 0, {}};
}
Limit rolling(Minor value, std::uint32_t length, Limit::Form form = Limit::Form::amount) {
  return {form, WindowKind::rolling, value, length, {}};
}

// A tree that money is spent in.
class Tree {
 public:
  NodeIndex budget(NodeIndex parent, std::vector<Limit> limits) {
    NodeSettings settings;
    settings.parent = parent;
    settings.limits = std::move(limits);
    return add(shards_.nodes().budgets.allocate(), std::move(settings));
  }
  NodeIndex card(NodeIndex parent, std::vector<Limit> limits) {
    NodeSettings settings;
    settings.limits = std::move(limits);
    settings.parent = parent;
    return card(std::move(settings));
  }
  NodeIndex card(NodeSettings settings) {
    const NodeIndex made = add(shards_.nodes().cards.allocate(), std::move(settings));
    cards_.push_back(made);
    return made;
  }
  void change(NodeIndex node, const std::function<void(NodeSettings&)>& change, Instant now) {
    NodeSettings settings = shards_.nodes().profile(node)->settings;
    change(settings);
    shards_.apply(ChangeNode{node, settings}, now);
  }
  void set_status(NodeIndex node, NodeStatus status, Instant now) { shards_.apply(SetNodeStatus{node, status}, now); }

  // What was approved: all of the amount or, when `partial`, what is left.
  Minor spend(NodeIndex card, Minor amount, Instant now, bool partial = false) {
    Authorize command;
    command.card = card;
    const std::string id = "a" + std::to_string(++authorizations_);
    command.request.authorization_id = id;
    command.request.amount = amount;
    command.request.currency = kUsd;
    command.request.partial_approval = partial;
    if (!ledger_of(card).evaluate(command, now).approved()) return 0;
    return std::get<Decision>(shards_.apply(command, now)).approved_amount;
  }

  // All nodes of the tree, budgets before what is below them.
  std::vector<NodeExposure> exposure(Instant now, Instant until) const {
    std::vector<ExposureNode> tree;
    for (const NodeIndex node : nodes_) {
      const auto path = ledger_of(node).path_of(node, now);
      EXPECT_EQ(path.now, now);
      std::size_t parent = ExposureNode::kRoot;
      for (std::size_t i = 0; i < tree.size(); ++i)
        if (tree[i].node.index == path.nodes[0].profile->settings.parent) parent = i;
      tree.push_back({parent, path.nodes[0], 1});
    }
    return exposure_of(tree, now, until);
  }
  std::optional<Minor> most(NodeIndex node, Instant now, Instant until) const {
    return exposure(now, until)[place_of(node)].most;
  }

  const Ledger& ledger_of(NodeIndex node) const { return shards_[shards_.owner_of(node)].ledger; }
  std::size_t place_of(NodeIndex node) const {
    return static_cast<std::size_t>(std::find(nodes_.begin(), nodes_.end(), node) - nodes_.begin());
  }
  const std::vector<NodeIndex>& nodes() const { return nodes_; }
  const std::vector<NodeIndex>& cards() const { return cards_; }

 private:
  NodeIndex add(NodeIndex node, NodeSettings settings) {
    CreateNode command;
    command.node = node;
    command.identity.id = {1, node};
    command.identity.currency = kUsd;
    command.settings = std::move(settings);
    command.settings.label = "node";
    shards_.apply(command, kNoon - days{60});
    nodes_.push_back(node);
    return node;
  }

  Shards shards_{2, {std::byte{5}}, 0, 64};
  std::vector<NodeIndex> nodes_;
  std::vector<NodeIndex> cards_;
  int authorizations_ = 0;
};

// ---- The law's examples

TEST(Exposure, OfTenCardsAtFiftyADay) {
  Tree tree;
  const NodeIndex team = tree.budget(kNoNode, {});
  for (int i = 0; i < 10; ++i)
    tree.card(team, {amount(5000)});
  EXPECT_EQ(tree.most(team, kNoon, kMidnight), 50'000);
  EXPECT_EQ(tree.most(team, kNoon, kMidnight + days{1}), 100'000);
  tree.change(
      team, [](NodeSettings& settings) { settings.limits = {amount(30'000, WindowKind::lifetime)}; }, kNoon);
  EXPECT_EQ(tree.most(team, kNoon, kMidnight + days{1}), 30'000);
}

TEST(Exposure, CountsWhatIsUsedInTheCurrentWindowOnly) {
  Tree tree;
  const NodeIndex card = tree.card(kNoNode, {amount(5000)});
  tree.spend(card, 1200, kNoon);
  EXPECT_EQ(tree.most(card, kNoon, kMidnight), 3800);
  EXPECT_EQ(tree.most(card, kNoon, kMidnight + milliseconds{1}), 8800) << "the next day has begun";
  EXPECT_EQ(tree.most(card, kNoon, kMidnight + days{3}), 3800 + 3 * 5000);
  const auto found = tree.exposure(kNoon, kMidnight);
  EXPECT_EQ(found[0].held, 1200);
  EXPECT_EQ(found[0].posted, 0);
  EXPECT_EQ(found[0].own, 3800);
}

TEST(Exposure, DoesNotLendTheNextDaysRoomToToday) {
  Tree tree;
  const NodeIndex team = tree.budget(kNoNode, {amount(50)});
  const NodeIndex other = tree.card(team, {});
  tree.spend(other, 50, kNoon);
  tree.set_status(other, NodeStatus::frozen, kNoon);
  tree.card(team, {amount(10)});
  EXPECT_EQ(tree.most(team, kNoon, kMidnight), 0);
  EXPECT_EQ(tree.most(team, kNoon, kMidnight + days{1}), 10);
}

TEST(Exposure, IsUnlimitedWithoutLimitsAndNothingWithoutCards) {
  Tree tree;
  const NodeIndex team = tree.budget(kNoNode, {});
  EXPECT_EQ(tree.most(team, kNoon, kMidnight), 0);
  EXPECT_EQ(tree.exposure(kNoon, kMidnight)[0].own, std::nullopt);
  const NodeIndex card = tree.card(team, {});
  EXPECT_EQ(tree.most(team, kNoon, kMidnight), std::nullopt);
  tree.change(
      card, [](NodeSettings& settings) { settings.limits = {count(5)}; }, kNoon);
  EXPECT_EQ(tree.most(card, kNoon, kMidnight), std::nullopt) << "a count alone bounds no amount";
  tree.change(
      card, [](NodeSettings& settings) { settings.limits = {amount(300, WindowKind::authorization)}; }, kNoon);
  EXPECT_EQ(tree.most(card, kNoon, kMidnight), std::nullopt) << "nor does the size of each";
}

TEST(Exposure, OfACountIsThatOfTheLargestApprovals) {
  Tree tree;
  const NodeIndex team = tree.budget(kNoNode, {amount(300, WindowKind::authorization)});
  const NodeIndex card = tree.card(team, {count(4), amount(5000)});
  EXPECT_EQ(tree.most(card, kNoon, kMidnight), 1200);
  tree.spend(card, 1, kNoon);
  EXPECT_EQ(tree.most(card, kNoon, kMidnight), 900);
  EXPECT_EQ(tree.most(team, kNoon, kMidnight + days{1}), 2100);
  tree.change(
      card, [](NodeSettings& settings) { settings.max_authorizations = 3; }, kNoon);
  EXPECT_EQ(tree.most(card, kNoon, kMidnight + days{1}), 600) << "one of three is used";
}

TEST(Exposure, EndsWithTheCard) {
  Tree tree;
  const NodeIndex team = tree.budget(kNoNode, {amount(100'000)});
  const NodeIndex card = tree.card(team, {amount(5000)});
  tree.change(
      card, [](NodeSettings& settings) { settings.expires_at = kMidnight + hours{1}; }, kNoon);
  EXPECT_EQ(tree.most(team, kNoon, kMidnight + days{9}), 10'000);
  tree.change(
      card, [](NodeSettings& settings) { settings.expires_at = kMidnight; }, kNoon);
  EXPECT_EQ(tree.most(team, kNoon, kMidnight + days{9}), 5000);
  tree.change(
      card, [](NodeSettings& settings) { settings.expires_at = kNoon; }, kNoon);
  EXPECT_EQ(tree.most(team, kNoon, kMidnight + days{9}), 0);
  const NodeIndex other = tree.card(team, {amount(70)});
  EXPECT_EQ(tree.most(team, kNoon, kMidnight), 70);
  for (const NodeStatus status : {NodeStatus::frozen, NodeStatus::closed}) {
    tree.set_status(other, status, kNoon);
    EXPECT_EQ(tree.most(team, kNoon, kMidnight), 0);
  }
}

TEST(Exposure, OfLimitsOnSomeCategoriesIsBoundedOnlyWhereNoOthersAreAllowed) {
  Tree tree;
  Limit scoped = amount(40);
  scoped.categories = {{5700, 5799}};
  const NodeIndex card = tree.card(kNoNode, {scoped, amount(100)});
  EXPECT_EQ(tree.most(card, kNoon, kMidnight), 100);
  tree.change(
      card,
      [](NodeSettings& settings) {
        settings.controls.allowed_categories = {{5734, 5735}};
      },
      kNoon);
  EXPECT_EQ(tree.most(card, kNoon, kMidnight), 40);
  tree.change(
      card,
      [](NodeSettings& settings) {
        settings.controls.allowed_categories = {{5734, 5800}};
      },
      kNoon);
  EXPECT_EQ(tree.most(card, kNoon, kMidnight), 100);
}

TEST(Exposure, OfThoughtOfCardsIsThatOfSoMany) {
  Tree tree;
  const NodeIndex team = tree.budget(kNoNode, {amount(1000)});
  NodeProfile profile;
  profile.settings.limits = {amount(150)};
  profile.layout = layout_of(profile.settings);
  ExposureNode cards{0, {}, 5};
  cards.node.profile = &profile;
  const std::vector<ExposureNode> nodes = {{ExposureNode::kRoot, tree.ledger_of(team).path_of(team, kNoon).nodes[0], 1},
                                           cards};
  EXPECT_EQ(exposure_of(nodes, kNoon, kMidnight)[0].most, 750);
  EXPECT_EQ(exposure_of(nodes, kNoon, kMidnight)[1].most, 750);
  EXPECT_EQ(exposure_of(nodes, kNoon, kMidnight + days{1})[0].most, 1500);
}

TEST(Exposure, StopsAtWhatCanBeCounted) {
  Tree tree;
  constexpr Minor kHuge = std::numeric_limits<Minor>::max() - 1;
  const NodeIndex team = tree.budget(kNoNode, {});
  tree.card(team, {amount(kHuge)});
  tree.card(team, {amount(kHuge)});
  EXPECT_EQ(tree.most(team, kNoon, kMidnight), std::nullopt);
}

// ---- Against spenders

// A card with a rolling limit, on which a little was spent before.
struct RollingCard {
  explicit RollingCard(std::mt19937_64& random) {
    const auto pick = [&random](std::uint64_t below) { return static_cast<std::int64_t>(random() % below); };
    length = static_cast<std::uint32_t>(60 + pick(3));  // not all of them are a whole number of parts
    card = tree.card(kNoNode, {rolling(1 + pick(9), length)});
    now = kNoon + milliseconds(pick(2000));
    for (int i = 0; i < 6; ++i) {
      tree.spend(card, 1 + pick(3), now);
      now += milliseconds(pick(30'000));
    }
    until = now + milliseconds(1 + pick(250'000));
  }

  // Takes all that is there, at each instant at which there can be more than before.
  Minor spend_greedily(bool at_each_millisecond) {
    const Minor part = Minor{length} * 1000 / 60;
    Minor spent = tree.spend(card, 1'000'000, now, true);
    for (Instant at = now + milliseconds{1}; at < until; at += milliseconds{1}) {
      const bool drops = (to_millis(at) - Minor{length} * 1000) % part == 0;
      if (drops || at_each_millisecond) spent += tree.spend(card, 1'000'000, at, true);
    }
    return spent;
  }

  Tree tree;
  std::uint32_t length = 0;
  NodeIndex card = kNoNode;
  Instant now;
  Instant until;
};

TEST(Exposure, OfARollingWindowIsWhatIsSpentAsSoonAsItDropsOut) {
  std::mt19937_64 random(20261127);
  for (int round = 0; round < 80; ++round) {
    RollingCard rolling(random);
    const auto said = rolling.tree.most(rolling.card, rolling.now, rolling.until);
    ASSERT_EQ(rolling.spend_greedily(round < 3), said) << "round " << round << " length " << rolling.length;
  }
}

TEST(Exposure, OfARollingCountIsThatOfAsManyApprovals) {
  Tree tree;
  const NodeIndex card =
      tree.card(kNoNode, {rolling(3, 60, Limit::Form::count), amount(50, WindowKind::authorization)});
  tree.spend(card, 1, kNoon);
  const Instant now = kNoon + seconds{30};
  const Instant until = now + minutes{5};
  const auto expected = tree.most(card, now, until);
  Minor spent = 0;
  for (Instant at = now; at < until; at += seconds{1}) {
    while (tree.spend(card, 50, at) != 0)
      spent += 50;
  }
  EXPECT_EQ(spent, expected);
}

// Limits of amounts in fixed windows on a small tree, used a little; and what of each is left, in plain arithmetic.
class FixedWindows {
 public:
  explicit FixedWindows(std::mt19937_64& random) : random_(random) {
    const NodeIndex root = tree_.budget(kNoNode, limits());
    const NodeIndex team = pick(2) == 0 ? root : tree_.budget(root, limits());
    for (auto n = 1 + pick(3); n > 0; --n)
      tree_.card(pick(2) == 0 ? root : team, limits());
    for (auto n = pick(5); n > 0; --n)
      tree_.spend(tree_.cards()[static_cast<std::size_t>(pick(tree_.cards().size()))], 1 + pick(3), kNoon);
    until_ = kMidnight + days{pick(4)} + hours{pick(2) * 6};
    bound_ = tree_.most(root, kNoon, until_);
    for (Instant at = kNoon; at < until_; at = window_at(WindowKind::day, at, utc(), Weekday::monday).end)
      days_.push_back(at);
  }

  const std::optional<Minor>& bound() const { return bound_; }

  // The best that there is, found by trying everything that could be better than what was found before.
  Minor best() {
    plan_.assign(days_.size() * tree_.cards().size(), 0);
    try_from(0, 0);
    return best_;
  }
  // Spends what was found; what was approved.
  Minor carry_out() {
    Minor spent = 0;
    for (std::size_t i = 0; i < best_plan_.size(); ++i) {
      if (best_plan_[i] == 0) continue;
      spent += tree_.spend(tree_.cards()[i % tree_.cards().size()], best_plan_[i], days_[i / tree_.cards().size()]);
    }
    return spent;
  }

 private:
  std::int64_t pick(std::uint64_t below) { return static_cast<std::int64_t>(random_() % below); }
  std::vector<Limit> limits() {
    constexpr WindowKind kKinds[] = {WindowKind::day, WindowKind::week, WindowKind::month, WindowKind::lifetime};
    std::vector<Limit> made;
    for (auto n = 1 + pick(2); n > 0; --n)
      made.push_back(amount(pick(7), kKinds[pick(4)]));
    return made;
  }

  struct Left {
    NodeIndex node;
    std::size_t limit;
    Instant window;
    friend auto operator<=>(const Left&, const Left&) = default;
  };
  Minor& left(NodeIndex node, std::size_t index, Instant at) {
    const auto path = tree_.ledger_of(node).path_of(node, kNoon);
    const Limit& limit = path.nodes[0].profile->settings.limits[index];
    const Window window = window_at(limit.window, at, utc(), Weekday::monday);
    const bool current = window.start <= kNoon;
    const auto [found, added] = left_.try_emplace({node, index, window.start}, limit.value);
    if (added && current) found->second = std::max<Minor>(limit.value - path.nodes[0].tally_of(index, kNoon).used(), 0);
    return found->second;
  }
  std::vector<Minor*> limits_of(NodeIndex card, Instant at) {
    std::vector<Minor*> all;
    const auto path = tree_.ledger_of(card).path_of(card, kNoon);
    for (const PathNode& node : path.view()) {
      for (std::size_t i = 0; i < node.profile->settings.limits.size(); ++i)
        all.push_back(&left(node.index, i, at));
    }
    return all;
  }

  void try_from(std::size_t step, Minor spent) {
    if (spent > best_ || best_plan_.empty()) {
      best_ = spent;
      best_plan_ = plan_;
    }
    if (step == plan_.size() || best_ == bound_) return;
    const auto limits = limits_of(tree_.cards()[step % tree_.cards().size()], days_[step / tree_.cards().size()]);
    Minor room = **std::min_element(limits.begin(), limits.end(), [](Minor* a, Minor* b) { return *a < *b; });
    for (; room >= 0; --room) {
      for (Minor* each : limits)
        *each -= room;
      plan_[step] = room;
      try_from(step + 1, spent + room);
      for (Minor* each : limits)
        *each += room;
    }
    plan_[step] = 0;
  }

  std::mt19937_64& random_;
  Tree tree_;
  Instant until_;
  std::optional<Minor> bound_;
  std::vector<Instant> days_;
  std::map<Left, Minor> left_;
  std::vector<Minor> plan_;
  std::vector<Minor> best_plan_;
  Minor best_ = 0;
};

TEST(ExposureProperty, IsReachedWhenLimitsAreAmounts) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 150; ++round) {
    FixedWindows windows(random);
    ASSERT_EQ(windows.best(), windows.bound()) << "round " << round;
    ASSERT_EQ(windows.carry_out(), windows.bound()) << "round " << round;
  }
}

// Everything that can limit a card, on a random tree that somebody spends from at random.
class AnyTree {
 public:
  explicit AnyTree(std::mt19937_64& random) : random_(random) {
    std::vector<NodeIndex> budgets = {tree_.budget(kNoNode, limits())};
    for (auto n = pick(3); n > 0; --n)
      budgets.push_back(tree_.budget(any_of(budgets), limits()));
    for (auto n = 1 + pick(4); n > 0; --n) {
      NodeSettings settings;
      settings.parent = any_of(budgets);
      settings.limits = limits();
      if (pick(4) == 0) settings.max_authorizations = static_cast<std::uint32_t>(1 + pick(6));
      if (pick(4) == 0) settings.expires_at = kNoon + minutes{pick(3000)};
      tree_.card(settings);
    }
    for (auto n = pick(10); n > 0; --n)
      spend(kNoon - minutes{pick(3)});
    if (pick(6) == 0) freeze(any_of(tree_.nodes()));
  }

  // No node is ever approved more than was said.
  void spend_and_compare() {
    const Instant until = kNoon + minutes{1 + pick(4000)};
    const auto said = tree_.exposure(kNoon, until);
    std::vector<Minor> approved(said.size(), 0);
    const auto span = static_cast<std::uint64_t>((until - kNoon).count());
    std::vector<Instant> instants;
    for (int i = 0; i < 200; ++i)
      instants.push_back(kNoon + milliseconds(pick(span)));
    std::sort(instants.begin(), instants.end());
    for (const Instant at : instants) {
      const auto [card, spent] = spend(at);
      const auto path = tree_.ledger_of(card).path_of(card, at);
      for (const PathNode& node : path.view())
        approved[tree_.place_of(node.index)] += spent;
    }
    for (std::size_t i = 0; i < said.size(); ++i) {
      EXPECT_LE(approved[i], said[i].most.value_or(approved[i])) << "node " << i;
    }
  }

 private:
  std::int64_t pick(std::uint64_t below) { return static_cast<std::int64_t>(random_() % below); }
  NodeIndex any_of(const std::vector<NodeIndex>& nodes) { return nodes[static_cast<std::size_t>(pick(nodes.size()))]; }
  std::vector<Limit> limits() {
    std::vector<Limit> made;
    for (auto n = pick(4); n > 0; --n) {
      const auto window = static_cast<WindowKind>(pick(kWindowKinds));
      const bool counts = window != WindowKind::authorization && pick(4) == 0;
      Limit limit{counts ? Limit::Form::count : Limit::Form::amount, window, pick(counts ? 8 : 60), 0, {}};
      if (window == WindowKind::rolling) limit.rolling_seconds = static_cast<std::uint32_t>(60 + pick(7200));
      if (pick(6) == 0) limit.categories = {{5000, 5999}};
      made.push_back(limit);
    }
    return made;
  }
  // Unless its last approval has closed it.
  void freeze(NodeIndex node) {
    const bool closed = tree_.ledger_of(node).path_of(node, kNoon).nodes[0].profile->status == NodeStatus::closed;
    if (!closed) tree_.set_status(node, NodeStatus::frozen, kNoon);
  }
  std::pair<NodeIndex, Minor> spend(Instant at) {
    const NodeIndex card = any_of(tree_.cards());
    return {card, tree_.spend(card, 1 + pick(pick(2) == 0 ? 10 : 100), at, pick(2) == 0)};
  }

  std::mt19937_64& random_;
  Tree tree_;
};

TEST(ExposureProperty, IsNeverExceeded) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 100; ++round) {
    AnyTree tree(random);
    tree.spend_and_compare();
    ASSERT_FALSE(::testing::Test::HasFailure()) << "round " << round;
  }
}

}  // namespace
}  // namespace holdfast::engine
