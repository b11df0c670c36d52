// What a desk counts; read by the metrics from another thread.
//
// Threads: written by the desk's loop only, with relaxed atomics, so that reading never disturbs it.
// Units: events since the start.
#pragma once

#include <atomic>
#include <cstdint>

namespace holdfast::net {

class Counter {
 public:
  // The single writer's increment needs no locked instruction.
  void add(std::uint64_t amount = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  void set(std::uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

struct DeskCounters {
  Counter late_approvals_undone;
  Counter unconfirmed_holds;
  Counter flights_exhausted;
  Counter journal_full;
};

}  // namespace holdfast::net
