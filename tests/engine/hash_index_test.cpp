#include "engine/hash_index.h"

#include <gtest/gtest.h>

#include <random>
#include <unordered_map>
#include <vector>

namespace holdfast::engine {
namespace {

// Finds the slot itself: equality of slots.
std::uint32_t find(const HashIndex& index, std::uint32_t hash, std::uint32_t slot) {
  return index.find(hash, [slot](std::uint32_t each) { return each == slot; });
}

TEST(HashIndex, FindsNothingInAnEmptyIndex) {
  const HashIndex index;
  EXPECT_EQ(find(index, 0, 0), HashIndex::kNone);
  EXPECT_EQ(find(index, 0xFFFF'FFFF, 7), HashIndex::kNone);
}

TEST(HashIndex, TellsSlotsOfOneHashApart) {
  HashIndex index;
  for (std::uint32_t slot = 0; slot < 500; ++slot)
    index.insert(42, slot);
  for (std::uint32_t slot = 0; slot < 500; ++slot)
    EXPECT_EQ(find(index, 42, slot), slot);
  index.erase(42, 250);
  EXPECT_EQ(find(index, 42, 250), HashIndex::kNone);
  EXPECT_EQ(find(index, 42, 499), 499U) << "what was entered behind an erased entry stays in reach";
}

TEST(HashIndex, HoldsTheHighestSlot) {
  HashIndex index;
  index.insert(1, HashIndex::kSlotMax - 1);
  EXPECT_EQ(find(index, 1, HashIndex::kSlotMax - 1), HashIndex::kSlotMax - 1);
}

TEST(HashIndexDeathTest, AbortsWhenWhatIsErasedIsNotThere) {
  HashIndex index;
  EXPECT_DEATH(index.erase(1, 1), "");
}

TEST(HashIndex, AgreesWithAMapOverRandomInsertsAndErasesThroughManyGrowths) {
  constexpr std::uint64_t kSeed = 20261124;
  SCOPED_TRACE(kSeed);
  std::mt19937_64 random(kSeed);
  HashIndex index;
  std::unordered_map<std::uint32_t, std::uint32_t> model;  // slot to hash
  std::vector<std::uint32_t> slots;
  for (std::uint32_t next = 0; next < 60'000; ++next) {
    if (!slots.empty() && random() % 3 == 0) {
      const std::size_t victim = random() % slots.size();
      const std::uint32_t slot = slots[victim];
      slots[victim] = slots.back();
      slots.pop_back();
      index.erase(model.at(slot), slot);
      model.erase(slot);
      ASSERT_EQ(find(index, 0, slot), HashIndex::kNone);
    }
    const auto hash = static_cast<std::uint32_t>(random() % 16 == 0 ? random() % 8192 : random());  // some collide
    index.insert(hash, next);
    model[next] = hash;
    slots.push_back(next);
    const std::uint32_t probe = slots[random() % slots.size()];
    ASSERT_EQ(find(index, model.at(probe), probe), probe) << "after " << next;
  }
  EXPECT_EQ(index.size(), model.size());
  for (const auto& [slot, hash] : model)
    ASSERT_EQ(find(index, hash, slot), slot);
}

}  // namespace
}  // namespace holdfast::engine
