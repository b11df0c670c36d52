// Records whose bytes follow from who wrote them, so that a lost, torn or reordered one shows.
#pragma once

#include <cstdint>
#include <string>

namespace holdfast::storage::test {

inline std::string payload_of(unsigned lane, std::uint64_t index) {
  std::string text = std::to_string(lane) + "/" + std::to_string(index) + "/";
  text.append(40 + index * 31 % 300, static_cast<char>('a' + index % 26));
  return text;
}

}  // namespace holdfast::storage::test
