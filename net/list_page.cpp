#include "net/list_page.h"

#include <algorithm>
#include <charconv>

#include "engine/identifier.h"
#include "net/problem.h"

namespace holdfast::net {
namespace {

std::optional<std::size_t> read_limit(std::string_view text) {
  std::size_t limit = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (end.ec != std::errc{} || end.ptr != text.data() + text.size()) return std::nullopt;
  if (limit < 1 || limit > kPageMax) return std::nullopt;
  return limit;
}

}  // namespace

std::optional<ListPage> read_list_page(std::string_view query) {
  constexpr std::string_view kLimit = "limit=";
  constexpr std::string_view kCursor = "cursor=";
  ListPage page;
  bool limited = false;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    if (pair.starts_with(kLimit) && !limited) {
      const auto limit = read_limit(pair.substr(kLimit.size()));
      if (!limit) return std::nullopt;
      page.limit = *limit;
      limited = true;
    } else if (pair.starts_with(kCursor) && !page.after) {
      page.after = engine::parse_id("", pair.substr(kCursor.size()));
      if (!page.after) return std::nullopt;
    } else {
      return std::nullopt;
    }
  }
  return page;
}

void append_list_end(std::string& out, std::optional<engine::Key128> last) {
  if (!last) {
    out += "],\"has_more\":false,\"next_cursor\":null}";
    return;
  }
  out += "],\"has_more\":true,\"next_cursor\":";
  append_json_string(out, engine::format_id("", *last));
  out += '}';
}

}  // namespace holdfast::net
