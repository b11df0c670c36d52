#include "engine/ledger.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace holdfast::engine {
namespace {

// An inside contradiction: better no process than a wrong balance.
void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

std::string_view authorization_status_name(AuthorizationStatus status) {
  switch (status) {
    case AuthorizationStatus::pending:
      return "pending";
    case AuthorizationStatus::closed:
      return "closed";
    case AuthorizationStatus::reversed:
      return "reversed";
    case AuthorizationStatus::expired:
      return "expired";
    case AuthorizationStatus::declined:
      return "declined";
  }
  return "";
}

bool forgotten(const Authorization& authorization, Instant now) {
  return authorization.status != AuthorizationStatus::pending && authorization.decided_at < now - kForgetAfter;
}

Ledger::Ledger(NodeTable& cards, ZoneTable& zones, Epochs& epochs, unsigned participant, const KeyHasher& hasher)
    : cards_(cards), zones_(zones), epochs_(epochs), participant_(participant), hasher_(hasher) {}

Key128 Ledger::authorization_key(Processor processor, std::string_view id) const {
  const char kind = static_cast<char>(processor);
  return hasher_.hash({"authorization", std::string_view(&kind, 1), id});
}

NodeSlot& Ledger::existing(NodeIndex card) {
  NodeSlot* slot = cards_.find(card);
  require(slot != nullptr && slot->profile.load(std::memory_order_relaxed) != nullptr);
  return *slot;
}

NodeOutcome Ledger::publish(NodeSlot& slot, NodeProfile profile) {
  profile.zone = zones_.find(profile.settings.time_zone);
  require(profile.zone != nullptr);
  const std::uint32_t version = profile.version;
  // Release: whoever loads the pointer sees the finished profile (pairs with the acquire of NodeTable's readers).
  const NodeProfile* old = slot.profile.exchange(new const NodeProfile(std::move(profile)), std::memory_order_acq_rel);
  if (old != nullptr) epochs_.retire(participant_, old);
  return {version};
}

NodeOutcome Ledger::apply(const CreateNode& command, Instant) {
  NodeSlot& slot = cards_.at(command.card);
  require(slot.profile.load(std::memory_order_relaxed) == nullptr);
  cards_.reserve_through(command.card);
  return publish(slot, {command.identity, command.settings, NodeStatus::active, 1, nullptr});
}

NodeOutcome Ledger::apply(const ChangeNode& command, Instant) {
  NodeSlot& slot = existing(command.card);
  NodeProfile profile = *slot.profile.load(std::memory_order_relaxed);
  if (profile.settings.time_zone != command.settings.time_zone ||
      profile.settings.week_start != command.settings.week_start) {
    // The hour that was known to have no end in it was one of the old zone.
    NodeBalance balance = slot.balance.owner_load();
    balance.usage.next_roll = kNoInstant;
    slot.balance.store(balance);
  }
  profile.settings = command.settings;
  ++profile.version;
  return publish(slot, std::move(profile));
}

NodeOutcome Ledger::apply(const SetNodeStatus& command, Instant) {
  NodeSlot& slot = existing(command.card);
  NodeProfile profile = *slot.profile.load(std::memory_order_relaxed);
  if (profile.status == command.status) return {profile.version};  // nothing to change: the same version
  require(profile.status != NodeStatus::closed);
  profile.status = command.status;
  ++profile.version;
  return publish(slot, std::move(profile));
}

Ledger::Path Ledger::path_of(NodeIndex card, Instant now) const {
  Path path;
  path.now = now;
  const NodeSlot* slot = cards_.find(card);
  path.card = slot == nullptr ? nullptr : slot->profile.load(std::memory_order_relaxed);
  if (path.card == nullptr) return path;
  PathNode& node = path.nodes[path.length++];
  node.index = card;
  node.limits = &path.card->settings.limits;
  node.zone = &path.card->zone->get();
  node.week_start = path.card->settings.week_start;
  node.usage = slot->balance.owner_load().usage;
  // Time never goes back for a node: a clock that does is held at the node's last change.
  for (std::size_t i = 0; i < path.length; ++i)
    path.now = std::max(path.now, path.nodes[i].usage.rolled_at);
  for (std::size_t i = 0; i < path.length; ++i) {
    path.nodes[i].usage.roll(path.now, *path.nodes[i].zone, path.nodes[i].week_start);
  }
  return path;
}

void Ledger::store(const Path& path, bool approved) {
  for (const PathNode& node : path.view()) {
    NodeSlot& slot = existing(node.index);
    NodeBalance balance = slot.balance.owner_load();
    balance.usage = node.usage;
    if (approved) ++balance.approvals;
    slot.balance.store(balance);
  }
}

std::uint32_t Ledger::slot_of(Key128 key, NodeIndex card) const {
  return index_.find(hash_of(key), [&](std::uint32_t slot) {
    return authorizations_[slot].key == key && authorizations_[slot].card == card;
  });
}

std::uint32_t Ledger::add_authorization(Key128 key, NodeIndex card) {
  const std::uint32_t slot = authorizations_.allocate();
  authorizations_[slot].key = key;
  authorizations_[slot].card = card;
  index_.insert(hash_of(key), slot);
  append_by_age(slot);
  return slot;
}

void Ledger::link_to_card(std::uint32_t slot) {
  NodeSlot* card = cards_.find(authorizations_[slot].card);
  if (card == nullptr) return;
  const std::uint32_t older = std::exchange(card->newest_authorization, slot);
  authorizations_[slot].older = older;
  if (older != HashIndex::kNone) authorizations_[older].newer = slot;
}

void Ledger::append_by_age(std::uint32_t slot) {
  authorizations_[slot].next = HashIndex::kNone;
  if (last_by_age_ == HashIndex::kNone) {
    first_by_age_ = slot;
  } else {
    authorizations_[last_by_age_].next = slot;
  }
  last_by_age_ = slot;
}

void Ledger::remove(std::uint32_t slot) {
  const Authorization& authorization = authorizations_[slot];
  if (authorization.older != HashIndex::kNone) authorizations_[authorization.older].newer = authorization.newer;
  if (authorization.newer != HashIndex::kNone) {
    authorizations_[authorization.newer].older = authorization.older;
  } else if (NodeSlot* card = cards_.find(authorization.card); card != nullptr) {
    card->newest_authorization = authorization.older;
  }
  if (authorization.key != Key128{0, 0}) index_.erase(hash_of(authorization.key), slot);
  follow_ups_.erase(slot);
  authorizations_.release(slot);
}

void Ledger::expire(Instant now, std::size_t most) {
  for (std::size_t looked_at = 0; looked_at < most && first_by_age_ != HashIndex::kNone; ++looked_at) {
    const std::uint32_t slot = first_by_age_;
    if (authorizations_[slot].decided_at >= now - kForgetAfter - kForgetMargin) return;
    first_by_age_ = authorizations_[slot].next;
    if (first_by_age_ == HashIndex::kNone) last_by_age_ = HashIndex::kNone;
    if (authorizations_[slot].status == AuthorizationStatus::pending) {
      append_by_age(slot);  // still holds money: looked at again after all the others
    } else {
      remove(slot);
    }
  }
}

Decision Ledger::evaluate(const Authorize& command, Instant now) const {
  const Path path = path_of(command.card, now);
  return decide(path.card, path.view(), command.request, path.now);
}

// An authorization that holds nothing is forgotten some time after its first request, whether or not expire() has come
// by already: what a message meets must depend on the records before it only.
std::uint32_t Ledger::remembered(Key128 key, NodeIndex card, Instant now) {
  const std::uint32_t slot = slot_of(key, card);
  if (slot == HashIndex::kNone || !forgotten(authorizations_[slot], now)) return slot;
  unname(slot);
  return HashIndex::kNone;
}

// As if it were not there; expire() frees the slot when its turn comes.
void Ledger::unname(std::uint32_t slot) {
  index_.erase(hash_of(authorizations_[slot].key), slot);
  authorizations_[slot].key = Key128{0, 0};
}

// Enters the decision into the authorization it belongs to, new or known.
void Ledger::settle_decision(const Authorize& command, Decision& decision) {
  const Key128 key = authorization_key(command.request.processor, command.request.authorization_id);
  const std::uint32_t known = remembered(key, command.card, decision.decided_at);
  if (known == HashIndex::kNone) {
    const std::uint32_t added = add_authorization(key, command.card);
    link_to_card(added);
    enter_first(authorizations_[added], command, decision);
    return;
  }
  Authorization& authorization = authorizations_[known];
  if (authorization.status ==
      AuthorizationStatus::declined) {  // its earlier request was declined: this is another first
    enter_first(authorization, command, decision);
    note(known, FollowUp::Kind::again, decision);
    return;
  }
  if (decision.approved()) {
    authorization.approved += decision.approved_amount;
    authorization.held += decision.approved_amount;
    if (authorization.held > 0) authorization.status = AuthorizationStatus::pending;
  }
  decision.held = authorization.held;
  decision.authorized_at = authorization.decided_at;
  note(known, FollowUp::Kind::incremental, decision);
}

void Ledger::note(std::uint32_t slot, FollowUp::Kind kind, const Decision& decision) {
  follow_ups_[slot].push_back({kind, decision.reason, decision.approved_amount, decision.decided_at});
}

void Ledger::enter_first(Authorization& authorization, const Authorize& command, Decision& decision) {
  if (authorization.decided_at == kNoInstant) authorization.decided_at = decision.decided_at;
  decision.authorized_at = authorization.decided_at;
  authorization.processor = command.request.processor;
  authorization.approved = decision.approved_amount;
  authorization.held = decision.held;
  authorization.reason = decision.reason;
  authorization.status = !decision.approved() ? AuthorizationStatus::declined
                         : decision.held == 0 ? AuthorizationStatus::closed
                                              : AuthorizationStatus::pending;
}

Decision Ledger::apply(const Authorize& command, Instant now) {
  Path path = path_of(command.card, now);
  Decision decision = decide(path.card, path.view(), command.request, path.now);
  settle_decision(command, decision);
  if (!decision.approved() || decision.approved_amount == 0) return decision;
  for (std::size_t i = 0; i < path.length; ++i)
    path.nodes[i].usage.charge(decision.approved_amount, true);
  store(path, true);
  return decision;
}

WithdrawOutcome Ledger::apply(const Withdraw& command, Instant now) {
  if (!command.decided()) return {0, now};
  Path path = path_of(command.card, now);
  WithdrawOutcome outcome{0, path.now};
  const std::uint32_t known = slot_of(authorization_key(command.processor, command.authorization_id), command.card);
  require(known != HashIndex::kNone);
  Authorization& authorization = authorizations_[known];
  const bool whole = authorization.approved == command.amount;
  if (whole && (command.amount > 0 || authorization.decided_at == command.charged_at)) {  // nothing else came of it
    authorization.status = AuthorizationStatus::declined;
    authorization.reason = Reason::deadline_exceeded;
  }
  outcome.released = std::min(command.amount, authorization.held);
  authorization.approved -= command.amount;
  authorization.held -= outcome.released;
  follow_ups_[known].push_back(
      {FollowUp::Kind::withdrawn, Reason::deadline_exceeded, outcome.released, outcome.decided_at});
  if (outcome.released == 0) return outcome;
  for (std::size_t i = 0; i < path.length; ++i) {
    PathNode& node = path.nodes[i];
    node.usage.release(outcome.released, command.charged_at, *node.zone, node.week_start);
  }
  store(path, false);
  return outcome;
}

const Authorization* Ledger::find(Key128 key, NodeIndex card) const {
  const std::uint32_t slot = slot_of(key, card);
  return slot == HashIndex::kNone ? nullptr : &authorizations_[slot];
}

const Authorization* Ledger::find_any(Key128 key) const {
  const Authorization* declined = nullptr;
  const std::uint32_t approved = index_.find(hash_of(key), [&](std::uint32_t slot) {
    if (authorizations_[slot].key != key) return false;
    if (authorizations_[slot].status != AuthorizationStatus::declined) return true;
    declined = &authorizations_[slot];
    return false;
  });
  return approved == HashIndex::kNone ? declined : &authorizations_[approved];
}

const std::vector<FollowUp>* Ledger::follow_ups(const Authorization& authorization) const {
  const auto found = follow_ups_.find(slot_of(authorization.key, authorization.card));
  return found == follow_ups_.end() ? nullptr : &found->second;
}

const Authorization* Ledger::newest_of(NodeIndex card) const {
  const NodeSlot* slot = cards_.find(card);
  if (slot == nullptr || slot->newest_authorization == HashIndex::kNone) return nullptr;
  return &authorizations_[slot->newest_authorization];
}

const Authorization* Ledger::older_than(const Authorization& authorization) const {
  return authorization.older == HashIndex::kNone ? nullptr : &authorizations_[authorization.older];
}

void Ledger::note_sequence(const Authorize& command, Sequence sequence) {
  const AuthorizationRequest& request = command.request;
  const std::uint32_t slot = slot_of(authorization_key(request.processor, request.authorization_id), command.card);
  if (slot != HashIndex::kNone && authorizations_[slot].sequence == 0) authorizations_[slot].sequence = sequence;
}

void Ledger::restore(NodeIndex card, const NodeProfile& profile, const NodeBalance& balance) {
  NodeSlot& slot = cards_.at(card);
  cards_.reserve_through(card);
  slot.balance.store(balance);
  publish(slot, profile);
}

void Ledger::restore(const Authorization& authorization, std::vector<FollowUp> follow_ups) {
  if (const std::uint32_t older = slot_of(authorization.key, authorization.card); older != HashIndex::kNone) {
    unname(older);  // was forgotten when this one came
  }
  const std::uint32_t slot = add_authorization(authorization.key, authorization.card);
  const std::uint32_t next = authorizations_[slot].next;
  authorizations_[slot] = authorization;
  authorizations_[slot].next = next;
  if (!follow_ups.empty()) follow_ups_[slot] = std::move(follow_ups);
}

// Two sweeps over memory in its order and a small table: going to the card and its newest authorization for each would
// be three accesses in no order to tables of hundreds of megabytes.
void Ledger::link_restored() {
  std::vector<std::uint32_t> nearest(std::size_t{cards_.last()} + 1, HashIndex::kNone);
  const auto link = [&](std::uint32_t slot, std::uint32_t Authorization::*neighbour) {
    Authorization& authorization = authorizations_[slot];
    if (authorization.card == kNoNode || authorization.card >= nearest.size()) return;
    authorization.*neighbour = std::exchange(nearest[authorization.card], slot);
  };
  for (std::uint32_t slot = 0; slot < authorizations_.end(); ++slot)
    link(slot, &Authorization::older);
  for (NodeIndex card = 1; card < nearest.size(); ++card) {
    if (nearest[card] != HashIndex::kNone) cards_.at(card).newest_authorization = nearest[card];
  }
  std::fill(nearest.begin(), nearest.end(), HashIndex::kNone);
  for (std::uint32_t slot = authorizations_.end(); slot-- != 0;)
    link(slot, &Authorization::newer);
}

}  // namespace holdfast::engine
