// Memory for one asynchronous operation at a time, so that a connection's steady state never calls the allocator.
//
// Threads: belongs to one loop.
// Ownership: whoever starts the operations owns the memory and outlives them. A second operation at the same time, or
// one that does not fit, falls back to operator new.
#pragma once

#include <array>
#include <cstddef>
#include <new>

namespace holdfast::net {

class OperationMemory {
 public:
  OperationMemory() = default;
  OperationMemory(const OperationMemory&) = delete;
  OperationMemory& operator=(const OperationMemory&) = delete;

  void* allocate(std::size_t size) {
    if (in_use_ || size > kBytes) return ::operator new(size);
    in_use_ = true;
    return bytes_.data();
  }
  void deallocate(void* place) {
    if (place == bytes_.data()) {
      in_use_ = false;
    } else {
      ::operator delete(place);
    }
  }

 private:
  static constexpr std::size_t kBytes = 256;
  alignas(std::max_align_t) std::array<std::byte, kBytes> bytes_;
  bool in_use_ = false;
};

// The allocator that asio asks a handler for.
template <typename T>
class OperationAllocator {
 public:
  using value_type = T;  // NOLINT: the name that allocators have
  explicit OperationAllocator(OperationMemory& memory) : memory_(&memory) {}
  template <typename U>
  OperationAllocator(const OperationAllocator<U>& other) : memory_(other.memory_) {}  // NOLINT: converts by contract

  T* allocate(std::size_t n) { return static_cast<T*>(memory_->allocate(n * sizeof(T))); }
  void deallocate(T* place, std::size_t /*n*/) { memory_->deallocate(place); }

  template <typename U>
  bool operator==(const OperationAllocator<U>& other) const {
    return memory_ == other.memory_;
  }

 private:
  template <typename U>
  friend class OperationAllocator;
  OperationMemory* memory_;
};

}  // namespace holdfast::net
