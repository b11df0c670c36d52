#include "net/exchange.h"

#include <algorithm>

namespace holdfast::net {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

}  // namespace

bool same_token(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view Request::header(std::string_view name) const {
  const auto found =
      std::find_if(headers.begin(), headers.end(), [name](const HeaderView& h) { return same_token(h.name, name); });
  if (found == headers.end()) return {};
  // A header that is there without a value is told from one that is not by its data pointer.
  return found->value.data() == nullptr ? std::string_view("") : found->value;
}

int Request::count(std::string_view name) const {
  return static_cast<int>(
      std::count_if(headers.begin(), headers.end(), [name](const HeaderView& h) { return same_token(h.name, name); }));
}

}  // namespace holdfast::net
