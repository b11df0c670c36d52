#include "bench/load/pacing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace holdfast::load {
namespace {

constexpr Nanos kMillisecond = kSecond / 1000;

// One connection to a server that takes a millisecond's tenth for each request, and stands still from `stall_from` for
// `stall`. The clock is a number.
Latencies run_open_loop(Nanos stall_from, Nanos stall) {
  Schedule schedule(0, 10 * kSecond, 1000);
  Latencies latencies;
  Nanos now = 0;
  while (!schedule.over()) {
    Timing timing;
    timing.possible = std::max(now, schedule.next());
    timing.intended = schedule.take();
    timing.sent = timing.possible;
    now = timing.sent + kMillisecond / 10;
    if (timing.sent <= stall_from && now > stall_from) now += stall;
    timing.answered = now;
    latencies.add(timing);
  }
  return latencies;
}

TEST(Latencies, AStallIsInTheCorrectedPercentilesAndNotInTheUncorrected) {
  const Latencies latencies = run_open_loop(5 * kSecond, kSecond);
  EXPECT_EQ(latencies.corrected.count(), 10'000U);
  // A thousand requests were due in the second, and some more until the server had caught up.
  EXPECT_GT(latencies.corrected.percentile(99), static_cast<std::uint64_t>(kSecond / 2));
  EXPECT_GT(latencies.corrected.percentile(90), static_cast<std::uint64_t>(50 * kMillisecond));
  EXPECT_LT(latencies.uncorrected.percentile(99.9), static_cast<std::uint64_t>(kMillisecond));
  EXPECT_GE(latencies.uncorrected.max(), static_cast<std::uint64_t>(kSecond));
  EXPECT_EQ(latencies.lateness.max(), 0U) << "the server was late, and not the generator";
}

TEST(Latencies, WithoutAStallBothAreTheSame) {
  const Latencies latencies = run_open_loop(20 * kSecond, kSecond);
  EXPECT_EQ(latencies.corrected.percentile(99.99), latencies.uncorrected.percentile(99.99));
  EXPECT_LT(latencies.corrected.max(), static_cast<std::uint64_t>(kMillisecond));
}

TEST(Latencies, TheGeneratorsOwnLatenessIsToldApart) {
  Latencies latencies;
  latencies.add({.intended = 0, .possible = 2 * kMillisecond, .sent = 5 * kMillisecond, .answered = 6 * kMillisecond});
  EXPECT_EQ(latencies.corrected.max(), static_cast<std::uint64_t>(6 * kMillisecond));
  EXPECT_EQ(latencies.uncorrected.max(), static_cast<std::uint64_t>(kMillisecond));
  EXPECT_EQ(latencies.lateness.max(), static_cast<std::uint64_t>(3 * kMillisecond));
}

TEST(Schedule, HasTheRateExactlyHoweverLong) {
  Schedule schedule(7, 7 + 100 * kSecond, 29'997);
  std::uint64_t moments = 0;
  for (; !schedule.over(); ++moments)
    schedule.take();
  EXPECT_EQ(moments, 2'999'700U);
}

TEST(Schedule, WorkersShareTheMomentsWithoutALeftOverOrAPair) {
  std::multiset<Nanos> of_all;
  for (unsigned worker = 0; worker < 3; ++worker) {
    Schedule schedule(0, kSecond, 1000, worker, 3);
    while (!schedule.over())
      of_all.insert(schedule.take());
  }
  Schedule alone(0, kSecond, 1000);
  std::multiset<Nanos> expected;
  while (!alone.over())
    expected.insert(alone.take());
  EXPECT_EQ(of_all, expected);
}

TEST(Schedule, IsDueFromItsMomentOn) {
  Schedule schedule(100, kSecond, 10);
  EXPECT_FALSE(schedule.due(99));
  EXPECT_TRUE(schedule.due(100));
  EXPECT_EQ(schedule.take(), 100);
  EXPECT_FALSE(schedule.due(100));
  EXPECT_TRUE(schedule.due(kSecond)) << "a moment that was missed stays due";
  EXPECT_TRUE(Schedule().over());
}

}  // namespace
}  // namespace holdfast::load
