// Local time: a time zone's rules as data, and the fixed windows that start at local midnight.
//
// Threads: immutable values and pure functions.
// Units: Instant is UTC; offsets are seconds east of UTC.
// The engine does not read a time zone database: rules are an input, journaled when first used, so that a replay on a
// machine with a newer database gives the same windows.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/instant.h"

namespace holdfast::engine {

struct ZoneRules {
  struct Transition {
    Instant at;                   // first instant at which the offset below is in force
    std::int32_t offset_seconds;  // east of UTC
    friend bool operator==(const Transition&, const Transition&) = default;
  };
  std::string name;                       // IANA name, "America/New_York"
  std::int32_t first_offset_seconds = 0;  // in force before the first transition
  std::vector<Transition> transitions;    // ascending by `at`; the last one holds for ever after
  friend bool operator==(const ZoneRules&, const ZoneRules&) = default;
};

// The zone "UTC", with no transitions.
const ZoneRules& utc();

std::int32_t offset_at(const ZoneRules& zone, Instant instant);

// `rolling` has its length in the limit (rules.h).
enum class WindowKind : std::uint8_t { authorization = 0, hour, day, week, month, year, lifetime, rolling };
inline constexpr int kWindowKinds = 8;
std::string_view window_name(WindowKind kind);

enum class Weekday : std::uint8_t { monday = 0, tuesday, wednesday, thursday, friday, saturday, sunday };

// A fixed window [start, end) in which an instant lies. `authorization`, `lifetime` and `rolling` have no bounds: they
// give [Instant::min(), Instant::max()).
struct Window {
  Instant start;
  Instant end;
};

// The window of `kind` that contains `instant`, in local time of `zone`. Day, week, month and year begin at the first
// instant of their first local day (which is local midnight, or the end of the gap when a daylight saving change skips
// midnight; the first of two when it repeats). Hours begin on the local hour and never span an offset change.
Window window_at(WindowKind kind, Instant instant, const ZoneRules& zone, Weekday week_start);

}  // namespace holdfast::engine
