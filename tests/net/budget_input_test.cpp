#include "net/budget_input.h"

#include <gtest/gtest.h>

#include "engine/record.h"
#include "net/budget_json.h"

namespace holdfast::net {
namespace {

using engine::Limit;
using engine::WindowKind;

engine::Currency currency(std::string_view alpha) {
  return engine::currency_from_alpha(alpha).value();
}

// bud_1 to bud_8 are as deep as their number says, in euros.
std::optional<BudgetAbove> find_budget(std::string_view id) {
  if (id.size() != 5 || id.substr(0, 4) != "bud_" || id[4] < '1' || id[4] > '8') return std::nullopt;
  const auto depth = static_cast<std::uint32_t>(id[4] - '0');
  return BudgetAbove{engine::kBudgetBit | depth, currency("EUR"), depth};
}

std::optional<engine::ZoneRules> find_zone(std::string_view name) {
  if (name != "Asia/Tokyo") return std::nullopt;
  return engine::ZoneRules{std::string(name), 9 * 3600, {}};
}

class BudgetInputTest : public ::testing::Test {
 protected:
  BudgetCreation creation(std::string_view members) {
    const std::string text = R"({"label":"team")" + std::string(members) + "}";
    BudgetCreation creation;
    if (json_.parse(text)) creation = read_budget_creation(json_, lookups_);
    EXPECT_TRUE(json_.ok()) << text << ": " << json_.error().detail;
    return creation;
  }
  using Wrong = std::pair<std::string, std::string>;  // code, path
  Wrong rejection(std::string_view text) {
    if (json_.parse(text)) read_budget_creation(json_, lookups_);
    return {std::string(json_error_name(json_.error().code)), json_.error().path};
  }
  Wrong patch_rejection(std::string_view text) {
    if (json_.parse(text)) read_budget_patch(json_, lookups_);
    return {std::string(json_error_name(json_.error().code)), json_.error().path};
  }

  const InputLookups lookups_{find_zone, find_budget};
  JsonDocument json_;
};

TEST_F(BudgetInputTest, TakesALabelAlone) {
  const auto made = creation("");
  engine::NodeSettings expected;
  expected.label = "team";
  expected.time_zone = "UTC";
  EXPECT_EQ(made.settings, expected);
  EXPECT_EQ(made.currency, currency("USD"));
  EXPECT_EQ(rejection("{}"), (Wrong{"missing_member", "label"}));
}

TEST_F(BudgetInputTest, TakesTheFullForm) {
  const auto made = creation(R"(,"parent":"bud_1","currency":"EUR","limits":[{"amount":30000,"window":"day"}],
    "controls":{"blocked_categories":["5734"],"allowed_countries":["DE"],"blocked_merchants":["m"],"cash":false},
    "time_zone":"Asia/Tokyo","week_start":"sunday","refunds_restore":true,"metadata":{"a":"b"})");
  EXPECT_EQ(made.currency, currency("EUR"));
  EXPECT_EQ(made.settings.parent, engine::kBudgetBit | 1);
  EXPECT_EQ(made.settings.limits, (std::vector<Limit>{{Limit::Form::amount, WindowKind::day, 30'000}}));
  EXPECT_EQ(made.settings.controls.blocked_categories.size(), 1U);
  EXPECT_FALSE(made.settings.controls.cash);
  EXPECT_EQ(made.settings.time_zone, "Asia/Tokyo");
  ASSERT_TRUE(made.zone.has_value());
  EXPECT_EQ(made.settings.week_start, engine::Weekday::sunday);
  EXPECT_TRUE(made.settings.refunds_restore);
  EXPECT_EQ(made.settings.metadata.size(), 1U);
}

TEST_F(BudgetInputTest, HasTheCurrencyOfItsParent) {
  EXPECT_EQ(creation(R"(,"parent":"bud_1")").currency, currency("EUR"));
  EXPECT_EQ(creation(R"(,"parent":null,"currency":"JPY")").currency, currency("JPY"));
  EXPECT_EQ(rejection(R"({"label":"x","parent":"bud_1","currency":"USD"})"), (Wrong{"invalid_value", "currency"}));
  EXPECT_EQ(rejection(R"({"label":"x","currency":"ZZZ"})"), (Wrong{"invalid_value", "currency"}));
}

TEST_F(BudgetInputTest, StandsEightDeepAtMost) {
  EXPECT_EQ(creation(R"(,"parent":"bud_7")").settings.parent, engine::kBudgetBit | 7);
  EXPECT_EQ(rejection(R"({"label":"x","parent":"bud_8"})"), (Wrong{"invalid_value", "parent"}));
  EXPECT_EQ(rejection(R"({"label":"x","parent":"bud_9"})"), (Wrong{"invalid_value", "parent"}));
  EXPECT_EQ(rejection(R"({"label":"x","parent":7})"), (Wrong{"wrong_type", "parent"}));
}

TEST_F(BudgetInputTest, InheritsItsTimeZoneUnlessItHasOne) {
  EXPECT_EQ(creation(R"(,"parent":"bud_1")").settings.time_zone, "");
  EXPECT_EQ(creation(R"(,"parent":"bud_1","time_zone":null)").settings.time_zone, "");
  EXPECT_EQ(creation(R"(,"parent":"bud_1","time_zone":"UTC")").settings.time_zone, "UTC");
}

TEST_F(BudgetInputTest, RefusesWhatOnlyCardsHave) {
  for (const std::string_view name :
       {"partial_approval", "merchant_lock", "max_authorizations", "verification", "loop_breaker", "expires_at"}) {
    EXPECT_EQ(rejection(R"({"label":"x","controls":{")" + std::string(name) + R"(":null}})"),
              (Wrong{"unknown_member", "controls." + std::string(name)}));
    EXPECT_EQ(patch_rejection(R"({"controls":{")" + std::string(name) + R"(":null}})"),
              (Wrong{"unknown_member", "controls." + std::string(name)}));
  }
  for (const std::string_view name : {"budget", "limit_usd", "expires_at", "processor", "id"}) {
    EXPECT_EQ(rejection(R"({"label":"x",")" + std::string(name) + R"(":null})"),
              (Wrong{"unknown_member", std::string(name)}));
  }
}

TEST_F(BudgetInputTest, RefusesToChangeWhatABudgetIs) {
  for (const std::string_view name :
       {"id", "object", "status", "currency", "parent", "over_limit", "version", "created_at"}) {
    EXPECT_EQ(patch_rejection(R"({")" + std::string(name) + R"(":null})"), (Wrong{"invalid_value", std::string(name)}));
  }
  EXPECT_EQ(patch_rejection(R"({"lable":"x"})"), (Wrong{"unknown_member", "lable"}));
}

TEST_F(BudgetInputTest, ChangesWhatIsGivenAndNothingElse) {
  engine::NodeSettings before = creation(R"(,"parent":"bud_1","controls":{"cash":false,"blocked_merchants":["m"]},
                                             "limits":[{"count":1,"rolling":60}],"metadata":{"a":"b"})")
                                    .settings;
  const auto patched = [&](std::string_view text) {
    EXPECT_TRUE(json_.parse(text));
    engine::NodeSettings settings = before;
    EXPECT_FALSE(apply(read_budget_patch(json_, lookups_), {}, settings)) << text;
    EXPECT_TRUE(json_.ok()) << text;
    return settings;
  };
  EXPECT_EQ(patched("{}"), before);
  auto expected = before;
  expected.controls.blocked_merchants.clear();
  EXPECT_EQ(patched(R"({"controls":{"blocked_merchants":[]}})"), expected);
  expected = before;
  expected.controls = {};
  expected.limits.clear();
  expected.metadata.clear();
  EXPECT_EQ(patched(R"({"controls":null,"limits":null,"metadata":null})"), expected);
}

// As for cards (card_input_test): the desk gives up the process when a record does not fit.
TEST_F(BudgetInputTest, LetsPassOnlyWhatFitsARecordWithItsAnswer) {
  std::vector<std::byte> buffer(engine::kRecordBytesMax);
  bool fitted = false;
  bool refused = false;
  for (std::size_t bytes = 0; bytes <= engine::kMetadataValueBytesMax; bytes += 4) {
    engine::NodeProfile profile;
    profile.settings.label.assign(engine::kLabelBytesMax, '\x01');
    profile.settings.limits.assign(
        engine::kLimitsMax, {Limit::Form::amount, WindowKind::year, std::numeric_limits<engine::Minor>::max(), 0, {}});
    profile.settings.controls.blocked_merchants.assign(kControlListMax, std::string(64, '\x02'));
    for (std::size_t i = 0; i < engine::kMetadataEntriesMax; ++i)
      profile.settings.metadata.emplace_back(std::to_string(100 + i), std::string(bytes, '\x03'));
    const auto fault = apply(BudgetPatch{}, profile.identity, profile.settings);
    refused = refused || fault.has_value();
    if (fault) continue;
    fitted = true;
    profile.version = 4'294'967'295;
    engine::NodeBalance balance;
    balance.usage.held.fill(std::numeric_limits<engine::Minor>::min() / 2);
    balance.usage.posted.fill(std::numeric_limits<engine::Minor>::min() / 2);
    const NodeView path[] = {{engine::kBudgetBit | 1, &profile, balance, {}},
                             {engine::kBudgetBit | 2, &profile, balance, {}}};
    std::string text;
    append_budget(text, path, {});
    const std::string id(200, 'k');
    const engine::Record record{{},
                                {"api", id, 1},
                                engine::CreateNode{engine::kBudgetBit | 1, profile.identity, profile.settings},
                                engine::NodeOutcome{},
                                text};
    EXPECT_FALSE(engine::encode(record, buffer).empty()) << bytes;
  }
  EXPECT_TRUE(fitted);
  EXPECT_TRUE(refused);
}

}  // namespace
}  // namespace holdfast::net
