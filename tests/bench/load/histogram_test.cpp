#include "bench/load/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace holdfast::load {
namespace {

TEST(Histogram, IsExactToItsDigitsOverTheWholeRange) {
  for (const unsigned digits : {2U, 3U}) {
    const double tolerance = std::pow(10, -static_cast<double>(digits));
    for (std::uint64_t value = 1; value < Histogram::kMax; value += 1 + value / 7) {
      Histogram histogram(digits);
      histogram.add(value);
      histogram.add(Histogram::kMax);  // the greatest is exact by itself, so it must not be the one that is looked at
      const std::uint64_t told = histogram.percentile(50);
      ASSERT_GE(told, value);
      ASSERT_LE(static_cast<double>(told - value), tolerance * static_cast<double>(value)) << value;
    }
  }
}

TEST(Histogram, AgreesWithSortedValues) {
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> draw(13, 2);
  Histogram histogram;
  std::vector<std::uint64_t> values;
  for (int i = 0; i < 20'000; ++i) {
    values.push_back(static_cast<std::uint64_t>(draw(random)));
    histogram.add(values.back());
  }
  std::sort(values.begin(), values.end());
  for (const double percent : {0.0, 1.0, 50.0, 90.0, 99.0, 99.9, 99.99, 100.0}) {
    const double rank = std::max(1.0, std::ceil(percent / 100 * 20'000 - 1e-6));
    const auto right = static_cast<double>(values[static_cast<std::size_t>(rank) - 1]);
    EXPECT_NEAR(static_cast<double>(histogram.percentile(percent)), right, right / 1000 + 1) << percent;
  }
  EXPECT_EQ(histogram.max(), values.back());
}

TEST(Histogram, RanksAreNotOffByOne) {
  Histogram histogram;
  for (std::uint64_t value = 1; value <= 100; ++value)
    histogram.add(value);
  EXPECT_EQ(histogram.percentile(0), 1U);
  EXPECT_EQ(histogram.percentile(1), 1U);
  EXPECT_EQ(histogram.percentile(50), 50U);
  EXPECT_EQ(histogram.percentile(99), 99U);
  EXPECT_EQ(histogram.percentile(99.01), 100U);
  EXPECT_EQ(histogram.percentile(100), 100U);
  EXPECT_DOUBLE_EQ(histogram.mean(), 50.5);
}

TEST(Histogram, EmptyZeroAndTooLargeAreTold) {
  Histogram histogram;
  EXPECT_EQ(histogram.percentile(99), 0U);
  EXPECT_EQ(histogram.mean(), 0);
  histogram.add(0);
  EXPECT_EQ(histogram.percentile(100), 0U);
  histogram.add(~std::uint64_t{0});
  EXPECT_EQ(histogram.max(), Histogram::kMax);
  EXPECT_EQ(histogram.percentile(100), Histogram::kMax);
  histogram.clear();
  EXPECT_EQ(histogram.count(), 0U);
  EXPECT_EQ(histogram.max(), 0U);
}

TEST(Histogram, MergedIsAsIfAddedToOne) {
  Histogram one;
  Histogram first;
  Histogram second;
  for (std::uint64_t value = 1; value < 1'000'000; value = value * 3 / 2 + 1) {
    one.add(value);
    (value % 2 == 0 ? first : second).add(value);
  }
  first.merge(second);
  EXPECT_EQ(first.count(), one.count());
  EXPECT_EQ(first.max(), one.max());
  for (double percent = 0; percent <= 100; percent += 2.5)
    EXPECT_EQ(first.percentile(percent), one.percentile(percent)) << percent;
}

}  // namespace
}  // namespace holdfast::load
