// What was answered at a deadline, before anything about it was durable, for the restart after a kill. A port, like
// journal.h: it names no store.
//
// Threads: slots are independent of each other. Two threads may note the same bytes in one slot at once; whoever clears
// it does so alone. Invariants: what note() has returned from survives a kill of the process (not a power failure).
// Neither call enters the kernel, so that a disk that stands still holds no answer up.
#pragma once

#include <cstddef>
#include <span>

namespace holdfast::engine {

class LateAnswers {
 public:
  virtual ~LateAnswers() = default;
  // Before the first byte of the answer leaves: `record` is what a restart has to journal when it finds nothing of the
  // message, a Withdraw without a decision.
  virtual void note(std::size_t slot, std::span<const std::byte> record) = 0;
  // The journal itself has the answer now.
  virtual void clear(std::size_t slot) = 0;
};

}  // namespace holdfast::engine
