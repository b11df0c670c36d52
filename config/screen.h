// Looks through TOML for the two things that must not reach the parser.
//
// toml++ runs into undefined behaviour (issues 190 and 295 of its repository) when it meets some characters outside
// ASCII where it expects white space: between values, and behind a line-ending backslash of a multi-line string. So
// those characters may stand only in comments and in strings on one line, and multi-line strings, which no key needs,
// are refused.
//
// Threads: pure function.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace holdfast::config {

struct Screened {
  std::uint32_t line;    // from 1
  std::uint32_t column;  // from 1, in characters
  std::string_view message;
};

// The first of them in `text`; nullopt when there is none.
std::optional<Screened> screen(std::string_view text);

}  // namespace holdfast::config
