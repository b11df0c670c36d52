// What a node has used of its windows, and how windows end.
//
// Threads: a plain value, changed only by the node's owner and published as a snapshot.
// Invariants: held and posted of the lifetime are the node's balances; a window's figures cover exactly what was first
// approved in the window that contains `rolled_at`; `rolled_at` never goes back, so a clock that does cannot re-open a
// window. Usage is kept for every kind of window whatever limits there are: editing a limit neither loses nor resets
// it. Units: minor units of the card's currency; counts of approvals.
#pragma once

#include <array>
#include <cstdint>

#include "engine/instant.h"
#include "engine/money.h"
#include "engine/zone.h"

namespace holdfast::engine {

// hour, day, week, month, year, lifetime: index_of(kind) in this order.
inline constexpr std::size_t kUsageWindows = 6;
constexpr std::size_t usage_index(WindowKind kind) {
  return static_cast<std::size_t>(kind) - 1;
}
constexpr WindowKind usage_kind(std::size_t index) {
  return static_cast<WindowKind>(index + 1);
}

struct Usage {
  std::array<Minor, kUsageWindows> held{};
  std::array<Minor, kUsageWindows> posted{};
  std::array<std::uint32_t, kUsageWindows> count{};
  Instant rolled_at = kNoInstant;  // last change
  Instant next_roll = kNoInstant;  // end of the hour of rolled_at: nothing ends before it

  // Ends the windows that are over at `now`. The caller never passes a `now` before rolled_at.
  void roll(Instant now, const ZoneRules& zone, Weekday week_start);
  // One approval of `amount`, made at rolled_at. The caller has checked that nothing overflows.
  void charge(Minor amount, bool counts);
  // Takes back a hold charged at `charged_at` from the windows that still contain that instant, never more than they
  // have (the zone may have changed in between). Counts stay.
  void release(Minor amount, Instant charged_at, const ZoneRules& zone, Weekday week_start);

  // held + posted; saturates instead of overflowing.
  Minor used(std::size_t index) const;
  friend bool operator==(const Usage&, const Usage&) = default;
};
static_assert(sizeof(Usage) % 8 == 0);

}  // namespace holdfast::engine
