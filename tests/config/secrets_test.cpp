#include "config/secrets.h"

#include <fmt/format.h>
#include <fmt/ostream.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <concepts>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

namespace holdfast::config {
namespace {

using ::testing::ElementsAre;
using enum SecretReference::Source;

// What must not compile: printing, formatting, or taking a secret for text without saying so.
template <class T>
concept Streams = requires(std::ostream& out, const T& value) {
  out << value;
};
static_assert(Streams<std::string>);
static_assert(!Streams<Secret>);
static_assert(fmt::is_formattable<std::string>::value);
static_assert(!fmt::is_formattable<Secret>::value);
static_assert(!std::is_convertible_v<Secret, std::string_view> && !std::is_convertible_v<Secret, std::string>);
static_assert(!std::equality_comparable<Secret>);

class SecretsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "secrets_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string file_with(const std::string& name, std::string_view content) {
    const std::string path = directory_ + "/" + name;
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

  static Options with(std::vector<SecretReference> secrets) {
    Options options;
    options.endpoints.push_back({.name = "a", .path = "/a", .secrets = std::move(secrets), .stripe_version = ""});
    return options;
  }

  static std::vector<std::string> errors_of(const Options& options, const Environment& environment) {
    const auto result = resolve_secrets(options, environment);
    std::vector<std::string> texts;
    if (const auto* errors = std::get_if<ConfigErrors>(&result)) {
      for (const ConfigError& error : *errors) {
        texts.push_back(error.text());
      }
    }
    return texts;
  }

  // The value of the only secret of the only endpoint.
  static std::string value_of(const SecretReference& reference, const Environment& environment) {
    const auto result = resolve_secrets(with({reference}), environment);
    const auto* resolved = std::get_if<std::vector<EndpointSecrets>>(&result);
    if (resolved == nullptr) return "error";
    return std::string(resolved->at(0).secrets.at(0).reveal());
  }

  std::string directory_;
};

TEST_F(SecretsTest, SaysEveryReferenceThatCannotBeResolvedAndWhy) {
  const std::string empty = file_with("empty", "");
  const std::string newline = file_with("newline", "\n");
  const std::string large = file_with("large", std::string(kSecretBytesMax + 1, 'x'));
  const Options options = with({{environment, "MISSING"},
                                {environment, "EMPTY"},
                                {file, directory_ + "/none"},
                                {file, directory_},
                                {file, empty},
                                {file, newline},
                                {file, large}});
  EXPECT_THAT(
      errors_of(options, {{"EMPTY", ""}}),
      ElementsAre("endpoint a: env:MISSING: the variable is not set", "endpoint a: env:EMPTY: the secret is empty",
                  "endpoint a: file:" + directory_ + "/none: the file cannot be read: No such file or directory",
                  "endpoint a: file:" + directory_ + ": the file cannot be read: Is a directory",
                  "endpoint a: file:" + empty + ": the secret is empty",
                  "endpoint a: file:" + newline + ": the secret is empty",
                  "endpoint a: file:" + large + ": the file cannot be read: File too large"));
}

TEST_F(SecretsTest, OneMissingSecretSpoilsTheOthers) {
  EXPECT_EQ(errors_of(with({{environment, "A"}, {environment, "B"}}), {{"A", "a"}}).size(), 1U);
}

TEST_F(SecretsTest, AFileLosesOneTrailingNewlineAndNothingElse) {
  const Environment none;
  EXPECT_EQ(value_of({file, file_with("1", "s3cret")}, none), "s3cret");
  EXPECT_EQ(value_of({file, file_with("2", "s3cret\n")}, none), "s3cret");
  EXPECT_EQ(value_of({file, file_with("3", "s3cret\r\n")}, none), "s3cret");
  EXPECT_EQ(value_of({file, file_with("4", "s3cret\n\n")}, none), "s3cret\n");
  EXPECT_EQ(value_of({file, file_with("5", " s3cret ")}, none), " s3cret ");
  EXPECT_EQ(value_of({file, file_with("6", "s3cret\r")}, none), "s3cret\r");
  const std::string longest(kSecretBytesMax, 'x');
  EXPECT_EQ(value_of({file, file_with("7", longest)}, none), longest);
}

TEST_F(SecretsTest, AVariableIsTakenAsItIs) {
  EXPECT_EQ(value_of({environment, "A"}, {{"A", " s\n"}}), " s\n");
}

TEST_F(SecretsTest, KeepsTheOrderOfEndpointsAndReferences) {
  Options options = with({{environment, "A"}, {environment, "B"}});
  options.endpoints.push_back({.name = "b", .path = "/b", .secrets = {{environment, "C"}}, .stripe_version = ""});
  const auto result = resolve_secrets(options, {{"A", "1"}, {"B", "2"}, {"C", "3"}});
  ASSERT_TRUE(std::holds_alternative<std::vector<EndpointSecrets>>(result));
  const auto& resolved = std::get<std::vector<EndpointSecrets>>(result);
  ASSERT_EQ(resolved.size(), 2U);
  EXPECT_EQ(resolved[0].endpoint, "a");
  EXPECT_EQ(resolved[0].secrets.at(0).reveal(), "1");
  EXPECT_EQ(resolved[0].secrets.at(1).reveal(), "2");
  EXPECT_EQ(resolved[1].endpoint, "b");
  EXPECT_EQ(resolved[1].secrets.at(0).reveal(), "3");
}

TEST_F(SecretsTest, NoEndpointsNeedNoSecrets) {
  EXPECT_TRUE(errors_of(Options{}, {}).empty());
}

}  // namespace
}  // namespace holdfast::config
