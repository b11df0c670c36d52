// Where money is spent: countries, merchant category codes and the names that stand for them.
//
// Threads: value types and constants.
// Errors: a code that no list has gives std::nullopt.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace holdfast::engine {

// An ISO 3166-1 country, held as its numeric code; 0 is unknown.
struct Country {
  std::uint16_t numeric = 0;
  friend bool operator==(Country, Country) = default;
  friend auto operator<=>(Country, Country) = default;
};

// Alpha-2, alpha-3 (either case) or the 3-digit numeric code.
std::optional<Country> country_from_text(std::string_view text);
// Upper-case alpha-2; "" when unknown.
std::string_view alpha2(Country country);
// Likewise alpha-3.
std::string_view alpha3(Country country);

// An ISO 18245 merchant category code, 0 to 9999; kNoCategory when the request has none.
using CategoryCode = std::uint16_t;
inline constexpr CategoryCode kNoCategory = 0xFFFF;

// Inclusive range of category codes.
struct CategoryRange {
  CategoryCode first = 0;
  CategoryCode last = 0;
  friend bool operator==(CategoryRange, CategoryRange) = default;
};

// Exactly four digits.
std::optional<CategoryCode> category_from_digits(std::string_view digits);

// "5734", "3000-3299".
std::optional<CategoryRange> category_range_from_text(std::string_view text);

// A processor's category name ("computer_software_stores"): the code it stands for; nullopt when unknown.
std::optional<CategoryCode> category_from_name(std::string_view name);

}  // namespace holdfast::engine
