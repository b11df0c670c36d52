// Card numbers made here: derived from a secret, shown once, kept nowhere.
//
// Threads: immutable after construction; any thread.
// Invariants: the same secret, prefix, card and attempt give the same number; a number has 16 digits and a valid check
// digit. Two cards can get the same number (nine free digits): whoever creates a card looks the hash up and tries the
// next attempt when it is taken.
// Ownership: numbers, verification values and keys wipe themselves; none of them can be printed, formatted, compared or
// converted, only revealed by name.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/key128.h"
#include "net/processors/signature.h"

namespace holdfast::net {

inline constexpr std::size_t kCardNumberDigits = 16;
inline constexpr std::size_t kCvvDigits = 3;
inline constexpr std::size_t kBinDigitsMin = 6;
inline constexpr std::size_t kBinDigitsMax = 8;

// Digits that must not be seen by accident.
template <std::size_t N>
class SecretDigits {
 public:
  explicit SecretDigits(const std::array<char, N>& digits) : digits_(digits) {}
  SecretDigits(const SecretDigits&) = default;
  SecretDigits& operator=(const SecretDigits&) = default;
  ~SecretDigits() { wipe(digits_); }

  // The digits themselves: for the one answer that shows them, and for derivations.
  std::string_view reveal() const& { return {digits_.data(), N}; }
  std::string_view reveal() const&& = delete;

  friend std::ostream& operator<<(std::ostream&, const SecretDigits&) = delete;

 private:
  static void wipe(std::span<char> digits);
  std::array<char, N> digits_;
};

using CardNumber = SecretDigits<kCardNumberDigits>;
using Cvv = SecretDigits<kCvvDigits>;

// The last four digits, which may be shown.
std::string last4(const CardNumber& number);

// Month and year as printed on a card; the card is good through the end of the month.
struct Expiry {
  std::uint8_t month = 0;  // 1 to 12
  std::uint16_t year = 0;  // four digits, 2000 to 2099
  friend bool operator==(const Expiry&, const Expiry&) = default;
};

// "MM/YY", exactly; the year is in 2000 to 2099.
std::optional<Expiry> parse_expiry(std::string_view text);
std::string format_expiry(Expiry expiry);

// At least two digits, nothing else, the last one the Luhn check digit of the others (ISO/IEC 7812-1 annex B).
bool luhn_valid(std::string_view digits);

class CardIssuer {
 public:
  // `bin`: kBinDigitsMin to kBinDigitsMax digits; nullopt otherwise.
  static std::optional<CardIssuer> make(std::span<const std::byte, 32> secret, std::string_view bin);

  // attempt: 0 first, then 1, 2, ... while the number is taken.
  CardNumber number(engine::Key128 card, std::uint8_t attempt) const;
  Cvv cvv(const CardNumber& number, Expiry expiry) const;
  // Whether `given` is the verification value; in constant time. False for anything but three digits.
  bool cvv_matches(const CardNumber& number, Expiry expiry, std::string_view given) const;
  // Keyed hash by which a number is found again; does not depend on `bin`.
  engine::Key128 number_hash(const CardNumber& number) const;
  // A number as a request gave it: 16 digits with a valid check digit, otherwise nullopt.
  static std::optional<CardNumber> read_number(std::string_view text);

 private:
  CardIssuer(const HmacSha256& root, std::string_view bin);

  std::string bin_;
  // One key a purpose, so that no value of one can be passed off as another's.
  HmacSha256 number_key_;
  HmacSha256 cvv_key_;
  HmacSha256 hash_key_;
};

}  // namespace holdfast::net
