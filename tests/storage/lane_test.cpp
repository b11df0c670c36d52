#include "storage/lane.h"

#include <random>
#include <thread>

#include "storage/doorbell.h"
#include "tests/storage/fixture.h"

namespace holdfast::storage::test {
namespace {

TEST(LaneRing, ShowsNothingBeforeItIsPublished) {
  LaneRing ring(LaneRing::kBytesMin);
  ring.push(bytes_of("one"));
  EXPECT_FALSE(ring.peek(0));
  ring.publish();
  const auto item = ring.peek(0);
  ASSERT_TRUE(item);
  EXPECT_EQ(text_of(item->record), "one");
  EXPECT_FALSE(ring.peek(item->next));
}

TEST(LaneRing, KeepsRecordsUntilTheyAreReleased) {
  LaneRing ring(LaneRing::kBytesMin);
  std::size_t pushed = 0;
  while (ring.has_room()) {
    ring.push(bytes_of(std::string(1000, static_cast<char>('a' + pushed % 26))));
    ++pushed;
  }
  ring.publish();
  EXPECT_GT(pushed, 100U);
  std::uint64_t at = 0;
  for (int pass = 0; pass < 2; ++pass) {
    at = 0;
    for (std::size_t i = 0; i < pushed; ++i) {
      const auto item = ring.peek(at);
      ASSERT_TRUE(item);
      EXPECT_EQ(item->record[0], std::byte{static_cast<unsigned char>('a' + i % 26)});
      at = item->next;
    }
  }
  EXPECT_FALSE(ring.has_room());
  ring.release(at);
  EXPECT_TRUE(ring.has_room());
}

TEST(LaneRing, TakesTheLargestRecordWheneverItHasRoom) {
  LaneRing ring(LaneRing::kBytesMin);
  const std::string largest(engine::kRecordBytesMax, 'L');
  std::uint64_t at = 0;
  for (std::size_t i = 0; i < 500; ++i) {
    ASSERT_TRUE(ring.has_room());
    ring.push(i % 3 == 0 ? bytes_of(largest) : bytes_of(std::string(i * 7 % 900, 's')));
    ring.publish();
    const auto item = ring.peek(at);
    ASSERT_TRUE(item);
    EXPECT_EQ(item->record.size(), i % 3 == 0 ? largest.size() : i * 7 % 900);
    ring.release(at = item->next);
  }
}

// Every record's bytes follow from its number, so that a torn or reordered one shows.
TEST(LaneRing, CarriesAMillionRecordsBetweenTwoThreads) {
  constexpr std::uint64_t kRecords = 1'000'000;
  LaneRing ring(LaneRing::kBytesMin);
  Doorbell consumer_bell;
  Doorbell producer_bell;
  std::thread producer([&] {
    std::array<std::byte, 256> record;
    for (std::uint64_t n = 0; n < kRecords; ++n) {
      const std::size_t size = 8 + n * 13 % 240;
      std::memset(record.data(), static_cast<int>(n & 0x7F), size);
      std::memcpy(record.data(), &n, sizeof n);
      if (!ring.has_room()) {
        ring.publish();
        consumer_bell.ring();
        while (!ring.has_room())
          producer_bell.sleep(std::chrono::milliseconds(10), [&] { return ring.has_room(); });
      }
      ring.push(std::span(record).first(size));
      if (n % 16 == 15 || n + 1 == kRecords) {
        ring.publish();
        consumer_bell.ring();
      }
    }
  });
  std::uint64_t at = 0;
  std::uint64_t wrong = 0;
  for (std::uint64_t n = 0; n < kRecords;) {
    auto item = ring.peek(at);
    if (!item) {
      consumer_bell.sleep(kDeadline, [&] { return ring.peek(at).has_value(); });
      continue;
    }
    std::uint64_t number = 0;
    std::memcpy(&number, item->record.data(), sizeof number);
    const bool right =
        number == n && item->record.size() == 8 + n * 13 % 240 &&
        (item->record.size() == 8 || item->record.back() == std::byte{static_cast<unsigned char>(n & 0x7F)});
    wrong += right ? 0U : 1U;
    at = item->next;
    if (++n % 64 == 0 || n == kRecords) {
      ring.release(at);
      producer_bell.ring();
    }
  }
  producer.join();
  EXPECT_EQ(wrong, 0U);
}

TEST(ValueRing, RefusesWhenFullAndKeepsOrderBetweenTwoThreads) {
  ValueRing<int> full(4);
  for (int i = 0; i < 4; ++i)
    EXPECT_TRUE(full.push(i));
  EXPECT_FALSE(full.push(4));
  EXPECT_EQ(full.pop(), 0);
  EXPECT_TRUE(full.push(4));

  constexpr std::uint64_t kValues = 300'000;
  ValueRing<engine::DurableRun> ring(64);
  std::thread producer([&ring] {
    for (std::uint64_t n = 0; n < kValues;) {
      if (ring.push({n, n + 1}))
        ++n;
      else
        std::this_thread::yield();
    }
  });
  std::uint64_t wrong = 0;
  for (std::uint64_t n = 0; n < kValues;) {
    const auto run = ring.pop();
    if (!run) {
      std::this_thread::yield();
      continue;
    }
    wrong += run->first_sequence == n && run->count == n + 1 ? 0U : 1U;
    ++n;
  }
  producer.join();
  EXPECT_EQ(wrong, 0U);
}

TEST(Doorbell, LosesNoRing) {
  constexpr int kRounds = 20'000;
  std::atomic<int> ball{0};
  Doorbell bells[2];
  const auto play = [&](int side) {
    for (int round = side; round < kRounds; round += 2) {
      const auto mine = [&] { return ball.load(std::memory_order_seq_cst) == round; };
      while (!mine())
        bells[side].sleep(kDeadline, mine);
      ball.store(round + 1, std::memory_order_seq_cst);
      bells[1 - side].ring();
    }
  };
  const auto begin = std::chrono::steady_clock::now();
  std::thread other(play, 1);
  play(0);
  other.join();
  EXPECT_EQ(ball.load(), kRounds);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, kDeadline) << "a lost ring costs a whole time-out";
}

TEST(Doorbell, EndsItsSleepAtTheTimeout) {
  Doorbell bell;
  const auto begin = std::chrono::steady_clock::now();
  bell.sleep(std::chrono::milliseconds(5), [] { return false; });
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(1));
}

}  // namespace
}  // namespace holdfast::storage::test
