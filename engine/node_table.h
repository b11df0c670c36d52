// All cards of the process, by their dense number: written each by its owner loop, read by anybody.
//
// Threads: slot contents follow the rules of NodeSlot; allocate(), at() and find() may be called from any thread at any
// time and never wait.
// Invariants: a slot's address never changes; a slot whose profile is null is not (yet) a card.
// Ownership: the table owns its slots and the profiles they point at when it is destroyed.
// Units: cards count from 1.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>

#include "engine/node.h"
#include "engine/large_memory.h"
#include "engine/seqlock.h"

namespace holdfast::engine {

struct alignas(64) NodeSlot {
  // Readers load with acquire under an epoch guard (epoch.h); the owner stores with release and retires the old one.
  std::atomic<const NodeProfile*> profile{nullptr};
  Seqlock<NodeBalance> balance;
  // Owner only: the authorization list of the card, newest first (slot number in the owner's ledger).
  std::uint32_t newest_authorization = 0xFFFF'FFFF;
};

class NodeTable {
 public:
  static constexpr NodeIndex kNodesMax = (1U << 28) - 1;

  NodeTable();
  ~NodeTable();
  NodeTable(const NodeTable&) = delete;
  NodeTable& operator=(const NodeTable&) = delete;

  // A number that nobody else gets. It stays unused if the creation that wanted it fails. kNoNode when all are taken.
  NodeIndex allocate();
  // Never hands out a number up to `index` again; for recovery.
  void reserve_through(NodeIndex index);
  // The slot, made if need be. index is 1 to kNodesMax.
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
  // The highest number handed out so far; 0 when none.
  NodeIndex last() const { return last_.load(std::memory_order_acquire); }

 private:
  static constexpr std::size_t kChunk = 256;
  static constexpr std::size_t kChunks = (std::size_t{kNodesMax} + 1) / kChunk;
  using Chunk = std::array<NodeSlot, kChunk>;

  struct Release {
    void operator()(std::atomic<Chunk*>* chunks) const;
  };
  std::unique_ptr<std::atomic<Chunk*>[], Release> chunks_;
  std::atomic<NodeIndex> last_{0};
};

}  // namespace holdfast::engine
