#include "net/problem.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace holdfast::net {
namespace {

using std::string;
using std::string_view;

string json(string_view text) {
  string out;
  append_json_string(out, text);
  return out;
}

struct Row {
  string_view text;
  string_view json;
};

TEST(JsonStringTest, EscapesWhatMustBeEscaped) {
  const std::vector<Row> rows = {
      {"", R"("")"},
      {"plain", R"("plain")"},
      {"a\"b", R"("a\"b")"},
      {"a\\b", R"("a\\b")"},
      {"a/b", R"("a/b")"},
      {"\b\f\n\r\t", R"("\b\f\n\r\t")"},
      {string_view("\0\x01\x1f", 3), R"("\u0000\u0001\u001f")"},
      {"\x7f", "\"\x7f\""},
      {"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x92\xb3", "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x92\xb3\""},
  };
  for (const Row& row : rows)
    EXPECT_EQ(json(row.text), row.json);
}

TEST(JsonStringTest, ReplacesEveryByteThatIsNotUtf8) {
  const string bad = "\xEF\xBF\xBD";
  const std::vector<std::pair<string_view, int>> rows = {
      {"\x80", 1},              // continuation alone
      {"\xc3", 1},              // cut off
      {"\xe2\x82", 2},          // cut off
      {"\xf0\x9f\x92", 3},      // cut off
      {"\xc0\xaf", 2},          // overlong
      {"\xe0\x80\xaf", 3},      // overlong
      {"\xf0\x80\x80\xaf", 4},  // overlong
      {"\xed\xa0\x80", 3},      // surrogate
      {"\xf4\x90\x80\x80", 4},  // beyond U+10FFFF
      {"\xf5\x80\x80\x80", 4},
      {"\xff\xfe", 2},
  };
  for (const auto& [text, replaced] : rows) {
    string expected = "\"a";
    for (int i = 0; i < replaced; ++i)
      expected += bad;
    EXPECT_EQ(json("a" + string(text) + "b"), expected + "b\"");
  }
}

TEST(ProblemTest, HasTheMembersOfTheInterface) {
  EXPECT_EQ(problem_json(404, "card_not_found", "Card not found", "There is no card \"x\".", "req-1"),
            R"({"type":"urn:holdfast:problem:card_not_found","title":"Card not found","status":404,)"
            R"("detail":"There is no card \"x\".","code":"card_not_found","request_id":"req-1"})");
}

}  // namespace
}  // namespace holdfast::net
