#include "config/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace holdfast::config {
namespace {

using ::testing::ElementsAre;
using ::testing::StartsWith;

std::vector<std::string> errors_of(std::string_view text, const Environment& environment = {}) {
  const auto result = load_text(text, "f.toml", environment);
  std::vector<std::string> texts;
  if (const auto* errors = std::get_if<ConfigErrors>(&result)) {
    for (const ConfigError& error : *errors) {
      texts.push_back(error.text());
    }
  }
  return texts;
}

Options options_of(std::string_view text, const Environment& environment = {}) {
  const auto result = load_text(text, "f.toml", environment);
  if (const auto* options = std::get_if<Options>(&result)) return *options;
  ADD_FAILURE() << std::get<ConfigErrors>(result).front().text();
  return {};
}

constexpr std::string_view kEndpoint = R"(
[[endpoint]]
name = "stripe-main"
kind = "stripe"
secrets = ["env:OLD", "file:/run/secrets/new"]
)";

struct WrongText {
  std::string_view text;
  std::string_view error;
};

TEST(LoadTest, PointsAtWhatIsWrong) {
  const WrongText cases[] = {
      // A key that is not known.
      {"[server]\nthreds = 1\n", "f.toml:2:1: unknown key \"server.threds\""},
      {"[server]\n  \"li\\nsten\" = 1\n", "f.toml:2:3: unknown key \"server.li\\x0asten\""},
      {"\n[serve]\nthreads = 1\n", "f.toml:2:2: unknown key \"serve\""},
      {"threads = 1\n", "f.toml:1:1: unknown key \"threads\""},
      {"[server.limit]\n", "f.toml:1:9: unknown key \"server.limit\""},
      {"server.limits.conections = 5", "f.toml:1:15: unknown key \"server.limits.conections\""},
      // A value where a section belongs, and the other way round.
      {"server = 3\n", "f.toml:1:10: [server] must be a table, not 3"},
      {"[server]\nlimits = [1]\n", "f.toml:2:10: [server.limits] must be a table, not an array"},
      {"[[server]]\n", "f.toml:1:1: [server] must be a table, not an array"},
      {"[server.threads]\n", "f.toml:1:1: server.threads must be an integer from 0 to 256, not a table"},
      // The wrong type.
      {"[server]\nthreads = \"2\"\n", "f.toml:2:11: server.threads must be an integer from 0 to 256, not \"2\""},
      {"[server]\nthreads =    2.0\n",
       "f.toml:2:14: server.threads must be an integer from 0 to 256, not a floating-point number"},
      {"[server]\nthreads = true\n", "f.toml:2:11: server.threads must be an integer from 0 to 256, not a boolean"},
      {"[server]\nthreads = 2026-01-01\n",
       "f.toml:2:11: server.threads must be an integer from 0 to 256, not a date or time"},
      {"[issuing]\nbin = 400000\n", "f.toml:2:7: issuing.bin must be text of 6 to 8 digits, not 400000"},
      // Out of range.
      {"[server]\nthreads = -1\n", "f.toml:2:11: server.threads must be an integer from 0 to 256, not -1"},
      {"[server]\nthreads = 4294967296\n",
       "f.toml:2:11: server.threads must be an integer from 0 to 256, not 4294967296"},
      {"[log]\nlevel = \"INFO\"\n",
       "f.toml:2:9: log.level must be \"debug\", \"info\", \"warning\" or \"error\", not \"INFO\""},
      {"[storage]\nmap_size = \"64GB\"\n",
       "f.toml:2:12: storage.map_size must be text with a unit (KiB, MiB, GiB, TiB) from \"64MiB\" to \"16TiB\", "
       "not \"64GB\""},
      {"[storage]\nmap_size = 68719476736\n",
       "f.toml:2:12: storage.map_size must be text with a unit (KiB, MiB, GiB, TiB) from \"64MiB\" to \"16TiB\", "
       "not 68719476736"},
      {"[storage]\nmap_size = \"64MiB\"\npreallocate = \"1GiB\"\n",
       "f.toml:3:15: storage.preallocate must not be above storage.map_size, 1GiB is above 64MiB"},
  };
  for (const WrongText& wrong : cases) {
    EXPECT_THAT(errors_of(wrong.text), ElementsAre(wrong.error)) << wrong.text;
  }
}

TEST(LoadTest, PointsAtWhatIsNotToml) {
  // The words are the parser's own and change with its version; the place does not.
  EXPECT_THAT(errors_of("[server\n"), ElementsAre(StartsWith("f.toml:1:8: ")));
  EXPECT_THAT(errors_of("[server]\nthreads = 1\nthreads = 2\n"), ElementsAre(StartsWith("f.toml:3:")));
  EXPECT_THAT(errors_of("[server]\n\n[server]\n"), ElementsAre(StartsWith("f.toml:3:")));
  EXPECT_THAT(errors_of("a = \"\xff\"\n"), ElementsAre(StartsWith("f.toml:1:")));
}

TEST(LoadTest, AnErrorFitsOnOneLine) {
  const std::vector<std::string> errors = errors_of("[server]\nthreads =t\n");
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].find('\n'), std::string::npos) << errors[0];
}

TEST(LoadTest, RefusesCharactersThatTheParserDoesNotSurvive) {
  const std::string rule =
      "a character outside ASCII may stand only in a comment, behind no quote on its line; in a string write it as "
      "\\uXXXX";
  const WrongText cases[] = {
      {"endpoint \xEF\xB3\xBF{}\n", "f.toml:1:10: "},     {"\xCC\xAA", "f.toml:1:1: "},
      {"# ä\n[server]\n  x ä = 1\n", "f.toml:3:5: "},     {"s =0=\"x\xCA\x90", "f.toml:1:8: "},
      {"s = \"\"\"\\\n\xC2\xA7\"\"\"\n", "f.toml:2:1: "}, {"[server]\nlisten = \"\" # ä\n", "f.toml:2:15: "},
      {"\xEF\xBB\xBF\xEF\xBB\xBF", "f.toml:1:1: "},
  };
  for (const WrongText& wrong : cases) {
    EXPECT_THAT(errors_of(wrong.text), ElementsAre(std::string(wrong.error) + rule)) << wrong.text;
  }
}

TEST(LoadTest, OutlivesAnAssertionOfTheParser) {
  EXPECT_THAT(errors_of("[="), ElementsAre("f.toml:1:1: this line is not TOML"));
  EXPECT_THAT(errors_of("[server]\nthreads = 1\n\n[=]\n[log]\nlevel = 1\n"),
              ElementsAre("f.toml:4:1: this line is not TOML"));
}

TEST(LoadTest, TakesAnyCharacterInCommentsAndEscaped) {
  const std::string text = "\xEF\xBB\xBF# ä \"ö\n[storage] # ü \xEF\xB3\xBF\npath = \"/\\u00E4\"\n";
  EXPECT_EQ(options_of(text).storage.path, "/ä");
}

TEST(LoadTest, PointsAtWhatIsWrongInAnEndpoint) {
  const WrongText cases[] = {
      {"[endpoint]\nname = \"a\"\n", "f.toml:1:1: an endpoint is written as [[endpoint]]"},
      {"endpoint = [1]\n", "f.toml:1:13: [[endpoint]] must be a table, not 1"},
      {"\n[[endpoint]]\nkind = \"stripe\"\nsecrets = [\"env:A\"]\n",
       "f.toml:2:1: endpoint.name is missing: it must be 1 to 32 characters of a-z, 0-9 and '-', but not 'api'"},
      {"[[endpoint]]\nname = \"a\"\nsecrets = [\"env:A\"]\n",
       "f.toml:1:1: endpoint.kind is missing: it must be \"stripe\", \"lithic\" or \"marqeta\""},
      {"[[endpoint]]\nname = \"a\"\nkind = \"stripe\"\n",
       "f.toml:1:1: endpoint.secrets is missing: it must be 1 to 8 references to secrets, \"env:NAME\" or "
       "\"file:PATH\""},
      {"[[endpoint]]\nname = \"a\"\nkind = \"adyen\"\nsecrets = [\"env:A\"]\n",
       "f.toml:3:8: endpoint.kind must be \"stripe\", \"lithic\" or \"marqeta\", not \"adyen\""},
      {"[[endpoint]]\nname = \"A\"\nkind = \"stripe\"\nsecrets = [\"env:A\"]\n",
       "f.toml:2:8: endpoint.name must be 1 to 32 characters of a-z, 0-9 and '-', but not 'api', not \"A\""},
      {"[[endpoint]]\nname = \"a\"\nkind = \"stripe\"\nsecrets = [\"env:A\"]\ndeadline_ms = 2001\n",
       "f.toml:5:15: endpoint.deadline_ms must be at most 2000 for this kind, not 2001"},
      {"[[endpoint]]\nname = \"a\"\nkind = \"lithic\"\nsecrets = [\"env:A\"]\ndeadline_ms = 6001\n",
       "f.toml:5:15: endpoint.deadline_ms must be at most 6000 for this kind, not 6001"},
      {"[[endpoint]]\nname = \"a\"\nkind = \"marqeta\"\nusername = [\"env:A\"]\npassword = [\"env:B\"]\n"
       "deadline_ms = 7001\n",
       "f.toml:6:15: endpoint.deadline_ms must be an integer from 10 to 7000, not 7001"},
      {"[[endpoint]]\nname = \"a\"\nkind = \"lithic\"\n",
       "f.toml:1:1: endpoint.secrets is missing: it must be 1 to 8 references to secrets, \"env:NAME\" or "
       "\"file:PATH\""},
      {"[[endpoint]]\nname = \"a\"\nkind = \"stripe\"\nunsigned = true\n",
       "f.toml:1:1: endpoint.secrets is missing: it must be 1 to 8 references to secrets, \"env:NAME\" or "
       "\"file:PATH\""},
      {"[[endpoint]]\nname = \"a\"\nkind = \"lithic\"\nunsigned = 1\nsecrets = [\"env:A\"]\n",
       "f.toml:4:12: endpoint.unsigned must be true or false, not 1"},
      {"[[endpoint]]\nname = \"a\"\nkind = \"marqeta\"\nusername = [\"env:A\"]\n",
       "f.toml:1:1: endpoint.password is missing: it must be 1 to 2 references to secrets, \"env:NAME\" or "
       "\"file:PATH\""},
      {"[[endpoint]]\nname = \"a\"\nkind = \"marqeta\"\nusername = [\"env:A\", \"env:B\"]\npassword = [\"env:C\"]\n",
       "f.toml:1:1: endpoint.password must have one for each endpoint.username"},
      {"[[endpoint]]\nname = \"a\"\nkind = \"lithic\"\nsecrets = [\"env:A\"]\nunknown_cards = \"adopt\"\n",
       "f.toml:1:1: endpoint.adopted_limits is missing: a card without any would have no cap"},
      {"[[endpoint]]\nname = \"a\"\nkind = \"lithic\"\nunsigned = true\nunknown_cards = \"adopt\"\n"
       "adopted_limits = \"day 1\"\n",
       "f.toml:1:1: endpoint.unknown_cards must be \"decline\" where anybody could make cards"},
      {"[[endpoint]]\nname = \"a\"\nkind = \"stripe\"\nsecrets = [\"env:A\"]\npath = \"/api/v1/cards\"\n",
       "f.toml:5:8: endpoint.path must be a URL path of 2 to 128 characters that starts with '/' and is not under "
       "/api, not \"/api/v1/cards\""},
      {"[[endpoint]]\nname = \"a\"\nkind = \"stripe\"\nsecrets = [\"env:A\"]\nsecret = 1\n",
       "f.toml:5:1: unknown key \"endpoint.secret\""},
      {"[[endpoint]]\nname = \"a\"\nkind = \"stripe\"\nsecrets = []\n",
       "f.toml:4:11: endpoint.secrets must be 1 to 8 references to secrets, \"env:NAME\" or \"file:PATH\""},
  };
  for (const WrongText& wrong : cases) {
    EXPECT_THAT(errors_of(wrong.text), ElementsAre(wrong.error)) << wrong.text;
  }
}

TEST(LoadTest, NeverShowsASecretWrittenInPlace) {
  const std::string text = "[[endpoint]]\nname = \"a\"\nkind = \"stripe\"\nsecrets = [\"env:A\",\n  \"whsec_abc\"]\n";
  const std::string rule = "endpoint.secrets must be 1 to 8 references to secrets, \"env:NAME\" or \"file:PATH\"";
  EXPECT_THAT(errors_of(text), ElementsAre("f.toml:5:3: " + rule));
  EXPECT_THAT(errors_of(kEndpoint, {{"HOLDFAST_ENDPOINT_STRIPE_MAIN_SECRETS", "whsec_abc"}}),
              ElementsAre("HOLDFAST_ENDPOINT_STRIPE_MAIN_SECRETS: " + rule + ", separated by commas"));
}

TEST(LoadTest, RefusesANinthSecret) {
  std::string text = "[[endpoint]]\nname = \"a\"\nkind = \"stripe\"\nsecrets = [";
  for (int i = 0; i < 8; ++i) {
    text += "\"env:S\",";
  }
  EXPECT_EQ(options_of(text + "]\n").endpoints.at(0).secrets.size(), 8U);
  EXPECT_EQ(errors_of(text + "\"env:S\"]\n").size(), 1U);
}

TEST(LoadTest, ReportsEveryErrorInTheOrderOfTheTextThenTheEnvironment) {
  const std::string_view text =
      "[storage]\n"
      "zeal = 1\n"
      "map_size = 1\n"
      "[api]\n"
      "deadline_ms = 9\n"
      "apple = 1\n";
  EXPECT_THAT(
      errors_of(text, {{"HOLDFAST_SERVER_THREADS", "many"}}),
      ElementsAre("f.toml:2:1: unknown key \"storage.zeal\"",
                  "f.toml:3:12: storage.map_size must be text with a unit (KiB, MiB, GiB, TiB) from \"64MiB\" to "
                  "\"16TiB\", not 1",
                  "f.toml:5:15: api.deadline_ms must be an integer from 10 to 10000, not 9",
                  "f.toml:6:1: unknown key \"api.apple\"",
                  "HOLDFAST_SERVER_THREADS: server.threads must be an integer from 0 to 256, not \"many\""));
}

TEST(LoadTest, NamesAndPathsOfEndpointsAreUnique) {
  const std::string first = "[[endpoint]]\nname = \"a\"\nkind = \"stripe\"\nsecrets = [\"env:A\"]\n";
  EXPECT_THAT(errors_of(first + first + "path = \"/x\"\n"),
              ElementsAre("f.toml:6:8: endpoint.name must be unique, \"a\" is taken by line 2"));
  const std::string second = "[[endpoint]]\nname = \"b\"\nkind = \"stripe\"\nsecrets = [\"env:A\"]\n";
  EXPECT_THAT(errors_of(first + second + "path = \"/webhooks/a\"\n"),
              ElementsAre("f.toml:9:8: endpoint.path must be unique, \"/webhooks/a\" is taken by line 1"));
  EXPECT_THAT(errors_of(first + second, {{"HOLDFAST_ENDPOINT_B_PATH", "/webhooks/a"}}),
              ElementsAre("HOLDFAST_ENDPOINT_B_PATH: endpoint.path must be unique, \"/webhooks/a\" is taken by line "
                          "1"));
}

TEST(LoadTest, AnEndpointMissingEverythingIsToldSoOncePerKey) {
  EXPECT_EQ(errors_of("[[endpoint]]\n[[endpoint]]\n").size(), 6U);
}

TEST(LoadTest, WrongOverridesNameTheirVariable) {
  const std::string rule = ": server.threads must be an integer from 0 to 256, not ";
  for (const std::string value : {"", " 1", "1 ", "+1", "0x1", "1.0", "257", "-1", "99999999999999999999"}) {
    EXPECT_THAT(errors_of("", {{"HOLDFAST_SERVER_THREADS", value}}),
                ElementsAre("HOLDFAST_SERVER_THREADS" + rule + "\"" + value + "\""));
  }
  EXPECT_THAT(errors_of("", {{"HOLDFAST_STORAGE_PREALLOCATE", "4GiB"}, {"HOLDFAST_STORAGE_MAP_SIZE", "1GiB"}}),
              ElementsAre("HOLDFAST_STORAGE_PREALLOCATE: storage.preallocate must not be above storage.map_size, 4GiB "
                          "is above 1GiB"));
  EXPECT_THAT(errors_of("", {{"HOLDFAST_LOG_LEVEL", std::string(65, 'x')}}),
              ElementsAre("HOLDFAST_LOG_LEVEL: log.level must be \"debug\", \"info\", \"warning\" or \"error\", not "
                          "text of 65 bytes"));
}

TEST(LoadTest, AnOverrideDoesNotExcuseAWrongFile) {
  EXPECT_EQ(errors_of("[server]\nthreads = 999\n", {{"HOLDFAST_SERVER_THREADS", "1"}}).size(), 1U);
}

TEST(LoadTest, TheEnvironmentWinsOverTheFile) {
  const Environment environment{{"HOLDFAST_SERVER_LISTEN", "[::1]:0"},
                                {"HOLDFAST_SERVER_LIMITS_CONNECTIONS", "7"},
                                {"HOLDFAST_STORAGE_MAP_SIZE", "1GiB"},
                                {"HOLDFAST_LOG_FORMAT", "logfmt"}};
  const Options options = options_of("[server]\nlisten = \"0.0.0.0:80\"\nthreads = 3\n", environment);
  EXPECT_EQ(options.server.listen, "[::1]:0");
  EXPECT_EQ(options.server.threads, 3U);
  EXPECT_EQ(options.server.limits.connections, 7U);
  EXPECT_EQ(options.storage.map_size, kGiB);
  EXPECT_EQ(options.log.format, LogFormat::logfmt);
}

TEST(LoadTest, TheEnvironmentReachesAnEndpointByItsName) {
  const Environment environment{{"HOLDFAST_ENDPOINT_STRIPE_MAIN_DEADLINE_MS", "900"},
                                {"HOLDFAST_ENDPOINT_STRIPE_MAIN_NAME", "other"},
                                {"HOLDFAST_ENDPOINT_STRIPE_MAIN_SECRETS", "env:A,file:/b"},
                                {"HOLDFAST_ENDPOINT_OTHER_DEADLINE_MS", "wrong, but of nobody"}};
  const Options options = options_of(kEndpoint, environment);
  ASSERT_EQ(options.endpoints.size(), 1U);
  EXPECT_EQ(options.endpoints[0].name, "stripe-main");
  EXPECT_EQ(options.endpoints[0].deadline_ms, 900U);
  EXPECT_THAT(options.endpoints[0].secrets, ElementsAre(SecretReference{SecretReference::Source::environment, "A"},
                                                        SecretReference{SecretReference::Source::file, "/b"}));
}

TEST(LoadTest, LeavesVariablesOfOthersAlone) {
  EXPECT_EQ(options_of("", {{"HOLDFAST_ADMIN_KEY", "k"}, {"HOLDFAST_SERVER_PORT", "tcp://10.0.0.1:8080"}}), Options{});
}

TEST(LoadTest, AnEmptyTextGivesTheDefaults) {
  EXPECT_EQ(options_of(""), Options{});
}

TEST(LoadTest, AnEndpointNeedsNoMoreThanNameKindAndSecrets) {
  const Options options = options_of(kEndpoint);
  ASSERT_EQ(options.endpoints.size(), 1U);
  EndpointOptions expected;
  expected.name = "stripe-main";
  expected.path = "/webhooks/stripe-main";
  expected.secrets = {{SecretReference::Source::environment, "OLD"},
                      {SecretReference::Source::file, "/run/secrets/new"}};
  EXPECT_EQ(options.endpoints[0], expected);
  EXPECT_EQ(options.endpoints[0].deadline_ms, 1'500U);
}

TEST(LoadTest, SaysWhyAFileCannotBeRead) {
  const auto missing = load_file("/nonexistent/holdfast.toml", {});
  ASSERT_TRUE(std::holds_alternative<ConfigErrors>(missing));
  EXPECT_EQ(std::get<ConfigErrors>(missing).front().text(),
            "/nonexistent/holdfast.toml: the file cannot be read: No such file or directory");
  const auto directory = load_file("/", {});
  ASSERT_TRUE(std::holds_alternative<ConfigErrors>(directory));
  EXPECT_EQ(std::get<ConfigErrors>(directory).front().text(), "/: the file cannot be read: Is a directory");
  const auto endless = load_file("/dev/zero", {});
  ASSERT_TRUE(std::holds_alternative<ConfigErrors>(endless));
  EXPECT_EQ(std::get<ConfigErrors>(endless).front().text(), "/dev/zero: the file cannot be read: File too large");
}

}  // namespace
}  // namespace holdfast::config
