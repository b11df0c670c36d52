#include "config/screen.h"

namespace holdfast::config {

std::optional<Position> outside_ascii(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());

  Position position{1, 1};
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

}  // namespace holdfast::config
