#include "engine/usage.h"

#include <algorithm>
#include <limits>

namespace holdfast::engine {
namespace {

constexpr std::size_t kLifetime = usage_index(WindowKind::lifetime);

}  // namespace

void Usage::roll(Instant now, const ZoneRules& zone, Weekday week_start) {
  if (now < next_roll) {
    rolled_at = now;
    return;
  }
  for (std::size_t i = 0; i < kLifetime; ++i) {
    const bool ended = rolled_at != kNoInstant && window_at(usage_kind(i), now, zone, week_start).start > rolled_at;
    if (!ended) continue;
    held[i] = 0;
    posted[i] = 0;
    count[i] = 0;
  }
  rolled_at = now;
  next_roll = window_at(WindowKind::hour, now, zone, week_start).end;
}

void Usage::charge(Minor amount, bool counts) {
  for (std::size_t i = 0; i < kUsageWindows; ++i) {
    held[i] += amount;
    if (counts && count[i] != std::numeric_limits<std::uint32_t>::max()) ++count[i];
  }
}

void Usage::release(Minor amount, Instant charged_at, const ZoneRules& zone, Weekday week_start) {
  for (std::size_t i = 0; i < kLifetime; ++i) {
    if (charged_at >= window_at(usage_kind(i), rolled_at, zone, week_start).start) held[i] -= std::min(amount, held[i]);
  }
  held[kLifetime] -= amount;
}

Minor Usage::used(std::size_t index) const {
  return checked_add(held[index], posted[index]).value_or(std::numeric_limits<Minor>::max());
}

}  // namespace holdfast::engine
