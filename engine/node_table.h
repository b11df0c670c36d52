// All nodes of the process, by their dense numbers: written each by its owner loop, read by anybody.
//
// Threads: slot contents follow the rules of NodeSlot; allocate(), at() and find() may be called from any thread at any
// time and never wait.
// Invariants: a slot's address never changes; a slot whose profile is null is not (yet) a node.
// Ownership: the table owns its slots and the profiles they point at when it is destroyed.
// Units: numbers count from 1; those of budgets have kBudgetBit.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>

#include "engine/large_memory.h"
#include "engine/node.h"
#include "engine/seqlock.h"

namespace holdfast::engine {

// Whole trees belong to loop 0, and a card that was ever in one while the process runs; other cards to the loop that
// their number gives. On its way to loop 0 a card is first leaving, which means that its authorizations are still where
// they were, and then moving.
enum class Placement : std::uint8_t { by_number = 0, leaving = 1, moving = 2, in_tree = 3 };

struct alignas(64) NodeSlot {
  // Readers load with acquire under an epoch guard (epoch.h); the owner stores with release and retires the old one.
  std::atomic<const NodeProfile*> profile{nullptr};
  Seqlock<NodeBalance> balance;
  // Owner only: the authorization list of the card, newest first (slot number in the owner's ledger).
  std::uint32_t newest_authorization = 0xFFFF'FFFF;
  // Which loop owns a card. Written by the owner (`leaving` and `moving` by the one that gives, `in_tree` by the one
  // that takes).
  std::atomic<Placement> placement{Placement::by_number};
};

class NodeTable {
 public:
  static constexpr NodeIndex kNodesMax = (1U << 28) - 1;

  // `bit`: in every number of this table.
  explicit NodeTable(NodeIndex bit = 0);
  ~NodeTable();
  NodeTable(const NodeTable&) = delete;
  NodeTable& operator=(const NodeTable&) = delete;

  // A number that nobody else gets. It stays unused if the creation that wanted it fails. kNoNode when all are taken.
  NodeIndex allocate();
  // Never hands out a number up to `index` again; for recovery.
  void reserve_through(NodeIndex index);
  // The slot, made if need be. index is 1 to kNodesMax, with the table's bit.
  NodeSlot& at(NodeIndex index);
  // The slot, or null when no slot of its neighbourhood was made yet. 0 and numbers that are too large give null.
  NodeSlot* find(NodeIndex index) const;
  // Bring near what a decision on the card will use: first its slot; when that is there, its profile.
  void expect(NodeIndex index) const {
    if (const NodeSlot* slot = find(index)) prefetch(slot);
  }
  void expect_profile(NodeIndex index) const {
    const NodeSlot* slot = find(index);
    if (slot != nullptr) prefetch(slot->profile.load(std::memory_order_relaxed));
  }
  // Calls visit(index, slot) for every node that is there, in the order of their numbers.
  template <class Visit>
  void for_each(Visit&& visit) const;
  // The highest number handed out so far; kNoNode when none.
  NodeIndex last() const {
    const NodeIndex last = last_.load(std::memory_order_acquire);
    return last == 0 ? kNoNode : last | bit_;
  }

 private:
  static constexpr std::size_t kChunk = 256;
  static constexpr std::size_t kChunks = (std::size_t{kNodesMax} + 1) / kChunk;
  using Chunk = std::array<NodeSlot, kChunk>;

  struct Release {
    void operator()(std::atomic<Chunk*>* chunks) const;
  };
  const NodeIndex bit_;
  std::unique_ptr<std::atomic<Chunk*>[], Release> chunks_;
  std::atomic<NodeIndex> last_{0};
};

template <class Visit>
void NodeTable::for_each(Visit&& visit) const {
  const NodeIndex last = last_.load(std::memory_order_acquire);
  for (NodeIndex number = 1; number <= last; ++number) {
    const NodeSlot* slot = find(number | bit_);
    if (slot != nullptr && slot->profile.load(std::memory_order_acquire) != nullptr) visit(number | bit_, *slot);
  }
}

// What the binding of a key may say: nothing, or a number that a card or budget can have.
constexpr bool may_be_bound_to(NodeIndex node) {
  const NodeIndex number = node & ~kBudgetBit;
  return node == kNoNode || (number != 0 && number <= NodeTable::kNodesMax);
}

struct Nodes {
  NodeTable cards;
  NodeTable budgets{kBudgetBit};

  NodeTable& table_of(NodeIndex node) { return is_budget(node) ? budgets : cards; }
  NodeSlot& at(NodeIndex node) { return table_of(node).at(node); }
  NodeSlot* find(NodeIndex node) const { return (is_budget(node) ? budgets : cards).find(node); }
  // The profile, for the owner or under an epoch guard; null when there is no such node.
  const NodeProfile* profile(NodeIndex node) const {
    const NodeSlot* slot = find(node);
    return slot == nullptr ? nullptr : slot->profile.load(std::memory_order_acquire);
  }
};

}  // namespace holdfast::engine
