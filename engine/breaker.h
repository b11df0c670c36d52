// The loop breaker of a card: sees every request and its answer, and says when the card declines whatever is asked.
//
// Threads: pure functions on the words of the owner (counters.h).
// Invariants: closed, a breaker trips by its rules; tripped, it declines until its cooldown ends and then lets one
// request be tried. What it declined itself is not counted. Repeats are looked for among the last kRecentRequests.
// Source: semantics, "Loop breaker".
#pragma once

#include <cstdint>
#include <vector>

#include "engine/counters.h"
#include "engine/instant.h"
#include "engine/rules.h"

namespace holdfast::engine {

inline constexpr std::size_t kRecentRequests = 128;
inline constexpr std::size_t kTripsKept = 16;

enum class TripCause : std::uint8_t { declines = 0, repeats = 1, half_open = 2 };

struct Trip {
  Instant at;
  Instant until;
  TripCause cause = TripCause::declines;
  friend bool operator==(const Trip&, const Trip&) = default;
};

std::size_t breaker_words();

// Until when it declines; kNoInstant when it does not.
Instant breaker_declines_until(ConstWords breaker, Instant now);
// Tripped, and the cooldown is over: the next request is the one that is tried.
bool breaker_is_half_open(ConstWords breaker, Instant now);

// Enters a request that was decided otherwise than by the breaker. `request`: hash of merchant and amount. True: it
// trips now.
bool note_decision(const LoopBreaker& rules, Words breaker, std::uint64_t request, bool approved, Instant now);

// How often it tripped, and the last kTripsKept trips, newest first.
std::uint64_t trips_of(ConstWords breaker);
std::vector<Trip> last_trips(ConstWords breaker);

}  // namespace holdfast::engine
