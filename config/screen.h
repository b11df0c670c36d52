// Looks through TOML for characters that must not reach the parser.
//
// toml++ runs into undefined behaviour (issues 190 and 295 of its repository) when it looks for white space or the end
// of a value and meets some characters outside ASCII instead. Where it looks depends on what is wrong with a text, so
// those characters may stand only where it never does: behind a '#' with no quote before it on the line, which is a
// comment. A string can have them as "\u00E4".
//
// Threads: pure function.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace holdfast::config {

struct Position {
  std::uint32_t line;    // from 1
  std::uint32_t column;  // from 1, in characters
};

// The first such character in `text`; nullopt when there is none.
std::optional<Position> outside_ascii(std::string_view text);

}  // namespace holdfast::config
