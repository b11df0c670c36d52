// From a TOML file and the environment to checked Options.
//
// Threads: pure functions of their arguments (and of the file); any thread, at start-up and on SIGHUP.
// Invariants: Options come out only when every key was right; all errors of a text are reported at once, in the order
// of the text, those of the environment behind them. Nothing here reads a secret, see secrets.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/options.h"

namespace holdfast::config {

struct ConfigError {
  std::string source;        // file, environment variable or endpoint that is at fault
  std::uint32_t line = 0;    // from 1; 0 when the source has no lines
  std::uint32_t column = 0;  // from 1, in characters
  std::string message;

  // "file:line:column: message", or "source: message" without a line.
  std::string text() const;
  friend bool operator==(const ConfigError&, const ConfigError&) = default;
};
using ConfigErrors = std::vector<ConfigError>;

// Environment variables by name.
using Environment = std::map<std::string, std::string, std::less<>>;
Environment process_environment();

// Reads TOML. Then a variable HOLDFAST_<SECTION>_<KEY> replaces the key's value: HOLDFAST_SERVER_LIMITS_CONNECTIONS;
// for endpoint "stripe-main" HOLDFAST_ENDPOINT_STRIPE_MAIN_DEADLINE_MS; lists are separated by commas. A variable that
// names no key is left alone, because orchestrators add variables of their own.
std::variant<Options, ConfigErrors> load_text(std::string_view text, std::string_view source_name,
                                              const Environment& environment);
// The same for a file of at most kConfigBytesMax; `path` is the name in errors.
std::variant<Options, ConfigErrors> load_file(const std::string& path, const Environment& environment);

inline constexpr std::size_t kConfigBytesMax = 1'048'576;

}  // namespace holdfast::config
