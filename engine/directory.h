// Directory: from a 128-bit key to a 32-bit value, written and read by any thread without a lock.
//
// Threads: every function from any thread. All are lock-free: no thread waits for what another one has begun.
// Invariants: a key is in at most one slot, whoever races to insert it; a key is never removed.
// Ownership: memory is given back by the destructor only, so a reader needs no guard.
//
// Why a key is unique. A slot is three words, each written once from zero: most of the key, the rest of it, and
// the value together with the last key bits. An insertion goes through the key's window of slots in a fixed
// order, table after table, and passes a slot only when a word of it already contradicts the key; as words never
// change again, everyone with that key passes it too. So all stop at the same slot, help each other to fill it
// word by word, and the one whose compare-and-swap sets the value word has inserted. A slot without its value
// word is a key that is not there yet: find() treats it as absent, which is right because the insertion takes
// effect only with that word.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "engine/key128.h"

namespace holdfast::engine {

class Directory {
 public:
  // `expected` keys are found in one probe or few; beyond that, tables of twice the size are chained.
  explicit Directory(std::size_t expected);
  ~Directory();
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  std::optional<std::uint32_t> find(Key128 key) const;
  // False, and nothing changed, when the key is there. May throw std::bad_alloc when it has to grow; nothing is
  // inserted then.
  bool insert(Key128 key, std::uint32_t value);
  // Brings near what insert() will look at, unless the directory has been outgrown.
  void expect(Key128 key) const;
  // Gives an existing key another value; false when the key is not there. Of racing calls the last one stands.
  bool assign(Key128 key, std::uint32_t value);

  // Tables chained so far, 1 or more: how often the number expected was outgrown.
  std::size_t tables() const;

 private:
  struct Slot;
  struct Table;
  struct Words;

  static constexpr std::size_t kTablesMax = 32;
  Slot* find_slot(const Words& wanted) const;
  Table& table_at(std::size_t depth);

  std::size_t first_capacity_;
  std::array<std::atomic<Table*>, kTablesMax> tables_{};
};

}  // namespace holdfast::engine
