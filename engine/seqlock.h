// A value of several words that one thread changes and any thread reads whole, without a lock.
//
// Threads: store() and owner_load() on the one owner thread; load() on any thread.
// Invariants: a value that load() returns is one that store() was given (or T{}), never a mixture. sequence_ counts
// the stores; the copy it selects, even or odd, is complete, and the owner writes only the other one. So a reader never
// makes the owner wait, and an owner that is stopped, even in the middle of store(), never makes a reader wait: load()
// goes round again only when a store was completed in the meantime.
// Memory orders: the words are written with release and read with acquire, where the usual formulation has relaxed
// words between two fences, because ThreadSanitizer does not model fences. On x86-64 both are plain moves.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace holdfast::engine {

template <class T>
class Seqlock {
  static_assert(std::is_trivially_copyable_v<T>);
  static_assert(sizeof(T) % sizeof(std::uint64_t) == 0, "the value is copied word by word");

 public:
  explicit Seqlock(const T& initial = T{}) { write(copies_[0], initial); }
  Seqlock(const Seqlock&) = delete;
  Seqlock& operator=(const Seqlock&) = delete;

  void store(const T& value) {
    const std::uint64_t next = sequence_.load(std::memory_order_relaxed) + 1;
    write(copies_[next % 2], value);
    // Release: pairs with the first acquire in load(), which then finds every word of this copy.
    sequence_.store(next, std::memory_order_release);
  }

  T load() const {
    for (;;) {
      const std::uint64_t before = sequence_.load(std::memory_order_acquire);
      const Words words = read(copies_[before % 2], std::memory_order_acquire);
      // A word of a later store in `words` was read with acquire from a release store that came after sequence_ had
      // passed `before`; so this load, which cannot move up across an acquire, sees that and the copy is dropped.
      if (sequence_.load(std::memory_order_relaxed) == before) return std::bit_cast<T>(words);
    }
  }

  // The owner's own last value: nobody else writes, so there is nothing to check.
  T owner_load() const {
    const std::uint64_t current = sequence_.load(std::memory_order_relaxed);
    return std::bit_cast<T>(read(copies_[current % 2], std::memory_order_relaxed));
  }

 private:
  using Words = std::array<std::uint64_t, sizeof(T) / sizeof(std::uint64_t)>;
  using Copy = std::array<std::atomic<std::uint64_t>, sizeof(T) / sizeof(std::uint64_t)>;

  static void write(Copy& copy, const T& value) {
    const auto words = std::bit_cast<Words>(value);
    // Release: pairs with the acquire word loads in load().
    for (std::size_t i = 0; i < words.size(); ++i)
      copy[i].store(words[i], std::memory_order_release);
  }
  static Words read(const Copy& copy, std::memory_order order) {
    Words words;
    for (std::size_t i = 0; i < words.size(); ++i)
      words[i] = copy[i].load(order);
    return words;
  }

  std::atomic<std::uint64_t> sequence_{0};
  std::array<Copy, 2> copies_{};
};

}  // namespace holdfast::engine
