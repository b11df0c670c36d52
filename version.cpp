#include "version.h"

namespace holdfast {

// The four are defined by the build for this file alone, so that a new commit compiles nothing else.
std::string version_json() {
  return R"({"version":")" HOLDFAST_VERSION R"(","commit":")" HOLDFAST_COMMIT R"(","compiler":")" HOLDFAST_COMPILER
         R"(","build_type":")" HOLDFAST_BUILD_TYPE R"("})";
}

}  // namespace holdfast
