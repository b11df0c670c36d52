// A value of several words that one thread changes and any thread reads whole, without a lock.
//
// Threads: store() and owner_load() on the one owner thread; load() on any thread.
// Invariants: a value that load() returns is one that store() was given (or T{}), never a mixture. sequence_ is
// odd while store number sequence_ / 2 + 1 is being written, into the one of two copies that is not the last
// complete value. So a reader never makes the owner wait, and an owner that is stopped, even in the middle of
// store(), never makes a reader wait: load() goes round again only when the owner completed a store and began
// another one in the meantime.
// Memory orders: the words are written with release and read with acquire, where the usual formulation has
// relaxed words between two fences, because ThreadSanitizer does not model fences. On x86-64 both are plain
// moves.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

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
    const std::uint64_t complete = sequence_.load(std::memory_order_relaxed) / 2;
    // Release, both times: pairs with the first acquire in load(), which then finds every word of the complete copy.
    sequence_.store(2 * complete + 1, std::memory_order_release);
    write(copies_[(complete + 1) % 2], value);
    sequence_.store(2 * complete + 2, std::memory_order_release);
  }

  T load() const {
    for (;;) {
      const std::uint64_t complete = sequence_.load(std::memory_order_acquire) / 2;
      const Words words = read(copies_[complete % 2], std::memory_order_acquire);
      // The store after the next one writes to this copy. If one of its words was read, with acquire, then the sequence
      // number that it began with is seen here, as this load cannot move up across an acquire.
      if (sequence_.load(std::memory_order_relaxed) < 2 * complete + 3) return std::bit_cast<T>(words);
    }
  }

  // The owner's own last value: nobody else writes, so there is nothing to check.
  T owner_load() const {
    const std::uint64_t complete = sequence_.load(std::memory_order_relaxed) / 2;
    return std::bit_cast<T>(read(copies_[complete % 2], std::memory_order_relaxed));
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

// The same for words whose number is known at run time only. They begin as zeros.
class SharedWords {
 public:
  explicit SharedWords(std::size_t words) : copies_{Copy(words), Copy(words)} {}

  // `words`: as many as there are.
  void store(std::span<const std::uint64_t> words) {
    const std::uint64_t complete = sequence_.load(std::memory_order_relaxed) / 2;
    sequence_.store(2 * complete + 1, std::memory_order_release);
    Copy& copy = copies_[(complete + 1) % 2];
    for (std::size_t i = 0; i < words.size(); ++i)
      copy[i].store(words[i], std::memory_order_release);
    sequence_.store(2 * complete + 2, std::memory_order_release);
  }

  std::vector<std::uint64_t> load() const {
    std::vector<std::uint64_t> words(copies_[0].size());
    for (;;) {
      const std::uint64_t complete = sequence_.load(std::memory_order_acquire) / 2;
      const Copy& copy = copies_[complete % 2];
      for (std::size_t i = 0; i < words.size(); ++i)
        words[i] = copy[i].load(std::memory_order_acquire);
      if (sequence_.load(std::memory_order_relaxed) < 2 * complete + 3) return words;
    }
  }

 private:
  using Copy = std::vector<std::atomic<std::uint64_t>>;
  std::atomic<std::uint64_t> sequence_{0};
  std::array<Copy, 2> copies_;
};

}  // namespace holdfast::engine
