#include "net/issuing.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <cstring>

namespace holdfast::net {
namespace {

bool all_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

unsigned digit(char c) {
  return static_cast<unsigned>(c - '0');
}

// Sum of ISO/IEC 7812-1 annex B: from the right, every second digit counts double, tens and units of it added. A number
// with its check digit has a sum that ten divides.
unsigned luhn_sum(std::string_view digits) {
  unsigned sum = 0;
  bool twice = false;
  for (auto at = digits.rbegin(); at != digits.rend(); ++at) {
    const unsigned value = twice ? 2 * digit(*at) : digit(*at);
    sum += value / 10 + value % 10;
    twice = !twice;
  }
  return sum;
}

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::array<std::byte, 16> big_endian(engine::Key128 key) {
  std::array<std::byte, 16> bytes;
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<std::byte>(key.hi >> (56 - 8 * i));
    bytes[8 + i] = static_cast<std::byte>(key.lo >> (56 - 8 * i));
  }
  return bytes;
}

std::uint64_t word_at(const Sha256Digest& digest, std::size_t at) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < 8; ++i)
    word = word << 8 | std::to_integer<std::uint64_t>(digest[at + i]);
  return word;
}

// The low digits of a pseudorandom 64-bit word, most significant first. At most nine of them are taken, so no digit is
// likelier than another by more than one part in 10^10.
void write_digits(std::uint64_t word, std::span<char> out) {
  for (std::size_t i = out.size(); i > 0; --i) {
    out[i - 1] = static_cast<char>('0' + word % 10);
    word /= 10;
  }
}

HmacSha256 key_for(const HmacSha256& root, std::string_view purpose) {
  Sha256Digest derived = root(purpose);
  HmacSha256 key{std::span<const std::byte>(derived)};
  OPENSSL_cleanse(derived.data(), derived.size());
  return key;
}

}  // namespace

template <std::size_t N>
void SecretDigits<N>::wipe(std::span<char> digits) {
  OPENSSL_cleanse(digits.data(), digits.size());
}
template class SecretDigits<kCardNumberDigits>;
template class SecretDigits<kCvvDigits>;

std::string last4(const CardNumber& number) {
  return std::string(number.reveal().substr(kCardNumberDigits - 4));
}

std::optional<Expiry> parse_expiry(std::string_view text) {
  if (text.size() != 5 || text[2] != '/') return std::nullopt;
  if (!all_digits(text.substr(0, 2)) || !all_digits(text.substr(3))) return std::nullopt;
  const unsigned month = 10 * digit(text[0]) + digit(text[1]);
  const unsigned year = 2000 + 10 * digit(text[3]) + digit(text[4]);
  if (month < 1 || month > 12) return std::nullopt;
  return Expiry{static_cast<std::uint8_t>(month), static_cast<std::uint16_t>(year)};
}

std::string format_expiry(Expiry expiry) {
  std::string text = "00/00";
  write_digits(expiry.month, std::span(text).first(2));
  write_digits(expiry.year, std::span(text).last(2));
  return text;
}

bool luhn_valid(std::string_view digits) {
  return digits.size() >= 2 && all_digits(digits) && luhn_sum(digits) % 10 == 0;
}

std::optional<CardIssuer> CardIssuer::make(std::span<const std::byte, 32> secret, std::string_view bin) {
  if (bin.size() < kBinDigitsMin || bin.size() > kBinDigitsMax || !all_digits(bin)) return std::nullopt;
  return CardIssuer(HmacSha256(secret), bin);
}

CardIssuer::CardIssuer(const HmacSha256& root, std::string_view bin)
    : bin_(bin),
      number_key_(key_for(root, "holdfast card number 1")),
      cvv_key_(key_for(root, "holdfast card verification value 1")),
      hash_key_(key_for(root, "holdfast card number hash 1")) {}

CardNumber CardIssuer::number(engine::Key128 card, std::uint8_t attempt) const {
  const auto id = big_endian(card);
  const std::array<std::byte, 1> counter{std::byte{attempt}};
  Sha256Digest derived = number_key_({text_of(id), text_of(counter)});

  std::array<char, kCardNumberDigits> digits;
  std::copy(bin_.begin(), bin_.end(), digits.begin());
  write_digits(word_at(derived, 0), std::span(digits).subspan(bin_.size(), kCardNumberDigits - 1 - bin_.size()));
  digits.back() = '0';
  const unsigned sum = luhn_sum({digits.data(), digits.size()});
  digits.back() = static_cast<char>('0' + (10 - sum % 10) % 10);

  CardNumber number(digits);
  OPENSSL_cleanse(digits.data(), digits.size());
  OPENSSL_cleanse(derived.data(), derived.size());
  return number;
}

Cvv CardIssuer::cvv(const CardNumber& number, Expiry expiry) const {
  std::string printed = format_expiry(expiry);
  Sha256Digest derived = cvv_key_({number.reveal(), printed});
  std::array<char, kCvvDigits> digits;
  write_digits(word_at(derived, 0), digits);
  Cvv cvv(digits);
  OPENSSL_cleanse(digits.data(), digits.size());
  OPENSSL_cleanse(derived.data(), derived.size());
  return cvv;
}

bool CardIssuer::cvv_matches(const CardNumber& number, Expiry expiry, std::string_view given) const {
  const Cvv expected = cvv(number, expiry);
  return constant_time_equal(expected.reveal(), given);
}

engine::Key128 CardIssuer::number_hash(const CardNumber& number) const {
  const Sha256Digest digest = hash_key_(number.reveal());
  return {word_at(digest, 0), word_at(digest, 8)};
}

std::optional<CardNumber> CardIssuer::read_number(std::string_view text) {
  if (text.size() != kCardNumberDigits || !luhn_valid(text)) return std::nullopt;
  std::array<char, kCardNumberDigits> digits;
  std::copy(text.begin(), text.end(), digits.begin());
  CardNumber number(digits);
  OPENSSL_cleanse(digits.data(), digits.size());
  return number;
}

}  // namespace holdfast::net
