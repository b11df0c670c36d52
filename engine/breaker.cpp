#include "engine/breaker.h"

#include <algorithm>
#include <bit>

namespace holdfast::engine {
namespace {

// The words: a head, the instants of the last declines, the last requests (hash, instant), the last trips (at, until,
// cause); each list a ring of which the head counts the entries.
enum Head : std::size_t { kTripped = 0, kUntil, kTrips, kDeclines, kRequests, kHeadWords };
constexpr std::size_t kDeclineList = kHeadWords;
constexpr std::size_t kRequestList = kDeclineList + kDeclinesMax;
constexpr std::size_t kTripList = kRequestList + 2 * kRecentRequests;
constexpr std::size_t kWords = kTripList + 3 * kTripsKept;

std::uint64_t word_of(Instant at) {
  return std::bit_cast<std::uint64_t>(to_millis(at));
}
Instant instant_of(std::uint64_t word) {
  return from_millis(std::bit_cast<std::int64_t>(word));
}

void forget(Words breaker) {
  breaker[kTripped] = 0;
  breaker[kDeclines] = 0;
  breaker[kRequests] = 0;
}

void trip(const LoopBreaker& rules, Words breaker, Instant now, TripCause cause) {
  forget(breaker);
  const Instant until = now + std::chrono::seconds(rules.cooldown_seconds);
  const Words place = breaker.subspan(kTripList + 3 * (breaker[kTrips]++ % kTripsKept), 3);
  place[0] = word_of(now);
  place[1] = word_of(until);
  place[2] = static_cast<std::uint64_t>(cause);
  breaker[kTripped] = 1;
  breaker[kUntil] = word_of(until);
}

// This decline, and whether it is one too many.
bool note_decline(const LoopBreaker& rules, Words breaker, Instant since, Instant now) {
  const std::uint64_t number = breaker[kDeclines]++;
  breaker[kDeclineList + number % kDeclinesMax] = word_of(now);
  if (breaker[kDeclines] < rules.declines) return false;
  return instant_of(breaker[kDeclineList + (breaker[kDeclines] - rules.declines) % kDeclinesMax]) > since;
}

bool note_request(const LoopBreaker& rules, Words breaker, std::uint64_t request, Instant since, Instant now) {
  const std::uint64_t number = breaker[kRequests]++;
  const Words place = breaker.subspan(kRequestList + 2 * (number % kRecentRequests), 2);
  place[0] = request;
  place[1] = word_of(now);
  const std::size_t kept = std::min<std::uint64_t>(breaker[kRequests], kRecentRequests);
  std::size_t same = 0;
  for (std::size_t i = 0; i < kept; ++i) {
    const ConstWords each = breaker.subspan(kRequestList + 2 * i, 2);
    if (each[0] == request && instant_of(each[1]) > since) ++same;
  }
  return same >= rules.repeats;
}

}  // namespace

std::size_t breaker_words() {
  return kWords;
}

Instant breaker_declines_until(ConstWords breaker, Instant now) {
  if (breaker[kTripped] == 0 || now >= instant_of(breaker[kUntil])) return kNoInstant;
  return instant_of(breaker[kUntil]);
}

bool breaker_is_half_open(ConstWords breaker, Instant now) {
  return breaker[kTripped] != 0 && now >= instant_of(breaker[kUntil]);
}

bool note_decision(const LoopBreaker& rules, Words breaker, std::uint64_t request, bool approved, Instant now) {
  if (breaker[kTripped] != 0) {  // half-open: this was the one that is tried
    if (approved) {
      forget(breaker);
    } else {
      trip(rules, breaker, now, TripCause::half_open);
    }
    return !approved;
  }
  const Instant since = now - std::chrono::seconds(rules.seconds);
  const bool repeats = rules.repeats != 0 && note_request(rules, breaker, request, since, now);
  const bool declines = rules.declines != 0 && !approved && note_decline(rules, breaker, since, now);
  if (repeats || declines) trip(rules, breaker, now, declines ? TripCause::declines : TripCause::repeats);
  return repeats || declines;
}

std::uint64_t trips_of(ConstWords breaker) {
  return breaker[kTrips];
}

std::vector<Trip> last_trips(ConstWords breaker) {
  std::vector<Trip> trips;
  const std::uint64_t count = breaker[kTrips];
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(count, kTripsKept); ++i) {
    const ConstWords place = breaker.subspan(kTripList + 3 * ((count - 1 - i) % kTripsKept), 3);
    trips.push_back({instant_of(place[0]), instant_of(place[1]), static_cast<TripCause>(place[2])});
  }
  return trips;
}

}  // namespace holdfast::engine
