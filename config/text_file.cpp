#include "config/text_file.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>

namespace holdfast::config {

std::error_code read_text_file(const std::string& path, std::size_t bytes_max, std::string& text) {
  text.clear();
  const auto close = [](std::FILE* file) { std::fclose(file); };
  const std::unique_ptr<std::FILE, decltype(close)> file(std::fopen(path.c_str(), "rb"), close);
  if (!file) return {errno, std::generic_category()};

  std::array<char, 4096> chunk{};
  while (const std::size_t count = std::fread(chunk.data(), 1, chunk.size(), file.get())) {
    text.append(chunk.data(), count);
    if (text.size() > bytes_max) {
      text.clear();
      return std::make_error_code(std::errc::file_too_large);
    }
  }
  if (std::ferror(file.get()) != 0) {
    text.clear();
    return {errno, std::generic_category()};
  }
  return {};
}

}  // namespace holdfast::config
