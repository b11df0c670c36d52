// Reads a small file whole.
//
// Threads: any; blocks on the file system.
#pragma once

#include <cstddef>
#include <string>
#include <system_error>

namespace holdfast::config {

// Fills `text`. On an error, or errc::file_too_large above `bytes_max`, `text` is left empty.
std::error_code read_text_file(const std::string& path, std::size_t bytes_max, std::string& text);

}  // namespace holdfast::config
