#include "engine/identifier.h"

#include <array>
#include <cstdint>

namespace holdfast::engine {
namespace {

constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::size_t kUlidChars = 26;

constexpr std::array<std::int8_t, 256> make_digits() {
  std::array<std::int8_t, 256> digits{};
  digits.fill(-1);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    const auto upper = static_cast<unsigned char>(kAlphabet[i]);
    digits[upper] = static_cast<std::int8_t>(i);
    if (upper >= 'A') digits[upper + ('a' - 'A')] = static_cast<std::int8_t>(i);
  }
  return digits;
}
constexpr auto kDigits = make_digits();

}  // namespace

Key128 make_ulid(Instant now, Key128 random) {
  const auto millis = static_cast<std::uint64_t>(to_millis(now)) & 0xFFFF'FFFF'FFFFULL;
  return Key128{(millis << 16) | (random.hi & 0xFFFF), random.lo};
}

void append_id(std::string& out, std::string_view prefix, Key128 ulid) {
  std::array<char, kUlidChars> text{};
  for (std::size_t i = kUlidChars; i-- > 0;) {
    text[i] = kAlphabet[ulid.lo & 31U];
    ulid.lo = (ulid.lo >> 5) | (ulid.hi << 59);
    ulid.hi >>= 5;
  }
  out += prefix;
  out.append(text.data(), text.size());
}

std::string format_id(std::string_view prefix, Key128 ulid) {
  std::string id;
  append_id(id, prefix, ulid);
  return id;
}

std::optional<Key128> parse_id(std::string_view prefix, std::string_view text) {
  if (text.size() != prefix.size() + kUlidChars || !text.starts_with(prefix)) return std::nullopt;
  text.remove_prefix(prefix.size());
  if (kDigits[static_cast<unsigned char>(text.front())] > 7) return std::nullopt;  // 130 bits do not fit
  Key128 ulid{0, 0};
  for (const char c : text) {
    const std::int8_t digit = kDigits[static_cast<unsigned char>(c)];
    if (digit < 0) return std::nullopt;
    ulid.hi = (ulid.hi << 5) | (ulid.lo >> 59);
    ulid.lo = (ulid.lo << 5) | static_cast<std::uint64_t>(digit);
  }
  return ulid;
}

}  // namespace holdfast::engine
