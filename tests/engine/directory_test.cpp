#include "engine/directory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace holdfast::engine {
namespace {

constexpr std::uint64_t kAllBits = ~std::uint64_t{0};

std::vector<Key128> hashed_keys(std::size_t count) {
  std::vector<Key128> keys;
  for (std::size_t i = 0; i < count; ++i)
    keys.push_back({i * 0x9E37'79B9'7F4A'7C15, i * 0xC2B2'AE3D'27D4'EB4F});
  return keys;
}

// Keys that agree in the first word of a slot, and four by four in the second.
std::vector<Key128> near_keys(std::size_t count) {
  std::vector<Key128> keys;
  for (std::size_t i = 0; i < count; ++i)
    keys.push_back({0, i});
  return keys;
}

TEST(DirectoryTest, FindsNothingThatWasNotInserted) {
  Directory directory(10);
  EXPECT_EQ(directory.find({0, 0}), std::nullopt);
  EXPECT_EQ(directory.find({kAllBits, kAllBits}), std::nullopt);
  EXPECT_FALSE(directory.assign({1, 2}, 3));
  EXPECT_EQ(directory.find({1, 2}), std::nullopt);
}

TEST(DirectoryTest, RefusesAKeyThatIsThereAndKeepsItsValue) {
  Directory directory(10);
  EXPECT_TRUE(directory.insert({1, 2}, 3));
  EXPECT_FALSE(directory.insert({1, 2}, 3));
  EXPECT_FALSE(directory.insert({1, 2}, 4));
  EXPECT_EQ(directory.find({1, 2}), 3U);
}

TEST(DirectoryTest, TellsApartKeysThatDifferInOneBit) {
  Directory directory(10);
  std::vector<Key128> keys{{0, 0}, {kAllBits, kAllBits}};
  for (int bit = 0; bit < 64; ++bit) {
    const std::uint64_t one = std::uint64_t{1} << bit;
    keys.insert(keys.end(), {{one, 0}, {0, one}, {kAllBits ^ one, kAllBits}, {kAllBits, kAllBits ^ one}});
  }
  for (std::uint32_t i = 0; i < keys.size(); ++i)
    EXPECT_TRUE(directory.insert(keys[i], i));
  for (std::uint32_t i = 0; i < keys.size(); ++i)
    EXPECT_EQ(directory.find(keys[i]), i);
}

TEST(DirectoryTest, HoldsBothEndsOfTheValues) {
  Directory directory(10);
  EXPECT_TRUE(directory.insert({0, 0}, 0));
  EXPECT_TRUE(directory.insert({kAllBits, kAllBits}, 0xFFFF'FFFF));
  EXPECT_EQ(directory.find({0, 0}), 0U);
  EXPECT_EQ(directory.find({kAllBits, kAllBits}), 0xFFFF'FFFFU);
  EXPECT_TRUE(directory.assign({0, 0}, 0xFFFF'FFFF));
  EXPECT_TRUE(directory.assign({kAllBits, kAllBits}, 0));
  EXPECT_EQ(directory.find({0, 0}), 0xFFFF'FFFFU);
  EXPECT_EQ(directory.find({kAllBits, kAllBits}), 0U);
  EXPECT_FALSE(directory.insert({kAllBits, kAllBits}, 1));
}

TEST(DirectoryTest, DoesWithoutASecondTableUpToTheNumberExpected) {
  // Half full, a window of 16 overflows now and then; a quarter full, not with these keys.
  constexpr std::size_t kKeys = 100'000;
  Directory directory(2 * kKeys);
  for (const Key128 key : hashed_keys(kKeys))
    EXPECT_TRUE(directory.insert(key, 1));
  EXPECT_EQ(directory.tables(), 1U);
}

TEST(DirectoryTest, GrowsFarBeyondTheNumberExpected) {
  constexpr std::size_t kKeys = 10'000;
  Directory directory(0);
  const std::vector<Key128> keys = near_keys(kKeys);
  for (std::uint32_t i = 0; i < kKeys; ++i)
    ASSERT_TRUE(directory.insert(keys[i], i));
  EXPECT_GT(directory.tables(), 5U);   // less does not hold them all
  EXPECT_LT(directory.tables(), 12U);  // and much more is waste
  for (std::uint32_t i = 0; i < kKeys; ++i) {
    ASSERT_EQ(directory.find(keys[i]), i);
    ASSERT_FALSE(directory.insert(keys[i], 0));
  }
}

TEST(DirectoryTest, AgreesWithAMap) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  Directory directory(16);
  std::map<Key128, std::uint32_t> model;
  for (int i = 0; i < 30'000; ++i) {
    const Key128 key{random() % 4, random() % 512};
    const auto value = static_cast<std::uint32_t>(random());
    switch (random() % 3) {
      case 0:
        ASSERT_EQ(directory.insert(key, value), model.emplace(key, value).second);
        break;
      case 1: {
        const auto known = model.find(key);
        ASSERT_EQ(directory.assign(key, value), known != model.end());
        if (known != model.end()) known->second = value;
        break;
      }
      default: {
        const auto known = model.find(key);
        ASSERT_EQ(directory.find(key), known == model.end() ? std::nullopt : std::optional(known->second));
      }
    }
  }
}

constexpr std::uint32_t kRacers = 4;

struct Race {
  std::vector<std::atomic<std::uint32_t>> winners;  // of each key: how many, and who in bits 8 and up
  std::atomic<std::uint64_t> contradictions{0};
  std::atomic<std::uint32_t> started{0};
};

// Inserts all keys in an order of its own; whatever the outcome, the key must be there and keep its value.
void race(Directory& directory, const std::vector<Key128>& keys, Race& all, std::uint32_t racer, std::uint64_t seed) {
  std::vector<std::size_t> order(keys.size());
  std::iota(order.begin(), order.end(), 0);
  std::mt19937_64 random(seed + racer);
  std::shuffle(order.begin(), order.end(), random);
  all.started.fetch_add(1);
  while (all.started.load() < kRacers)
    std::this_thread::yield();
  for (const std::size_t i : order) {
    const bool won = directory.insert(keys[i], racer);
    if (won) all.winners[i].fetch_add(1 + (racer << 8));
    const auto value = directory.find(keys[i]);
    if (!value || won != (*value == racer)) all.contradictions.fetch_add(1);
  }
}

void expect_one_winner_each(const std::vector<Key128>& keys, std::size_t expected) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Directory directory(expected);
  Race all{std::vector<std::atomic<std::uint32_t>>(keys.size())};
  {
    std::vector<std::jthread> racers;
    for (std::uint32_t racer = 0; racer < kRacers; ++racer) {
      racers.emplace_back([&, racer] { race(directory, keys, all, racer, seed); });
    }
  }
  EXPECT_EQ(all.contradictions, 0U);
  EXPECT_GT(directory.tables(), 1U) << "the race is to go across a growth";
  for (std::size_t i = 0; i < keys.size(); ++i) {
    ASSERT_EQ(all.winners[i] & 0xFF, 1U) << "key " << i;
    ASSERT_EQ(directory.find(keys[i]), all.winners[i] >> 8) << "key " << i;
  }
}

TEST(DirectoryRaceTest, LetsExactlyOneInsertionOfEachKeyWin) {
  expect_one_winner_each(hashed_keys(100'000), 25'000);
}

TEST(DirectoryRaceTest, LetsExactlyOneWinAmongKeysThatShareTheWordsOfASlot) {
  for (int round = 0; round < 10; ++round)
    expect_one_winner_each(near_keys(2'000), 0);
}

struct Readings {
  std::atomic<std::size_t> inserted{0};
  std::atomic<std::uint64_t> wrong{0};
  std::atomic<std::uint64_t> lost{0};
  std::atomic<std::uint64_t> found_early{0};
};

constexpr std::uint32_t kAssigned = 0x8000'0000;

void look_up(const Directory& directory, const std::vector<Key128>& keys, Readings& readings, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  for (std::size_t present = 0; present < keys.size();) {
    present = readings.inserted.load(std::memory_order_acquire);
    const std::size_t i = random() % keys.size();
    const auto value = directory.find(keys[i]);
    if (value && (*value & ~kAssigned) != i) readings.wrong.fetch_add(1);
    if (!value && i < present) readings.lost.fetch_add(1);
    if (value && present < keys.size()) readings.found_early.fetch_add(1);
  }
}

TEST(DirectoryRaceTest, NeverShowsAReaderAWrongValueOrLosesAKey) {
  constexpr std::uint32_t kKeys = 20'000;
  constexpr std::uint64_t kFoundMin = 1'000;
  const std::vector<Key128> keys = near_keys(kKeys);
  Directory directory(1'000);
  Readings readings;
  {
    std::vector<std::jthread> readers;
    for (std::uint64_t seed = 0; seed < 2; ++seed) {
      readers.emplace_back([&, seed] { look_up(directory, keys, readings, seed); });
    }
    for (std::uint32_t i = 0; i < kKeys; ++i) {
      directory.insert(keys[i], i);
      readings.inserted.store(i + 1, std::memory_order_release);
      directory.assign(keys[i / 2], (i / 2) | kAssigned);
      // Half way, until the readers are reading.
      while (i == kKeys / 2 && readings.found_early < kFoundMin)
        std::this_thread::yield();
    }
  }
  EXPECT_EQ(readings.wrong, 0U);
  EXPECT_EQ(readings.lost, 0U);
}

}  // namespace
}  // namespace holdfast::engine
