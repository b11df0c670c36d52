// Windows in zones that nobody would legislate, against a walk over the clock and against each other.
#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <string>
#include <vector>

#include "engine/zone.h"

namespace holdfast::engine {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// Midnight UTC of a date in 2024.
Instant at(unsigned month, unsigned day) {
  return std::chrono::sys_days{std::chrono::year{2024} / static_cast<int>(month) / static_cast<int>(day)};
}

// A zone with transitions every few hours or days, by up to a day and on quarters of an hour.
ZoneRules random_zone(std::mt19937_64& random, Instant from, Instant until) {
  const auto offset = [&random] { return (static_cast<std::int32_t>(random() % 193) - 96) * 900; };
  ZoneRules zone{"Test/Random", offset(), {}};
  for (Instant next = from; next < until;) {
    next += minutes{15 * (1 + static_cast<int>(random() % 400))};
    zone.transitions.push_back({next, offset()});
  }
  return zone;
}

// Walks over the zone in quarters of an hour and writes down where the latest date shown so far changes: the days.
std::vector<Instant> days_by_walking(const ZoneRules& zone, Instant from, Instant until) {
  std::vector<Instant> starts;
  auto latest = std::chrono::floor<std::chrono::days>(from + seconds{offset_at(zone, from)});
  for (Instant now = from; now < until; now += minutes{15}) {
    const auto date = std::chrono::floor<std::chrono::days>(now + seconds{offset_at(zone, now)});
    if (date <= latest) continue;
    latest = date;
    starts.push_back(now);
  }
  return starts;
}

TEST(WindowPropertyTest, AgreesWithAWalkOverRandomZones) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const Instant from = at(2, 1);
  const Instant until = at(3, 20);
  for (int round = 0; round < 50; ++round) {
    const ZoneRules zone = random_zone(random, from, until);
    const std::vector<Instant> starts = days_by_walking(zone, from - hours{96}, until);
    std::size_t next = 0;
    for (Instant now = from; now < until - hours{96}; now += minutes{15}) {
      while (next < starts.size() && starts[next] <= now)
        ++next;
      ASSERT_TRUE(next > 0 && next < starts.size());
      const Window window = window_at(WindowKind::day, now, zone, Weekday::monday);
      ASSERT_EQ(window.start, starts[next - 1]) << "round " << round << " at " << to_millis(now);
      ASSERT_EQ(window.end, starts[next]) << "round " << round << " at " << to_millis(now);
    }
  }
}

TEST(WindowPropertyTest, CoversTimeWithoutOverlapsAndNests) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 2000; ++round) {
    const ZoneRules zone = random_zone(random, at(1, 1), at(12, 31));
    const auto week_start = static_cast<Weekday>(random() % 7);
    const Instant instant = at(1, 1) + milliseconds{random() % (366ULL * 24 * 3600 * 1000)};
    const auto window = [&](WindowKind kind, Instant when) { return window_at(kind, when, zone, week_start); };
    for (int number = 1; number <= 5; ++number) {
      const auto kind = static_cast<WindowKind>(number);
      const Window here = window(kind, instant);
      ASSERT_LE(here.start, instant);
      ASSERT_LT(instant, here.end);
      ASSERT_EQ(window(kind, here.start).end, here.end);
      ASSERT_EQ(window(kind, here.end - milliseconds{1}).start, here.start);
      ASSERT_EQ(window(kind, here.end).start, here.end);
      ASSERT_EQ(window(kind, here.start - milliseconds{1}).end, here.start);
    }
    // No window ends inside an hour: usage looks at the others only when an hour is over.
    const Window hour = window(WindowKind::hour, instant);
    for (const WindowKind kind : {WindowKind::day, WindowKind::week, WindowKind::month, WindowKind::year}) {
      ASSERT_LE(hour.end, window(kind, instant).end);
      ASSERT_GE(hour.start, window(kind, instant).start);
    }
  }
}

}  // namespace
}  // namespace holdfast::engine
