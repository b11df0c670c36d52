#include "engine/directory.h"

#include <bit>
#include <cstdlib>
#include <memory>
#include <new>

#include "engine/large_memory.h"

namespace holdfast::engine {
namespace {

constexpr std::size_t kWindow = 16;  // slots in which a key may lie, in each table
constexpr std::size_t kCapacityMin = 64;
constexpr std::uint64_t kWritten = std::uint64_t{1} << 63;  // a word is zero until it is written
constexpr int kValueBits = 32;

}  // namespace

// Plain words behind std::atomic_ref, so that a large table is zero pages from the system until it is used.
struct Directory::Slot {
  std::uint64_t first;
  std::uint64_t second;
  std::uint64_t last;  // bits 0 to 31 the value, 32 and 33 the last bits of the key
};

// A key as the words of a slot: 63 bits, 63 bits, 2 bits.
struct Directory::Words {
  explicit Words(Key128 key)
      : first(kWritten | (key.hi >> 1)),
        second(kWritten | (((key.hi & 1) << 62) | (key.lo >> 2))),
        last(kWritten | ((key.lo & 3) << kValueBits)),
        hash(mix(key)) {}

  // Keys are hashes already, but not all of their bits need be.
  static std::uint64_t mix(Key128 key) {
    std::uint64_t x = key.hi * 0x9E37'79B9'7F4A'7C15 + key.lo;
    x = (x ^ (x >> 32)) * 0xD6E8'FEB8'6659'FD93;
    x = (x ^ (x >> 32)) * 0xD6E8'FEB8'6659'FD93;
    return x ^ (x >> 32);
  }
  // Does the written last word belong to this key?
  bool owns(std::uint64_t last_word) const { return (last_word >> kValueBits) == (last >> kValueBits); }

  std::uint64_t first;
  std::uint64_t second;
  std::uint64_t last;  // with value 0
  std::uint64_t hash;
};

struct Directory::Table {
  Table(std::size_t capacity, std::size_t depth)
      : slots(static_cast<Slot*>(std::calloc(capacity + kWindow, sizeof(Slot))), &std::free),
        shift(64 - std::countr_zero(capacity)),
        turn(static_cast<int>(depth * 21 % 64)) {
    if (slots == nullptr) throw std::bad_alloc();
  }
  // Each table takes other bits of the hash: neighbours in a full window are not neighbours in the next table.
  Slot* window(const Words& wanted) { return slots.get() + (std::rotl(wanted.hash, turn) >> shift); }

  std::unique_ptr<Slot[], decltype(&std::free)> slots;
  int shift;
  int turn;
};

namespace {

// Key words are relaxed: each is final once it is written, so which slot is a key's follows from the order of changes
// of single words, and what is published with a key is published by its last word.
std::uint64_t load_key_word(std::uint64_t& word) {
  return std::atomic_ref(word).load(std::memory_order_relaxed);
}

// Writes the key word or helps another with the same one; false when it contradicts the key.
// Without a look at it first: a page that is read before it is written takes two faults.
bool claim(std::uint64_t& word, std::uint64_t wanted) {
  std::uint64_t found = 0;
  return std::atomic_ref(word).compare_exchange_strong(found, wanted, std::memory_order_relaxed) || found == wanted;
}

// Acquire: pairs with the releases of insert() and assign(); whoever finds a value sees what was written before it.
std::uint64_t load_last_word(std::uint64_t& word) {
  return std::atomic_ref(word).load(std::memory_order_acquire);
}

}  // namespace

Directory::Directory(std::size_t expected) {
  // Half full at most, so that windows rarely fill.
  const std::size_t capacity = std::bit_ceil(expected < kCapacityMin / 2 ? kCapacityMin : expected * 2);
  first_capacity_ = capacity;
  // Relaxed: nobody else has the directory yet.
  tables_[0].store(new Table(capacity, 0), std::memory_order_relaxed);
}

Directory::~Directory() {
  for (const auto& table : tables_)
    delete table.load(std::memory_order_relaxed);
}

std::size_t Directory::tables() const {
  std::size_t count = 0;
  while (count < kTablesMax && tables_[count].load(std::memory_order_acquire) != nullptr)
    ++count;
  return count;
}

Directory::Table& Directory::table_at(std::size_t depth) {
  // The last table would be 2^31 times the first one: memory ends before.
  if (depth == kTablesMax) throw std::bad_alloc();
  // Acquire: pairs with the exchange below; the table is complete.
  Table* table = tables_[depth].load(std::memory_order_acquire);
  if (table != nullptr) return *table;
  auto made = std::make_unique<Table>(first_capacity_ << depth, depth);
  // Release: publishes the new table. When another was first, acquire sees that one, and this one goes.
  if (tables_[depth].compare_exchange_strong(table, made.get(), std::memory_order_acq_rel, std::memory_order_acquire)) {
    return *made.release();
  }
  return *table;
}

bool Directory::insert(Key128 key, std::uint32_t value) {
  const Words wanted(key);
  for (std::size_t depth = 0;; ++depth) {
    Slot* const window = table_at(depth).window(wanted);
    for (Slot* slot = window; slot != window + kWindow; ++slot) {
      if (!claim(slot->first, wanted.first) || !claim(slot->second, wanted.second)) continue;
      std::uint64_t found = 0;
      // Release: pairs with load_last_word(). Acquire on failure: the loser sees what the winner published.
      if (std::atomic_ref(slot->last)
              .compare_exchange_strong(found, wanted.last | value, std::memory_order_release,
                                       std::memory_order_acquire)) {
        return true;
      }
      if (wanted.owns(found)) return false;
    }
  }
}

void Directory::expect(Key128 key) const {
  prefetch(tables_[0].load(std::memory_order_relaxed)->window(Words(key)));
}

Directory::Slot* Directory::find_slot(const Words& wanted) const {
  for (const auto& next : tables_) {
    Table* const table = next.load(std::memory_order_acquire);
    if (table == nullptr) return nullptr;
    Slot* const window = table->window(wanted);
    for (Slot* slot = window; slot != window + kWindow; ++slot) {
      const std::uint64_t first = load_key_word(slot->first);
      // An insertion of this key would have stopped here: it is not further on.
      if (first == 0) return nullptr;
      if (first != wanted.first || load_key_word(slot->second) != wanted.second) continue;
      if (wanted.owns(load_last_word(slot->last))) return slot;
    }
  }
  return nullptr;
}

std::optional<std::uint32_t> Directory::find(Key128 key) const {
  Slot* const slot = find_slot(Words(key));
  if (slot == nullptr) return std::nullopt;
  return static_cast<std::uint32_t>(load_last_word(slot->last));
}

bool Directory::assign(Key128 key, std::uint32_t value) {
  const Words wanted(key);
  Slot* const slot = find_slot(wanted);
  if (slot == nullptr) return false;
  // The key bits of the word stay as they are. Release: pairs with load_last_word().
  std::atomic_ref(slot->last).store(wanted.last | value, std::memory_order_release);
  return true;
}

}  // namespace holdfast::engine
