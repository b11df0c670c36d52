// Keys of 128 bits: what identifiers of any length become, so that a table slot has one size.
//
// Threads: value types; a KeyHasher may be shared by any number of threads.
// Invariants: the same seed and parts give the same key on every machine. The seed is secret to the store, so
// nobody who chooses identifiers can aim at one table slot.
// Units: sizes in bytes.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace holdfast::engine {

struct Key128 {
  std::uint64_t hi = 0;
  std::uint64_t lo = 0;
  friend bool operator==(const Key128&, const Key128&) = default;
  friend auto operator<=>(const Key128&, const Key128&) = default;
};

// SipHash-2-4 with 128-bit output (Aumasson and Bernstein). `hi` holds the first eight bytes of the output and `lo` the
// last eight, each little-endian.
class KeyHasher {
 public:
  explicit KeyHasher(std::array<std::byte, 16> seed);

  // Hash of the parts, each preceded by its size in eight bytes: {"ab", "c"} and {"a", "bc"} are different inputs.
  Key128 hash(std::initializer_list<std::string_view> parts) const;

  // Hash of exactly these bytes, as the published test vectors have it.
  Key128 hash_bytes(std::string_view bytes) const;

 private:
  std::uint64_t key_first_;
  std::uint64_t key_second_;
};

}  // namespace holdfast::engine
