#include "net/card_input.h"

#include <gtest/gtest.h>

#include "engine/breaker.h"
#include "engine/record.h"
#include "net/card_json.h"
#include "net/node_json.h"

namespace holdfast::net {
namespace {

using engine::Limit;
using engine::WindowKind;

std::optional<engine::ZoneRules> find_zone(std::string_view name) {
  if (name != "Asia/Tokyo") return std::nullopt;
  return engine::ZoneRules{std::string(name), 9 * 3600, {}};
}

constexpr engine::NodeIndex kDollars = engine::kBudgetBit | 1;
constexpr engine::NodeIndex kEuros = engine::kBudgetBit | 2;

std::optional<BudgetAbove> find_budget(std::string_view id) {
  if (id == "bud_dollars") return BudgetAbove{kDollars, *engine::currency_from_alpha("USD"), 1};
  if (id == "bud_euros") return BudgetAbove{kEuros, *engine::currency_from_alpha("EUR"), 8};
  return std::nullopt;
}

struct Rejection {
  std::string code;
  std::string path;
};

class CardInputTest : public ::testing::Test {
 protected:
  CardCreation creation(std::string_view text) {
    CardCreation creation;
    if (json_.parse(text)) creation = read_creation(json_, lookups_);
    EXPECT_TRUE(json_.ok()) << text << ": " << json_.error().detail;
    return creation;
  }
  // A creation with a label and these members besides.
  CardCreation labelled(std::string_view members) { return creation(R"({"label":"x",)" + std::string(members) + "}"); }
  Rejection rejection(std::string_view text) {
    if (json_.parse(text)) read_creation(json_, lookups_);
    return {std::string(json_error_name(json_.error().code)), json_.error().path};
  }
  Rejection patch_rejection(std::string_view text) {
    if (json_.parse(text)) read_patch(json_, lookups_);
    return {std::string(json_error_name(json_.error().code)), json_.error().path};
  }
  // The settings after a change; `fault` is what it failed on.
  engine::NodeSettings patched(engine::NodeSettings settings, std::string_view text, std::string_view alpha = "USD") {
    CardPatch patch;
    if (json_.parse(text)) patch = read_patch(json_, lookups_);
    EXPECT_TRUE(json_.ok()) << text << ": " << json_.error().detail;
    engine::NodeIdentity identity;
    identity.currency = *engine::currency_from_alpha(alpha);
    const auto fault = apply(patch, identity, settings);
    fault_ = fault ? std::string(fault->member) : "";
    return settings;
  }

  const InputLookups lookups_{find_zone, find_budget};
  JsonDocument json_;
  std::string fault_;
};

std::string list_of(std::size_t entries, std::string_view entry) {
  std::string list = "[";
  for (std::size_t i = 0; i < entries; ++i) {
    if (i != 0) list += ',';
    list += entry;
  }
  return list + "]";
}

TEST_F(CardInputTest, RefusesMembersThatItDoesNotKnow) {
  const struct {
    std::string_view text;
    std::string_view path;
  } cases[] = {
      {R"({"label":"x","limit":5})", "limit"},
      {R"({"label":"x","Label":"y"})", "Label"},
      {R"({"label":"x","blocked_categories":["5734"]})", "blocked_categories"},
      {R"({"label":"x","controls":{"blocked_categorys":["5734"]}})", "controls.blocked_categorys"},
      {R"({"label":"x","controls":{"status":"frozen"}})", "controls.status"},
      {R"({"label":"x","limits":[{"amount":1,"window":"day","per":1}]})", "limits[0].per"},
      {R"({"label":"x","processor":{"endpoint":"e","card_id":"c","kind":"stripe"}})", "processor.kind"},
      {R"({"label":"x","id":"card_01J9ZK3Q6T8V5W2X4Y6Z8A0B1C"})", "id"},
      {R"({"label":"x","version":1})", "version"},
  };
  for (const auto& each : cases) {
    const Rejection rejected = rejection(each.text);
    EXPECT_EQ(rejected.code, "unknown_member") << each.text;
    EXPECT_EQ(rejected.path, each.path);
  }
}

TEST_F(CardInputTest, RefusesWhatIsNotAsItShouldBe) {
  const std::string long_label(engine::kLabelBytesMax + 1, 'x');
  const std::string many_limits = list_of(engine::kLimitsMax + 1, R"({"amount":1,"window":"day"})");
  const std::string many_merchants = list_of(kControlListMax + 1, "\"m\"");
  const struct {
    std::string text;
    std::string_view code;
    std::string_view path;
  } cases[] = {
      {"", "malformed", ""},
      {"[]", "wrong_type", ""},
      {"{}", "missing_member", "label"},
      {R"({"label":null})", "missing_member", "label"},
      {R"({"label":""})", "invalid_value", "label"},
      {R"({"label":7})", "wrong_type", "label"},
      {R"({"label":")" + long_label + "\"}", "too_long", "label"},
      {R"({"label":"a\u0000b"})", "invalid_value", "label"},
      {R"({"label":"x","label":"y"})", "duplicate_member", "label"},
      {R"({"label":"x","currency":"ZZZ"})", "invalid_value", "currency"},
      {R"({"label":"x","currency":""})", "invalid_value", "currency"},
      {R"({"label":"x","currency":840})", "wrong_type", "currency"},
      // limit_usd
      {R"({"label":"x","limit_usd":1.001})", "invalid_value", "limit_usd"},
      {R"({"label":"x","limit_usd":"1.001"})", "invalid_value", "limit_usd"},
      {R"({"label":"x","limit_usd":1e2})", "invalid_value", "limit_usd"},
      {R"({"label":"x","limit_usd":"$5"})", "invalid_value", "limit_usd"},
      {R"({"label":"x","limit_usd":""})", "invalid_value", "limit_usd"},
      {R"({"label":"x","limit_usd":-0.01})", "out_of_range", "limit_usd"},
      {R"({"label":"x","limit_usd":92233720368547758.08})", "invalid_value", "limit_usd"},
      {R"({"label":"x","limit_usd":true})", "wrong_type", "limit_usd"},
      {R"({"label":"x","limit_usd":1,"limits":[]})", "invalid_value", "limit_usd"},
      {R"({"label":"x","limit_usd":1,"currency":"EUR"})", "invalid_value", "limit_usd"},
      // limits
      {R"({"label":"x","limits":{}})", "wrong_type", "limits"},
      {R"({"label":"x","limits":)" + many_limits + "}", "too_long", "limits"},
      {R"({"label":"x","limits":[7]})", "wrong_type", "limits[0]"},
      {R"({"label":"x","limits":[{"window":"day"}]})", "invalid_value", "limits[0].amount"},
      {R"({"label":"x","limits":[{"amount":1,"count":1,"window":"day"}]})", "invalid_value", "limits[0].count"},
      {R"({"label":"x","limits":[{"amount":1}]})", "missing_member", "limits[0].window"},
      {R"({"label":"x","limits":[{"amount":1,"window":"fortnight"}]})", "invalid_value", "limits[0].window"},
      {R"({"label":"x","limits":[{"amount":1,"window":"Day"}]})", "invalid_value", "limits[0].window"},
      {R"({"label":"x","limits":[{"amount":-1,"window":"day"}]})", "out_of_range", "limits[0].amount"},
      {R"({"label":"x","limits":[{"amount":1.0,"window":"day"}]})", "wrong_type", "limits[0].amount"},
      {R"({"label":"x","limits":[{"amount":"1","window":"day"}]})", "wrong_type", "limits[0].amount"},
      {R"({"label":"x","limits":[{"amount":9223372036854775808,"window":"day"}]})", "out_of_range", "limits[0].amount"},
      {R"({"label":"x","limits":[{"count":4294967296,"window":"day"}]})", "out_of_range", "limits[0].count"},
      {R"({"label":"x","limits":[{"amount":1,"window":"day"},{"count":1,"window":"authorization"}]})", "invalid_value",
       "limits[1].window"},
      // controls
      {R"({"label":"x","controls":[]})", "wrong_type", "controls"},
      {R"({"label":"x","controls":{"allowed_categories":[]}})", "invalid_value", "controls.allowed_categories"},
      {R"({"label":"x","controls":{"allowed_countries":[]}})", "invalid_value", "controls.allowed_countries"},
      {R"({"label":"x","controls":{"allowed_merchants":[]}})", "invalid_value", "controls.allowed_merchants"},
      {R"({"label":"x","controls":{"allowed_categories":"5734"}})", "wrong_type", "controls.allowed_categories"},
      {R"({"label":"x","controls":{"allowed_categories":[5734]}})", "wrong_type", "controls.allowed_categories[0]"},
      {R"({"label":"x","controls":{"blocked_categories":["5734","573"]}})", "invalid_value",
       "controls.blocked_categories[1]"},
      {R"({"label":"x","controls":{"blocked_categories":["3299-3000"]}})", "invalid_value",
       "controls.blocked_categories[0]"},
      {R"({"label":"x","controls":{"blocked_categories":["gambling_typo"]}})", "invalid_value",
       "controls.blocked_categories[0]"},
      {R"({"label":"x","controls":{"blocked_countries":["XX"]}})", "invalid_value", "controls.blocked_countries[0]"},
      {R"({"label":"x","controls":{"blocked_countries":[""]}})", "invalid_value", "controls.blocked_countries[0]"},
      {R"({"label":"x","controls":{"blocked_merchants":[""]}})", "invalid_value", "controls.blocked_merchants[0]"},
      {R"({"label":"x","controls":{"blocked_merchants":)" + many_merchants + "}}", "too_long",
       "controls.blocked_merchants"},
      {R"({"label":"x","controls":{"cash":"false"}})", "wrong_type", "controls.cash"},
      {R"({"label":"x","controls":{"partial_approval":0}})", "wrong_type", "controls.partial_approval"},
      {R"({"label":"x","controls":{"merchant_lock":true}})", "wrong_type", "controls.merchant_lock"},
      {R"({"label":"x","controls":{"merchant_lock":"first"}})", "invalid_value", "controls.merchant_lock"},
      {R"({"label":"x","controls":{"max_authorizations":0}})", "out_of_range", "controls.max_authorizations"},
      {R"({"label":"x","controls":{"max_authorizations":2147483648}})", "out_of_range", "controls.max_authorizations"},
      {R"({"label":"x","controls":{"max_authorizations":"1"}})", "wrong_type", "controls.max_authorizations"},
      {R"({"label":"x","controls":{"verification":"strict"}})", "wrong_type", "controls.verification"},
      {R"({"label":"x","controls":{"verification":{"cvv":"ignore"}}})", "unknown_member", "controls.verification.cvv"},
      {R"({"label":"x","controls":{"verification":{"avs":"decline"}}})", "invalid_value", "controls.verification.avs"},
      // the loop breaker
      {R"({"label":"x","loop_breaker":{"declines":3,"seconds":60}})", "unknown_member", "loop_breaker"},
      {R"({"label":"x","controls":{"loop_breaker":{}}})", "invalid_value", "controls.loop_breaker"},
      {R"({"label":"x","controls":{"loop_breaker":{"seconds":60}}})", "invalid_value", "controls.loop_breaker"},
      {R"({"label":"x","controls":{"loop_breaker":{"declines":3}}})", "invalid_value", "controls.loop_breaker"},
      {R"({"label":"x","controls":{"loop_breaker":{"declines":3,"seconds":60,"cooldown":5}}})", "unknown_member",
       "controls.loop_breaker.cooldown"},
      {R"({"label":"x","controls":{"loop_breaker":{"declines":0,"seconds":60}}})", "out_of_range",
       "controls.loop_breaker.declines"},
      {R"({"label":"x","controls":{"loop_breaker":{"declines":101,"seconds":60}}})", "out_of_range",
       "controls.loop_breaker.declines"},
      {R"({"label":"x","controls":{"loop_breaker":{"repeats":1,"seconds":60}}})", "out_of_range",
       "controls.loop_breaker.repeats"},
      {R"({"label":"x","controls":{"loop_breaker":{"repeats":65,"seconds":60}}})", "out_of_range",
       "controls.loop_breaker.repeats"},
      {R"({"label":"x","controls":{"loop_breaker":{"repeats":2,"seconds":0}}})", "out_of_range",
       "controls.loop_breaker.seconds"},
      {R"({"label":"x","controls":{"loop_breaker":{"repeats":2,"seconds":2678401}}})", "out_of_range",
       "controls.loop_breaker.seconds"},
      {R"({"label":"x","controls":{"loop_breaker":{"repeats":2,"seconds":1,"cooldown_seconds":0}}})", "out_of_range",
       "controls.loop_breaker.cooldown_seconds"},
      {R"({"label":"x","controls":{"loop_breaker":{"repeats":2,"seconds":1,"cooldown_seconds":2678401}}})",
       "out_of_range", "controls.loop_breaker.cooldown_seconds"},
      // the budget
      {R"({"label":"x","budget":7})", "wrong_type", "budget"},
      {R"({"label":"x","budget":"bud_nothing"})", "invalid_value", "budget"},
      {R"({"label":"x","budget":"bud_euros","currency":"USD"})", "invalid_value", "budget"},
      {R"({"label":"x","budget":"bud_euros","limit_usd":5})", "invalid_value", "limit_usd"},
      // the rest
      {R"({"label":"x","time_zone":"Mars/Olympus"})", "invalid_value", "time_zone"},
      {R"({"label":"x","time_zone":"../etc/passwd"})", "invalid_value", "time_zone"},
      {R"({"label":"x","time_zone":""})", "invalid_value", "time_zone"},
      {R"({"label":"x","week_start":"Monday"})", "invalid_value", "week_start"},
      {R"({"label":"x","expires_at":"2026-11-23"})", "invalid_value", "expires_at"},
      {R"({"label":"x","expires_at":1795446000})", "wrong_type", "expires_at"},
      {R"({"label":"x","refunds_restore":"yes"})", "wrong_type", "refunds_restore"},
      {R"({"label":"x","metadata":[]})", "wrong_type", "metadata"},
      {R"({"label":"x","metadata":{"a":1}})", "wrong_type", "metadata.a"},
      {R"({"label":"x","metadata":{"a":null}})", "wrong_type", "metadata.a"},
      {R"({"label":"x","metadata":{"":"b"}})", "too_long", "metadata."},
      {R"({"label":"x","metadata":{"a":")" + std::string(501, 'v') + "\"}}", "too_long", "metadata.a"},
      {R"({"label":"x","processor":"stripe"})", "wrong_type", "processor"},
      {R"({"label":"x","processor":{"endpoint":"e"}})", "missing_member", "processor.card_id"},
      {R"({"label":"x","processor":{"endpoint":"","card_id":"c"}})", "invalid_value", "processor.endpoint"},
      {R"({"label":"x","processor":{"endpoint":"e","card_id":"a b"}})", "invalid_value", "processor.card_id"},
      {R"({"label":"x","processor":{"endpoint":"e","card_id":")" + std::string(65, 'c') + "\"}}", "too_long",
       "processor.card_id"},
  };
  for (const auto& each : cases) {
    const Rejection rejected = rejection(each.text);
    EXPECT_EQ(rejected.code, each.code) << each.text;
    EXPECT_EQ(rejected.path, each.path) << each.text;
  }
}

TEST_F(CardInputTest, TakesALabelAndALimitInDollars) {
  for (const std::string_view amount : {"100", "100.00", "\"100\"", "\"100.0\"", "100.000"}) {
    const auto made = creation(R"({"label":"Claude API Agent","limit_usd":)" + std::string(amount) + "}");
    EXPECT_EQ(made.settings.label, "Claude API Agent");
    EXPECT_EQ(made.currency, engine::currency_from_alpha("USD"));
    EXPECT_EQ(made.settings.limits, (std::vector<Limit>{{Limit::Form::amount, WindowKind::lifetime, 10'000}}))
        << amount;
  }
  EXPECT_EQ(labelled(R"("limit_usd":0)").settings.limits[0].value, 0);
  EXPECT_EQ(labelled(R"("limit_usd":0.1)").settings.limits[0].value, 10);
  EXPECT_EQ(labelled(R"("limit_usd":92233720368547758.07)").settings.limits[0].value,
            std::numeric_limits<engine::Minor>::max());
  EXPECT_TRUE(labelled(R"("limit_usd":null)").settings.limits.empty());
  EXPECT_EQ(labelled(R"("limit_usd":null,"limits":[{"amount":1,"window":"day"}])").settings.limits.size(), 1U);
}

TEST_F(CardInputTest, TakesTheFullForm) {
  const auto made = creation(R"({"label":"full","currency":"eur",
    "limits":[{"amount":5000,"window":"day"},{"count":10,"window":"hour","rolling":null},
              {"amount":1,"window":"authorization"}],
    "controls":{"allowed_categories":["5734","3000-3299","computer_software_stores"],
                "blocked_countries":["DE","usa","392"],"allowed_merchants":["m_77"],"blocked_categories":[],
                "cash":false,"partial_approval":true},
    "time_zone":"Asia/Tokyo","week_start":"sunday","expires_at":"2026-11-23T16:00:00+01:00","refunds_restore":true,
    "processor":{"endpoint":"stripe-main","card_id":"ic_1"},"metadata":{"team":"a","b":""},"budget":null})");
  EXPECT_EQ(made.currency, engine::currency_from_alpha("EUR"));
  EXPECT_EQ(made.settings.limits, (std::vector<Limit>{{Limit::Form::amount, WindowKind::day, 5000},
                                                      {Limit::Form::count, WindowKind::hour, 10},
                                                      {Limit::Form::amount, WindowKind::authorization, 1}}));
  const engine::Controls& controls = made.settings.controls;
  EXPECT_EQ(controls.allowed_categories,
            (std::vector<engine::CategoryRange>{{5734, 5734}, {3000, 3299}, {5734, 5734}}));
  EXPECT_EQ(controls.blocked_countries, (std::vector<engine::Country>{{276}, {840}, {392}}));
  EXPECT_EQ(controls.allowed_merchants, std::vector<std::string>{"m_77"});
  EXPECT_FALSE(controls.cash);
  EXPECT_TRUE(controls.partial_approval);
  EXPECT_EQ(made.settings.time_zone, "Asia/Tokyo");
  ASSERT_TRUE(made.zone.has_value());
  EXPECT_EQ(made.zone->first_offset_seconds, 9 * 3600);
  EXPECT_EQ(made.settings.week_start, engine::Weekday::sunday);
  EXPECT_EQ(made.settings.expires_at, engine::from_millis(1'795'446'000'000));
  EXPECT_TRUE(made.settings.refunds_restore);
  EXPECT_EQ(made.processor_endpoint, "stripe-main");
  EXPECT_EQ(made.processor_card, "ic_1");
  EXPECT_EQ(made.settings.metadata, (std::vector<std::pair<std::string, std::string>>{{"team", "a"}, {"b", ""}}));
}

TEST_F(CardInputTest, LeavesWhatIsNotGivenAsItIsForANewCard) {
  const auto made = creation(R"({"label":"x"})");
  engine::NodeSettings expected;
  expected.label = "x";
  expected.time_zone = "UTC";
  EXPECT_EQ(made.settings, expected);
  EXPECT_FALSE(made.zone.has_value());
  EXPECT_TRUE(made.processor_card.empty());
  EXPECT_FALSE(labelled(R"("time_zone":"UTC")").zone.has_value());
}

TEST_F(CardInputTest, RefusesToChangeWhatACardIs) {
  for (const std::string_view name :
       {"id", "object", "status", "currency", "last4", "number", "cvv", "exp_month", "exp_year", "expiration",
        "over_limit", "processor", "version", "locked_merchant", "loop_breaker_state", "created_at"}) {
    const Rejection rejected = patch_rejection(R"({")" + std::string(name) + R"(":"x"})");
    EXPECT_EQ(rejected.code, "invalid_value") << name;
    EXPECT_EQ(rejected.path, name);
  }
  EXPECT_EQ(patch_rejection(R"({"lable":"x"})").code, "unknown_member");
  EXPECT_EQ(patch_rejection(R"({"label":null})").code, "wrong_type");
  EXPECT_EQ(patch_rejection(R"({"limit_usd":5,"limits":[]})").path, "limit_usd");
}

engine::NodeSettings full_settings() {
  engine::NodeSettings settings;
  settings.label = "old";
  settings.limits = {{Limit::Form::amount, WindowKind::lifetime, 5000}};
  settings.controls.allowed_categories = {{5734, 5734}};
  settings.controls.blocked_merchants = {"m"};
  settings.controls.cash = false;
  settings.time_zone = "Asia/Tokyo";
  settings.week_start = engine::Weekday::sunday;
  settings.expires_at = engine::from_millis(0);
  settings.refunds_restore = true;
  settings.metadata = {{"a", "1"}, {"b", "2"}};
  return settings;
}

TEST_F(CardInputTest, ChangesWhatIsGivenAndNothingElse) {
  EXPECT_EQ(patched(full_settings(), "{}"), full_settings());
  auto expected = full_settings();
  expected.label = "new";
  EXPECT_EQ(patched(full_settings(), R"({"label":"new"})"), expected);

  expected = full_settings();
  expected.controls.allowed_categories = {{3000, 3299}};
  EXPECT_EQ(patched(full_settings(), R"({"controls":{"allowed_categories":["3000-3299"]}})"), expected);

  expected = full_settings();
  expected.metadata = {{"b", "3"}, {"c", "4"}};
  EXPECT_EQ(patched(full_settings(), R"({"metadata":{"a":null,"b":"3","c":"4","d":null}})"), expected);

  expected = full_settings();
  expected.limits = {{Limit::Form::amount, WindowKind::lifetime, 700}};
  EXPECT_EQ(patched(full_settings(), R"({"limit_usd":"7"})"), expected);
  expected.limits = {{Limit::Form::count, WindowKind::day, 7}};
  EXPECT_EQ(patched(full_settings(), R"({"limits":[{"count":7,"window":"day"}]})"), expected);
}

TEST_F(CardInputTest, SetsBackWhatIsNull) {
  engine::NodeSettings expected;
  expected.label = "old";
  expected.time_zone = "UTC";
  EXPECT_EQ(patched(full_settings(), R"({"limits":null,"controls":null,"time_zone":null,"week_start":null,
                                         "expires_at":null,"refunds_restore":null,"metadata":null})"),
            expected);
  auto less = full_settings();
  less.controls.blocked_merchants.clear();
  less.controls.cash = true;
  EXPECT_EQ(patched(full_settings(), R"({"controls":{"blocked_merchants":null,"cash":null}})"), less);
}

TEST_F(CardInputTest, TakesALimitInDollarsAwayOnlyWhenItIsOne) {
  EXPECT_TRUE(patched(full_settings(), R"({"limit_usd":null})").limits.empty());
  // A client that sends back what it has read: a card with other limits shows limit_usd null.
  auto settings = full_settings();
  settings.limits = {{Limit::Form::amount, WindowKind::day, 5000}};
  EXPECT_EQ(patched(settings, R"({"limit_usd":null})"), settings);
  settings = full_settings();
  EXPECT_EQ(patched(settings, R"({"limit_usd":null})", "EUR"), settings);
  EXPECT_TRUE(fault_.empty());
  patched(settings, R"({"limit_usd":5})", "EUR");
  EXPECT_EQ(fault_, "limit_usd");
}

TEST_F(CardInputTest, RefusesMoreMetadataThanACardHolds) {
  std::string members;
  engine::NodeSettings settings;
  for (std::size_t i = 0; i < engine::kMetadataEntriesMax; ++i)
    settings.metadata.emplace_back("k" + std::to_string(i), "v");
  patched(settings, R"({"metadata":{"k0":"w"}})");
  EXPECT_EQ(fault_, "");
  patched(settings, R"({"metadata":{"one":"more"}})");
  EXPECT_EQ(fault_, "metadata");
  patched(settings, R"({"metadata":{"k0":null,"one":"more"}})");
  EXPECT_EQ(fault_, "");
}

TEST_F(CardInputTest, TakesWhatOnlyCardsHave) {
  const auto made = labelled(R"("controls":{"merchant_lock":"first_use","max_authorizations":2147483647,
      "verification":{"cvc":"require_match","expiry":"ignore","avs":"decline_on_mismatch"},
      "loop_breaker":{"declines":100,"repeats":64,"seconds":2678400,"cooldown_seconds":2678400}})");
  const engine::Controls& controls = made.settings.controls;
  EXPECT_TRUE(controls.merchant_lock);
  EXPECT_EQ(made.settings.max_authorizations, 2'147'483'647U);
  EXPECT_EQ(controls.cvc, engine::CheckPolicy::require_match);
  EXPECT_EQ(controls.expiry, engine::CheckPolicy::ignore);
  EXPECT_EQ(controls.address, engine::CheckPolicy::decline_on_mismatch);
  EXPECT_EQ(made.settings.loop_breaker, (engine::LoopBreaker{100, 64, 2'678'400, 2'678'400}));
  const auto least = labelled(R"("controls":{"max_authorizations":1,"loop_breaker":{"declines":1,"seconds":1}})");
  EXPECT_EQ(least.settings.max_authorizations, 1U);
  EXPECT_EQ(least.settings.loop_breaker, (engine::LoopBreaker{1, 0, 1, 300}));
  const auto repeats = labelled(R"("controls":{"loop_breaker":{"repeats":2,"seconds":1,"cooldown_seconds":1}})");
  EXPECT_EQ(repeats.settings.loop_breaker, (engine::LoopBreaker{0, 2, 1, 1}));
  EXPECT_EQ(labelled(R"("controls":{"merchant_lock":null,"max_authorizations":null,"verification":null,
                                    "loop_breaker":null})")
                .settings.controls,
            engine::Controls{});
}

engine::NodeSettings guarded_settings() {
  engine::NodeSettings settings = full_settings();
  settings.controls.merchant_lock = true;
  settings.controls.cvc = engine::CheckPolicy::require_match;
  settings.controls.address = engine::CheckPolicy::require_match;
  settings.max_authorizations = 3;
  settings.loop_breaker = {3, 0, 60, 30};
  return settings;
}

TEST_F(CardInputTest, ChangesTheLoopBreakerMemberByMember) {
  auto expected = guarded_settings();
  expected.loop_breaker = {3, 5, 60, 30};
  EXPECT_EQ(patched(guarded_settings(), R"({"controls":{"loop_breaker":{"repeats":5}}})"), expected);
  expected.loop_breaker = {0, 5, 60, 300};
  EXPECT_EQ(patched(guarded_settings(),
                    R"({"controls":{"loop_breaker":{"declines":null,"repeats":5,"cooldown_seconds":null}}})"),
            expected);
  EXPECT_EQ(fault_, "");
  expected.loop_breaker = {};
  EXPECT_EQ(patched(guarded_settings(), R"({"controls":{"loop_breaker":null}})"), expected);
  for (const std::string_view change : {R"({"declines":null})", R"({"seconds":null})"}) {
    patched(guarded_settings(), R"({"controls":{"loop_breaker":)" + std::string(change) + "}}");
    EXPECT_EQ(fault_, "controls.loop_breaker") << change;
  }
  patched(full_settings(), R"({"controls":{"loop_breaker":{"cooldown_seconds":5}}})");
  EXPECT_EQ(fault_, "controls.loop_breaker");
}

TEST_F(CardInputTest, ChangesVerificationMemberByMember) {
  auto expected = guarded_settings();
  expected.controls.address = engine::CheckPolicy::ignore;
  EXPECT_EQ(patched(guarded_settings(), R"({"controls":{"verification":{"avs":null}}})"), expected);
  expected.controls.cvc = engine::CheckPolicy::decline_on_mismatch;
  EXPECT_EQ(patched(guarded_settings(), R"({"controls":{"verification":null}})"), expected);
}

TEST_F(CardInputTest, ForgetsAllControlsTogether) {
  auto expected = guarded_settings();
  expected.controls = {};
  expected.max_authorizations = 0;
  expected.loop_breaker = {};
  EXPECT_EQ(patched(guarded_settings(), R"({"controls":null})"), expected);
}

TEST_F(CardInputTest, PutsACardUnderABudgetOfItsCurrency) {
  const auto made = labelled(R"("budget":"bud_euros")");
  EXPECT_EQ(made.settings.parent, kEuros);
  EXPECT_EQ(made.currency, engine::currency_from_alpha("EUR")) << "that of the budget";
  EXPECT_EQ(made.settings.time_zone, "") << "inherited";
  EXPECT_EQ(labelled(R"("budget":"bud_dollars","time_zone":"UTC")").settings.time_zone, "UTC");
  EXPECT_EQ(labelled(R"("budget":"bud_dollars","time_zone":null)").settings.time_zone, "");
  EXPECT_EQ(labelled(R"("budget":null)").settings.parent, engine::kNoNode);

  auto moved = patched(full_settings(), R"({"budget":"bud_dollars"})");
  EXPECT_EQ(moved.parent, kDollars);
  EXPECT_EQ(moved.time_zone, "Asia/Tokyo");
  EXPECT_EQ(patched(moved, R"({"label":"new"})").parent, kDollars);
  moved.time_zone.clear();
  const auto detached = patched(moved, R"({"budget":null})");
  EXPECT_EQ(detached.parent, engine::kNoNode);
  EXPECT_EQ(detached.time_zone, "UTC") << "there is nothing to inherit from";
  patched(full_settings(), R"({"budget":"bud_euros"})");
  EXPECT_EQ(fault_, "budget");
  EXPECT_EQ(patch_rejection(R"({"budget":"bud_nothing"})").path, "budget");
}

// A card with the most that its settings can hold, but for `bytes` of each value of its metadata.
engine::NodeSettings large_settings(std::size_t bytes) {
  engine::NodeSettings settings;
  settings.label.assign(engine::kLabelBytesMax, '\x01');
  settings.parent = kDollars;
  settings.limits.assign(engine::kLimitsMax,
                         {Limit::Form::amount, WindowKind::rolling, std::numeric_limits<engine::Minor>::max(),
                          2'678'400, std::vector<engine::CategoryRange>(kControlListMax, {1, 9999})});
  settings.limits[0] = {Limit::Form::amount, WindowKind::year, 0};
  settings.controls.blocked_categories.assign(kControlListMax, {0, 9999});
  settings.controls.blocked_countries.assign(kControlListMax, {276});
  settings.controls.allowed_countries.assign(kControlListMax, {276});
  settings.controls.merchant_lock = true;
  settings.max_authorizations = kMaxAuthorizationsMax;
  settings.loop_breaker = {100, 64, 2'678'400, 2'678'400};
  for (std::size_t i = 0; i < engine::kMetadataEntriesMax; ++i)
    settings.metadata.emplace_back(std::to_string(100 + i) + std::string(37, '\x02'), std::string(bytes, '\x03'));
  return settings;
}

// All that can happen to a card, at its longest.
std::vector<std::uint64_t> largest_counters(const engine::NodeSettings& settings, engine::Instant now) {
  const auto layout = engine::layout_of(settings);
  std::vector<std::uint64_t> words(layout.words);
  const engine::Words all(words);
  const engine::Minor least = std::numeric_limits<engine::Minor>::min();
  for (std::size_t i = 0; i < settings.limits.size(); ++i) {
    const Limit& limit = settings.limits[i];
    if (!limit.has_counter()) continue;
    const engine::Words counter = all.subspan(layout.limits[i], engine::counter_words(limit));
    engine::start_counter(counter, engine::Instant{});
    engine::add(limit, counter, {-(least / 2), least, 1}, now, now, now);
  }
  engine::lock_to(all.subspan(layout.merchant_lock), std::string(engine::kMerchantIdBytesMax, '\x04'));
  const engine::Words breaker = all.subspan(layout.breaker, engine::breaker_words());
  for (std::size_t i = 0; i < 2'000; ++i)
    engine::note_decision({1, 0, 1, 2'678'400}, breaker, i, false, now);
  return words;
}

// The desk gives up the process when a record does not fit, so nothing that is let pass may come near.
TEST_F(CardInputTest, LetsPassOnlyWhatFitsARecordWithItsAnswer) {
  const engine::Instant now = engine::from_millis(1'795'446'000'000);
  std::vector<std::byte> buffer(engine::kRecordBytesMax);
  engine::NodeProfile budget;
  bool fitted = false;
  bool refused = false;
  for (std::size_t bytes = 0; bytes <= engine::kMetadataValueBytesMax; bytes += 4) {
    engine::NodeProfile profile;
    profile.settings = large_settings(bytes);
    profile.identity.processor_endpoint.assign(engine::kIdBytesMax, 'e');
    profile.identity.processor_card.assign(engine::kIdBytesMax, 'c');
    const auto fault = apply({}, profile.identity, profile.settings);
    refused = refused || fault.has_value();
    if (fault) continue;
    fitted = true;
    profile.version = 4'294'967'295;
    profile.status = engine::NodeStatus::frozen;
    profile.layout = engine::layout_of(profile.settings);
    engine::NodeBalance balance;
    balance.usage.held.fill(std::numeric_limits<engine::Minor>::min() / 2);
    balance.usage.posted.fill(std::numeric_limits<engine::Minor>::min() / 2);
    balance.usage.rolled_at = now;
    balance.usage.next_roll = engine::Instant::max();
    const NodeView path[] = {{1, &profile, balance, largest_counters(profile.settings, now)},
                             {kDollars, &budget, {}, {}}};
    std::string text;
    append_card(text, path, now);
    const std::string id(200, 'k');
    const engine::Record record{
        {}, {"api", id, 1}, engine::CreateNode{1, profile.identity, profile.settings}, engine::NodeOutcome{}, text};
    EXPECT_FALSE(engine::encode(record, buffer).empty()) << bytes;
  }
  EXPECT_TRUE(fitted);
  EXPECT_TRUE(refused);
}

// What the text of a card can grow by is what fits_record() leaves room for.
TEST_F(CardInputTest, GrowsNoMoreThanThereIsRoomFor) {
  const engine::Instant now = engine::from_millis(1'795'446'000'000);
  engine::NodeProfile budget;
  engine::NodeProfile profile;
  profile.settings = large_settings(0);
  for (Limit& limit : profile.settings.limits)
    limit.value = 0;
  const NodeView unused{1, &profile, {}, {}};
  std::string before;
  append_card(before, {&unused, 1}, {});
  profile.identity.last4 = "4242";
  profile.identity.expiry_month = 11;
  profile.identity.expiry_year = 2031;
  profile.version = 4'294'967'295;
  profile.layout = engine::layout_of(profile.settings);
  engine::NodeBalance balance;
  balance.usage.held.fill(std::numeric_limits<engine::Minor>::max());
  balance.usage.posted.fill(std::numeric_limits<engine::Minor>::min() / 10);
  balance.usage.rolled_at = now;
  balance.usage.next_roll = engine::Instant::max();
  const NodeView path[] = {{1, &profile, balance, largest_counters(profile.settings, now)},
                           {kDollars, &budget, {}, {}}};
  std::string after;
  append_card(after, path, now);
  EXPECT_NE(after.find("\"state\":\"open\""), std::string::npos);
  EXPECT_GT(after.size() - before.size(), kStateTextBytesMax / 2) << "this is not the longest text";
  EXPECT_LE(after.size() - before.size() + 100, kStateTextBytesMax);
}

}  // namespace
}  // namespace holdfast::net
