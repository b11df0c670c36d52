// The engine's notion of time: a point on the UTC wall clock, passed in by the caller.
//
// Threads: value type.
// Units: milliseconds since 1970-01-01T00:00:00Z. The engine never reads a clock; every function that needs the time
// takes it as an argument (semantics: "one clock read per request, passed down").
#pragma once

#include <chrono>
#include <cstdint>

namespace holdfast::engine {

using Instant = std::chrono::sys_time<std::chrono::milliseconds>;

// Stands for "no instant" in stored records, where an optional would cost a byte and a branch.
inline constexpr Instant kNoInstant = Instant::min();

constexpr std::int64_t to_millis(Instant instant) {
  return instant.time_since_epoch().count();
}
constexpr Instant from_millis(std::int64_t millis) {
  return Instant{std::chrono::milliseconds{millis}};
}

}  // namespace holdfast::engine
