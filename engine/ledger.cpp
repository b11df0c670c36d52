#include "engine/ledger.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "engine/breaker.h"

namespace holdfast::engine {
namespace {

// An inside contradiction: better no process than a wrong balance.
void require(bool holds) {
  if (!holds) std::abort();
}

// Which requests are the same to a loop breaker.
std::uint64_t same_request(const KeyHasher& hasher, const AuthorizationRequest& request) {
  const auto* amount = reinterpret_cast<const char*>(&request.amount);
  return hasher.hash({"request", request.merchant.id, std::string_view(amount, sizeof request.amount)}).lo;
}

// The card has had all the approvals that it may have.
bool is_used_up(const NodeSettings& settings, const NodeBalance& balance) {
  return settings.max_authorizations != 0 && balance.approvals >= settings.max_authorizations;
}

Tally approval_of(const Decision& decision) {
  return {decision.approved_amount, 0, 1};
}

}  // namespace

bool is_travel(CategoryCode category) {
  // Car rental, lodging, cruises: the chains' own codes, and those of the trades.
  const bool chain = category >= 3351 && category <= 3999;
  return chain || category == 7011 || category == 7512 || category == 4411;
}

Instant hold_ends_at(const Authorization& authorization, const HoldPeriods& periods) {
  return authorization.charged_at + (is_travel(authorization.category) ? periods.travel : periods.usual);
}

Ledger::Ledger(Nodes& nodes, ZoneTable& zones, Epochs& epochs, unsigned participant, const KeyHasher& hasher)
    : nodes_(nodes), zones_(zones), epochs_(epochs), participant_(participant), hasher_(hasher) {}

// ---- Nodes

NodeSlot& Ledger::existing(NodeIndex node) const {
  NodeSlot* slot = nodes_.find(node);
  require(slot != nullptr && slot->profile.load(std::memory_order_relaxed) != nullptr);
  return *slot;
}

// Gives the version. The profile's counters have been made for its settings.
std::uint32_t Ledger::publish(NodeSlot& slot, NodeProfile profile) {
  profile.zone = nullptr;
  if (!profile.settings.time_zone.empty()) {
    profile.zone = zones_.find(profile.settings.time_zone);
    require(profile.zone != nullptr);
  }
  const std::uint32_t version = profile.version;
  // Release: whoever loads the pointer sees the finished profile (pairs with the acquire of NodeTable's readers).
  const NodeProfile* old = slot.profile.exchange(new const NodeProfile(std::move(profile)), std::memory_order_acq_rel);
  if (old != nullptr) epochs_.retire(participant_, old);
  return version;
}

void Ledger::note_parent(NodeIndex node, NodeIndex before, NodeIndex after) {
  if (before == after) return;
  if (before != kNoNode) std::erase(children_[before], node);
  if (after == kNoNode) return;
  require(nodes_.profile(after) != nullptr);
  children_[after].push_back(node);
  if (!is_budget(node)) nodes_.at(node).placement.store(Placement::in_tree, std::memory_order_release);
}

const std::vector<NodeIndex>& Ledger::children_of(NodeIndex budget) const {
  static const std::vector<NodeIndex> kNone;
  const auto found = children_.find(budget);
  return found == children_.end() ? kNone : found->second;
}

// Makes the counters that the settings of `changed` need, from those of `old`. `now` is the node's time.
void Ledger::renew_counters(const NodeProfile& old, NodeProfile& changed, Instant now) {
  changed.layout = layout_of(changed.settings);
  changed.counters.reset();
  if (changed.layout.words == 0) return;
  changed.counters = std::make_shared<Counters>(changed.layout.words);
  const ConstWords before = old.counters == nullptr ? ConstWords{} : ConstWords{old.counters->own()};
  carry_over(old.settings, before, changed.settings, changed.counters->own(), now);
  changed.counters->publish();
}

NodeOutcome Ledger::apply(const CreateNode& command, Instant) {
  NodeSlot& slot = nodes_.at(command.node);
  require(slot.profile.load(std::memory_order_relaxed) == nullptr);
  NodeProfile profile{command.identity, command.settings, NodeStatus::active, 1, nullptr, {}, nullptr};
  renew_counters({}, profile, kNoInstant);
  note_parent(command.node, kNoNode, command.settings.parent);
  return {publish(slot, std::move(profile))};
}

NodeOutcome Ledger::apply(const ChangeNode& command, Instant now) {
  NodeSlot& slot = existing(command.node);
  const NodeProfile& old = *slot.profile.load(std::memory_order_relaxed);
  NodeProfile changed = old;
  changed.settings = command.settings;
  ++changed.version;
  NodeBalance balance = slot.balance.owner_load();
  // The quarter that was known to have no end in it was one of the old zone or week.
  balance.usage.next_roll = kNoInstant;
  if (begins_counter(old.settings, command.settings)) {
    // What was charged in this very millisecond was charged before: the new counter's time begins with the next.
    now = std::max(now, balance.usage.rolled_at) + std::chrono::milliseconds(1);
    balance.usage.roll(now, zone_of(command.node), old.settings.week_start);
  }
  slot.balance.store(balance);
  renew_counters(old, changed, now);
  if (is_used_up(changed.settings, balance)) changed.status = NodeStatus::closed;
  note_parent(command.node, old.settings.parent, command.settings.parent);
  return {publish(slot, std::move(changed))};
}

NodeOutcome Ledger::apply(const SetNodeStatus& command, Instant) {
  NodeSlot& slot = existing(command.node);
  NodeProfile profile = *slot.profile.load(std::memory_order_relaxed);
  if (profile.status == command.status) return {profile.version};  // nothing to change: the same version
  require(profile.status != NodeStatus::closed);
  profile.status = command.status;
  ++profile.version;
  return {publish(slot, std::move(profile))};
}

const ZoneRules& Ledger::zone_of(NodeIndex node) const {
  return *load_path(node, existing(node).profile.load(std::memory_order_relaxed)->settings.parent).nodes[0].zone;
}

// ---- Paths

void Ledger::append_node(Path& path, NodeIndex index) const {
  const NodeSlot* slot = nodes_.find(index);
  const NodeProfile* profile = slot == nullptr ? nullptr : slot->profile.load(std::memory_order_relaxed);
  require(profile != nullptr && path.length < kPathMax);
  PathNode& node = path.nodes[path.length++];
  node.index = index;
  node.profile = profile;
  node.usage = slot->balance.owner_load().usage;
  if (profile->counters != nullptr) node.counters = profile->counters->own();
}

Ledger::Path Ledger::path_of(NodeIndex index, Instant now) const {
  const NodeProfile* profile = nodes_.profile(index);
  if (profile == nullptr) return {{}, 0, now};
  return path_through(index, profile->settings.parent, now);
}

// From a node on to the budgets that it had when something was charged; as they were at their last change.
Ledger::Path Ledger::load_path(NodeIndex index, NodeIndex budget) const {
  Path path{{}, 0, kNoInstant};
  append_node(path, index);
  for (NodeIndex above = budget; above != kNoNode; above = path.nodes[path.length - 1].profile->settings.parent)
    append_node(path, above);
  const ZoneRules* zone = &utc();
  for (std::size_t i = path.length; i-- != 0;) {
    PathNode& node = path.nodes[i];
    if (node.profile->zone != nullptr) zone = &node.profile->zone->get();
    node.zone = zone;
    // Time never goes back for a node: a clock that does is held at the node's last change.
    path.now = std::max(path.now, node.usage.rolled_at);
  }
  return path;
}

Ledger::Path Ledger::path_through(NodeIndex index, NodeIndex budget, Instant now) const {
  Path path = load_path(index, budget);
  path.now = std::max(path.now, now);
  for (std::size_t i = 0; i < path.length; ++i)
    path.nodes[i].usage.roll(path.now, *path.nodes[i].zone, path.nodes[i].week_start());
  return path;
}

void Ledger::store(const Path& path) {
  for (const PathNode& node : path.view()) {
    NodeSlot& slot = existing(node.index);
    NodeBalance balance = slot.balance.owner_load();
    balance.usage = node.usage;
    slot.balance.store(balance);
    if (node.profile->counters != nullptr) node.profile->counters->publish();
  }
}

void Ledger::add_to_node(PathNode& node, const Tally& change, Instant charged_at, CategoryCode category, Instant now) {
  node.usage.add(change, charged_at, *node.zone, node.week_start());
  const auto& limits = node.profile->settings.limits;
  for (std::size_t i = 0; i < limits.size(); ++i) {
    if (!limits[i].has_counter() || !limits[i].concerns(category)) continue;
    const Words counter =
        node.profile->counters->own().subspan(node.profile->layout.limits[i], counter_words(limits[i]));
    add(limits[i], counter, change, charged_at, now, *node.zone, node.week_start());
  }
}

void Ledger::add_to_path(Path& path, const Tally& change, Instant charged_at, CategoryCode category) {
  for (std::size_t i = 0; i < path.length; ++i)
    add_to_node(path.nodes[i], change, charged_at, category, path.now);
}

// ---- Decisions

Decision Ledger::evaluate(const Authorize& command, Instant now) const {
  const Path path = path_of(command.card, now);
  return decide(path.view(), command.request, path.now);
}

Decision Ledger::apply(const Authorize& command, Instant now) {
  Path path = path_of(command.card, now);
  Decision decision = decide(path.view(), command.request, path.now);
  const bool charges = decision.approved() && decision.approved_amount > 0;
  if (charges) add_to_path(path, approval_of(decision), path.now, command.request.merchant.category);
  const bool noted = note_to_breaker(path, command.request, decision);
  settle_decision(command, path, decision);
  if (charges || noted) store(path);
  if (charges) count_approval(path, command.request);
  return decision;
}

// True: the card's breaker has seen the request.
bool Ledger::note_to_breaker(const Path& path, const AuthorizationRequest& request, Decision& decision) {
  if (path.length == 0 || decision.reason == Reason::loop_breaker) return false;
  const NodeProfile& card = *path.nodes[0].profile;
  if (card.layout.breaker == CounterLayout::kNone) return false;
  // What another check declines during the cooldown is not the request that is tried after it.
  if (breaker_declines_until(card.counters->own().subspan(card.layout.breaker), path.now) != kNoInstant) return false;
  decision.tripped = note_decision(card.settings.loop_breaker, card.counters->own().subspan(card.layout.breaker),
                                   same_request(hasher_, request), decision.approved(), path.now);
  return true;
}

// The approvals over the card's life: the first locks the card to its merchant, the last that it may have closes it.
void Ledger::count_approval(const Path& path, const AuthorizationRequest& request) {
  for (const PathNode& node : path.view()) {
    NodeSlot& slot = existing(node.index);
    NodeBalance balance = slot.balance.owner_load();
    ++balance.approvals;
    slot.balance.store(balance);
  }
  NodeSlot& slot = existing(path.nodes[0].index);
  const NodeProfile& card = *path.nodes[0].profile;
  if (card.layout.merchant_lock != CounterLayout::kNone) {
    const Words lock = card.counters->own().subspan(card.layout.merchant_lock);
    if (!is_locked(lock)) {
      lock_to(lock, request.merchant.id);
      card.counters->publish();
    }
  }
  if (!is_used_up(card.settings, slot.balance.owner_load())) return;
  NodeProfile closed = card;
  closed.status = NodeStatus::closed;
  ++closed.version;
  publish(slot, std::move(closed));
}

// Enters the decision into the authorization it belongs to, new or known.
void Ledger::settle_decision(const Authorize& command, const Path& path, Decision& decision) {
  const NodeIndex budget = path.length == 0 ? kNoNode : path.nodes[0].profile->settings.parent;
  const Key128 key = authorization_key(command.request.processor, command.request.authorization_id);
  const std::uint32_t known = remembered(key, command.card, decision.decided_at);
  if (known == HashIndex::kNone) {
    const std::uint32_t added = add_authorization(key, command.card);
    link_to_card(added);
    return enter_first(added, command, budget, decision);
  }
  Authorization& authorization = authorizations_[known];
  if (authorization.status ==
      AuthorizationStatus::declined) {  // its earlier request was declined: this is another first
    enter_first(known, command, budget, decision);
    note(known, FollowUp::Kind::again, decision);
    return;
  }
  if (decision.approved()) {
    if (decision.approved_amount > 0) {
      // What was said of the hold before it grew is overtaken. Processors tell whole seconds.
      const Instant second = std::chrono::floor<std::chrono::seconds>(decision.decided_at);
      authorization.told = std::max(authorization.told, second);
    }
    authorization.approved += decision.approved_amount;
    add_charge(known, {decision.approved_amount, decision.decided_at, budget, command.request.merchant.category});
    if (authorization.held > 0) authorization.status = AuthorizationStatus::pending;
  }
  decision.held = authorization.held;
  decision.authorized_at = authorization.decided_at;
  note(known, FollowUp::Kind::incremental, decision);
}

// All there is while it is the only one.
Charge Ledger::first_charge(const Authorization& authorization) {
  return {authorization.held, authorization.charged_at, authorization.budget, authorization.category};
}

// A charge beside those that the authorization has: their list begins with the second.
void Ledger::add_charge(std::uint32_t slot, const Charge& charge) {
  if (charge.held == 0) return;
  Authorization& authorization = authorizations_[slot];
  std::vector<Charge>& charges = details_[slot].charges;
  if (charges.empty()) charges.push_back(first_charge(authorization));
  charges.push_back(charge);
  authorization.held = saturating_add(authorization.held, charge.held);
}

void Ledger::note(std::uint32_t slot, FollowUp::Kind kind, const Decision& decision) {
  FollowUp event;
  event.kind = kind;
  event.reason = decision.reason;
  event.amount = decision.approved_amount;
  event.at = decision.decided_at;
  details_[slot].follow_ups.push_back(event);
}

void Ledger::enter_first(std::uint32_t slot, const Authorize& command, NodeIndex budget, Decision& decision) {
  if (const auto found = details_.find(slot); found != details_.end()) found->second.charges.clear();
  Authorization& authorization = authorizations_[slot];
  if (authorization.decided_at == kNoInstant) authorization.decided_at = decision.decided_at;
  decision.authorized_at = authorization.decided_at;
  authorization.charged_at = decision.decided_at;
  authorization.budget = budget;
  authorization.category = command.request.merchant.category;
  authorization.processor = command.request.processor;
  authorization.approved = decision.approved_amount;
  authorization.held = decision.held;
  authorization.reason = decision.reason;
  authorization.status = !decision.approved() ? AuthorizationStatus::declined
                         : decision.held == 0 ? AuthorizationStatus::closed
                                              : AuthorizationStatus::pending;
}

WithdrawOutcome Ledger::apply(const Withdraw& command, Instant now) {
  if (!command.decided()) return {0, now};
  const std::uint32_t known = slot_of(authorization_key(command.processor, command.authorization_id), command.card);
  require(known != HashIndex::kNone);
  Authorization& authorization = authorizations_[known];
  const std::vector<Charge> taken = take_back(known, command);
  WithdrawOutcome outcome{0, now};
  if (command.card != kNoNode) outcome.decided_at = path_through(command.card, taken.front().budget, now).now;
  for (const Charge& part : taken)
    outcome.released += part.held;
  authorization.held -= outcome.released;
  const bool first = command.amount > 0 || authorization.decided_at == command.charged_at;
  const bool nothing_else =
      authorization.approved == command.amount && authorization.held == 0 && authorization.captured == 0;
  if (first && nothing_else) {
    authorization.status = AuthorizationStatus::declined;
    authorization.reason = Reason::deadline_exceeded;
  }
  authorization.approved -= command.amount;
  FollowUp event;
  event.kind = FollowUp::Kind::withdrawn;
  event.reason = Reason::deadline_exceeded;
  event.amount = outcome.released;
  event.at = outcome.decided_at;
  details_[known].follow_ups.push_back(event);
  if (outcome.released == 0) return outcome;
  Path path = path_through(command.card, taken.front().budget, now);
  for (const Charge& part : taken)
    add_to_path(path, {-part.held, 0, 0}, command.charged_at, part.category);
  store(path);
  return outcome;
}

// What the withdrawn decision still holds, off its charge. Several charges may have one instant, when the clock stood
// still for the card: then off whichever of them hold the money. One at least, all of the same budget.
std::vector<Charge> Ledger::take_back(std::uint32_t slot, const Withdraw& command) {
  const Authorization& authorization = authorizations_[slot];
  Charge only = first_charge(authorization);
  const auto found = details_.find(slot);
  if (found == details_.end() || found->second.charges.empty()) {
    only.held = std::min(command.amount, only.held);
    return {only};
  }
  only.held = 0;
  std::vector<Charge> taken;
  Minor left = command.amount;
  auto& charges = found->second.charges;
  for (auto charge = charges.rbegin(); charge != charges.rend(); ++charge) {
    if (charge->at != command.charged_at || (!taken.empty() && charge->budget != taken.front().budget)) continue;
    taken.push_back(*charge);
    taken.back().held = std::min(left, charge->held);
    left -= taken.back().held;
    charge->held -= taken.back().held;
  }
  return taken.empty() ? std::vector<Charge>{only} : taken;
}

// ---- Restart

void Ledger::restore(NodeIndex node, const NodeProfile& stored, const NodeBalance& balance,
                     const std::vector<std::uint64_t>& counters) {
  NodeSlot& slot = nodes_.at(node);
  slot.balance.store(balance);
  NodeProfile profile = stored;
  profile.layout = layout_of(profile.settings);
  profile.counters.reset();
  if (profile.layout.words != 0) {
    require(counters.size() == profile.layout.words);
    profile.counters = std::make_shared<Counters>(profile.layout.words);
    std::copy(counters.begin(), counters.end(), profile.counters->own().begin());
    profile.counters->publish();
  }
  const NodeIndex parent = profile.settings.parent;
  publish(slot, std::move(profile));
  if (parent == kNoNode) return;
  children_[parent].push_back(node);  // which may come later: the order of rows is not that of the tree
  if (!is_budget(node)) slot.placement.store(Placement::in_tree, std::memory_order_release);
}

}  // namespace holdfast::engine
