// How a storage operation went: a value that costs nothing to make and can be turned into text for the log.
//
// Threads: value type.
#pragma once

#include <string>

namespace holdfast::storage {

class [[nodiscard]] Status {
 public:
  Status() = default;
  // `code` is an LMDB code or an errno, 0 for success; `step` is a literal that says what was done.
  Status(int code, const char* step) : code_(code), step_(step) {}

  bool ok() const { return code_ == 0; }
  int code() const { return code_; }
  // The disk or the map is full.
  bool out_of_space() const;
  std::string text() const;

 private:
  int code_ = 0;
  const char* step_ = "";
};

}  // namespace holdfast::storage
