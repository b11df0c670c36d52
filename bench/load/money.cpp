#include "bench/load/money.h"

#include <fmt/format.h>

#include <string_view>

namespace holdfast::load {
namespace {

// A possible change: only one end of the range moves.
void widen(Range& range, std::int64_t change) {
  (change < 0 ? range.low : range.high) += change;
}

void shift(Range& range, std::int64_t change) {
  range.low += change;
  range.high += change;
}

void add(Range& range, const Range& other) {
  range.low += other.low;
  range.high += other.high;
}

struct Changes {
  std::int64_t held;
  std::int64_t posted;
};

Changes changes_of(Movement movement, std::int64_t amount) {
  switch (movement) {
    case Movement::approve:
      return {amount, 0};
    case Movement::capture:
      return {-amount, amount};
    case Movement::reverse:
      break;
  }
  return {-amount, 0};
}

std::string told(std::string_view what, const Range& expected, std::int64_t reported) {
  if (expected.holds(reported)) return {};
  if (expected.low == expected.high) return fmt::format(" {} is {} and must be {};", what, reported, expected.low);
  return fmt::format(" {} is {} and must be {} to {};", what, reported, expected.low, expected.high);
}

}  // namespace

void MoneyBook::certain(std::size_t card, Movement movement, std::int64_t amount) {
  const auto [held, posted] = changes_of(movement, amount);
  shift(cards_[card].held, held);
  shift(cards_[card].posted, posted);
  shift(cards_[card].sum, held + posted);
}

void MoneyBook::unknown(std::size_t card, Movement movement, std::int64_t amount) {
  const auto [held, posted] = changes_of(movement, amount);
  widen(cards_[card].held, held);
  widen(cards_[card].posted, posted);
  widen(cards_[card].sum, held + posted);
}

void MoneyBook::merge(const MoneyBook& other) {
  for (std::size_t i = 0; i < cards_.size(); ++i) {
    add(cards_[i].held, other.cards_[i].held);
    add(cards_[i].posted, other.cards_[i].posted);
    add(cards_[i].sum, other.cards_[i].sum);
  }
}

bool MoneyBook::agrees(std::size_t card, const Balance& reported) const {
  const Expected& expected = cards_[card];
  return expected.held.holds(reported.held) && expected.posted.holds(reported.posted) &&
         expected.sum.holds(reported.sum());
}

std::string MoneyBook::difference(std::size_t card, const Balance& reported) const {
  const Expected& expected = cards_[card];
  std::string text = told("held", expected.held, reported.held) + told("posted", expected.posted, reported.posted) +
                     told("held and posted together", expected.sum, reported.sum());
  if (!text.empty()) {
    text.erase(0, 1);
    text.pop_back();
  }
  return text;
}

Range MoneyBook::total() const {
  Range total;
  for (const Expected& each : cards_)
    add(total, each.sum);
  return total;
}

}  // namespace holdfast::load
