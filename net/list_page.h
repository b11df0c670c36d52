// What a list is asked for with, and how its answer ends.
//
// Threads: pure functions.
// Source: interface, "Lists take limit (1 to 100, default 20) and cursor".
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "engine/key128.h"

namespace holdfast::net {

inline constexpr std::size_t kPageDefault = 20;
inline constexpr std::size_t kPageMax = 100;

struct ListPage {
  std::size_t limit = kPageDefault;
  std::optional<engine::Key128> after;  // id of the last entry of the page before
};

// From a query string; nullopt for anything but `limit` and `cursor`, each once at most and well-formed.
std::optional<ListPage> read_list_page(std::string_view query);
inline constexpr std::string_view kListPageRule =
    "limit (1 to 100) and cursor (as next_cursor gave it) are the only parameters";

// `],"has_more":...,"next_cursor":...}` behind the entries; `last` is the last entry when there are more.
void append_list_end(std::string& out, std::optional<engine::Key128> last);

}  // namespace holdfast::net
