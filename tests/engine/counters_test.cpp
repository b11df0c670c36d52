#include "engine/counters.h"

#include <gtest/gtest.h>

#include "engine/node.h"

namespace holdfast::engine {
namespace {

using namespace std::chrono_literals;

const Instant kStart = std::chrono::sys_days{std::chrono::year{2026} / 11 / 23} + 15h;

Limit rolling(std::uint32_t seconds, Limit::Form form = Limit::Form::amount) {
  return {form, WindowKind::rolling, 100, seconds, {}};
}

// One limit's counter by itself.
class Counter {
 public:
  explicit Counter(Limit limit, Instant since = kNoInstant) : limit_(std::move(limit)), words_(counter_words(limit_)) {
    start_counter(words_, since);
  }
  void add(Tally change, Instant charged_at, Instant now) {
    engine::add(limit_, words_, change, charged_at, now, since(now));
  }
  Tally at(Instant now) const { return tally(limit_, words_, now, since(now)); }
  Instant opens(Instant now, std::int64_t most) const { return opens_at(limit_, words_, now, most); }
  Instant next(Instant now) const { return next_drop(limit_, words_, now); }

 private:
  Instant since(Instant now) const { return window_at(limit_.window, now, utc(), Weekday::monday).start; }

  Limit limit_;
  std::vector<std::uint64_t> words_;
};

TEST(RollingCounter, ForgetsNeverTooEarlyAndAtMostASixtiethTooLate) {
  for (const std::uint32_t seconds : {kRollingSecondsMin, 61U, 3'600U, 86'399U, kRollingSecondsMax}) {
    const std::chrono::milliseconds length = std::chrono::seconds(seconds);
    for (const auto offset : {0ms, 1ms, 499ms, 999ms, 59'999ms}) {
      Counter counter(rolling(seconds));
      const Instant charged = kStart + offset;
      counter.add({70, 5, 1}, charged, charged);
      EXPECT_EQ(counter.at(charged + length - 1ms), (Tally{70, 5, 1})) << seconds;
      EXPECT_EQ(counter.at(charged + length), counter.at(charged + length));
      EXPECT_EQ(counter.at(charged + length + length / 60), Tally{}) << seconds << " " << offset.count();
      const Instant dropped = counter.next(charged);
      EXPECT_EQ(counter.at(dropped - 1ms), (Tally{70, 5, 1}));
      EXPECT_EQ(counter.at(dropped), Tally{});
      EXPECT_EQ(counter.opens(charged, 0), dropped);
    }
  }
}

TEST(RollingCounter, KeepsEveryPartOfAFullWindow) {
  Counter counter(rolling(60));
  for (int second = 0; second < 300; ++second) {
    const Instant now = kStart + std::chrono::seconds(second);
    counter.add({1, 0, 1}, now, now);
    // The last sixty seconds and the part that is a second too long.
    EXPECT_EQ(counter.at(now).count, std::min(second + 1, 61)) << second;
  }
}

TEST(RollingCounter, OpensWhenEnoughHasDroppedOut) {
  Counter counter(rolling(60));
  counter.add({50, 0, 1}, kStart, kStart);
  counter.add({30, 0, 1}, kStart + 10s, kStart + 10s);
  const Instant now = kStart + 20s;
  EXPECT_EQ(counter.opens(now, 80), now);
  EXPECT_EQ(counter.opens(now, 79), kStart + 61s);
  EXPECT_EQ(counter.opens(now, 30), kStart + 61s);
  EXPECT_EQ(counter.opens(now, 29), kStart + 71s);
  EXPECT_EQ(counter.opens(now, -1), kNoInstant);
  Counter counts(rolling(60, Limit::Form::count));
  counts.add({50, 0, 1}, kStart, kStart);
  EXPECT_EQ(counts.opens(now, 0), kStart + 61s);
}

TEST(RollingCounter, AReleaseGoesToThePartThatWasCharged) {
  Counter counter(rolling(60));
  counter.add({50, 0, 1}, kStart, kStart);
  counter.add({30, 0, 1}, kStart + 30s, kStart + 30s);
  counter.add({-50, 40, 0}, kStart, kStart + 40s);
  EXPECT_EQ(counter.at(kStart + 40s), (Tally{30, 40, 2}));
  counter.add({-30, 0, 0}, kStart + 30s, kStart + 70s);
  EXPECT_EQ(counter.at(kStart + 70s), (Tally{0, 0, 1}));
  counter.add({-50, 0, 0}, kStart, kStart + 80s);  // of a part that has dropped out
  EXPECT_EQ(counter.at(kStart + 80s), (Tally{0, 0, 1}));
}

TEST(ScopedCounter, EndsWithItsWindowAndTakesReleasesOfIt) {
  Counter counter({Limit::Form::amount, WindowKind::day, 100, 0, {{5734, 5734}}});
  counter.add({50, 0, 1}, kStart, kStart);
  EXPECT_EQ(counter.at(kStart + 8h), (Tally{50, 0, 1}));
  EXPECT_EQ(counter.at(kStart + 9h), Tally{});
  counter.add({20, 0, 1}, kStart + 10h, kStart + 10h);
  counter.add({-50, 0, 0}, kStart, kStart + 10h);  // yesterday's
  EXPECT_EQ(counter.at(kStart + 10h), (Tally{20, 0, 1}));
}

TEST(ScopedCounter, DoesNotCountWhatWasChargedBeforeItWasThere) {
  for (Limit limit : {Limit{Limit::Form::amount, WindowKind::lifetime, 9, 0, {{1, 2}}}, rolling(60)}) {
    Counter counter(limit, kStart);
    counter.add({50, 0, 1}, kStart - 1ms, kStart);
    EXPECT_EQ(counter.at(kStart), Tally{});
    counter.add({50, 0, 1}, kStart, kStart);
    counter.add({-50, 50, 0}, kStart - 1ms, kStart);
    EXPECT_EQ(counter.at(kStart), (Tally{50, 0, 1}));
  }
}

TEST(Counters, GoOnWhenALimitIsEditedAndBeginWhenItIsAboutSomethingElse) {
  NodeSettings before;
  before.limits = {rolling(60), {Limit::Form::amount, WindowKind::day, 5, 0, {{1, 2}}}};
  before.controls.merchant_lock = true;
  std::vector<std::uint64_t> words(layout_of(before).words);
  carry_over({}, {}, before, words, kNoInstant);
  const CounterLayout old = layout_of(before);
  add(before.limits[0], Words(words).subspan(old.limits[0], counter_words(before.limits[0])), {7, 0, 1}, kStart, kStart,
      kStart);
  lock_to(Words(words).subspan(old.merchant_lock), "m_1");

  NodeSettings after = before;
  after.limits = {{Limit::Form::count, WindowKind::week, 1}, before.limits[1], rolling(60, Limit::Form::count)};
  EXPECT_FALSE(begins_counter(before, after));
  std::vector<std::uint64_t> carried(layout_of(after).words);
  carry_over(before, words, after, carried, kStart);
  const CounterLayout layout = layout_of(after);
  EXPECT_EQ(layout.limits[0], CounterLayout::kNone);
  const auto counter = ConstWords(carried).subspan(layout.limits[2], counter_words(after.limits[2]));
  EXPECT_EQ(tally(after.limits[2], counter, kStart, kStart), (Tally{7, 0, 1}));
  EXPECT_EQ(locked_merchant(ConstWords(carried).subspan(layout.merchant_lock)), "m_1");

  after.limits[2].rolling_seconds = 61;
  EXPECT_TRUE(begins_counter(before, after));
  after.limits[2] = before.limits[0];
  after.limits[1].categories.push_back({9, 9});
  EXPECT_TRUE(begins_counter(before, after));
}

TEST(Counters, ALockKeepsEvenAnEmptyAndALongMerchant) {
  for (const std::string& merchant : {std::string(), std::string(kMerchantIdBytesMax, 'x')}) {
    NodeSettings settings;
    settings.controls.merchant_lock = true;
    std::vector<std::uint64_t> words(layout_of(settings).words);
    EXPECT_FALSE(is_locked(words));
    lock_to(words, merchant);
    EXPECT_TRUE(is_locked(words));
    EXPECT_EQ(locked_merchant(words), merchant);
  }
}

TEST(Counters, EverythingAtOnceHasItsPlace) {
  NodeSettings settings;
  for (std::size_t i = 0; i < kLimitsMax; ++i)
    settings.limits.push_back(rolling(60 + static_cast<std::uint32_t>(i)));
  settings.controls.merchant_lock = true;
  settings.loop_breaker = {1, 0, 1, 1};
  const CounterLayout layout = layout_of(settings);
  EXPECT_EQ(layout.limits[0], 0);
  EXPECT_EQ(layout.limits[7], 7 * counter_words(settings.limits[0]));
  EXPECT_LT(layout.merchant_lock, layout.breaker);
  EXPECT_LT(layout.breaker, layout.words);
  EXPECT_EQ(layout_of({}).words, 0);
}

}  // namespace
}  // namespace holdfast::engine
