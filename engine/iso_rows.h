// Tables of ISO codes: the row of each numeric code.
//
// Threads: pure functions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace holdfast::engine {

// ISO 3166-1 and ISO 4217 both number with three digits.
inline constexpr std::size_t kNumericCodes = 1000;
inline constexpr std::uint8_t kNoRow = 0xFF;

// The row of every numeric code in a table whose rows have a `numeric`; kNoRow where it has none.
template <class Row, std::size_t n>
consteval std::array<std::uint8_t, kNumericCodes> rows_by_numeric(const std::array<Row, n>& table) {
  static_assert(n < kNoRow);
  std::array<std::uint8_t, kNumericCodes> rows{};
  rows.fill(kNoRow);
  for (std::size_t row = 0; row < n; ++row)
    rows[table[row].numeric] = static_cast<std::uint8_t>(row);
  return rows;
}

}  // namespace holdfast::engine
