#include "engine/zone.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <string_view>
#include <vector>

namespace holdfast::engine {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::sys_days;
using std::chrono::year;

constexpr std::int32_t kHour = 3600;

// A UTC date and time.
Instant at(int y, unsigned month, unsigned day, int hour = 0, int minute = 0) {
  return sys_days{year{y} / static_cast<int>(month) / static_cast<int>(day)} + hours{hour} + minutes{minute};
}

ZoneRules new_york() {
  return {"America/New_York",
          -5 * kHour,
          {{at(2024, 3, 10, 7), -4 * kHour},
           {at(2024, 11, 3, 6), -5 * kHour},
           {at(2025, 3, 9, 7), -4 * kHour},
           {at(2025, 11, 2, 6), -5 * kHour}}};
}
ZoneRules berlin() {
  return {"Europe/Berlin", kHour, {{at(2024, 3, 31, 1), 2 * kHour}, {at(2024, 10, 27, 1), kHour}}};
}
ZoneRules lord_howe() {  // half an hour of daylight saving
  return {"Australia/Lord_Howe", 11 * kHour, {{at(2024, 4, 6, 15), 37800}, {at(2024, 10, 5, 15, 30), 11 * kHour}}};
}
ZoneRules beirut() {  // 00:00 to 01:00 on 27 March; on 30 October 00:00 would be, but it is 23:00 again
  return {"Asia/Beirut", 2 * kHour, {{at(2022, 3, 26, 22), 3 * kHour}, {at(2022, 10, 29, 21), 2 * kHour}}};
}
ZoneRules havana() {  // 01:00 back to 00:00: midnight comes twice
  return {"America/Havana", -5 * kHour, {{at(2023, 3, 12, 5), -4 * kHour}, {at(2023, 11, 5, 5), -5 * kHour}}};
}
ZoneRules st_johns() {  // 00:01 back to 23:01 of the day before
  return {"America/St_Johns", -12600, {{at(2010, 3, 14, 3, 31), -9000}, {at(2010, 11, 7, 2, 31), -12600}}};
}
ZoneRules apia() {  // the 30th of December 2011 does not exist
  return {"Pacific/Apia",
          -10 * kHour,
          {{at(2011, 4, 2, 14), -11 * kHour}, {at(2011, 9, 24, 14), -10 * kHour}, {at(2011, 12, 30, 10), 14 * kHour}}};
}
ZoneRules kolkata() {
  return {"Asia/Kolkata", 19800, {}};
}
ZoneRules kathmandu() {
  return {"Asia/Kathmandu", 20700, {}};
}

struct Case {
  WindowKind kind;
  Instant instant, start, end;
};

void expect_windows(const ZoneRules& zone, const std::vector<Case>& cases, Weekday week_start = Weekday::monday) {
  int row = 0;
  for (const Case& expected : cases) {
    const Window window = window_at(expected.kind, expected.instant, zone, week_start);
    EXPECT_EQ(window.start, expected.start) << zone.name << " row " << row << " from " << to_millis(window.start);
    EXPECT_EQ(window.end, expected.end) << zone.name << " row " << row << " to " << to_millis(window.end);
    ++row;
  }
}

TEST(WindowTest, HasNoBoundsForAnAuthorizationAndALifetime) {
  for (const WindowKind kind : {WindowKind::authorization, WindowKind::lifetime}) {
    const Window window = window_at(kind, at(2024, 5, 1), new_york(), Weekday::monday);
    EXPECT_EQ(window.start, Instant::min());
    EXPECT_EQ(window.end, Instant::max());
  }
}

TEST(WindowTest, HasNoBoundsBeyondTheCalendarAndDoesNotOverflow) {
  for (int kind = 0; kind < kWindowKinds; ++kind) {
    for (const Instant instant : {kNoInstant, Instant::max(), at(-30001, 12, 31), at(30000, 1, 1)}) {
      const Window window = window_at(static_cast<WindowKind>(kind), instant, new_york(), Weekday::monday);
      EXPECT_EQ(window.start, Instant::min());
      EXPECT_EQ(window.end, Instant::max());
    }
  }
}

TEST(WindowTest, FollowsTheCalendarInUtc) {
  using enum WindowKind;
  const Instant last = at(2024, 3, 1) - milliseconds{1};
  expect_windows(utc(), {
                            {hour, last, at(2024, 2, 29, 23), at(2024, 3, 1)},
                            {day, last, at(2024, 2, 29), at(2024, 3, 1)},
                            {day, at(2024, 3, 1), at(2024, 3, 1), at(2024, 3, 2)},
                            {week, last, at(2024, 2, 26), at(2024, 3, 4)},
                            {month, last, at(2024, 2, 1), at(2024, 3, 1)},
                            {month, at(2023, 2, 28, 23), at(2023, 2, 1), at(2023, 3, 1)},
                            {month, at(2024, 12, 31, 23), at(2024, 12, 1), at(2025, 1, 1)},
                            {year, last, at(2024, 1, 1), at(2025, 1, 1)},
                            {year, at(2023, 12, 31, 23), at(2023, 1, 1), at(2024, 1, 1)},
                            {year, at(1969, 12, 31, 23), at(1969, 1, 1), at(1970, 1, 1)},
                            {month, at(2100, 2, 28, 23), at(2100, 2, 1), at(2100, 3, 1)},  // not a leap year
                            {day, at(1969, 12, 31, 23, 59), at(1969, 12, 31), at(1970, 1, 1)},
                        });
}

TEST(WindowTest, StartsTheWeekOnTheDayItIsTold) {
  // 13 November 2024 was a Wednesday.
  for (int first = 0; first < 7; ++first) {
    const Instant start =
        at(2024, 11, first <= 2 ? 11U + static_cast<unsigned>(first) : 4U + static_cast<unsigned>(first));
    expect_windows(utc(), {{WindowKind::week, at(2024, 11, 13, 12), start, start + hours{7 * 24}}},
                   static_cast<Weekday>(first));
  }
}

TEST(WindowTest, StretchesAndShrinksWithDaylightSaving) {
  using enum WindowKind;
  expect_windows(new_york(), {
                                 {day, at(2024, 3, 10, 12), at(2024, 3, 10, 5), at(2024, 3, 11, 4)},  // 23 hours
                                 {day, at(2024, 11, 3, 12), at(2024, 11, 3, 4), at(2024, 11, 4, 5)},  // 25 hours
                                 {day, at(2024, 3, 10, 4, 59), at(2024, 3, 9, 5), at(2024, 3, 10, 5)},
                                 {week, at(2024, 3, 10, 12), at(2024, 3, 4, 5), at(2024, 3, 11, 4)},
                                 {month, at(2024, 3, 31), at(2024, 3, 1, 5), at(2024, 4, 1, 4)},
                                 {month, at(2024, 11, 1, 3, 59), at(2024, 10, 1, 4), at(2024, 11, 1, 4)},
                                 {year, at(2024, 7, 1), at(2024, 1, 1, 5), at(2025, 1, 1, 5)},
                                 {hour, at(2024, 3, 10, 6, 30), at(2024, 3, 10, 6), at(2024, 3, 10, 7)},
                                 {hour, at(2024, 11, 3, 5, 30), at(2024, 11, 3, 5), at(2024, 11, 3, 6)},
                                 {hour, at(2024, 11, 3, 6, 30), at(2024, 11, 3, 6), at(2024, 11, 3, 7)},
                             });
  expect_windows(berlin(), {
                               {day, at(2024, 3, 31), at(2024, 3, 30, 23), at(2024, 3, 31, 22)},
                               {day, at(2024, 10, 27), at(2024, 10, 26, 22), at(2024, 10, 27, 23)},
                               {month, at(2024, 3, 31, 21, 59), at(2024, 2, 29, 23), at(2024, 3, 31, 22)},
                               {day, at(2030, 7, 1), at(2030, 6, 30, 23), at(2030, 7, 1, 23)},  // last offset holds
                           });
}

TEST(WindowTest, CutsHoursOfZonesWithPartsOfAnHourOnTheLocalHour) {
  using enum WindowKind;
  expect_windows(kolkata(), {
                                {hour, at(2024, 5, 1, 0, 29), at(2024, 4, 30, 23, 30), at(2024, 5, 1, 0, 30)},
                                {hour, at(2024, 5, 1, 0, 30), at(2024, 5, 1, 0, 30), at(2024, 5, 1, 1, 30)},
                                {day, at(2024, 5, 1, 18, 29), at(2024, 4, 30, 18, 30), at(2024, 5, 1, 18, 30)},
                            });
  expect_windows(kathmandu(), {{hour, at(2024, 5, 1, 0, 14), at(2024, 4, 30, 23, 15), at(2024, 5, 1, 0, 15)}});
}

TEST(WindowTest, NeverSpansAnOffsetChangeWithAnHour) {
  using enum WindowKind;
  expect_windows(lord_howe(),
                 {
                     // 02:00 back to 01:30: the second half of that hour comes again, as a window of its own.
                     {hour, at(2024, 4, 6, 14, 45), at(2024, 4, 6, 14), at(2024, 4, 6, 15)},
                     {hour, at(2024, 4, 6, 15), at(2024, 4, 6, 15), at(2024, 4, 6, 15, 30)},
                     {hour, at(2024, 4, 6, 15, 30), at(2024, 4, 6, 15, 30), at(2024, 4, 6, 16, 30)},
                     // 02:00 to 02:30: half of the hour does not exist.
                     {hour, at(2024, 10, 5, 15, 29), at(2024, 10, 5, 14, 30), at(2024, 10, 5, 15, 30)},
                     {hour, at(2024, 10, 5, 15, 30), at(2024, 10, 5, 15, 30), at(2024, 10, 5, 16)},
                     {day, at(2024, 4, 6, 20), at(2024, 4, 6, 13), at(2024, 4, 7, 13, 30)},
                     {day, at(2024, 10, 5, 20), at(2024, 10, 5, 13, 30), at(2024, 10, 6, 13)},
                 });
}

TEST(WindowTest, ATransitionThatKeepsTheOffsetCutsNoHour) {
  const ZoneRules zone{"Test/Renamed", kHour, {{at(2024, 1, 1, 0, 20), kHour}, {at(2024, 1, 1, 0, 40), kHour}}};
  for (const int minute : {10, 20, 30, 40, 50}) {
    expect_windows(zone, {{WindowKind::hour, at(2024, 1, 1, 0, minute), at(2024, 1, 1), at(2024, 1, 1, 1)}});
  }
}

TEST(WindowTest, StartsTheDayAtTheEndOfAGapOverMidnight) {
  using enum WindowKind;
  expect_windows(beirut(), {
                               {day, at(2022, 3, 26, 21, 59), at(2022, 3, 25, 22), at(2022, 3, 26, 22)},
                               {day, at(2022, 3, 26, 22), at(2022, 3, 26, 22), at(2022, 3, 27, 21)},
                               {hour, at(2022, 3, 26, 22), at(2022, 3, 26, 22), at(2022, 3, 26, 23)},
                           });
}

TEST(WindowTest, ContinuesTheDayWhenItsLastHourIsRepeated) {
  using enum WindowKind;
  expect_windows(beirut(), {
                               {day, at(2022, 10, 29, 20, 30), at(2022, 10, 28, 21), at(2022, 10, 29, 22)},
                               {day, at(2022, 10, 29, 21, 30), at(2022, 10, 28, 21), at(2022, 10, 29, 22)},
                               {day, at(2022, 10, 29, 22), at(2022, 10, 29, 22), at(2022, 10, 30, 22)},
                           });
}

TEST(WindowTest, StartsTheDayAtTheFirstOfTwoMidnights) {
  using enum WindowKind;
  expect_windows(havana(), {
                               {day, at(2023, 11, 5, 4), at(2023, 11, 5, 4), at(2023, 11, 6, 5)},
                               {day, at(2023, 11, 5, 5), at(2023, 11, 5, 4), at(2023, 11, 6, 5)},
                               {day, at(2023, 11, 5, 3, 59), at(2023, 11, 4, 4), at(2023, 11, 5, 4)},
                           });
}

TEST(WindowTest, DoesNotReopenADayWhoseDateClocksShowAgain) {
  using enum WindowKind;
  const Instant midnight = at(2010, 11, 7, 2, 30);
  const Window sunday{midnight, at(2010, 11, 8, 3, 30)};
  expect_windows(st_johns(), {
                                 {day, midnight - milliseconds{1}, at(2010, 11, 6, 2, 30), midnight},
                                 {day, midnight, sunday.start, sunday.end},
                                 {day, midnight + minutes{1}, sunday.start, sunday.end},   // 23:01 on Saturday again
                                 {day, midnight + minutes{59}, sunday.start, sunday.end},  // 23:59 on Saturday again
                                 {day, midnight + hours{1}, sunday.start, sunday.end},     // midnight again
                             });
  expect_windows(st_johns(), {{week, midnight + minutes{30}, sunday.start, at(2010, 11, 14, 3, 30)}}, Weekday::sunday);
}

TEST(WindowTest, SkipsADayThatDoesNotExist) {
  using enum WindowKind;
  const Instant change = at(2011, 12, 30, 10);
  expect_windows(apia(), {
                             {day, change - milliseconds{1}, at(2011, 12, 29, 10), change},  // the 29th
                             {day, change, change, at(2011, 12, 31, 10)},                    // the 31st
                             {week, change, at(2011, 12, 26, 10), at(2012, 1, 1, 10)},
                             {month, change, at(2011, 12, 1, 10), at(2011, 12, 31, 10)},
                             {year, change, at(2011, 1, 1, 10), at(2011, 12, 31, 10)},
                         });
  expect_windows(apia(), {{week, change, change, at(2012, 1, 5, 10)}}, Weekday::friday);
}

TEST(ZoneTest, ChangesItsOffsetAtTheTransitionAndNotBefore) {
  const ZoneRules zone = new_york();
  EXPECT_EQ(offset_at(zone, Instant::min()), -5 * kHour);
  EXPECT_EQ(offset_at(zone, at(2024, 3, 10, 7) - milliseconds{1}), -5 * kHour);
  EXPECT_EQ(offset_at(zone, at(2024, 3, 10, 7)), -4 * kHour);
  EXPECT_EQ(offset_at(zone, at(2025, 11, 2, 6)), -5 * kHour);
  EXPECT_EQ(offset_at(zone, Instant::max()), -5 * kHour);
  EXPECT_EQ(offset_at(utc(), at(2024, 1, 1)), 0);
  EXPECT_EQ(utc().name, "UTC");
}

TEST(ZoneTest, NamesEachWindow) {
  constexpr std::array<std::string_view, kWindowKinds> kNames{"authorization", "hour", "day",      "week",
                                                              "month",         "year", "lifetime", "rolling"};
  for (std::size_t kind = 0; kind < kNames.size(); ++kind) {
    EXPECT_EQ(window_name(static_cast<WindowKind>(kind)), kNames[kind]);
  }
}

}  // namespace
}  // namespace holdfast::engine
