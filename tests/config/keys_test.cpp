#include "config/keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "config/load.h"

namespace holdfast::config {
namespace {

// A line of TOML for one key outside [[endpoint]], and whether it loads.
bool loads(const Key& key, const std::string& written) {
  const std::string text = "[" + std::string(key.section) + "]\n" + std::string(key.name) + " = " + written + "\n";
  return std::holds_alternative<Options>(load_text(text, "f.toml", {}));
}

bool loads_from_environment(const Key& key, const std::string& value) {
  const Environment environment{{environment_name(key.section, key.name), value}};
  return std::holds_alternative<Options>(load_text("", "f.toml", environment));
}

TEST(KeysTest, RefusesEveryIntegerJustOutsideItsRangeAndTakesBothEnds) {
  Options options;
  int checked = 0;
  for (const Key& key : option_keys(options)) {
    const auto* integer = std::get_if<IntegerKey>(&key.place);
    if (integer == nullptr) continue;
    ++checked;
    const std::int64_t min = integer->min;
    const std::int64_t max = integer->max;
    for (const auto& [value, taken] : {std::pair{min - 1, false}, {min, true}, {max, true}, {max + 1, false}}) {
      EXPECT_EQ(loads(key, std::to_string(value)), taken) << full_name(key) << " = " << value;
      EXPECT_EQ(loads_from_environment(key, std::to_string(value)), taken) << full_name(key) << " = " << value;
    }
    EXPECT_FALSE(loads(key, "\"" + std::to_string(min) + "\"")) << full_name(key);
    EXPECT_FALSE(loads(key, std::to_string(min) + ".0")) << full_name(key);
  }
  EXPECT_EQ(checked, 18);
}

TEST(KeysTest, RefusesEverySizeJustOutsideItsRangeAndTakesBothEnds) {
  Options options;
  options.storage.map_size = 16 * kTiB;
  int checked = 0;
  for (const Key& key : option_keys(options)) {
    const auto* size = std::get_if<SizeKey>(&key.place);
    if (size == nullptr) continue;
    ++checked;
    EXPECT_TRUE(assign(key, size_text(size->min))) << full_name(key);
    EXPECT_EQ(*size->target, size->min);
    EXPECT_TRUE(assign(key, size_text(size->max))) << full_name(key);
    EXPECT_EQ(*size->target, size->max);
    EXPECT_FALSE(assign(key, size_text(size->max + kKiB))) << full_name(key);
    if (size->min > 0) {
      EXPECT_FALSE(assign(key, size_text(size->min - kKiB))) << full_name(key);
    }
    EXPECT_FALSE(assign(key, std::int64_t{1}));
    EXPECT_EQ(*size->target, size->max) << "a refused value must not be stored";
  }
  EXPECT_EQ(checked, 3);
}

TEST(KeysTest, TakesEveryChoiceAndNothingBeside) {
  Options options;
  EndpointOptions endpoint;
  std::vector<Key> keys = option_keys(options);
  for (const Key& key : endpoint_keys(endpoint)) {
    keys.push_back(key);
  }
  for (const Key& key : keys) {
    const auto* choice = std::get_if<ChoiceKey>(&key.place);
    if (choice == nullptr) continue;
    for (const std::string_view name : choice->names) {
      EXPECT_TRUE(assign(key, std::string(name))) << full_name(key);
      EXPECT_FALSE(assign(key, std::string(name) + " ")) << full_name(key);
    }
    EXPECT_FALSE(assign(key, std::string())) << full_name(key);
    EXPECT_FALSE(assign(key, std::int64_t{0})) << full_name(key);
  }
}

TEST(KeysTest, AChoiceStoresTheValueOfItsName) {
  struct Case {
    std::string level;
    LogLevel expected;
  };
  const Case cases[] = {
      {"debug", LogLevel::debug}, {"info", LogLevel::info}, {"warning", LogLevel::warning}, {"error", LogLevel::error}};
  for (const Case& item : cases) {
    const auto result = load_text("[log]\nlevel = \"" + item.level + "\"\n", "f.toml", {});
    EXPECT_EQ(std::get<Options>(result).log.level, item.expected);
  }
}

struct TextCase {
  std::string_view section;
  std::string_view name;
  std::string text;
  bool taken;
};

TEST(KeysTest, TextIsHeldToItsRule) {
  Options options;
  EndpointOptions endpoint;
  std::vector<Key> keys = option_keys(options);
  for (const Key& key : endpoint_keys(endpoint)) {
    keys.push_back(key);
  }
  const std::string nul(1, '\0');
  const TextCase cases[] = {
      {"server", "listen", "", false},
      {"server", "listen", "8080", false},
      {"server", "listen", ":8080", false},
      {"server", "listen", "localhost:8080", false},
      {"server", "listen", "127.0.0.1", false},
      {"server", "listen", "127.0.0.1:", false},
      {"server", "listen", "127.0.0.1:65536", false},
      {"server", "listen", "127.0.0.1:-1", false},
      {"server", "listen", "127.0.0.1:80 ", false},
      {"server", "listen", "127.0.0:80", false},
      {"server", "listen", "127.0.0.1" + nul + ":80", false},
      {"server", "listen", "::1:80", false},
      {"server", "listen", "[]:80", false},
      {"server", "listen", "[127.0.0.1]:80", false},
      {"server", "listen", "[::1]", false},
      {"server", "listen", "127.0.0.1:0", true},
      {"server", "listen", "0.0.0.0:65535", true},
      {"server", "ops_listen", "[::]:9090", true},
      {"storage", "path", "", false},
      {"storage", "path", "a" + nul, false},
      {"storage", "path", std::string(4096, 'a'), false},
      {"storage", "path", std::string(4095, 'a'), true},
      {"issuing", "bin", "12345", false},
      {"issuing", "bin", "123456789", false},
      {"issuing", "bin", "40000a", false},
      {"issuing", "bin", "123456", true},
      {"issuing", "bin", "12345678", true},
      {"endpoint", "name", "", false},
      {"endpoint", "name", std::string(33, 'a'), false},
      {"endpoint", "name", "a_b", false},
      {"endpoint", "name", "A", false},
      {"endpoint", "name", std::string(32, 'a'), true},
      {"endpoint", "name", "0-z", true},
      {"endpoint", "path", "", false},
      {"endpoint", "path", "/", false},
      {"endpoint", "path", "webhooks", false},
      {"endpoint", "path", "/a?b", false},
      {"endpoint", "path", "/a%20b", false},
      {"endpoint", "path", "/a b", false},
      {"endpoint", "path", "/api", false},
      {"endpoint", "path", "/api/", false},
      {"endpoint", "path", "/" + std::string(128, 'a'), false},
      {"endpoint", "path", "/" + std::string(127, 'a'), true},
      {"endpoint", "path", "/apis", true},
      {"endpoint", "adopted_limits", "", true},
      {"endpoint", "adopted_limits", "day 5000", true},
      {"endpoint", "adopted_limits", "hour 1,day 5000, month 100000", true},
      {"endpoint", "adopted_limits", "lifetime 0", true},
      {"endpoint", "adopted_limits", "lifetime 9223372036854775807", true},
      {"endpoint", "adopted_limits", "lifetime 9223372036854775808", false},
      {"endpoint", "adopted_limits", "day", false},
      {"endpoint", "adopted_limits", "day 50.00", false},
      {"endpoint", "adopted_limits", "day -1", false},
      {"endpoint", "adopted_limits", "day 1,", false},
      {"endpoint", "adopted_limits", "day 1, day 2", false},
      {"endpoint", "adopted_limits", "decade 1", false},
      {"endpoint", "stripe_version", "a b", false},
      {"endpoint", "stripe_version", "a\r\nb", false},
      {"endpoint", "stripe_version", std::string(65, '1'), false},
      {"endpoint", "stripe_version", std::string(64, '1'), true},
      {"endpoint", "stripe_version", "2025-03-31.basil", true},
      {"endpoint", "stripe_version", "", true},
  };
  for (const TextCase& item : cases) {
    const auto key = std::ranges::find_if(
        keys, [&](const Key& candidate) { return candidate.section == item.section && candidate.name == item.name; });
    ASSERT_NE(key, keys.end()) << item.section << "." << item.name;
    EXPECT_EQ(assign(*key, item.text), item.taken) << full_name(*key) << " = " << item.text;
    EXPECT_FALSE(assign(*key, std::int64_t{123456})) << full_name(*key);
    EXPECT_FALSE(assign(*key, std::monostate{})) << full_name(*key);
  }
}

TEST(KeysTest, NamesAndVariablesAreUnique) {
  Options options;
  EndpointOptions endpoint;
  std::vector<Key> keys = option_keys(options);
  for (const Key& key : endpoint_keys(endpoint)) {
    keys.push_back(key);
  }
  std::set<std::string> names;
  std::set<std::string> variables;
  for (const Key& key : keys) {
    EXPECT_TRUE(names.insert(full_name(key)).second) << full_name(key);
    EXPECT_TRUE(variables.insert(environment_name(key.section, key.name)).second) << full_name(key);
  }
}

TEST(KeysTest, NoTwoRowsStoreIntoTheSamePlace) {
  Options options;
  std::set<const void*> targets;
  for (const Key& key : option_keys(options)) {
    const void* target = nullptr;
    if (const auto* integer = std::get_if<IntegerKey>(&key.place)) target = integer->target;
    if (const auto* size = std::get_if<SizeKey>(&key.place)) target = size->target;
    if (const auto* text = std::get_if<TextKey>(&key.place)) target = text->target;
    if (target != nullptr) {
      EXPECT_TRUE(targets.insert(target).second) << full_name(key);
    }
  }
}

TEST(KeysTest, NamesVariablesInUpperCaseWithUnderscores) {
  EXPECT_EQ(environment_name("server.limits", "json_depth"), "HOLDFAST_SERVER_LIMITS_JSON_DEPTH");
  EXPECT_EQ(environment_name("endpoint.stripe-main", "path"), "HOLDFAST_ENDPOINT_STRIPE_MAIN_PATH");
}

TEST(KeysTest, ReadsSizesExactlyOrNotAtAll) {
  struct Case {
    std::string_view text;
    std::optional<std::uint64_t> bytes;
  };
  const Case cases[] = {
      {"", std::nullopt},
      {"64", std::nullopt},
      {"GiB", std::nullopt},
      {"64GB", std::nullopt},
      {"64 GiB", std::nullopt},
      {"64gib", std::nullopt},
      {"-1GiB", std::nullopt},
      {"+1GiB", std::nullopt},
      {"1.5GiB", std::nullopt},
      {"64GiB ", std::nullopt},
      {"16777216TiB", std::nullopt},           // 2^64
      {"18014398509481984KiB", std::nullopt},  // 2^64
      {"99999999999999999999KiB", std::nullopt},
      {"18014398509481983KiB", 0xFFFF'FFFF'FFFF'FC00ULL},
      {"0KiB", 0},
      {"1KiB", 1'024},
      {"64MiB", 67'108'864},
      {"64GiB", 68'719'476'736},
      {"2TiB", 2'199'023'255'552},
  };
  for (const Case& item : cases) {
    EXPECT_EQ(size_from_text(item.text), item.bytes) << item.text;
  }
}

TEST(KeysTest, WritesSizesInTheLargestExactUnit) {
  EXPECT_EQ(size_text(0), "0KiB");
  EXPECT_EQ(size_text(1'536 * kMiB), "1536MiB");
  EXPECT_EQ(size_text(64 * kGiB), "64GiB");
}

TEST(KeysTest, TakesOnlyReferencesToSecrets) {
  for (const std::string text : {"", "whsec_abc", "env:", "env:1A", "env:A B", "env:A-B", "ENV:A", "file:", "file"}) {
    EXPECT_EQ(secret_reference_from_text(text), std::nullopt) << text;
  }
  EXPECT_EQ(secret_reference_from_text(std::string("file:a\0b", 8)), std::nullopt);
  for (const std::string text : {"env:A_1", "env:_a", "file:/run/s", "file:s"}) {
    const auto reference = secret_reference_from_text(text);
    ASSERT_TRUE(reference) << text;
    EXPECT_EQ(secret_reference_text(*reference), text);
  }
}

}  // namespace
}  // namespace holdfast::config
