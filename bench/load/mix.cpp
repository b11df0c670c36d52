#include "bench/load/mix.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace holdfast::load {
namespace {

constexpr engine::Country kUnitedStates{840};
constexpr std::array<engine::Merchant, 10> kMerchants = {{{"m_1001", "Polder Vector Cloud", 7372, kUnitedStates},
                                                          {"m_1002", "Northwind Models", 5734, kUnitedStates},
                                                          {"m_1003", "Harbor Compute", 7374, kUnitedStates},
                                                          {"m_1004", "Lantern Search API", 7375, kUnitedStates},
                                                          {"m_1005", "Quarry Data", 5968, {826}},
                                                          {"m_1006", "Meridian Domains", 4816, kUnitedStates},
                                                          {"m_1007", "Fern Office Supply", 5943, kUnitedStates},
                                                          {"m_1008", "Atlas Freight", 4215, {276}},
                                                          {"m_1009", "Juniper Travel", 4722, {250}},
                                                          {"m_1010", "Cobalt Advertising", 7311, kUnitedStates}}};
constexpr double kMedianAmount = 2000;
constexpr double kSpreadOfAmounts = 1.2;
constexpr std::int64_t kAmountMax = 500'000;

double unit(Random& random) {
  return std::uniform_real_distribution<double>(0, 1)(random);
}

}  // namespace

CardChoice::CardChoice(Spread spread, std::size_t cards, double exponent) : spread_(spread), cards_(cards) {
  if (spread != Spread::zipf) return;
  double sum = 0;
  for (std::size_t i = 0; i < cards; ++i)
    cumulative_.push_back(sum += std::pow(static_cast<double>(i + 1), -exponent));
  for (double& each : cumulative_)
    each /= sum;
}

std::size_t CardChoice::draw(Random& random) const {
  switch (spread_) {
    case Spread::uniform:
      return std::uniform_int_distribution<std::size_t>(0, cards_ - 1)(random);
    case Spread::zipf: {
      const auto found = std::upper_bound(cumulative_.begin(), cumulative_.end(), unit(random));
      return std::min(static_cast<std::size_t>(found - cumulative_.begin()), cards_ - 1);
    }
    case Spread::hot:
      break;
  }
  return 0;
}

std::int64_t draw_amount(Random& random) {
  const double amount = std::lognormal_distribution<double>(std::log(kMedianAmount), kSpreadOfAmounts)(random);
  return std::clamp<std::int64_t>(static_cast<std::int64_t>(std::min(amount, 1e9)), 1, kAmountMax);
}

const engine::Merchant& draw_merchant(Random& random) {
  const double place = unit(random);
  return kMerchants[static_cast<std::size_t>(place * place * static_cast<double>(kMerchants.size()))];
}

Step draw_step(Random& random, const Shares& shares) {
  const double place = unit(random);
  if (place < shares.repeats) return Step::repeat;
  return place < shares.repeats + shares.follow_ups ? Step::follow_up : Step::authorize;
}

}  // namespace holdfast::load
