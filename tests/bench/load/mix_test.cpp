#include "bench/load/mix.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

namespace holdfast::load {
namespace {

constexpr int kDraws = 200'000;

std::vector<int> drawn(const CardChoice& choice, std::size_t cards) {
  Random random(11);
  std::vector<int> counts(cards);
  for (int i = 0; i < kDraws; ++i)
    ++counts.at(choice.draw(random));
  return counts;
}

TEST(CardChoice, ZipfFallsByItsExponent) {
  for (const double exponent : {0.8, 1.05, 1.5}) {
    const auto counts = drawn(CardChoice(Spread::zipf, 1000, exponent), 1000);
    for (const std::size_t rank : {1U, 3U, 7U, 15U})
      EXPECT_NEAR(static_cast<double>(counts[0]) / counts[rank], std::pow(static_cast<double>(rank + 1), exponent),
                  0.12 * std::pow(static_cast<double>(rank + 1), exponent))
          << exponent << ' ' << rank;
  }
}

TEST(CardChoice, UniformReachesAllAlike) {
  const auto counts = drawn(CardChoice(Spread::uniform, 100, 0), 100);
  const auto [least, most] = std::minmax_element(counts.begin(), counts.end());
  EXPECT_GT(*least, kDraws / 100 * 8 / 10);
  EXPECT_LT(*most, kDraws / 100 * 12 / 10);
}

TEST(CardChoice, HotIsAlwaysTheSame) {
  EXPECT_EQ(drawn(CardChoice(Spread::hot, 5, 0), 5)[0], kDraws);
}

TEST(Mix, AmountsAreManySmallAndFewLarge) {
  Random random(3);
  std::vector<std::int64_t> amounts;
  for (int i = 0; i < kDraws; ++i)
    amounts.push_back(draw_amount(random));
  std::sort(amounts.begin(), amounts.end());
  EXPECT_GE(amounts.front(), 1);
  EXPECT_LE(amounts.back(), 500'000);
  EXPECT_NEAR(static_cast<double>(amounts[kDraws / 2]), 2000, 100);
  EXPECT_GT(std::accumulate(amounts.begin(), amounts.end(), std::int64_t{0}) / kDraws, 3000);
}

TEST(Mix, StepsHaveTheirShares) {
  Random random(5);
  std::map<Step, int> counts;
  for (int i = 0; i < kDraws; ++i)
    ++counts[draw_step(random, {0.1, 0.25})];
  EXPECT_NEAR(counts[Step::repeat], kDraws * 0.1, kDraws * 0.005);
  EXPECT_NEAR(counts[Step::follow_up], kDraws * 0.25, kDraws * 0.005);
  EXPECT_EQ(draw_step(random, {}), Step::authorize);
}

TEST(Mix, TheSameSeedGivesTheSame) {
  Random one(9);
  Random other(9);
  const CardChoice choice(Spread::zipf, 50, 1.05);
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(choice.draw(one), choice.draw(other));
    ASSERT_EQ(draw_amount(one), draw_amount(other));
    ASSERT_EQ(draw_merchant(one).id, draw_merchant(other).id);
  }
}

}  // namespace
}  // namespace holdfast::load
