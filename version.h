// What this binary is.
#pragma once

#include <string>

namespace holdfast {

// Version, commit, compiler and build type as a JSON object.
std::string version_json();

}  // namespace holdfast
