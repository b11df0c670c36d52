#include "storage/doorbell.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ctime>

namespace holdfast::storage {
namespace {

long futex(std::atomic<std::uint32_t>& word, int operation, std::uint32_t value, const timespec* timeout) {
  static_assert(sizeof word == sizeof(std::uint32_t));
  return ::syscall(SYS_futex, &word, operation | FUTEX_PRIVATE_FLAG, value, timeout, nullptr, 0);
}

}  // namespace

void Doorbell::wake() {
  // Of several ringers one makes the call. Pairs with the sleeper's store of 1.
  if (asleep_.exchange(0, std::memory_order_seq_cst) != 0) futex(asleep_, FUTEX_WAKE, 1, nullptr);
}

void Doorbell::wait(std::chrono::nanoseconds timeout_max) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(timeout_max);
  timespec timeout{};
  timeout.tv_sec = seconds.count();
  timeout.tv_nsec = (timeout_max - seconds).count();
  // Returns at once when rung in between; early returns only cost the caller another look.
  futex(asleep_, FUTEX_WAIT, 1, &timeout);
}

}  // namespace holdfast::storage
