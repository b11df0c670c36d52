#include "config/parse_toml.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <vector>

namespace holdfast::config {
namespace {

struct ParserFault : std::exception {};

// The first character outside ASCII that is not in a comment; nullopt when there is none.
std::optional<toml::source_position> outside_ascii(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());

  toml::source_position position{1, 1};
  bool quote = false;
  bool comment = false;
  for (const char c : text) {
    if (c == '\n') {
      position = {position.line + 1, 1};
      quote = false;
      comment = false;
      continue;
    }
    // Nothing but ASCII goes before it on its line, so counting bytes counts characters.
    if (static_cast<unsigned char>(c) >= 0x80 && !comment) return position;
    quote = quote || c == '"' || c == '\'';
    comment = comment || (c == '#' && !quote);
    ++position.column;
  }
  return std::nullopt;
}

bool trips_parser(std::string_view text) {
  try {
    static_cast<void>(toml::parse(text));
  } catch (const ParserFault&) {
    return true;
  } catch (const toml::parse_error&) {
    return false;
  }
  return false;
}

// The line on which the parser trips: it reads from the front, so no text that ends before trips it.
std::uint32_t tripping_line(std::string_view text) {
  std::vector<std::size_t> ends;  // of the lines
  for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n', end + 1)) {
    ends.push_back(end + 1);
  }
  ends.push_back(text.size());
  const auto tripping =
      std::ranges::partition_point(ends, [&](std::size_t end) { return !trips_parser(text.substr(0, end)); });
  return static_cast<std::uint32_t>(tripping - ends.begin()) + 1;
}

}  // namespace

bool throw_parser_fault() {
  throw ParserFault();
}

std::variant<toml::table, ParseError> parse_toml(std::string_view text, const std::string& source_name) {
  if (const std::optional<toml::source_position> position = outside_ascii(text)) {
    return ParseError{*position,
                      "a character outside ASCII may stand only in a comment, behind no quote on its line; in a "
                      "string write it as \\uXXXX"};
  }
  try {
    return toml::parse(text, source_name);
  } catch (const toml::parse_error& error) {
    return ParseError{error.source().begin, std::string(error.description())};
  } catch (const ParserFault&) {
    return ParseError{{tripping_line(text), 1}, "this line is not TOML"};
  }
}

}  // namespace holdfast::config
