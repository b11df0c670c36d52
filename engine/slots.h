// Growing array of slots with stable addresses and numbers, and a free list: where records live that an index points
// at.
//
// Threads: one thread at a time.
// Invariants: a slot's address and number never change while it is in use; growing never moves or copies a slot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace holdfast::engine {

template <class T>
class Slots {
 public:
  std::uint32_t allocate() {
    if (!free_.empty()) {
      const std::uint32_t number = free_.back();
      free_.pop_back();
      return number;
    }
    if (used_ == chunks_.size() * kChunk) {
      chunks_.push_back(std::make_unique<T[]>(kChunk));
      free_.reserve(chunks_.size() * kChunk);  // so that release() never allocates
    }
    return static_cast<std::uint32_t>(used_++);
  }
  void release(std::uint32_t number) {
    (*this)[number] = T{};
    free_.push_back(number);
  }
  T& operator[](std::uint32_t number) { return chunks_[number / kChunk][number % kChunk]; }
  const T& operator[](std::uint32_t number) const { return chunks_[number / kChunk][number % kChunk]; }
  // Numbers below this have been in use at some time.
  std::uint32_t end() const { return static_cast<std::uint32_t>(used_); }
  std::size_t in_use() const { return used_ - free_.size(); }

 private:
  static constexpr std::size_t kChunk = 16384;
  std::vector<std::unique_ptr<T[]>> chunks_;
  std::vector<std::uint32_t> free_;
  std::size_t used_ = 0;
};

}  // namespace holdfast::engine
