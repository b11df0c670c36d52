// Parses TOML with toml++, and keeps what toml++ does not survive from taking the daemon along. The only header that
// includes toml++: its settings below must be the same wherever it is used.
//
// Threads: pure function.
//
// Two things go wrong in toml++ 3.3 and are mended here (both found by fuzzing):
// - It runs into undefined behaviour when it looks for white space or the end of a value and meets some characters
//   outside ASCII instead (issues 190 and 295 of its repository). Where it looks depends on what is wrong with a text,
//   so those characters are taken only where it never does: behind a '#' with no quote before it on the line, which is
//   a comment. A string can have them as "\u00E4".
// - It asserts what a text can make untrue ("[="). Its assertions throw, and count as errors of the text.
#pragma once

// With NDEBUG, toml++ tells the compiler to assume what it would have asserted.
#undef NDEBUG
#define TOML_ASSERT(condition) \
  static_cast<void>(static_cast<bool>(condition) || ::holdfast::config::throw_parser_fault())

namespace holdfast::config {
[[noreturn]] bool throw_parser_fault();
}  // namespace holdfast::config

#include <toml++/toml.h>

#include <string>
#include <string_view>
#include <variant>

namespace holdfast::config {

struct ParseError {
  toml::source_position position;
  std::string message;  // the parser's own words
};

std::variant<toml::table, ParseError> parse_toml(std::string_view text, const std::string& source_name);

}  // namespace holdfast::config
