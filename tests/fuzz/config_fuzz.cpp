// Any bytes as a configuration: they load or they are refused with errors that fit on a line each.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <variant>

#include "config/load.h"

// The name is libFuzzer's.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size);  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {  // NOLINT
  using namespace holdfast::config;
  const std::string text(bytes, bytes + size);
  const auto result = load_text(text, "fuzz", {});
  const auto* errors = std::get_if<ConfigErrors>(&result);
  if (errors == nullptr) {
    if (std::get<Options>(result).storage.preallocate > std::get<Options>(result).storage.map_size) std::abort();
    return 0;
  }
  if (errors->empty()) std::abort();
  for (const ConfigError& error : *errors) {
    if (error.line == 0 || error.column == 0 || error.message.empty()) std::abort();
    if (error.text().find('\n') != std::string::npos) std::abort();
  }
  return 0;
}
