// What is asked for: which card, how much, at which merchant, and whether it is new, a repeat or a follow-up.
//
// Threads: an object belongs to one thread. Invariants: the same seed gives the same sequence.
// Units: amounts in minor units of the US dollar.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "engine/authorization.h"

namespace holdfast::load {

using Random = std::mt19937_64;

enum class Spread : std::uint8_t { uniform, zipf, hot };

// Draws cards: all alike, by Zipf's law (the n-th gets a share that falls with n^exponent), or always the first.
class CardChoice {
 public:
  CardChoice(Spread spread, std::size_t cards, double exponent);
  std::size_t draw(Random& random) const;

 private:
  Spread spread_;
  std::size_t cards_;
  std::vector<double> cumulative_;  // of zipf: share of this card and those before it
};

// What software buys: many small amounts and a few large ones. Log-normal with a median of 20 dollars, between a cent
// and 5,000 dollars.
std::int64_t draw_amount(Random& random);

// Earlier ones of a short list more often.
const engine::Merchant& draw_merchant(Random& random);

enum class Step : std::uint8_t { authorize, repeat, follow_up };

// Shares of 1 of repeats and follow-ups; the rest is new.
struct Shares {
  double repeats = 0;
  double follow_ups = 0;
};
Step draw_step(Random& random, const Shares& shares);

}  // namespace holdfast::load
