// Characters of ASCII, whatever the locale.
//
// Threads: pure functions.
#pragma once

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

}  // namespace holdfast::engine
