#include "bench/load/campaign.h"

#include <gtest/gtest.h>

namespace holdfast::load {
namespace {

// The rate that is found when the target holds up to `capacity`.
double found(double first, double up_to, double capacity) {
  RateSearch search(first, up_to);
  int tries = 0;
  for (; !search.over() && tries < 50; ++tries)
    search.tried(search.next() <= capacity);
  EXPECT_LT(tries, 30);
  return search.best();
}

TEST(RateSearch, ComesWithinFivePartsOfAHundred) {
  for (double capacity = 100; capacity < 100'000; capacity *= 1.37) {
    const double best = found(100, 1'000'000, capacity);
    EXPECT_LE(best, capacity);
    EXPECT_GT(best, capacity * 0.95);
  }
}

TEST(RateSearch, EndsWhereItWasToldTo) {
  EXPECT_EQ(found(100, 700, 1e9), 700);
  EXPECT_EQ(found(700, 700, 1e9), 700);
}

TEST(RateSearch, NoneWhenNotEvenTheFirstHolds) {
  EXPECT_EQ(found(100, 1000, 50), 0);
}

}  // namespace
}  // namespace holdfast::load
