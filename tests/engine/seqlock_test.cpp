#include "engine/seqlock.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>
#include <vector>

namespace holdfast::engine {
namespace {

struct Balance {
  std::int64_t held = 0;
  std::int64_t posted = 0;
  std::uint32_t count = 7;
  std::uint32_t version = 0;
  friend bool operator==(const Balance&, const Balance&) = default;
};

TEST(SeqlockTest, HoldsADefaultValueBeforeTheFirstStore) {
  const Seqlock<Balance> balance;
  EXPECT_EQ(balance.load(), Balance{});
  EXPECT_EQ(balance.owner_load(), Balance{});
}

TEST(SeqlockTest, HoldsTheValueItIsMadeWith) {
  const Seqlock<Balance> balance(Balance{1, 2, 3, 4});
  EXPECT_EQ(balance.load(), (Balance{1, 2, 3, 4}));
}

TEST(SeqlockTest, GivesBackTheLastOfAnyNumberOfStores) {
  Seqlock<Balance> balance;
  for (std::int64_t i = 1; i <= 5; ++i) {
    balance.store({i, -i, static_cast<std::uint32_t>(i), 0});
    EXPECT_EQ(balance.load(), (Balance{i, -i, static_cast<std::uint32_t>(i), 0}));
    EXPECT_EQ(balance.owner_load(), balance.load());
  }
}

// Every word of a value is the same number: a torn read has two.
using Wide = std::array<std::uint64_t, 6>;

struct Reading {
  std::uint64_t torn = 0;
  std::uint64_t backwards = 0;
};

Reading read_until(const std::atomic<bool>& done, const Seqlock<Wide>& shared, std::atomic<std::uint64_t>& seen) {
  Reading reading;
  std::uint64_t before = 0;
  while (!done.load()) {
    const Wide value = shared.load();
    for (const std::uint64_t word : value)
      reading.torn += word != value[0];
    reading.backwards += value[0] < before;
    if (value[0] != before) seen.fetch_add(1);
    before = value[0];
  }
  return reading;
}

TEST(SeqlockTest, NeverShowsATornOrAnOlderValueToReadersWhileOneWrites) {
  constexpr std::uint64_t kStoresMin = 1'000'000;
  constexpr std::uint64_t kSeenMin = 50;  // by each reader: the race goes on until it was one
  Seqlock<Wide> shared;
  std::array<Reading, 2> readings;
  std::array<std::atomic<std::uint64_t>, 2> seen{};
  std::atomic<bool> done{false};
  {
    std::vector<std::jthread> readers;
    for (std::size_t i = 0; i < readings.size(); ++i) {
      readers.emplace_back([&, i] { readings[i] = read_until(done, shared, seen[i]); });
    }
    Wide value{};
    for (std::uint64_t i = 1; i <= kStoresMin || seen[0] < kSeenMin || seen[1] < kSeenMin; ++i) {
      value.fill(i);
      shared.store(value);
    }
    done = true;
  }
  for (const Reading& reading : readings) {
    EXPECT_EQ(reading.torn, 0U);
    EXPECT_EQ(reading.backwards, 0U);
  }
}

}  // namespace
}  // namespace holdfast::engine
