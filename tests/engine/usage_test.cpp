#include "engine/usage.h"

#include <gtest/gtest.h>

#include <limits>

namespace holdfast::engine {
namespace {

using namespace std::chrono_literals;

Instant at(int year, unsigned month, unsigned day, std::chrono::milliseconds time = 0ms) {
  return std::chrono::sys_days{std::chrono::year{year} / static_cast<int>(month) / static_cast<int>(day)} + time;
}

Minor held(const Usage& usage, WindowKind kind) {
  return usage.held[usage_index(kind)];
}
std::uint32_t count(const Usage& usage, WindowKind kind) {
  return usage.count[usage_index(kind)];
}

constexpr WindowKind kAll[] = {WindowKind::hour,  WindowKind::day,  WindowKind::week,
                               WindowKind::month, WindowKind::year, WindowKind::lifetime};

// Berlin's two changes of 2026: clocks go forward at 01:00 UTC on 29 March and back at 01:00 UTC on 25 October.
ZoneRules berlin() {
  return {"Europe/Berlin", 3600, {{at(2026, 3, 29, 1h), 7200}, {at(2026, 10, 25, 1h), 3600}}};
}

Usage used(Instant when, Minor amount, const ZoneRules& zone = utc()) {
  Usage usage;
  usage.roll(when, zone, Weekday::monday);
  usage.add({amount, 0, 1}, usage.rolled_at);
  return usage;
}

TEST(Usage, AChargeCountsInEveryWindow) {
  const Usage usage = used(at(2026, 11, 23, 15h), 700);
  for (const WindowKind kind : kAll) {
    EXPECT_EQ(held(usage, kind), 700) << window_name(kind);
    EXPECT_EQ(count(usage, kind), 1U) << window_name(kind);
  }
}

struct RollRow {
  Instant from;
  Instant to;
  std::initializer_list<WindowKind> ended;
};

TEST(Usage, ExactlyTheWindowsThatAreOverEnd) {
  const RollRow rows[] = {
      {at(2026, 11, 24, 15h), at(2026, 11, 24, 15h + 59min + 59s + 999ms), {}},
      {at(2026, 11, 24, 15h), at(2026, 11, 24, 16h), {WindowKind::hour}},
      {at(2026, 11, 24, 23h), at(2026, 11, 25), {WindowKind::hour, WindowKind::day}},
      {at(2026, 11, 22, 23h), at(2026, 11, 23), {WindowKind::hour, WindowKind::day, WindowKind::week}},
      {at(2026, 11, 30, 23h), at(2026, 12, 1), {WindowKind::hour, WindowKind::day, WindowKind::month}},
      {at(2028, 2, 28, 23h), at(2028, 2, 29), {WindowKind::hour, WindowKind::day}},  // a leap day, a Tuesday
      {at(2028, 2, 29, 23h), at(2028, 3, 1), {WindowKind::hour, WindowKind::day, WindowKind::month}},
      {at(2026, 12, 31, 23h), at(2027, 1, 1), {WindowKind::hour, WindowKind::day, WindowKind::month, WindowKind::year}},
      {at(2037, 12, 31, 23h),
       at(2038, 1, 19, 4h),
       {WindowKind::hour, WindowKind::day, WindowKind::week, WindowKind::month, WindowKind::year}},
  };
  for (const RollRow& row : rows) {
    Usage usage = used(row.from, 700);
    usage.roll(row.to, utc(), Weekday::monday);
    for (const WindowKind kind : kAll) {
      const bool ended = std::find(row.ended.begin(), row.ended.end(), kind) != row.ended.end();
      EXPECT_EQ(held(usage, kind), ended ? 0 : 700)
          << window_name(kind) << " from " << to_millis(row.from) << " to " << to_millis(row.to);
      EXPECT_EQ(count(usage, kind), ended ? 0U : 1U) << window_name(kind);
    }
  }
}

TEST(Usage, TheWeekBeginsOnItsDay) {
  Usage monday = used(at(2026, 11, 21), 700);  // a Saturday
  Usage sunday = monday;
  monday.roll(at(2026, 11, 22), utc(), Weekday::monday);
  EXPECT_EQ(held(monday, WindowKind::week), 700);
  sunday.roll(at(2026, 11, 22), utc(), Weekday::sunday);
  EXPECT_EQ(held(sunday, WindowKind::week), 0);
}

TEST(Usage, ADayOfTheZoneIsLongerOrShorterWhenClocksChange) {
  const ZoneRules zone = berlin();
  // 25 October 2026 has 25 hours: 22:00 UTC the day before to 23:00 UTC.
  Usage usage = used(at(2026, 10, 24, 22h), 700, zone);
  usage.roll(at(2026, 10, 25, 22h + 59min), zone, Weekday::monday);
  EXPECT_EQ(held(usage, WindowKind::day), 700);
  usage.roll(at(2026, 10, 25, 23h), zone, Weekday::monday);
  EXPECT_EQ(held(usage, WindowKind::day), 0);
  // 29 March 2026 has 23.
  usage = used(at(2026, 3, 28, 23h), 700, zone);
  usage.roll(at(2026, 3, 29, 21h + 59min), zone, Weekday::monday);
  EXPECT_EQ(held(usage, WindowKind::day), 700);
  usage.roll(at(2026, 3, 29, 22h), zone, Weekday::monday);
  EXPECT_EQ(held(usage, WindowKind::day), 0);
}

TEST(Usage, AReleaseGoesToTheWindowsThatStillHoldItsCharge) {
  Usage usage = used(at(2026, 11, 24, 23h), 700);  // Tuesday
  usage.roll(at(2026, 11, 25, 1h), utc(), Weekday::monday);
  usage.add({50, 0, 1}, at(2026, 11, 25, 1h));
  usage.add({-700, 0, 0}, at(2026, 11, 24, 23h));
  EXPECT_EQ(held(usage, WindowKind::hour), 50);
  EXPECT_EQ(held(usage, WindowKind::day), 50);
  EXPECT_EQ(held(usage, WindowKind::week), 50);
  EXPECT_EQ(held(usage, WindowKind::month), 50);
  EXPECT_EQ(held(usage, WindowKind::lifetime), 50);
}

// Until the change a day is that of UTC, then that of Berlin, an hour ahead in winter.
TEST(Usage, AWindowThatIsUnderWayWhenTheZoneChangesKeepsWhatItHoldsUntilOneOfTheNewZoneBegins) {
  const ZoneRules zone = berlin();
  Usage usage = used(at(2026, 11, 24, 23h), 700);  // in Berlin the day ends now
  usage.roll(at(2026, 11, 25, 0h), utc(), Weekday::monday);
  usage.add({50, 0, 1}, at(2026, 11, 25, 0h));
  usage.roll(at(2026, 11, 25, 1h), zone, Weekday::monday);
  EXPECT_EQ(usage.since_of(WindowKind::day), at(2026, 11, 25)) << "what had dropped out stays out";
  usage.add({-700, 0, 0}, at(2026, 11, 24, 23h));  // in Berlin's day, and not counted in it
  EXPECT_EQ(held(usage, WindowKind::day), 50);
  EXPECT_EQ(held(usage, WindowKind::week), 50);
  usage.roll(at(2026, 11, 25, 23h) - 1ms, zone, Weekday::monday);
  EXPECT_EQ(held(usage, WindowKind::day), 50);
  usage.roll(at(2026, 11, 25, 23h), zone, Weekday::monday);
  EXPECT_EQ(held(usage, WindowKind::day), 0);
}

TEST(Usage, AReleaseNeverGivesBackACount) {
  Usage usage = used(at(2026, 11, 24, 15h), 700);
  usage.add({-700, 0, 0}, at(2026, 11, 24, 15h));
  for (const WindowKind kind : kAll)
    EXPECT_EQ(count(usage, kind), 1U) << window_name(kind);
}

TEST(Usage, ACountThatIsFullStaysFull) {
  Usage usage = used(at(2026, 11, 24), 1);
  usage.count.fill(std::numeric_limits<std::uint32_t>::max());
  usage.add({1, 0, 1}, usage.rolled_at);
  for (const WindowKind kind : kAll)
    EXPECT_EQ(count(usage, kind), std::numeric_limits<std::uint32_t>::max());
}

TEST(Usage, UsedSaturatesInsteadOfOverflowing) {
  Usage usage;
  usage.held[0] = std::numeric_limits<Minor>::max();
  usage.posted[0] = 1;
  EXPECT_EQ(usage.tally(0).used(), std::numeric_limits<Minor>::max());
}

}  // namespace
}  // namespace holdfast::engine
