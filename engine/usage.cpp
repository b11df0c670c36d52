#include "engine/usage.h"

#include <algorithm>
#include <limits>

namespace holdfast::engine {
namespace {

constexpr std::size_t kLifetime = usage_index(WindowKind::lifetime);
constexpr std::chrono::minutes kQuarter{15};

}  // namespace

void Usage::roll(Instant now, const ZoneRules& zone, Weekday week_start) {
  if (now < next_roll) {
    rolled_at = now;
    return;
  }
  for (std::size_t i = 0; i < kLifetime; ++i) {
    const Instant start = window_at(usage_kind(i), now, zone, week_start).start;
    if (rolled_at != kNoInstant && start <= rolled_at) continue;
    since[i] = start;
    held[i] = 0;
    posted[i] = 0;
    count[i] = 0;
  }
  rolled_at = now;
  // Zones of the past had other offsets than quarters: their hours end where they end.
  next_roll =
      std::min<Instant>(std::chrono::floor<std::chrono::duration<std::int64_t, std::ratio<900>>>(now) + kQuarter,
                        window_at(WindowKind::hour, now, zone, week_start).end);
}

void Usage::add(const Tally& change, Instant charged_at) {
  for (std::size_t i = 0; i < kUsageWindows; ++i) {
    if (charged_at < since[i]) continue;
    Tally sum = tally(i);
    engine::add(sum, change);
    held[i] = sum.held;
    posted[i] = sum.posted;
    count[i] = static_cast<std::uint32_t>(std::min<std::int64_t>(sum.count, std::numeric_limits<std::uint32_t>::max()));
  }
}

}  // namespace holdfast::engine
