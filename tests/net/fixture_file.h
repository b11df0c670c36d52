// Reads the files next to the tests.
//
// Threads: none.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace holdfast::net {

inline std::filesystem::path tests_folder() {
  return std::filesystem::path(__FILE__).parent_path().parent_path();
}

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

inline std::string fixture(const std::string& name) {
  return read_file(tests_folder() / "net" / "fixtures" / name);
}

}  // namespace holdfast::net
