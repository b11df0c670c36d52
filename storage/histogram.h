// A histogram over powers of two that one thread fills and any thread reads.
//
// Threads: record() from one thread, the rest from any; relaxed atomics, so a reader may see a count without its sum.
// Units: those of the recorded values.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace holdfast::storage {

class Histogram {
 public:
  // Bucket i holds values in (upper_bound(i - 1), upper_bound(i)]; the last one everything above.
  static constexpr std::size_t kBuckets = 25;
  static constexpr std::uint64_t upper_bound(std::size_t bucket) { return std::uint64_t{1} << bucket; }

  void record(std::uint64_t value) {
    const auto wanted = static_cast<std::size_t>(value <= 1 ? 0 : std::bit_width(value - 1));
    add(buckets_[wanted < kBuckets ? wanted : kBuckets - 1], 1);
    add(sum_, value);
    add(count_, 1);
  }
  std::uint64_t in_bucket(std::size_t bucket) const { return buckets_[bucket].load(std::memory_order_relaxed); }
  std::uint64_t sum() const { return sum_.load(std::memory_order_relaxed); }
  std::uint64_t count() const { return count_.load(std::memory_order_relaxed); }

 private:
  static void add(std::atomic<std::uint64_t>& counter, std::uint64_t value) {
    counter.store(counter.load(std::memory_order_relaxed) + value, std::memory_order_relaxed);
  }
  std::array<std::atomic<std::uint64_t>, kBuckets> buckets_{};
  std::atomic<std::uint64_t> sum_{0};
  std::atomic<std::uint64_t> count_{0};
};

}  // namespace holdfast::storage
