// What a node has used of the windows that every node keeps, and how windows end.
//
// Threads: a plain value, changed only by the node's owner and published as a snapshot.
// Invariants: held and posted of the lifetime are the node's balances; a window's figures cover exactly what was
// charged from its `since` on, which is where the window that contains `rolled_at` begins. A window that is under way
// when the zone or the first day of the week changes keeps what it holds, and its since, until one of the new zone
// begins. `rolled_at` never goes back, so a clock that does cannot re-open a window. Usage is kept for every kind of
// window whatever limits there are: editing a limit neither loses nor resets it. Units: minor units of the node's
// currency; counts of approvals.
#pragma once

#include <array>
#include <cstdint>

#include "engine/counters.h"
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
  std::array<Instant, kUsageWindows> since = never();
  Instant rolled_at = kNoInstant;  // last change
  // Nothing ends before it, in whatever zone: no window begins but on a quarter of an hour, in any zone that is in use.
  Instant next_roll = kNoInstant;

  // Ends the windows that are over at `now`. The caller never passes a `now` before rolled_at.
  void roll(Instant now, const ZoneRules& zone, Weekday week_start);
  // Adds `change` to what was charged at `charged_at`, in the windows that still contain that instant.
  void add(const Tally& change, Instant charged_at);

  // From when on a window of this kind counts: always, where it has no beginning.
  Instant since_of(WindowKind kind) const {
    const std::size_t index = usage_index(kind);
    return index < kUsageWindows ? since[index] : kNoInstant;
  }
  Tally tally(std::size_t index) const { return {held[index], posted[index], count[index]}; }
  friend bool operator==(const Usage&, const Usage&) = default;

 private:
  static constexpr std::array<Instant, kUsageWindows> never() {
    std::array<Instant, kUsageWindows> all{};
    all.fill(kNoInstant);
    return all;
  }
};
static_assert(sizeof(Usage) % 8 == 0);

}  // namespace holdfast::engine
