// Durations counted in buckets whose width grows with the value, so that every percentile is right to a stated number
// of significant digits over the whole range: the log-linear form that HdrHistogram made known.
//
// Threads: one at a time. Units: nanoseconds. Invariants: a percentile is never below the value that has that rank, and
// above it by less than one part in 10^digits; the greatest value is kept exactly. Errors: none; a value beyond kMax
// counts as kMax.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace holdfast::load {

class Histogram {
 public:
  static constexpr std::uint64_t kMax = 3'600'000'000'000;  // an hour

  explicit Histogram(unsigned significant_digits = 3);

  void add(std::uint64_t value);
  // Of the same significant digits.
  void merge(const Histogram& other);
  void clear();

  std::uint64_t count() const { return count_; }
  std::uint64_t max() const { return max_; }
  double mean() const;
  // The value that `percent` (0 to 100) of all are not above; 0 without values.
  std::uint64_t percentile(double percent) const;

 private:
  std::size_t index_of(std::uint64_t value) const;
  std::uint64_t highest_in(std::size_t index) const;

  unsigned half_bits_;  // a power of two of values has 2^half_bits_ buckets
  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
  double sum_ = 0;
};

// The percentiles that every report tells.
struct NamedPercentile {
  double percent;
  std::string_view name;
};
inline constexpr std::array<NamedPercentile, 5> kPercentiles = {
    {{50, "p50"}, {90, "p90"}, {99, "p99"}, {99.9, "p99.9"}, {99.99, "p99.99"}}};

}  // namespace holdfast::load
