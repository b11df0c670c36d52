// Money: a signed count of minor units, and the currency it counts.
//
// Threads: value types and pure functions.
// Units: minor units (cents for USD, yen for JPY, fils for KWD); never a floating-point number.
// Errors: arithmetic that would overflow and text that is not exact give std::nullopt, never a rounded value.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::engine {

using Minor = std::int64_t;

// Sum, difference; nullopt when the result does not fit 64 bits.
constexpr std::optional<Minor> checked_add(Minor a, Minor b) {
  Minor result = 0;
  if (__builtin_add_overflow(a, b, &result)) return std::nullopt;
  return result;
}
constexpr std::optional<Minor> checked_subtract(Minor a, Minor b) {
  Minor result = 0;
  if (__builtin_sub_overflow(a, b, &result)) return std::nullopt;
  return result;
}

// What is left of a limit: never negative, and never more than can be counted. `used` may stand above the limit (it was
// lowered, or the network posted more) or below zero (refunds that restore).
inline constexpr Minor kUnlimited = std::numeric_limits<Minor>::max();
constexpr Minor room_under(Minor limit, Minor used) {
  return std::max<Minor>(checked_subtract(limit, used).value_or(used < 0 ? kUnlimited : 0), 0);
}

// An ISO 4217 currency, held as its numeric code; 0 is no currency.
struct Currency {
  std::uint16_t numeric = 0;
  friend bool operator==(Currency, Currency) = default;
};

// Alphabetic code in either case ("USD", "usd"); nullopt when ISO 4217 does not list it.
std::optional<Currency> currency_from_alpha(std::string_view alpha);
// Numeric code of 3 digits ("840"); nullopt when not listed.
std::optional<Currency> currency_from_numeric(std::string_view digits);
// Upper-case alphabetic code; "XXX" for a currency that is not listed.
std::string_view alpha_code(Currency currency);
// Decimal digits of the minor unit: 0 (JPY), 2 (USD), 3 (KWD), 4 (CLF).
int minor_unit_exponent(Currency currency);

// Decimal text ("100", "100.00", "-3.5") to minor units, exactly. nullopt when the text is not a plain decimal number
// (no exponent, no sign but a leading '-', no leading '+', at least one digit before the point), has more decimals than
// the currency, unless they are all zeros, or does not fit.
std::optional<Minor> parse_decimal(std::string_view text, Currency currency);
// Minor units to decimal text with exactly the currency's decimals ("100.00").
std::string format_decimal(Minor amount, Currency currency);

}  // namespace holdfast::engine
