#include "config/screen.h"

#include <cstddef>

namespace holdfast::config {
namespace {

bool is_ascii(char c) {
  return static_cast<unsigned char>(c) < 0x80;
}
bool continues_character(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

// Index of the first thing to refuse in one line, or the line's size. A string that is still open at the end of the
// line is the parser's to complain of.
std::size_t refused_at(std::string_view line) {
  char quote = '\0';  // of the string we are in
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote != '\0') {
      if (c == '\\' && quote == '"') ++i;
      if (c == quote) quote = '\0';
    } else if (c == '#') {
      return line.size();
    } else if (c == '"' || c == '\'') {
      if (line.substr(i, 3) == (c == '"' ? R"(""")" : "'''")) return i;
      quote = c;
    } else if (!is_ascii(c)) {
      return i;
    }
  }
  return line.size();
}

}  // namespace

std::optional<Screened> screen(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  for (std::uint32_t number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    const std::size_t refused = refused_at(line);
    if (refused < line.size()) {
      std::uint32_t column = 1;
      for (const char c : line.substr(0, refused)) {
        if (!continues_character(c)) ++column;
      }
      return Screened{number, column,
                      is_ascii(line[refused]) ? "a multi-line string is not allowed"
                                              : "a character outside ASCII must be in quotes"};
    }
    text.remove_prefix(line.size() < text.size() ? line.size() + 1 : line.size());
  }
  return std::nullopt;
}

}  // namespace holdfast::config
