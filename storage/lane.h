// The bounded queues between an event loop and the journal's writer: records one way, durable runs the other.
//
// Threads: each ring has one producer and one consumer thread. No locks; neither side waits for the other.
// Invariants: what is taken comes out in the order and with the bytes that were put in. Indices only grow; the place in
// the buffer is the index modulo its size.
// Ownership: a view from LaneRing::peek stays valid until release() has passed it, so that a batch that could not be
// committed is still there to be tried again.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>

#include "engine/journal.h"

namespace holdfast::storage {

inline constexpr std::size_t kCacheLine = 64;

// Records of any size up to kRecordBytesMax. In the buffer: size:u32 and the bytes, padded to 8; kPadding as a size
// says that the record stands at the start of the buffer instead.
class LaneRing {
 public:
  static constexpr std::size_t kBytesMin = 4 * engine::kRecordBytesMax;

  // The capacity is rounded up to a power of two, at least kBytesMin.
  explicit LaneRing(std::size_t bytes)
      : size_(std::bit_ceil(bytes < kBytesMin ? kBytesMin : bytes)), buffer_(new std::byte[size_]) {}

  // Producer: whether a record of any size fits, wherever the end of the buffer falls. Room only grows until push().
  bool has_room() const { return staged_ + 2 * slot_bytes(engine::kRecordBytesMax) - released_seen() <= size_; }

  // Producer: copies the record in, unseen by the consumer until publish(). has_room() was true.
  void push(std::span<const std::byte> record) {
    const std::size_t needed = slot_bytes(record.size());
    const std::size_t to_end = size_ - offset(staged_);
    if (to_end < needed) {
      put_size(offset(staged_), kPadding);
      staged_ += to_end;
    }
    put_size(offset(staged_), static_cast<std::uint32_t>(record.size()));
    if (!record.empty()) std::memcpy(&buffer_[offset(staged_) + kHeader], record.data(), record.size());
    staged_ += needed;
  }

  // Producer: shows everything pushed to the consumer. Sequentially consistent, because the producer then looks whether
  // the consumer sleeps, and the consumer looks at published_ after saying that it will (Doorbell).
  void publish() { published_.store(staged_, std::memory_order_seq_cst); }

  // Consumer: the record at `position` and the position behind it, nullopt when there is none. Positions start at 0.
  struct Item {
    std::span<const std::byte> record;
    std::uint64_t next = 0;
  };
  std::optional<Item> peek(std::uint64_t position) const {
    // Pairs with publish(): the bytes before the index are seen with it.
    const std::uint64_t end = published_.load(std::memory_order_seq_cst);
    if (position == end) return std::nullopt;
    std::uint32_t bytes = size_at(offset(position));
    if (bytes == kPadding) {
      position += size_ - offset(position);
      bytes = size_at(offset(position));
    }
    return Item{{&buffer_[offset(position) + kHeader], bytes}, position + slot_bytes(bytes)};
  }

  // Consumer: gives the room before `position` back.
  void release(std::uint64_t position) {
    // Pairs with the acquire in released_seen(): the consumer's reads are over before the producer writes there.
    released_.store(position, std::memory_order_release);
  }

  std::size_t capacity() const { return size_; }

 private:
  static constexpr std::size_t kHeader = 4;
  static constexpr std::uint32_t kPadding = 0xFFFFFFFF;
  static constexpr std::size_t slot_bytes(std::size_t record) { return (kHeader + record + 7) & ~std::size_t{7}; }
  std::size_t offset(std::uint64_t index) const { return static_cast<std::size_t>(index & (size_ - 1)); }
  void put_size(std::size_t at, std::uint32_t size) { std::memcpy(&buffer_[at], &size, kHeader); }
  std::uint32_t size_at(std::size_t at) const {
    std::uint32_t size = 0;
    std::memcpy(&size, &buffer_[at], kHeader);
    return size;
  }
  // Pairs with release(): the consumer has read what stood there before it is written again.
  std::uint64_t released_seen() const { return released_.load(std::memory_order_acquire); }

  const std::size_t size_;
  const std::unique_ptr<std::byte[]> buffer_;
  alignas(kCacheLine) std::atomic<std::uint64_t> published_{0};  // written by the producer
  alignas(kCacheLine) std::atomic<std::uint64_t> released_{0};   // written by the consumer
  alignas(kCacheLine) std::uint64_t staged_ = 0;                 // the producer's own
};

// A fixed number of small values.
template <class T>
class ValueRing {
 public:
  // The capacity is rounded up to a power of two.
  explicit ValueRing(std::size_t capacity) : size_(std::bit_ceil(capacity)), values_(new T[size_]) {}

  // Producer. False when full.
  bool push(const T& value) {
    const std::uint64_t at = pushed_.load(std::memory_order_relaxed);
    // Pairs with the release in pop(): the consumer has read the slot before it is written again.
    if (at - popped_.load(std::memory_order_acquire) == size_) return false;
    values_[at & (size_ - 1)] = value;
    pushed_.store(at + 1, std::memory_order_release);  // pairs with the acquire in pop()
    return true;
  }
  // Consumer.
  std::optional<T> pop() {
    const std::uint64_t at = popped_.load(std::memory_order_relaxed);
    if (at == pushed_.load(std::memory_order_acquire)) return std::nullopt;
    T value = values_[at & (size_ - 1)];
    popped_.store(at + 1, std::memory_order_release);
    return value;
  }

 private:
  const std::size_t size_;
  const std::unique_ptr<T[]> values_;
  alignas(kCacheLine) std::atomic<std::uint64_t> pushed_{0};
  alignas(kCacheLine) std::atomic<std::uint64_t> popped_{0};
};

}  // namespace holdfast::storage
