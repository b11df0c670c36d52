#include "engine/forgetting.h"

#include <gtest/gtest.h>

#include "engine/ledger.h"

namespace holdfast::engine {
namespace {

using namespace std::chrono_literals;

const Instant kNewest = std::chrono::sys_days{std::chrono::year{2026} / 11 / 24} + 15h;
constexpr std::chrono::hours kLongest = kForgetAfter + kForgetMargin;

TEST(ForgettingClock, GoesWithTheWallClockWhenThatIsRight) {
  const ForgettingClock clock(kNewest, kNewest, kLongest);
  EXPECT_EQ(clock.now(kNewest + 1h, 1h), kNewest + 1h);
  EXPECT_EQ(clock.now(kNewest + 2 * kLongest, 2 * kLongest), kNewest + 2 * kLongest);
}

TEST(ForgettingClock, ForgetsNothingSoonerForAWallClockThatIsAhead) {
  const ForgettingClock started_wrong(kNewest, kNewest + 240h, kLongest);
  EXPECT_EQ(started_wrong.now(kNewest + 241h, 1h), kNewest + 1h);
  const ForgettingClock jumps(kNewest, kNewest, kLongest);
  EXPECT_EQ(jumps.now(kNewest + 240h, 1h), kNewest + 1h);
}

TEST(ForgettingClock, GoesBackWithTheWallClock) {
  const ForgettingClock clock(kNewest, kNewest, kLongest);
  EXPECT_EQ(clock.now(kNewest - 5h, 1h), kNewest - 5h);
  const ForgettingClock started_wrong(kNewest, kNewest - 5h, kLongest);
  EXPECT_EQ(started_wrong.now(kNewest - 4h, 1h), kNewest - 4h);
}

// A store that had stood still for a month: its old things stay until they are old by any clock, the new ones go when
// it is their time.
TEST(ForgettingClock, CatchesUpWithAStoreThatStoodStill) {
  const Instant started = kNewest + 720h;
  const ForgettingClock clock(kNewest, started, kLongest);
  EXPECT_EQ(clock.now(started + kLongest - 1ms, kLongest - 1ms), kNewest + kLongest - 1ms);
  EXPECT_EQ(clock.now(started + kLongest, kLongest), started + kLongest);
}

}  // namespace
}  // namespace holdfast::engine
