// The authorizations of a ledger in memory: how they are found, listed by card and by age, freed, and put back.
#include <algorithm>
#include <utility>

#include "engine/ledger.h"

namespace holdfast::engine {

bool forgotten(const Authorization& authorization, Instant now) {
  return authorization.status != AuthorizationStatus::pending && authorization.decided_at < now - kForgetAfter;
}

Key128 Ledger::authorization_key(Processor processor, std::string_view id) const {
  const char kind = static_cast<char>(processor);
  return hasher_.hash({"authorization", std::string_view(&kind, 1), id});
}

std::uint32_t Ledger::slot_of(Key128 key, NodeIndex card) const {
  return index_.find(hash_of(key), [&](std::uint32_t slot) {
    return authorizations_[slot].key == key && authorizations_[slot].card == card;
  });
}

std::uint32_t Ledger::add_authorization(Key128 key, NodeIndex card) {
  // One that is forgotten gives way.
  if (const std::uint32_t older = slot_of(key, card); older != HashIndex::kNone) unname(older);
  const std::uint32_t slot = authorizations_.allocate();
  authorizations_[slot].key = key;
  authorizations_[slot].card = card;
  index_.insert(hash_of(key), slot);
  append_by_age(slot);
  return slot;
}

void Ledger::link_to_card(std::uint32_t slot) {
  NodeSlot* card = nodes_.cards.find(authorizations_[slot].card);
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
  } else if (NodeSlot* card = nodes_.cards.find(authorization.card); card != nullptr) {
    card->newest_authorization = authorization.older;
  }
  if (authorization.key != Key128{0, 0}) index_.erase(hash_of(authorization.key), slot);
  details_.erase(slot);
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

// An authorization that holds nothing is forgotten some time after its first request, whether or not expire() has come
// by already: what a message meets must depend on the records before it only.
std::uint32_t Ledger::remembered(Key128 key, NodeIndex card, Instant now) const {
  const std::uint32_t slot = slot_of(key, card);
  return slot == HashIndex::kNone || forgotten(authorizations_[slot], now) ? HashIndex::kNone : slot;
}

// As if it were not there; expire() frees the slot when its turn comes.
void Ledger::unname(std::uint32_t slot) {
  index_.erase(hash_of(authorizations_[slot].key), slot);
  authorizations_[slot].key = Key128{0, 0};
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

const Details* Ledger::details(const Authorization& authorization) const {
  const auto found = details_.find(slot_of(authorization.key, authorization.card));
  return found == details_.end() ? nullptr : &found->second;
}

const Authorization* Ledger::newest_of(NodeIndex card) const {
  const NodeSlot* slot = nodes_.cards.find(card);
  if (slot == nullptr || slot->newest_authorization == HashIndex::kNone) return nullptr;
  return &authorizations_[slot->newest_authorization];
}

const Authorization* Ledger::older_than(const Authorization& authorization) const {
  return authorization.older == HashIndex::kNone ? nullptr : &authorizations_[authorization.older];
}

void Ledger::note_sequence(const Command& command, Sequence sequence) {
  Key128 key{0, 0};
  if (const auto* authorize = std::get_if<Authorize>(&command)) {
    key = authorization_key(authorize->request.processor, authorize->request.authorization_id);
  } else if (const auto* advise = std::get_if<Advise>(&command)) {
    key = advise->authorization;
  } else {
    return;
  }
  const std::uint32_t slot = slot_of(key, node_of(command));
  if (slot != HashIndex::kNone && authorizations_[slot].sequence == 0) authorizations_[slot].sequence = sequence;
}

void Ledger::restore(const Authorization& authorization, Details details) {
  const std::uint32_t slot = add_authorization(authorization.key, authorization.card);
  const std::uint32_t next = authorizations_[slot].next;
  authorizations_[slot] = authorization;
  authorizations_[slot].next = next;
  if (!details.follow_ups.empty() || !details.charges.empty()) details_[slot] = std::move(details);
}

// Two sweeps over memory in its order and a small table: going to the card and its newest authorization for each would
// be three accesses in no order to tables of hundreds of megabytes.
void Ledger::link_restored() {
  std::vector<std::uint32_t> nearest(std::size_t{nodes_.cards.last()} + 1, HashIndex::kNone);
  const auto link = [&](std::uint32_t slot, std::uint32_t Authorization::*neighbour) {
    Authorization& authorization = authorizations_[slot];
    if (authorization.card == kNoNode || authorization.card >= nearest.size()) return;
    authorization.*neighbour = std::exchange(nearest[authorization.card], slot);
  };
  for (std::uint32_t slot = 0; slot < authorizations_.end(); ++slot)
    link(slot, &Authorization::older);
  for (NodeIndex card = 1; card < nearest.size(); ++card) {
    if (nearest[card] != HashIndex::kNone) nodes_.cards.at(card).newest_authorization = nearest[card];
  }
  std::fill(nearest.begin(), nearest.end(), HashIndex::kNone);
  for (std::uint32_t slot = authorizations_.end(); slot-- != 0;)
    link(slot, &Authorization::newer);
}

std::vector<Ledger::Moved> Ledger::give_away(NodeIndex card) {
  std::vector<Moved> moved;
  NodeSlot& node = *nodes_.cards.find(card);
  for (std::uint32_t slot = node.newest_authorization; slot != HashIndex::kNone;) {
    const std::uint32_t older = authorizations_[slot].older;
    Moved& each = moved.emplace_back();
    each.authorization = authorizations_[slot];
    if (const auto found = details_.find(slot); found != details_.end()) each.details = std::move(found->second);
    // Its place in the list by age stays until its turn comes: without a name and closed it is freed then.
    if (each.authorization.key != Key128{0, 0}) unname(slot);
    authorizations_[slot].card = kNoNode;
    authorizations_[slot].status = AuthorizationStatus::closed;
    authorizations_[slot].older = authorizations_[slot].newer = HashIndex::kNone;
    details_.erase(slot);
    slot = older;
  }
  node.newest_authorization = HashIndex::kNone;
  std::reverse(moved.begin(), moved.end());
  return moved;
}

void Ledger::take_over(std::vector<Moved> authorizations) {
  for (Moved& each : authorizations) {
    if (each.authorization.key == Key128{0, 0}) continue;  // forgotten, and only waiting to be freed
    each.authorization.older = each.authorization.newer = HashIndex::kNone;
    const std::uint32_t slot = add_authorization(each.authorization.key, each.authorization.card);
    const std::uint32_t next = authorizations_[slot].next;
    authorizations_[slot] = each.authorization;
    authorizations_[slot].next = next;
    if (!each.details.follow_ups.empty() || !each.details.charges.empty()) details_[slot] = std::move(each.details);
    link_to_card(slot);
  }
}

}  // namespace holdfast::engine
