// All cards of the process, by their dense number: written each by its owner loop, read by anybody.
//
// Threads: slot contents follow the rules of CardSlot; allocate(), at() and find() may be called from any thread at any
// time and never wait.
// Invariants: a slot's address never changes; a slot whose profile is null is not (yet) a card.
// Ownership: the table owns its slots and the profiles they point at when it is destroyed.
// Units: cards count from 1.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>

#include "engine/card.h"
#include "engine/large_memory.h"
#include "engine/seqlock.h"

namespace holdfast::engine {

struct alignas(64) CardSlot {
  // Readers load with acquire under an epoch guard (epoch.h); the owner stores with release and retires the old one.
  std::atomic<const CardProfile*> profile{nullptr};
  Seqlock<CardBalance> balance;
  // Owner only: the authorization list of the card, newest first (slot number in the owner's ledger).
  std::uint32_t newest_authorization = 0xFFFF'FFFF;
};

class CardTable {
 public:
  static constexpr CardIndex kCardsMax = (1U << 28) - 1;

  CardTable();
  ~CardTable();
  CardTable(const CardTable&) = delete;
  CardTable& operator=(const CardTable&) = delete;

  // A number that nobody else gets. It stays unused if the creation that wanted it fails. kNoCard when all are taken.
  CardIndex allocate();
  // Never hands out a number up to `index` again; for recovery.
  void reserve_through(CardIndex index);
  // The slot, made if need be. index is 1 to kCardsMax.
  CardSlot& at(CardIndex index);
  // The slot, or null when no slot of its neighbourhood was made yet. 0 and numbers that are too large give null.
  CardSlot* find(CardIndex index) const;
  // Bring near what a decision on the card will use: first its slot; when that is there, its profile.
  void expect(CardIndex index) const {
    if (const CardSlot* slot = find(index)) prefetch(slot);
  }
  void expect_profile(CardIndex index) const {
    const CardSlot* slot = find(index);
    if (slot != nullptr) prefetch(slot->profile.load(std::memory_order_relaxed));
  }
  // The highest number handed out so far; 0 when none.
  CardIndex last() const { return last_.load(std::memory_order_acquire); }

 private:
  static constexpr std::size_t kChunk = 256;
  static constexpr std::size_t kChunks = (std::size_t{kCardsMax} + 1) / kChunk;
  using Chunk = std::array<CardSlot, kChunk>;

  struct Release {
    void operator()(std::atomic<Chunk*>* chunks) const;
  };
  std::unique_ptr<std::atomic<Chunk*>[], Release> chunks_;
  std::atomic<CardIndex> last_{0};
};

}  // namespace holdfast::engine
