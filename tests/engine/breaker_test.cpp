#include "engine/breaker.h"

#include <gtest/gtest.h>

namespace holdfast::engine {
namespace {

using namespace std::chrono_literals;

const Instant kStart = std::chrono::sys_days{std::chrono::year{2026} / 11 / 23} + 15h;

class BreakerTest : public ::testing::Test {
 protected:
  bool decline(Instant now, std::uint64_t request = 0) {
    return note_decision(rules_, words_, request == 0 ? ++next_ : request, false, now);
  }
  bool approve(Instant now, std::uint64_t request = 0) {
    return note_decision(rules_, words_, request == 0 ? ++next_ : request, true, now);
  }
  Instant until(Instant now) const { return breaker_declines_until(words_, now); }

  LoopBreaker rules_{3, 0, 10, 60};
  std::vector<std::uint64_t> words_ = std::vector<std::uint64_t>(breaker_words());

 private:
  std::uint64_t next_ = 1'000'000;
};

TEST_F(BreakerTest, TripsAtTheDeclineThatIsOneTooMany) {
  EXPECT_FALSE(decline(kStart));
  EXPECT_FALSE(approve(kStart + 1s));
  EXPECT_FALSE(decline(kStart + 2s));
  EXPECT_EQ(until(kStart + 2s), kNoInstant);
  EXPECT_TRUE(decline(kStart + 10s - 1ms));
  EXPECT_EQ(until(kStart + 10s), kStart + 70s - 1ms);
}

TEST_F(BreakerTest, DeclinesThatAreTooOldDoNotCount) {
  decline(kStart);
  decline(kStart + 1s);
  EXPECT_FALSE(decline(kStart + 10s));  // the first is just outside
  EXPECT_TRUE(decline(kStart + 10s + 1ms));
}

TEST_F(BreakerTest, HalfOpenAnApprovalClosesItAndADeclineTripsItAgain) {
  for (int i = 0; i < 3; ++i)
    decline(kStart);
  EXPECT_NE(until(kStart + 60s - 1ms), kNoInstant);
  EXPECT_FALSE(breaker_is_half_open(words_, kStart + 60s - 1ms));
  EXPECT_EQ(until(kStart + 60s), kNoInstant);
  EXPECT_TRUE(breaker_is_half_open(words_, kStart + 60s));
  EXPECT_TRUE(decline(kStart + 60s));
  EXPECT_EQ(until(kStart + 61s), kStart + 120s);
  EXPECT_FALSE(approve(kStart + 120s));
  EXPECT_FALSE(breaker_is_half_open(words_, kStart + 120s));
  EXPECT_FALSE(decline(kStart + 121s));  // counted from nothing again
  EXPECT_FALSE(decline(kStart + 121s));
  EXPECT_TRUE(decline(kStart + 121s));
  EXPECT_EQ(trips_of(words_), 3U);
  const auto trips = last_trips(words_);
  ASSERT_EQ(trips.size(), 3U);
  EXPECT_EQ(trips[0], (Trip{kStart + 121s, kStart + 181s, TripCause::declines}));
  EXPECT_EQ(trips[1], (Trip{kStart + 60s, kStart + 120s, TripCause::half_open}));
  EXPECT_EQ(trips[2], (Trip{kStart, kStart + 60s, TripCause::declines}));
}

TEST_F(BreakerTest, TripsAtARepeatWhateverLiesBetween) {
  rules_ = {0, 3, 10, 60};
  EXPECT_FALSE(approve(kStart, 7));
  for (int i = 0; i < 50; ++i)
    EXPECT_FALSE(approve(kStart + 1s));
  EXPECT_FALSE(approve(kStart + 2s, 7));
  EXPECT_TRUE(approve(kStart + 3s, 7));
  EXPECT_EQ(last_trips(words_).front().cause, TripCause::repeats);
}

TEST_F(BreakerTest, LooksAtTheLastRequestsOnly) {
  rules_ = {0, 2, 10, 60};
  approve(kStart, 7);
  for (std::size_t i = 0; i < kRecentRequests - 1; ++i)
    approve(kStart);
  EXPECT_FALSE(approve(kStart, 7));
  for (std::size_t i = 0; i < kRecentRequests - 2; ++i)
    approve(kStart);
  EXPECT_TRUE(approve(kStart, 7));
}

TEST_F(BreakerTest, HoldsAtTheLargestNumbers) {
  rules_ = {kDeclinesMax, kRepeatsMax, 10, 60};
  for (int i = 1; i < kRepeatsMax; ++i)
    ASSERT_FALSE(approve(kStart, 7)) << i;
  EXPECT_TRUE(approve(kStart, 7));
  EXPECT_FALSE(approve(kStart + 60s));
  for (int i = 1; i < kDeclinesMax; ++i)
    ASSERT_FALSE(decline(kStart + 61s)) << i;
  EXPECT_TRUE(decline(kStart + 61s));
}

TEST_F(BreakerTest, KeepsTheLastTripsOnly) {
  rules_ = {1, 0, 10, 1};
  Instant now = kStart;
  for (std::size_t i = 0; i < kTripsKept + 4; ++i, now += 1s)
    EXPECT_TRUE(decline(now));
  EXPECT_EQ(trips_of(words_), kTripsKept + 4);
  const auto trips = last_trips(words_);
  ASSERT_EQ(trips.size(), kTripsKept);
  EXPECT_EQ(trips.front().at, now - 1s);
  EXPECT_EQ(trips.back().at, now - 1s * static_cast<int>(kTripsKept));
}

}  // namespace
}  // namespace holdfast::engine
