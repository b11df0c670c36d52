#include "net/node_input.h"

#include <gtest/gtest.h>

namespace holdfast::net {
namespace {

using engine::Limit;
using engine::WindowKind;

class NodeInputTest : public ::testing::Test {
 protected:
  NodePatch read(std::string_view body) {
    if (!json_.parse(body)) return {};
    return read_node(
        json_.object(), [](std::string_view) { return std::nullopt; }, false);
  }
  Limit limit(std::string_view text) {
    const NodePatch patch = read(R"({"limits":[)" + std::string(text) + "]}");
    EXPECT_TRUE(json_.ok()) << text << ": " << json_.error().detail;
    return patch.limits && !patch.limits->empty() ? patch.limits->front() : Limit{};
  }
  // Code and path of what is wrong with a limit.
  std::pair<std::string, std::string> wrong(std::string_view text) {
    read(R"({"limits":[)" + std::string(text) + "]}");
    return {std::string(json_error_name(json_.error().code)), json_.error().path};
  }
  using Wrong = std::pair<std::string, std::string>;

  JsonDocument json_;
};

TEST_F(NodeInputTest, TakesWindowsThatRoll) {
  EXPECT_EQ(limit(R"({"amount":5,"rolling":60})"), (Limit{Limit::Form::amount, WindowKind::rolling, 5, 60}));
  EXPECT_EQ(limit(R"({"count":5,"rolling":2678400,"window":null})"),
            (Limit{Limit::Form::count, WindowKind::rolling, 5, 2'678'400}));
  EXPECT_EQ(limit(R"({"amount":5,"window":"day","rolling":null,"categories":null})"),
            (Limit{Limit::Form::amount, WindowKind::day, 5}));
  EXPECT_EQ(wrong(R"({"amount":5,"rolling":59})"), (Wrong{"out_of_range", "limits[0].rolling"}));
  EXPECT_EQ(wrong(R"({"amount":5,"rolling":2678401})"), (Wrong{"out_of_range", "limits[0].rolling"}));
  EXPECT_EQ(wrong(R"({"amount":5,"rolling":"60"})"), (Wrong{"wrong_type", "limits[0].rolling"}));
  EXPECT_EQ(wrong(R"({"amount":5,"rolling":60,"window":"day"})"), (Wrong{"invalid_value", "limits[0].window"}));
  EXPECT_EQ(wrong(R"({"amount":5,"window":"rolling"})"), (Wrong{"invalid_value", "limits[0].window"}));
  EXPECT_EQ(wrong(R"({"amount":5})"), (Wrong{"missing_member", "limits[0].window"}));
}

TEST_F(NodeInputTest, TakesCategoriesAsControlsDo) {
  const Limit scoped =
      limit(R"({"amount":5,"window":"day","categories":["5734","3000-3299","computer_software_stores"]})");
  EXPECT_EQ(scoped.categories, (std::vector<engine::CategoryRange>{{5734, 5734}, {3000, 3299}, {5734, 5734}}));
  EXPECT_EQ(limit(R"({"amount":5,"window":"authorization","categories":["5734"]})").categories.size(), 1U);
  EXPECT_EQ(wrong(R"({"amount":5,"window":"day","categories":[]})"), (Wrong{"invalid_value", "limits[0].categories"}));
  EXPECT_EQ(wrong(R"({"amount":5,"window":"day","categories":"5734"})"), (Wrong{"wrong_type", "limits[0].categories"}));
  EXPECT_EQ(wrong(R"({"amount":5,"window":"day","categories":["573"]})"),
            (Wrong{"invalid_value", "limits[0].categories[0]"}));
}

TEST_F(NodeInputTest, TakesAsManyCategoriesAsAControlHas) {
  std::string entries = R"("5734")";
  for (std::size_t i = 1; i < kControlListMax; ++i)
    entries += R"(,"5734")";
  EXPECT_EQ(limit(R"({"amount":5,"window":"day","categories":[)" + entries + "]}").categories.size(), kControlListMax);
  EXPECT_EQ(wrong(R"({"amount":5,"window":"day","categories":[)" + entries + R"(,"5734"]})"),
            (Wrong{"too_long", "limits[0].categories"}));
}

TEST_F(NodeInputTest, GivesARootATimeZoneAndLetsOthersInherit) {
  engine::NodeSettings root;
  root.time_zone = "Asia/Tokyo";
  EXPECT_FALSE(apply(read(R"({"time_zone":null})"), root));
  EXPECT_EQ(root.time_zone, "UTC");
  engine::NodeSettings child;
  child.parent = engine::kBudgetBit | 1;
  child.time_zone = "Asia/Tokyo";
  EXPECT_FALSE(apply(read("{}"), child));
  EXPECT_EQ(child.time_zone, "Asia/Tokyo");
  EXPECT_FALSE(apply(read(R"({"time_zone":null})"), child));
  EXPECT_EQ(child.time_zone, "");
}

}  // namespace
}  // namespace holdfast::net
