// Reads the files next to the tests.
//
// Threads: none.
#pragma once

#include <filesystem>
#include <string>

namespace holdfast::net {

std::filesystem::path tests_folder();
// The bytes of a file; fails the test when there is none.
std::string read_file(const std::filesystem::path& path);
std::string fixture(const std::string& name);

}  // namespace holdfast::net
