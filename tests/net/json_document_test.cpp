#include "net/json_document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace holdfast::net {
namespace {

using Code = JsonErrorCode;
using std::string;
using std::string_view;

string text_of(const JsonError& error) {
  return string(json_error_name(error.code)) + " at \"" + error.path + "\": " + error.detail;
}

string nested(unsigned depth) {
  return string(depth, '[') + string(depth, ']');
}

struct TextCase {
  const char* name;
  string text;
  Code code;
  string path;
};

class JsonTexts : public testing::TestWithParam<TextCase> {};

TEST_P(JsonTexts, AreAcceptedOrRefusedAsAWhole) {
  JsonDocument document;
  EXPECT_EQ(document.parse(GetParam().text), GetParam().code == Code::none) << text_of(document.error());
  EXPECT_EQ(document.error().code, GetParam().code) << text_of(document.error());
  EXPECT_EQ(document.error().path, GetParam().path);
  EXPECT_EQ(document.error().detail.empty(), GetParam().code == Code::none);
}

INSTANTIATE_TEST_SUITE_P(
    Json, JsonTexts,
    testing::ValuesIn(std::vector<TextCase>{
        {"Empty", "", Code::malformed, ""},
        {"SpaceOnly", " \n", Code::malformed, ""},
        {"Object", R"({"a":1,"b":{"a":2},"c":[{"a":3},{"a":4}]})", Code::none, ""},
        {"DuplicateMember", R"({"amount":1,"amount":2})", Code::duplicate_member, "amount"},
        {"DuplicateOfEqualValue", R"({"amount":1,"x":0,"amount":1})", Code::duplicate_member, "amount"},
        {"DuplicateByEscape", R"({"amount":1,"\u0061mount":2})", Code::duplicate_member, "amount"},
        {"DuplicateByEscapedSlash", R"({"a/b":1,"a\/b":2})", Code::duplicate_member, "a/b"},
        {"DuplicateEmptyName", R"({"":1,"":2})", Code::duplicate_member, ""},
        {"DuplicateInside", R"({"a":[0,{"b":{"c":1,"c":2}}]})", Code::duplicate_member, "a[1].b.c"},
        {"DuplicateInsideAfterBigSibling", R"([{"a":1},[[{"z":1,"z":2}]]])", Code::duplicate_member, "[1][0][0].z"},
        {"CaseDiffers", R"({"a":1,"A":2})", Code::none, ""},
        {"SameEndsSameLength", R"({"abcdXefgh":1,"abcdYefgh":2})", Code::none, ""},
        {"SecondDocument", "{} {}", Code::malformed, ""},
        {"TrailingGarbage", "{}x", Code::malformed, ""},
        {"TrailingComma", R"({"a":1,})", Code::malformed, ""},
        {"TrailingNul", string("{}\0", 3), Code::malformed, ""},
        {"NulInside", string("{\"a\":\0 1}", 9), Code::malformed, ""},
        {"NulInString", string("{\"a\":\"\0\"}", 9), Code::malformed, ""},
        {"Comment", "{/**/}", Code::malformed, ""},
        {"ByteOrderMark", "\xEF\xBB\xBF{}", Code::malformed, ""},
        {"OverlongUtf8", "{\"a\":\"\xC0\xAF\"}", Code::malformed, ""},
        {"SurrogateInUtf8", "{\"a\":\"\xED\xA0\x80\"}", Code::malformed, ""},
        {"CutUtf8", "{\"a\":\"\xE2\x82\"}", Code::malformed, ""},
        {"LoneSurrogateEscape", R"({"a":"\uD800"})", Code::malformed, ""},
        {"BadEscape", R"({"a":"\x41"})", Code::malformed, ""},
        {"TabInString", "{\"a\":\"\t\"}", Code::malformed, ""},
        {"LeadingZero", R"({"a":007})", Code::malformed, ""},
        {"PlusSign", R"({"a":+1})", Code::malformed, ""},
        {"NotANumber", R"({"a":NaN})", Code::malformed, ""},
        {"BareName", "{a:1}", Code::malformed, ""},
        {"InfiniteNumber", R"({"a":1e400})", Code::malformed, ""},
        {"IntegerOf30Digits", R"({"a":123456789012345678901234567890})", Code::malformed, ""},
        {"DepthOf32", nested(32), Code::none, ""},
        {"DepthOf33", nested(33), Code::too_deep, ""},
        {"DepthOf33InObjects", R"({"a":)" + nested(32) + "}", Code::too_deep, ""},
        {"DepthOf100000", nested(100'000), Code::too_deep, ""},
        {"DepthOf100000Open", string(100'000, '['), Code::malformed, ""},
    }),
    [](const auto& test) { return string(test.param.name); });

TEST(JsonDocument, TakesDepthAndSizeFromItsLimits) {
  JsonDocument document({.bytes_max = 16, .depth_max = 2});
  EXPECT_TRUE(document.parse("[[]]"));
  EXPECT_FALSE(document.parse("[[[]]]"));
  EXPECT_EQ(document.error().code, Code::too_deep);
  EXPECT_TRUE(document.parse("[1,2,3,4,5,6,70]"));
  EXPECT_FALSE(document.parse("[1,2,3,4,5,6,700]"));
  EXPECT_EQ(document.error().code, Code::too_large);
  EXPECT_TRUE(document.parse("[]")) << "a refused text leaves nothing behind";
}

TEST(JsonDocument, FindsDuplicatesInObjectsOfAnySize) {
  for (const int members : {1, 23, 24, 25, 26, 1000, 20'000}) {
    string text = "{";
    for (int i = 0; i < members; ++i)
      text += "\"m" + std::to_string(i) + "\":0,";
    JsonDocument document({.bytes_max = 1 << 20, .depth_max = 32});
    EXPECT_TRUE(document.parse(text + "\"last\":0}")) << members << text_of(document.error());
    EXPECT_FALSE(document.parse(text + "\"m0\":0}")) << members;
    EXPECT_EQ(document.error().path, "m0");
  }
}

TEST(JsonDocument, RefusesEveryPrefixOfAText) {
  const string text = R"({"id":"a\u00e9\"b","n":[-12.5e3,true,null,{"x":"€"}]})";
  JsonDocument document;
  ASSERT_TRUE(document.parse(text));
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(document.parse(string_view(text).substr(0, size))) << size;
  }
}

TEST(JsonDocument, ForgetsTheTextBefore) {
  JsonDocument document;
  ASSERT_TRUE(document.parse(R"({"a":"first"})"));
  document.object().required_int64("a");
  ASSERT_FALSE(document.ok());
  ASSERT_TRUE(document.parse(R"({"a":2})"));
  EXPECT_TRUE(document.ok());
  EXPECT_EQ(document.object().required_int64("a"), 2);
}

TEST(JsonDocument, WantsAnObjectAtTheRootWhenAskedForOne) {
  JsonDocument document;
  ASSERT_TRUE(document.parse("[]"));
  EXPECT_EQ(document.object().size(), 0U);
  EXPECT_EQ(document.error().code, Code::wrong_type);
  EXPECT_EQ(document.error().detail, "the body must be an object");
}

struct IntegerCase {
  const char* name;
  string token;
  Code code;
  std::int64_t value;
};

class JsonIntegers : public testing::TestWithParam<IntegerCase> {};

TEST_P(JsonIntegers, AreExactOrAnError) {
  JsonDocument document;
  ASSERT_TRUE(document.parse("{\"amount\":" + GetParam().token + "}")) << text_of(document.error());
  EXPECT_EQ(document.object().required_int64("amount"), GetParam().value);
  EXPECT_EQ(document.error().code, GetParam().code) << text_of(document.error());
  EXPECT_EQ(document.error().path, document.ok() ? "" : "amount");
}

INSTANTIATE_TEST_SUITE_P(Json, JsonIntegers,
                         testing::ValuesIn(std::vector<IntegerCase>{
                             {"Zero", "0", Code::none, 0},
                             {"MinusZero", "-0", Code::none, 0},
                             {"Largest", "9223372036854775807", Code::none, 9223372036854775807},
                             {"Smallest", "-9223372036854775808", Code::none, -9223372036854775807 - 1},
                             {"OneTooLarge", "9223372036854775808", Code::out_of_range, 0},
                             {"LargestUnsigned", "18446744073709551615", Code::out_of_range, 0},
                             {"Fraction", "1.0", Code::wrong_type, 0},
                             {"Exponent", "1e2", Code::wrong_type, 0},
                             {"MinusZeroFraction", "-0.0", Code::wrong_type, 0},
                             {"Text", "\"5\"", Code::wrong_type, 0},
                             {"True", "true", Code::wrong_type, 0},
                             {"Null", "null", Code::missing_member, 0},
                             {"Array", "[5]", Code::wrong_type, 0},
                         }),
                         [](const auto& test) { return string(test.param.name); });

TEST(JsonObject, HoldsIntegersToTheRangeAskedFor) {
  JsonDocument document;
  ASSERT_TRUE(document.parse(R"({"low":1,"high":10})"));
  EXPECT_EQ(document.object().required_int64("low", 1, 10), 1);
  EXPECT_EQ(document.object().optional_int64("high", 1, 10), 10);
  EXPECT_TRUE(document.ok());
  document.object().required_int64("high", 1, 9);
  EXPECT_EQ(document.error().detail, "high must be an integer from 1 to 9");
  EXPECT_EQ(document.error().code, Code::out_of_range);
}

enum class Fruit : std::uint8_t { none, apple, pear };
constexpr std::array<std::pair<string_view, Fruit>, 2> kFruits = {{{"apple", Fruit::apple}, {"pear", Fruit::pear}}};
constexpr std::span<const std::pair<string_view, Fruit>> kFruitNames = kFruits;

// What one accessor makes of {"m": token}.
struct ReadCase {
  const char* name;
  string text;
  void (*read)(const JsonObject&);
  Code code;
  string path;
  string detail;
};

class JsonReads : public testing::TestWithParam<ReadCase> {};

TEST_P(JsonReads, NameTheOffendingMember) {
  JsonDocument document;
  ASSERT_TRUE(document.parse(GetParam().text)) << text_of(document.error());
  GetParam().read(document.object());
  EXPECT_EQ(document.error().code, GetParam().code) << text_of(document.error());
  EXPECT_EQ(document.error().path, GetParam().path);
  EXPECT_EQ(document.error().detail, GetParam().detail);
}

INSTANTIATE_TEST_SUITE_P(
    Json, JsonReads,
    testing::ValuesIn(std::vector<ReadCase>{
        {"MissingString", "{}", [](const JsonObject& o) { o.required_string("label", 5); }, Code::missing_member,
         "label", "label is required"},
        {"NullString", R"({"label":null})", [](const JsonObject& o) { o.required_string("label", 5); },
         Code::missing_member, "label", "label is required"},
        {"EmptyString", R"({"label":""})", [](const JsonObject& o) { o.required_string("label", 5); },
         Code::invalid_value, "label", "label must not be empty"},
        {"LongString", R"({"label":"abcdé"})", [](const JsonObject& o) { o.required_string("label", 5); },
         Code::too_long, "label", "label must be at most 5 bytes long"},
        {"StringWithNul", R"({"label":"a\u0000b"})", [](const JsonObject& o) { o.optional_string("label", 5); },
         Code::invalid_value, "label", "label must not contain U+0000"},
        {"NumberForString", R"({"label":5})", [](const JsonObject& o) { o.optional_string("label", 5); },
         Code::wrong_type, "label", "label must be a string"},
        {"TextForBool", R"({"dry_run":"true"})", [](const JsonObject& o) { o.optional_bool("dry_run"); },
         Code::wrong_type, "dry_run", "dry_run must be true or false"},
        {"MissingBool", "{}", [](const JsonObject& o) { o.required_bool("dry_run"); }, Code::missing_member, "dry_run",
         "dry_run is required"},
        {"ArrayForObject", R"({"merchant":[]})", [](const JsonObject& o) { o.required_object("merchant"); },
         Code::wrong_type, "merchant", "merchant must be an object"},
        {"MissingInObject", R"({"merchant":{}})",
         [](const JsonObject& o) { o.required_object("merchant").required_string("id", 5); }, Code::missing_member,
         "merchant.id", "merchant.id is required"},
        {"MissingInMissing", "{}", [](const JsonObject& o) { o.required_object("merchant").required_string("id", 5); },
         Code::missing_member, "merchant", "merchant is required"},
        {"ObjectForArray", R"({"limits":{}})", [](const JsonObject& o) { o.optional_array("limits", 2); },
         Code::wrong_type, "limits", "limits must be an array"},
        {"LongArray", R"({"limits":[1,2,3]})", [](const JsonObject& o) { o.required_array("limits", 2); },
         Code::too_long, "limits", "limits must have at most 2 elements"},
        {"ElementOfArray", R"({"limits":[{"amount":1},{"amount":"x"}]})",
         [](const JsonObject& o) {
           o.required_array("limits", 2).for_each([](const JsonValue& v) { v.object().required_int64("amount"); });
         },
         Code::wrong_type, "limits[1].amount", "limits[1].amount must be an integer of 64 bits"},
        {"ElementItself", R"({"countries":["US",7]})",
         [](const JsonObject& o) {
           o.required_array("countries", 2).for_each([](const JsonValue& v) { v.string(2); });
         },
         Code::wrong_type, "countries[1]", "countries[1] must be a string"},
        {"NotOneOf", R"({"fruit":"plum"})", [](const JsonObject& o) { o.required_enumerated("fruit", kFruitNames); },
         Code::invalid_value, "fruit", "fruit must be one of apple, pear"},
        {"NumberForOneOf", R"({"fruit":1})", [](const JsonObject& o) { o.optional_enumerated("fruit", kFruitNames); },
         Code::wrong_type, "fruit", "fruit must be one of apple, pear"},
        {"BoolForDecimal", R"({"limit_usd":true})", [](const JsonObject& o) { o.required_decimal_text("limit_usd"); },
         Code::wrong_type, "limit_usd", "limit_usd must be a number or a decimal string"},
        {"Unknown", R"({"label":1,"blocked_categoris":[]})",
         [](const JsonObject& o) {
           reject_unknown_members(o, {"label", "blocked_categories"});
         },
         Code::unknown_member, "blocked_categoris", "blocked_categoris is not a known member"},
        {"UnknownInside", R"({"controls":{"cahs":false}})",
         [](const JsonObject& o) { reject_unknown_members(o.required_object("controls"), {"cash"}); },
         Code::unknown_member, "controls.cahs", "controls.cahs is not a known member"},
        {"FailOfCaller", R"({"currency":"QQQ"})",
         [](const JsonObject& o) { o.fail("currency", "is not a currency of ISO 4217"); }, Code::invalid_value,
         "currency", "currency is not a currency of ISO 4217"},
        {"FirstErrorWins", R"({"a":1})",
         [](const JsonObject& o) {
           o.required_string("a", 5);
           o.required_string("b", 5);
         },
         Code::wrong_type, "a", "a must be a string"},
        {"ShownNameIsCut", "{\"" + string(100, 'n') + "\":1}",
         [](const JsonObject& o) { reject_unknown_members(o, {}); }, Code::unknown_member, string(64, 'n') + "...",
         string(64, 'n') + "... is not a known member"},
        {"ShownNameIsHarmless", R"({"a\"\u001b\n€":1})", [](const JsonObject& o) { reject_unknown_members(o, {}); },
         Code::unknown_member, "a??????", "a?????? is not a known member"},
        {"CardNumberAsNameIsNotShown", R"({"4000001234567899":1})",
         [](const JsonObject& o) { reject_unknown_members(o, {}); }, Code::unknown_member, "(a long number)",
         "(a long number) is not a known member"},
    }),
    [](const auto& test) { return string(test.param.name); });

TEST(JsonObject, GivesWhatIsThere) {
  JsonDocument document;
  ASSERT_TRUE(document.parse(
      R"({"s":"caf\u00e9","i":-7,"b":true,"o":{"k":"v"},"a":["x","y"],"e":"pear","n":null,"m":{"k1":"v1","k2":"v2"}})"));
  const JsonObject o = document.object();
  EXPECT_EQ(o.required_string("s", 5), "café");
  EXPECT_EQ(o.optional_string("s", 5), "café");
  EXPECT_EQ(o.required_int64("i"), -7);
  EXPECT_TRUE(o.required_bool("b"));
  EXPECT_EQ(o.optional_bool("b"), true);
  EXPECT_EQ(o.required_object("o").required_string("k", 1), "v");
  EXPECT_EQ(o.required_array("a", 2).size(), 2U);
  EXPECT_EQ(o.required_enumerated("e", kFruitNames), Fruit::pear);
  EXPECT_TRUE(o.has("n"));
  EXPECT_TRUE(o.is_null("n"));
  EXPECT_FALSE(o.is_null("s"));
  EXPECT_FALSE(o.has("absent"));
  for (const char* name : {"n", "absent"}) {
    EXPECT_EQ(o.optional_string(name, 5), std::nullopt);
    EXPECT_EQ(o.optional_int64(name), std::nullopt);
    EXPECT_EQ(o.optional_bool(name), std::nullopt);
    EXPECT_FALSE(o.optional_object(name).has_value());
    EXPECT_FALSE(o.optional_array(name, 1).has_value());
    EXPECT_EQ(o.optional_decimal_text(name), std::nullopt);
    EXPECT_EQ(o.optional_enumerated(name, kFruitNames), std::nullopt);
  }
  std::vector<string> pairs;
  o.required_object("m").for_each([&](string_view name, const JsonValue& value) {
    pairs.push_back(string(name) + "=" + string(value.string(10)));
  });
  EXPECT_THAT(pairs, testing::ElementsAre("k1=v1", "k2=v2"));
  EXPECT_TRUE(document.ok()) << text_of(document.error());
}

TEST(JsonObject, FindsMembersByTheirUnescapedName) {
  JsonDocument document;
  ASSERT_TRUE(document.parse(R"({"\u0061mount":5})"));
  EXPECT_EQ(document.object().required_int64("amount"), 5);
}

TEST(JsonDecimal, IsTheTextAsItWasSent) {
  const std::array<string, 13> tokens = {"100",     "100.00", "0.10",
                                         "1e2",     "-0",     "9007199254740993",
                                         "1.005",   "-3.50",  "18446744073709551615",
                                         "12.3E+4", "0.1000", "123456789012345678.99",
                                         "-0.0"};
  // Strings full of brackets, quotes and commas stand before the number, in the text and inside values.
  for (const string& token : tokens) {
    for (const string& after : {string(","), string(" \r\n,"), string("\t ,")}) {
      const string text =
          " {\"a\\\"{\":[1,{\"b\":\"}],\\\\\"}, [ ] ,{}],\"c\" : {\"x\":\"\\\"\",\"limit_usd\":7} ,\n\"" +
          string("limit\\u005fusd\" :  ") + token + after + "\"z\":[5, " + token + "]}";
      JsonDocument document;
      ASSERT_TRUE(document.parse(text)) << text_of(document.error()) << text;
      const JsonObject o = document.object();
      EXPECT_EQ(o.required_decimal_text("limit_usd"), token);
      EXPECT_EQ(o.required_object("c").required_decimal_text("limit_usd"), "7");
      o.required_array("z", 2).for_each([&, first = true](const JsonValue& value) mutable {
        EXPECT_EQ(value.decimal_text(), first ? "5" : token);
        first = false;
      });
      EXPECT_TRUE(document.ok()) << text_of(document.error());
    }
  }
}

TEST(JsonDecimal, TakesAString) {
  JsonDocument document;
  ASSERT_TRUE(document.parse(R"({"limit_usd":"100.10"})"));
  EXPECT_EQ(document.object().optional_decimal_text("limit_usd"), "100.10");
}

TEST(JsonDecimal, WorksForABareNumber) {
  JsonDocument document;
  ASSERT_TRUE(document.parse(" 12.50 "));
  EXPECT_EQ(document.value().decimal_text(), "12.50");
  ASSERT_TRUE(document.parse("7"));
  EXPECT_EQ(document.value().decimal_text(), "7");
}

TEST(JsonDecimal, RefusesALongTail) {
  JsonDocument document;
  ASSERT_TRUE(document.parse("{\"limit_usd\":1." + string(100, '0') + "}"));
  document.object().required_decimal_text("limit_usd");
  EXPECT_EQ(document.error().code, Code::too_long);
}

TEST(JsonErrors, NeverShowValues) {
  constexpr string_view kCanary = "4000009876543210";
  const string text = "{\"number\":\"" + string(kCanary) + "\",\"cvv\":" + string(kCanary) + "}";
  const std::array<void (*)(const JsonObject&), 6> reads = {
      [](const JsonObject& o) { o.required_string("number", 3); },
      [](const JsonObject& o) { o.required_int64("number"); },
      [](const JsonObject& o) { o.required_string("cvv", 3); },
      [](const JsonObject& o) { o.required_int64("cvv", 0, 999); },
      [](const JsonObject& o) { o.required_enumerated("number", kFruitNames); },
      [](const JsonObject& o) { reject_unknown_members(o, {}); },
  };
  for (const auto read : reads) {
    JsonDocument document;
    ASSERT_TRUE(document.parse(text));
    read(document.object());
    ASSERT_FALSE(document.ok());
    EXPECT_EQ(document.error().detail.find(kCanary), string::npos) << text_of(document.error());
  }
}

}  // namespace
}  // namespace holdfast::net
