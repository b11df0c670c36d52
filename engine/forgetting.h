// The time by which a process forgets, from clocks of which each may be wrong: nothing may be forgotten that a replay,
// which goes by the times in the records, still knows.
//
// Threads: immutable.
// Invariants: what an earlier run decided is forgotten by that run's clock and the time that has passed since; what
// this run decided, by its own. Neither a jump of the wall clock nor a wrong one at the start brings it forward.
#pragma once

#include <algorithm>
#include <chrono>

#include "engine/instant.h"

namespace holdfast::engine {

class ForgettingClock {
 public:
  // `newest`: time of the newest record at the start; `longest`: after so long everything is forgotten that can be.
  ForgettingClock(Instant newest, Instant started_at, std::chrono::hours longest)
      : newest_(newest), started_at_(started_at), longest_(longest) {}

  // `passed` since the start, by a clock that does not jump.
  Instant now(Instant wall, std::chrono::milliseconds passed) const {
    // By then nothing is left of earlier runs; until then this run's own is too young.
    const Instant start = passed < longest_ ? std::min(newest_, started_at_) : started_at_;
    return std::min(wall, start + passed);
  }

 private:
  Instant newest_;
  Instant started_at_;
  std::chrono::milliseconds longest_;
};

}  // namespace holdfast::engine
