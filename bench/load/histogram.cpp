#include "bench/load/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace holdfast::load {
namespace {

// Buckets for each power of two: enough that one is narrower than a part in 10^digits of what it holds.
unsigned half_bits_of(unsigned significant_digits) {
  std::uint64_t parts = 1;
  for (unsigned i = 0; i < significant_digits; ++i)
    parts *= 10;
  return static_cast<unsigned>(std::bit_width(parts - 1));
}

}  // namespace

Histogram::Histogram(unsigned significant_digits) : half_bits_(half_bits_of(significant_digits)) {
  counts_.resize(index_of(kMax) + 1);
}

// Below 2^(half_bits_ + 1) each value has a bucket of its own; above, the leading half_bits_ + 1 bits tell it.
std::size_t Histogram::index_of(std::uint64_t value) const {
  const auto bits = static_cast<unsigned>(std::bit_width(value));
  const unsigned shift = bits > half_bits_ + 1 ? bits - half_bits_ - 1 : 0;
  return (static_cast<std::size_t>(shift) << half_bits_) + static_cast<std::size_t>(value >> shift);
}

std::uint64_t Histogram::highest_in(std::size_t index) const {
  const std::size_t power = index >> half_bits_;
  if (power < 2) return index;
  const std::size_t shift = power - 1;
  const std::uint64_t leading = index - (shift << half_bits_);
  return ((leading + 1) << shift) - 1;
}

void Histogram::add(std::uint64_t value) {
  value = std::min(value, kMax);
  ++counts_[index_of(value)];
  ++count_;
  max_ = std::max(max_, value);
  sum_ += static_cast<double>(value);
}

void Histogram::merge(const Histogram& other) {
  for (std::size_t i = 0; i < counts_.size(); ++i)
    counts_[i] += other.counts_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
  sum_ += other.sum_;
}

void Histogram::clear() {
  std::fill(counts_.begin(), counts_.end(), 0);
  count_ = max_ = 0;
  sum_ = 0;
}

double Histogram::mean() const {
  return count_ == 0 ? 0 : sum_ / static_cast<double>(count_);
}

std::uint64_t Histogram::percentile(double percent) const {
  if (count_ == 0) return 0;
  const double share = std::clamp(percent, 0.0, 100.0) / 100 * static_cast<double>(count_);
  // What floating point adds to a whole number must not make it the next one.
  const auto rank = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(share - 1e-6)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= rank) return std::min(highest_in(i), max_);
  }
  return max_;
}

}  // namespace holdfast::load
