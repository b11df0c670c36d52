// Secrets: the one type that holds them, and how a reference in the configuration becomes one.
//
// Threads: resolve_secrets reads files and blocks: at start-up and on SIGHUP, never on an event loop.
// Invariants: a Secret is never empty and cannot be printed by accident: it has no formatter, its operator<< is
// deleted, it does not convert to text and does not compare. Errors name the reference, never what was found there.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "config/load.h"
#include "config/options.h"

namespace holdfast::config {

class Secret {
 public:
  explicit Secret(std::string value) : value_(std::move(value)) {}
  // The bytes themselves: for the signature check and nothing else.
  std::string_view reveal() const { return value_; }

  friend std::ostream& operator<<(std::ostream&, const Secret&) = delete;

 private:
  std::string value_;
};

struct EndpointSecrets {
  std::string endpoint;  // its name
  std::vector<Secret> secrets;
  std::vector<Secret> usernames;
  std::vector<Secret> passwords;
  std::vector<Secret> webhook_secrets;
};

// What every endpoint's references stand for, in the order of `options`. A secret from a file loses one trailing
// newline. Errors: a variable that is not set, a file that cannot be read or is larger than kSecretBytesMax, an empty
// secret; all are collected.
std::variant<std::vector<EndpointSecrets>, ConfigErrors> resolve_secrets(const Options& options,
                                                                         const Environment& environment);

// What one reference stands for, which is where a command line takes its secrets from; gives what is wrong, or "".
std::string find_secret(const SecretReference& reference, const Environment& environment, std::string& value);

inline constexpr std::size_t kSecretBytesMax = 4'096;

}  // namespace holdfast::config
