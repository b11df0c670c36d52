// Index from a 32-bit hash to slot numbers of an array that somebody else keeps: a hash map without the entries.
//
// Threads: one thread at a time.
// Invariants: an entry is 8 bytes whatever it points at. The table never stops to rehash: when it outgrows itself, a
// new one is filled a few entries at a time by the inserts that follow, and look-ups ask both until the old is empty.
// Ownership: holds numbers only; equality is the caller's.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/large_memory.h"

namespace holdfast::engine {

class HashIndex {
 public:
  static constexpr std::uint32_t kNone = 0xFFFF'FFFF;  // no slot; slots are below kSlotMax
  static constexpr std::uint32_t kSlotMax = 0xFFFF'FFF0;

  explicit HashIndex(std::size_t expected = 0);

  // The slot among those with this hash for which equals(slot) holds; kNone when there is none.
  template <class Equals>
  std::uint32_t find(std::uint32_t hash, Equals&& equals) const {
    const std::uint32_t slot = find_in(current_, hash, equals);
    return slot != kNone || old_.capacity == 0 ? slot : find_in(old_, hash, equals);
  }
  // The pair must not be present.
  void insert(std::uint32_t hash, std::uint32_t slot);
  // The pair must be present.
  void erase(std::uint32_t hash, std::uint32_t slot);
  std::size_t size() const { return size_; }
  // Makes room for so many entries in one go; only while the index is empty.
  void reserve(std::size_t expected) {
    if (size_ == 0) *this = HashIndex(expected);
  }
  // Brings the entry's cache line near; call it some work before find() or insert().
  void prefetch(std::uint32_t hash) const { __builtin_prefetch(&current_.entries[hash & (current_.capacity - 1)]); }

 private:
  struct Entry {
    std::uint32_t hash;
    std::uint32_t mark;  // kEmpty, kErased, or slot + kFirst
  };
  static constexpr std::uint32_t kEmpty = 0;
  static constexpr std::uint32_t kErased = 1;
  static constexpr std::uint32_t kFirst = 2;
  struct Entries {
    LargeArray<Entry> entries;
    std::size_t capacity = 0;  // a power of two; 0: no table
    std::size_t filled = 0;    // not kEmpty
  };

  template <class Equals>
  static std::uint32_t find_in(const Entries& table, std::uint32_t hash, Equals&& equals) {
    for (std::size_t i = hash & (table.capacity - 1);; i = (i + 1) & (table.capacity - 1)) {
      const Entry& entry = table.entries[i];
      if (entry.mark == kEmpty) return kNone;
      if (entry.mark != kErased && entry.hash == hash && equals(entry.mark - kFirst)) return entry.mark - kFirst;
    }
  }
  static Entries make(std::size_t capacity);
  static void put(Entries& table, std::uint32_t hash, std::uint32_t mark);
  static bool erase_in(Entries& table, std::uint32_t hash, std::uint32_t mark);
  void migrate_some();
  void grow_if_full();

  Entries current_;
  Entries old_;
  std::size_t migrated_ = 0;  // entries of old_ below this have moved
  std::size_t size_ = 0;
};

}  // namespace holdfast::engine
