// What the target must say is spent: the approvals that it gave, card by card, against the balances that it reports.
//
// A request whose answer never came may have been decided or not: it widens the range in which the card's money may be,
// and nothing else does.
//
// Threads: one at a time; each worker has its own, merged afterwards. Units: minor units.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace holdfast::load {

struct Range {
  std::int64_t low = 0;
  std::int64_t high = 0;
  bool holds(std::int64_t value) const { return low <= value && value <= high; }
};

struct Balance {
  std::int64_t held = 0;
  std::int64_t posted = 0;
  std::int64_t sum() const { return held + posted; }
};

enum class Movement : std::uint8_t {
  approve,  // becomes held
  capture,  // from held to posted
  reverse,  // no longer held
};

class MoneyBook {
 public:
  explicit MoneyBook(std::size_t cards) : cards_(cards) {}

  // The target said that it happened.
  void certain(std::size_t card, Movement movement, std::int64_t amount);
  // It was asked for and not answered.
  void unknown(std::size_t card, Movement movement, std::int64_t amount);
  void merge(const MoneyBook& other);

  std::size_t cards() const { return cards_.size(); }
  bool agrees(std::size_t card, const Balance& reported) const;
  // One sentence on what does not agree; empty when all does.
  std::string difference(std::size_t card, const Balance& reported) const;
  // Over all cards.
  Range total() const;

 private:
  // The sum has a range of its own: a capture that nobody heard of moves money and makes none.
  struct Expected {
    Range held;
    Range posted;
    Range sum;
  };
  std::vector<Expected> cards_;
};

}  // namespace holdfast::load
