#include "engine/epoch.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

namespace holdfast::engine {
namespace {

constexpr std::uint64_t kAlive = 0xA11'5E11;

struct Profile {
  explicit Profile(std::atomic<int>& destroyed, std::uint64_t number = 0) : version(number), destroyed_(destroyed) {}
  ~Profile() {
    alive = 0;
    destroyed_.fetch_add(1);
  }
  std::uint64_t alive = kAlive;
  std::uint64_t version;

 private:
  std::atomic<int>& destroyed_;
};

class EpochsTest : public testing::Test {
 protected:
  void retire_one(unsigned owner) { epochs_.retire(owner, new Profile(destroyed_)); }

  std::atomic<int> destroyed_{0};
  Epochs epochs_{3};
};

TEST_F(EpochsTest, KeepsWhatAReaderPinnedBeforeMaySee) {
  {
    const auto guard = epochs_.pin(1);
    retire_one(0);
    epochs_.collect(0);
    EXPECT_EQ(destroyed_, 0);
    EXPECT_EQ(epochs_.pending(0), 1U);
  }
  EXPECT_EQ(destroyed_, 0);  // freeing is the owner's work, never the reader's
  epochs_.collect(0);
  EXPECT_EQ(destroyed_, 1);
  EXPECT_EQ(epochs_.pending(0), 0U);
}

TEST_F(EpochsTest, KeepsWhatItsOwnPinMaySee) {
  const auto guard = epochs_.pin(0);
  retire_one(0);
  epochs_.collect(0);
  EXPECT_EQ(destroyed_, 0);
}

TEST_F(EpochsTest, FreesWhatWasRetiredBeforeTheReaderPinned) {
  retire_one(0);
  const auto guard = epochs_.pin(1);
  retire_one(0);
  epochs_.collect(0);
  EXPECT_EQ(destroyed_, 1);
  EXPECT_EQ(epochs_.pending(0), 1U);
}

TEST_F(EpochsTest, StaysPinnedUntilTheOutermostGuardGoes) {
  auto outer = std::make_unique<Epochs::Guard>(epochs_.pin(1));
  retire_one(0);
  { const auto inner = epochs_.pin(1); }
  epochs_.collect(0);
  EXPECT_EQ(destroyed_, 0);
  outer.reset();
  epochs_.collect(0);
  EXPECT_EQ(destroyed_, 1);
}

TEST_F(EpochsTest, AMovedGuardUnpinsOnce) {
  {
    auto first = epochs_.pin(1);
    const auto second = std::move(first);
    retire_one(0);
    epochs_.collect(0);
    EXPECT_EQ(destroyed_, 0);
  }
  const auto guard = epochs_.pin(1);
  epochs_.collect(0);
  EXPECT_EQ(destroyed_, 1);
}

TEST_F(EpochsTest, AnyPinnedParticipantCountsForEveryOwner) {
  const auto guard = epochs_.pin(2);
  retire_one(0);
  retire_one(1);
  epochs_.collect(0);
  epochs_.collect(1);
  EXPECT_EQ(destroyed_, 0);
}

TEST_F(EpochsTest, CollectsOnlyWhatItsOwnerRetired) {
  retire_one(0);
  retire_one(1);
  epochs_.collect(0);
  EXPECT_EQ(epochs_.pending(0), 0U);
  EXPECT_EQ(epochs_.pending(1), 1U);
}

TEST_F(EpochsTest, CollectsByItselfNowAndThen) {
  for (unsigned i = 0; i < Epochs::kCollectEvery - 1; ++i)
    retire_one(0);
  EXPECT_EQ(destroyed_, 0);
  retire_one(0);
  EXPECT_EQ(destroyed_, static_cast<int>(Epochs::kCollectEvery));
}

TEST_F(EpochsTest, AStoppedReaderDelaysFreeingOnly) {
  constexpr int kRetired = 10'000;
  {
    const auto stopped = epochs_.pin(1);
    for (int i = 0; i < kRetired; ++i)
      retire_one(0);
    EXPECT_EQ(destroyed_, 0);
  }
  epochs_.collect(0);
  EXPECT_EQ(destroyed_, kRetired);
}

TEST(EpochsDestructorTest, FreesWhatIsLeft) {
  std::atomic<int> destroyed{0};
  {
    Epochs epochs(1);
    epochs.retire(0, new Profile(destroyed));
  }
  EXPECT_EQ(destroyed, 1);
}

void destroy_under_a_guard() {
  auto epochs = std::make_unique<Epochs>(1);
  const auto guard = epochs->pin(0);
  epochs.reset();
}

TEST(EpochsDeathTest, StopsWhenDestroyedUnderAGuard) {
  EXPECT_DEATH(destroy_under_a_guard(), "");
}

// Two owners replace the objects behind their pointers as fast as they can; two readers follow both pointers.
class EpochsRaceTest : public testing::Test {
 protected:
  static constexpr unsigned kOwners = 2;
  static constexpr unsigned kReaders = 2;
  static constexpr std::uint64_t kReplacementsMin = 10'000;
  static constexpr std::uint64_t kSeenMin = 200;  // the race goes on until it was one

  EpochsRaceTest() {
    for (auto& pointer : published_)
      pointer = new Profile(destroyed_);
  }
  ~EpochsRaceTest() override {
    for (auto& pointer : published_)
      delete pointer.load();
  }

  void replace(unsigned owner) {
    for (std::uint64_t version = 1; version <= kReplacementsMin || seen_ < kSeenMin; ++version) {
      const Profile* next = new Profile(destroyed_, version);
      epochs_->retire(owner, published_[owner].exchange(next, std::memory_order_acq_rel));
      retired_.fetch_add(1);
      if (version % 2 == 0) epochs_->collect(owner);  // as soon as may be, to be too soon if it can be
    }
    finished_.fetch_add(1);
  }
  void follow(unsigned reader) {
    std::array<std::uint64_t, kOwners> last{};
    while (finished_ < kOwners) {
      const auto guard = epochs_->pin(reader);
      for (unsigned owner = 0; owner < kOwners; ++owner) {
        const Profile* profile = published_[owner].load(std::memory_order_acquire);
        if (profile->version < last[owner]) older_reads_.fetch_add(1);
        if (profile->version > last[owner]) seen_.fetch_add(1);
        last[owner] = profile->version;
        if (profile->alive != kAlive) dead_reads_.fetch_add(1);
      }
    }
  }

  std::unique_ptr<Epochs> epochs_ = std::make_unique<Epochs>(kOwners + kReaders);
  std::array<std::atomic<const Profile*>, kOwners> published_;
  std::atomic<int> destroyed_{0};
  std::atomic<int> retired_{0};
  std::atomic<std::uint64_t> seen_{0};
  std::atomic<std::uint64_t> dead_reads_{0};
  std::atomic<std::uint64_t> older_reads_{0};
  std::atomic<unsigned> finished_{0};
};

TEST_F(EpochsRaceTest, NeverFreesWhatAReaderIsReading) {
  {
    std::vector<std::jthread> threads;
    for (unsigned owner = 0; owner < kOwners; ++owner) {
      threads.emplace_back([this, owner] { replace(owner); });
    }
    for (unsigned reader = kOwners; reader < kOwners + kReaders; ++reader) {
      threads.emplace_back([this, reader] { follow(reader); });
    }
  }
  EXPECT_EQ(dead_reads_, 0U);
  EXPECT_EQ(older_reads_, 0U);
  epochs_.reset();
  EXPECT_EQ(destroyed_, retired_);
}

}  // namespace
}  // namespace holdfast::engine
