// Holds config/holdfast.toml to the code: every key is there, documented as the table of keys has it, with its default.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <variant>
#include <vector>

#include "config/keys.h"
#include "config/load.h"

namespace holdfast::config {
namespace {

using ::testing::HasSubstr;

std::string shipped_file() {
  std::ostringstream text;
  text << std::ifstream(HOLDFAST_TOML).rdbuf();
  return text.str();
}

// A commented line that becomes TOML without its "# ".
const std::regex& commented() {
  static const std::regex kCommented(R"(^# (\[\[\w+\]\]|\w+ = .*)$)");
  return kCommented;
}

std::string uncommented(const std::string& text) {
  std::istringstream lines(text);
  std::string result;
  for (std::string line; std::getline(lines, line);) {
    result += std::regex_replace(line, commented(), "$1") + "\n";
  }
  return result;
}

struct Entry {
  std::string comment;  // the lines above the key, joined
  std::string value;
};

// What the file says about each key, by full name.
std::map<std::string, Entry> entries_of(const std::string& text) {
  static const std::regex kSection(R"(^\[+([\w.]+)\]+$)");
  static const std::regex kKey(R"(^(\w+) = (.*)$)");
  std::map<std::string, Entry> entries;
  std::string section;
  std::string comment;
  std::istringstream lines(text);
  std::smatch match;
  for (std::string line; std::getline(lines, line);) {
    if (std::regex_match(line, match, kSection)) {
      section = match[1];
      comment.clear();
    } else if (std::regex_match(line, match, kKey)) {
      // Further endpoints repeat keys without saying again what they are.
      const bool is_new = entries.emplace(section + "." + match[1].str(), Entry{comment, match[2]}).second;
      EXPECT_TRUE(is_new || comment.find("Allowed: ") == std::string::npos) << line;
      comment.clear();
    } else if (line.starts_with("# ")) {
      comment += (comment.empty() ? "" : " ") + line.substr(2);
    } else {
      comment.clear();
    }
  }
  return entries;
}

Options options_of(const std::string& text) {
  const auto result = load_text(text, HOLDFAST_TOML, {});
  if (const auto* options = std::get_if<Options>(&result)) return *options;
  ADD_FAILURE() << std::get<ConfigErrors>(result).front().text();
  return {};
}

TEST(HoldfastTomlTest, SaysTheDefaults) {
  const auto result = load_file(HOLDFAST_TOML, {});
  ASSERT_TRUE(std::holds_alternative<Options>(result)) << std::get<ConfigErrors>(result).front().text();
  EXPECT_EQ(std::get<Options>(result), Options{});
}

TEST(HoldfastTomlTest, ItsCommentedEndpointsLoadAndSayTheDefaultsToo) {
  Options expected;
  expected.endpoints.push_back({.name = "stripe-main",
                                .path = "/webhooks/stripe-main",
                                .secrets = {{SecretReference::Source::environment, "STRIPE_SIGNING_SECRET"}},
                                .stripe_version = ""});
  expected.endpoints.push_back({.name = "lithic-main",
                                .kind = EndpointKind::lithic,
                                .path = "/webhooks/lithic-main",
                                .secrets = {{SecretReference::Source::environment, "LITHIC_WEBHOOK_SECRET"}},
                                .deadline_ms = kSlowDeadlineMs});
  expected.endpoints.push_back({.name = "marqeta-main",
                                .kind = EndpointKind::marqeta,
                                .path = "/webhooks/marqeta-main",
                                .usernames = {{SecretReference::Source::environment, "MARQETA_USERNAME"}},
                                .passwords = {{SecretReference::Source::environment, "MARQETA_PASSWORD"}},
                                .webhook_secrets = {{SecretReference::Source::environment, "MARQETA_WEBHOOK_SECRET"}},
                                .deadline_ms = kSlowDeadlineMs});
  EXPECT_EQ(options_of(uncommented(shipped_file())), expected);
}

TEST(HoldfastTomlTest, DocumentsEveryKeyAsTheTableHasItAndNoOther) {
  Options options;
  EndpointOptions endpoint;
  std::vector<Key> keys = option_keys(options);
  for (const Key& key : endpoint_keys(endpoint)) {
    keys.push_back(key);
  }

  const std::map<std::string, Entry> entries = entries_of(uncommented(shipped_file()));
  EXPECT_EQ(entries.size(), keys.size());
  for (const Key& key : keys) {
    const auto entry = entries.find(full_name(key));
    ASSERT_NE(entry, entries.end()) << full_name(key) << " is not in the file";
    const auto& [comment, value] = entry->second;
    EXPECT_THAT(comment, HasSubstr("Allowed: " + allowed(key) + ".")) << full_name(key);
    EXPECT_THAT(comment, HasSubstr(key.reload == Reload::on_sighup ? "Reload: SIGHUP." : "Reload: restart."))
        << full_name(key);
    const std::map<std::string, std::string> other_defaults = {
        {"endpoint.name", "none, must be given"},     {"endpoint.kind", "none, must be given"},
        {"endpoint.secrets", "none, must be given"},  {"endpoint.username", "none, must be given"},
        {"endpoint.password", "none, must be given"}, {"endpoint.webhook_secrets", "none"},
        {"endpoint.path", "\"/webhooks/<name>\""}};
    const auto other = other_defaults.find(full_name(key));
    const std::string default_text = other == other_defaults.end() ? value : other->second;
    EXPECT_THAT(comment, HasSubstr("Default: " + default_text + ".")) << full_name(key);
    EXPECT_LT(comment.find("Allowed: "), comment.find("Default: ")) << full_name(key);
    EXPECT_GT(comment.find("Allowed: "), 20U) << full_name(key) << " has no meaning written above it";
  }
}

}  // namespace
}  // namespace holdfast::config
