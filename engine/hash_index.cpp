#include "engine/hash_index.h"

#include <bit>
#include <cstdlib>

namespace holdfast::engine {
namespace {

constexpr std::size_t kCapacityMin = 1024;
// An insert moves this many old entries. The new table has room for at least a quarter of its capacity before it fills,
// so moving 8 per insert empties an old table of half its size long before that.
constexpr std::size_t kMovesPerInsert = 8;

}  // namespace

// Costs nothing up front: the memory is zero until it is touched.
HashIndex::Entries HashIndex::make(std::size_t capacity) {
  return {make_large<Entry>(capacity), capacity, 0};
}

HashIndex::HashIndex(std::size_t expected)
    : current_(make(std::bit_ceil(expected + expected / 2 > kCapacityMin ? expected + expected / 2 : kCapacityMin))) {}

void HashIndex::put(Entries& table, std::uint32_t hash, std::uint32_t mark) {
  std::size_t i = hash & (table.capacity - 1);
  while (table.entries[i].mark != kEmpty)
    i = (i + 1) & (table.capacity - 1);
  table.entries[i] = {hash, mark};
  ++table.filled;
}

bool HashIndex::erase_in(Entries& table, std::uint32_t hash, std::uint32_t mark) {
  if (table.capacity == 0) return false;
  for (std::size_t i = hash & (table.capacity - 1); table.entries[i].mark != kEmpty;
       i = (i + 1) & (table.capacity - 1)) {
    Entry& entry = table.entries[i];
    if (entry.mark == mark && entry.hash == hash) {
      entry.mark = kErased;
      return true;
    }
  }
  return false;
}

void HashIndex::migrate_some() {
  for (std::size_t moved = 0; old_.capacity != 0 && moved < kMovesPerInsert; ++moved) {
    Entry& entry = old_.entries[migrated_];
    if (entry.mark > kErased) {
      put(current_, entry.hash, entry.mark);
      entry.mark = kErased;  // not kEmpty: probes must still pass over it
    }
    if (++migrated_ == old_.capacity) old_ = Entries{};
  }
}

void HashIndex::grow_if_full() {
  if (current_.filled < current_.capacity / 4 * 3) return;
  while (old_.capacity != 0)
    migrate_some();
  old_ = std::move(current_);
  migrated_ = 0;
  // Erased entries are left behind: a table full of them is renewed at its size instead of doubled.
  current_ = make(size_ > old_.capacity / 3 ? old_.capacity * 2 : old_.capacity);
}

void HashIndex::insert(std::uint32_t hash, std::uint32_t slot) {
  grow_if_full();
  migrate_some();
  put(current_, hash, slot + kFirst);
  ++size_;
}

void HashIndex::erase(std::uint32_t hash, std::uint32_t slot) {
  if (!erase_in(current_, hash, slot + kFirst) && !erase_in(old_, hash, slot + kFirst)) std::abort();
  --size_;
}

}  // namespace holdfast::engine
