#include "net/card_input.h"

#include <gtest/gtest.h>

#include "engine/record.h"
#include "net/card_json.h"

namespace holdfast::net {
namespace {

using engine::Limit;
using engine::WindowKind;

std::optional<engine::ZoneRules> find_zone(std::string_view name) {
  if (name != "Asia/Tokyo") return std::nullopt;
  return engine::ZoneRules{std::string(name), 9 * 3600, {}};
}

struct Rejection {
  std::string code;
  std::string path;
  bool unsupported = false;
};

class CardInputTest : public ::testing::Test {
 protected:
  CardCreation creation(std::string_view text) {
    CardCreation creation;
    if (json_.parse(text)) creation = read_creation(json_, find_zone);
    EXPECT_TRUE(json_.ok()) << text << ": " << json_.error().detail;
    return creation;
  }
  // A creation with a label and these members besides.
  CardCreation labelled(std::string_view members) { return creation(R"({"label":"x",)" + std::string(members) + "}"); }
  Rejection rejection(std::string_view text) {
    bool unsupported = false;
    if (json_.parse(text)) unsupported = read_creation(json_, find_zone).unsupported;
    return {std::string(json_error_name(json_.error().code)), json_.error().path, unsupported};
  }
  Rejection patch_rejection(std::string_view text) {
    bool unsupported = false;
    if (json_.parse(text)) unsupported = read_patch(json_, find_zone).unsupported;
    return {std::string(json_error_name(json_.error().code)), json_.error().path, unsupported};
  }
  // The settings after a change; `fault` is what it failed on.
  engine::NodeSettings patched(engine::NodeSettings settings, std::string_view text, std::string_view alpha = "USD") {
    CardPatch patch;
    if (json_.parse(text)) patch = read_patch(json_, find_zone);
    EXPECT_TRUE(json_.ok()) << text << ": " << json_.error().detail;
    engine::NodeIdentity identity;
    identity.currency = *engine::currency_from_alpha(alpha);
    const auto fault = apply(patch, identity, settings);
    fault_ = fault ? std::string(fault->member) : "";
    return settings;
  }

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
    EXPECT_FALSE(rejected.unsupported);
  }
}

TEST_F(CardInputTest, SaysWhatThisReleaseDoesNotHave) {
  const struct {
    std::string_view text;
    std::string_view path;
  } cases[] = {
      {R"({"label":"x","budget":"bud_1"})", "budget"},
      {R"({"label":"x","limits":[{"amount":1,"rolling":3600}]})", "limits[0].rolling"},
      {R"({"label":"x","limits":[{"amount":1,"window":"day","categories":["5734"]}]})", "limits[0].categories"},
      {R"({"label":"x","limits":[{"amount":1,"window":"day","categories":[]}]})", "limits[0].categories"},
      {R"({"label":"x","loop_breaker":{"declines":3}})", "loop_breaker"},
      {R"({"label":"x","controls":{"merchant_lock":"first_use"}})", "controls.merchant_lock"},
      {R"({"label":"x","controls":{"max_authorizations":1}})", "controls.max_authorizations"},
  };
  for (const auto& each : cases) {
    const Rejection rejected = rejection(each.text);
    EXPECT_EQ(rejected.path, each.path) << each.text;
    EXPECT_TRUE(rejected.unsupported) << each.text;
  }
  EXPECT_FALSE(rejection(R"({"label":7,"budget":"bud_1"})").code.empty());
  creation(R"({"label":"x","budget":null,"loop_breaker":null})");
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
    EXPECT_FALSE(rejected.unsupported) << each.text;
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
  EXPECT_EQ(made.settings, expected);
  EXPECT_FALSE(made.zone.has_value());
  EXPECT_TRUE(made.processor_card.empty());
  EXPECT_FALSE(labelled(R"("time_zone":"UTC")").zone.has_value());
}

TEST_F(CardInputTest, RefusesToChangeWhatACardIs) {
  for (const std::string_view name : {"id", "object", "status", "currency", "last4", "number", "cvv", "exp_month",
                                      "exp_year", "expiration", "over_limit", "processor", "version", "created_at"}) {
    const Rejection rejected = patch_rejection(R"({")" + std::string(name) + R"(":"x"})");
    EXPECT_EQ(rejected.code, "invalid_value") << name;
    EXPECT_EQ(rejected.path, name);
  }
  EXPECT_EQ(patch_rejection(R"({"lable":"x"})").code, "unknown_member");
  EXPECT_EQ(patch_rejection(R"({"label":null})").code, "wrong_type");
  EXPECT_EQ(patch_rejection(R"({"limit_usd":5,"limits":[]})").path, "limit_usd");
  EXPECT_TRUE(patch_rejection(R"({"limits":[{"amount":1,"rolling":60}]})").unsupported);
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

// The desk gives up the process when a record does not fit, so nothing that is let pass may come near.
TEST_F(CardInputTest, LetsPassOnlyWhatFitsARecordWithItsAnswer) {
  std::vector<std::byte> buffer(engine::kRecordBytesMax);
  bool fitted = false;
  bool refused = false;
  for (std::size_t bytes = 0; bytes <= engine::kMetadataValueBytesMax; bytes += 10) {
    engine::NodeSettings settings;
    settings.label.assign(engine::kLabelBytesMax, '\x01');
    settings.limits.assign(engine::kLimitsMax,
                           {Limit::Form::amount, WindowKind::authorization, std::numeric_limits<engine::Minor>::max()});
    settings.controls.blocked_categories.assign(kControlListMax, {0, 9999});
    settings.controls.blocked_countries.assign(kControlListMax, {276});
    settings.controls.allowed_countries.assign(kControlListMax, {276});
    settings.time_zone.assign(64, 'z');
    for (std::size_t i = 0; i < engine::kMetadataEntriesMax; ++i)
      settings.metadata.emplace_back(std::to_string(100 + i) + std::string(37, '\x02'), std::string(bytes, '\x03'));
    engine::NodeIdentity identity;
    identity.processor_endpoint.assign(engine::kIdBytesMax, 'e');
    identity.processor_card.assign(engine::kIdBytesMax, 'c');
    const auto fault = apply({}, identity, settings);
    refused = refused || fault.has_value();
    if (fault) continue;
    fitted = true;
    std::string text;
    engine::Usage usage;
    usage.held.fill(std::numeric_limits<engine::Minor>::min() / 2);
    usage.posted.fill(std::numeric_limits<engine::Minor>::min() / 2);
    append_card(text, {identity, settings, engine::NodeStatus::frozen, 4'294'967'295, nullptr}, usage, {});
    const std::string id(200, 'k');
    const engine::Record record{
        {}, {"api", id, 1}, engine::CreateNode{1, identity, settings}, engine::NodeOutcome{}, text};
    EXPECT_FALSE(engine::encode(record, buffer).empty()) << bytes;
  }
  EXPECT_TRUE(fitted);
  EXPECT_TRUE(refused);
}

}  // namespace
}  // namespace holdfast::net
