// Puts one thread to sleep until another has work for it, without a system call while it is awake.
//
// Threads: one sleeper, any number of ringers.
// Protocol: a ringer makes its work visible with a sequentially consistent store and then rings; the sleeper announces
// its sleep, looks for work once more, and only then sleeps. In the one order of these four operations either the
// ringer sees the announcement or the sleeper sees the work, so no ring is lost.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace holdfast::storage {

class Doorbell {
 public:
  void ring() {
    if (asleep_.load(std::memory_order_seq_cst) != 0) wake();
  }

  // Sleeps until rung or for `timeout_max`, unless `has_work()` says that there is something to do.
  template <class HasWork>
  void sleep(std::chrono::nanoseconds timeout_max, HasWork&& has_work) {
    asleep_.store(1, std::memory_order_seq_cst);
    if (!has_work()) wait(timeout_max);
    asleep_.store(0, std::memory_order_relaxed);
  }

 private:
  void wake();
  void wait(std::chrono::nanoseconds timeout_max);

  alignas(64) std::atomic<std::uint32_t> asleep_{0};
};

}  // namespace holdfast::storage
