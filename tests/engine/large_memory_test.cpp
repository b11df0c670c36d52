#include "engine/large_memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

namespace holdfast::engine {
namespace {

constexpr std::size_t kHugePageBytes = std::size_t{2} << 20;

bool all_zero(const LargeArray<std::uint64_t>& array, std::size_t count) {
  return std::all_of(array.get(), array.get() + count, [](std::uint64_t word) { return word == 0; });
}

TEST(LargeMemory, IsZeroAndUsableFromEndToEndWhateverItsSize) {
  for (const std::size_t bytes : {std::size_t{8}, std::size_t{4096}, kHugePageBytes - 8, kHugePageBytes,
                                  kHugePageBytes + 8, 3 * kHugePageBytes - 8}) {
    SCOPED_TRACE(bytes);
    const std::size_t count = bytes / sizeof(std::uint64_t);
    for (int round = 0; round < 2; ++round) {  // the second may get the memory of the first
      const auto array = make_large<std::uint64_t>(count);
      ASSERT_TRUE(all_zero(array, count));
      std::fill_n(array.get(), count, ~std::uint64_t{0});
    }
  }
}

TEST(LargeMemory, BeginsAtTheBoundaryOfAHugePageWhenItHoldsOne) {
  for (int i = 0; i < 4; ++i) {
    const auto array = make_large<std::uint64_t>(kHugePageBytes / sizeof(std::uint64_t) + 1);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(array.get()) % kHugePageBytes, 0U);
  }
}

}  // namespace
}  // namespace holdfast::engine
