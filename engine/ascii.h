// Characters of ASCII, whatever the locale.
//
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace holdfast::engine {

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
// Neither a blank nor a control byte.
constexpr bool is_visible(char c) {
  return c > ' ' && c <= '~';
}
constexpr char to_upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

// Two lower-case digits a byte.
inline void append_hex(std::string& out, std::span<const std::byte> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (const std::byte byte : bytes) {
    out += kDigits[std::to_integer<unsigned>(byte) >> 4U];
    out += kDigits[std::to_integer<unsigned>(byte) & 15U];
  }
}
inline std::string hex(std::span<const std::byte> bytes) {
  std::string text;
  append_hex(text, bytes);
  return text;
}

}  // namespace holdfast::engine
