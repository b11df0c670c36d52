#include "config/secrets.h"

#include <system_error>

#include "config/keys.h"
#include "config/text_file.h"

namespace holdfast::config {
namespace {

// Editors and `echo` end a file with one newline, which is not a part of the secret.
void trim_newline(std::string& text) {
  if (!text.ends_with('\n')) return;
  text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
}

}  // namespace

std::string find_secret(const SecretReference& reference, const Environment& environment, std::string& value) {
  if (reference.source == SecretReference::Source::environment) {
    const auto found = environment.find(reference.place);
    if (found == environment.end()) return "the variable is not set";
    value = found->second;
  } else {
    const std::error_code error = read_text_file(reference.place, kSecretBytesMax, value);
    if (error) return "the file cannot be read: " + error.message();
    trim_newline(value);
  }
  return value.empty() ? "the secret is empty" : "";
}

std::variant<std::vector<EndpointSecrets>, ConfigErrors> resolve_secrets(const Options& options,
                                                                         const Environment& environment) {
  std::vector<EndpointSecrets> resolved;
  ConfigErrors errors;
  for (const EndpointOptions& endpoint : options.endpoints) {
    const auto find_all = [&](const std::vector<SecretReference>& references) {
      std::vector<Secret> found;
      for (const SecretReference& reference : references) {
        std::string value;
        const std::string wrong = find_secret(reference, environment, value);
        if (wrong.empty()) {
          found.emplace_back(std::move(value));
        } else {
          errors.push_back({"endpoint " + endpoint.name, 0, 0, secret_reference_text(reference) + ": " + wrong});
        }
      }
      return found;
    };
    resolved.push_back({endpoint.name, find_all(endpoint.secrets), find_all(endpoint.usernames),
                        find_all(endpoint.passwords), find_all(endpoint.webhook_secrets)});
  }
  if (!errors.empty()) return errors;
  return resolved;
}

}  // namespace holdfast::config
