// What the calling thread, or another process, has used of the processors.
//
// Threads: any. Units: nanoseconds. Errors: what the system does not tell is zero, and nothing for another process.
#pragma once

#include <cstdint>
#include <optional>

#include "bench/load/pacing.h"

namespace holdfast::load {

struct ThreadUsage {
  Nanos running = 0;
  Nanos waiting = 0;  // ready to run, while others did
};
ThreadUsage usage_of_this_thread();

// User and system time of all threads of the process; nullopt when there is none of this id.
std::optional<Nanos> processor_time_of(int pid);

// The steady clock.
Nanos steady_now();

}  // namespace holdfast::load
