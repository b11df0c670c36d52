#include "tests/net/fixture_file.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace holdfast::net {

std::filesystem::path tests_folder() {
  return std::filesystem::path(HOLDFAST_SOURCE_DIR) / "tests";
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string fixture(const std::string& name) {
  return read_file(tests_folder() / "net" / "fixtures" / name);
}

}  // namespace holdfast::net
