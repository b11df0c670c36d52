#include "net/card_json.h"

#include <gtest/gtest.h>

#include "engine/zone_table.h"
#include "tests/net/api_fixture.h"

namespace holdfast::net {
namespace {

using engine::NodeProfile;
using engine::Limit;
using engine::Usage;
using engine::WindowKind;

constexpr engine::Instant kCreated = engine::from_millis(1'795'446'000'000);  // 2026-11-23T15:00:00Z, a Monday
constexpr std::chrono::hours kDay{24};

engine::Currency currency(std::string_view alpha) {
  return engine::currency_from_alpha(alpha).value();
}

NodeProfile profile_of(std::vector<Limit> limits, std::string_view alpha = "USD") {
  NodeProfile profile;
  profile.identity.id = engine::parse_id("card_", "card_01J9ZK3Q6T8V5W2X4Y6Z8A0B1C").value();
  profile.identity.created_at = kCreated;
  profile.identity.currency = currency(alpha);
  profile.identity.last4 = "4242";
  profile.identity.expiry_month = 11;
  profile.identity.expiry_year = 2029;
  profile.settings.label = "Claude API Agent";
  profile.settings.limits = std::move(limits);
  return profile;
}

std::string json_of(const NodeProfile& profile, const Usage& usage = {}, engine::Instant now = kCreated) {
  std::string out;
  append_card(out, profile, usage, now);
  return out;
}

Usage usage_of(engine::Minor held, engine::Minor posted, std::uint32_t count, engine::Instant at = kCreated) {
  Usage usage;
  usage.roll(at, engine::utc(), engine::Weekday::monday);
  usage.held.fill(held);
  usage.posted.fill(posted);
  usage.count.fill(count);
  return usage;
}

TEST(CardJsonTest, ShowsACardAsTheInterfaceSays) {
  EXPECT_EQ(json_of(profile_of({{Limit::Form::amount, WindowKind::lifetime, 10'000}}), usage_of(1250, 0, 1)),
            R"({"id":"card_01J9ZK3Q6T8V5W2X4Y6Z8A0B1C","object":"card","label":"Claude API Agent","status":"active",)"
            R"("currency":"USD","last4":"4242","expiration":"11/29","budget":null,"limit_usd":100.00,)"
            R"("over_limit":false,"limits":[{"amount":10000,"window":"lifetime","held":1250,"posted":0,)"
            R"("remaining":8750,"resets_at":null}],"controls":{},"time_zone":"UTC","week_start":"monday",)"
            R"("refunds_restore":false,"processor":null,"metadata":{},"expires_at":null,"version":1,)"
            R"("created_at":"2026-11-23T15:00:00.000Z"})");
}

TEST(CardJsonTest, HasNoLimitUsdUnlessTheCardHasExactlyThat) {
  const Limit lifetime{Limit::Form::amount, WindowKind::lifetime, 1};
  const Limit day{Limit::Form::amount, WindowKind::day, 1};
  const Limit count{Limit::Form::count, WindowKind::lifetime, 1};
  EXPECT_EQ(at(json_of(profile_of({})), "/limit_usd"), "null");
  EXPECT_EQ(at(json_of(profile_of({day})), "/limit_usd"), "null");
  EXPECT_EQ(at(json_of(profile_of({count})), "/limit_usd"), "null");
  EXPECT_EQ(at(json_of(profile_of({lifetime, day})), "/limit_usd"), "null");
  EXPECT_EQ(at(json_of(profile_of({lifetime}, "EUR")), "/limit_usd"), "null");
  EXPECT_NE(json_of(profile_of({lifetime})).find("\"limit_usd\":0.01,"), std::string::npos);
}

TEST(CardJsonTest, WritesLimitUsdExactly) {
  // The largest amount: a double would round it.
  const Limit lifetime{Limit::Form::amount, WindowKind::lifetime, std::numeric_limits<engine::Minor>::max()};
  EXPECT_NE(json_of(profile_of({lifetime})).find("\"limit_usd\":92233720368547758.07,"), std::string::npos);
  EXPECT_NE(json_of(profile_of({{Limit::Form::amount, WindowKind::lifetime, 0}})).find("\"limit_usd\":0.00,"),
            std::string::npos);
}

TEST(CardJsonTest, NeverLeavesLessThanNothing) {
  const auto json = json_of(profile_of({{Limit::Form::amount, WindowKind::lifetime, 100},
                                        {Limit::Form::count, WindowKind::day, 3},
                                        {Limit::Form::amount, WindowKind::authorization, 7}}),
                            usage_of(60, 41, 5));
  EXPECT_EQ(at(json, "/limits/0/remaining"), "0");
  EXPECT_EQ(at(json, "/limits/1/remaining"), "0");
  EXPECT_EQ(at(json, "/over_limit"), "true");
  EXPECT_EQ(
      at(json_of(profile_of({{Limit::Form::amount, WindowKind::lifetime, 101}}), usage_of(60, 41, 5)), "/over_limit"),
      "false")
      << "all of the limit is not more than the limit";
  EXPECT_EQ(at(json_of(profile_of({{Limit::Form::count, WindowKind::lifetime, 3}}), usage_of(0, 0, 5)), "/over_limit"),
            "false");
  Usage most = usage_of(std::numeric_limits<engine::Minor>::max(), 1, 1);
  EXPECT_EQ(at(json_of(profile_of({{Limit::Form::amount, WindowKind::year, 5}}), most), "/limits/0/remaining"), "0");
}

TEST(CardJsonTest, ShowsEachWindowWithItsEnd) {
  const struct {
    WindowKind window;
    std::string_view name;
    std::string_view resets_at;
  } cases[] = {
      {WindowKind::hour, "hour", "\"2026-11-23T16:00:00.000Z\""},
      {WindowKind::day, "day", "\"2026-11-24T00:00:00.000Z\""},
      {WindowKind::week, "week", "\"2026-11-30T00:00:00.000Z\""},
      {WindowKind::month, "month", "\"2026-12-01T00:00:00.000Z\""},
      {WindowKind::year, "year", "\"2027-01-01T00:00:00.000Z\""},
      {WindowKind::lifetime, "lifetime", "null"},
  };
  for (const auto& each : cases) {
    const auto json =
        json_of(profile_of({{Limit::Form::amount, each.window, 100}, {Limit::Form::count, each.window, 9}}),
                usage_of(30, 4, 2));
    EXPECT_EQ(text_at(json, "/limits/0/window"), each.name);
    EXPECT_EQ(at(json, "/limits/0/held"), "30");
    EXPECT_EQ(at(json, "/limits/0/posted"), "4");
    EXPECT_EQ(at(json, "/limits/0/remaining"), "66");
    EXPECT_EQ(at(json, "/limits/0/resets_at"), each.resets_at);
    EXPECT_EQ(at(json, "/limits/1"), R"({"count":9,"window":")" + std::string(each.name) +
                                         R"(","used":2,"remaining":7,"resets_at":)" + std::string(each.resets_at) +
                                         "}");
  }
}

TEST(CardJsonTest, ShowsALimitOfEachAuthorizationAlone) {
  EXPECT_EQ(
      at(json_of(profile_of({{Limit::Form::amount, WindowKind::authorization, 70}}), usage_of(60, 41, 5)), "/limits/0"),
      R"({"amount":70,"window":"authorization","held":0,"posted":0,"remaining":70,"resets_at":null})");
}

TEST(CardJsonTest, EndsWindowsThatAreOverAndNoOthers) {
  const auto profile = profile_of({{Limit::Form::amount, WindowKind::day, 100},
                                   {Limit::Form::amount, WindowKind::week, 100},
                                   {Limit::Form::count, WindowKind::day, 5}});
  const auto json = json_of(profile, usage_of(30, 4, 2), kCreated + kDay);
  EXPECT_EQ(at(json, "/limits/0/remaining"), "100");
  EXPECT_EQ(at(json, "/limits/0/held"), "0");
  EXPECT_EQ(at(json, "/limits/0/resets_at"), "\"2026-11-25T00:00:00.000Z\"");
  EXPECT_EQ(at(json, "/limits/1/remaining"), "66");
  EXPECT_EQ(at(json, "/limits/2/used"), "0");
}

TEST(CardJsonTest, IsNotTakenBackByAClockThatGoesBack) {
  const auto profile = profile_of({{Limit::Form::amount, WindowKind::day, 100}});
  const auto json = json_of(profile, usage_of(30, 4, 2, kCreated + kDay), kCreated);
  EXPECT_EQ(at(json, "/limits/0/remaining"), "66");
  EXPECT_EQ(at(json, "/limits/0/resets_at"), "\"2026-11-25T00:00:00.000Z\"");
}

TEST(CardJsonTest, EndsWindowsInTheCardsZoneAndWeek) {
  engine::ZoneTable zones;
  auto profile =
      profile_of({{Limit::Form::amount, WindowKind::day, 100}, {Limit::Form::amount, WindowKind::week, 100}});
  profile.settings.time_zone = "Asia/Tokyo";
  profile.settings.week_start = engine::Weekday::sunday;
  profile.zone = &zones.define({"Asia/Tokyo", 9 * 3600, {}});
  const auto json = json_of(profile);
  EXPECT_EQ(at(json, "/limits/0/resets_at"), "\"2026-11-24T15:00:00.000Z\"");
  EXPECT_EQ(at(json, "/limits/1/resets_at"), "\"2026-11-28T15:00:00.000Z\"");
  EXPECT_EQ(text_at(json, "/time_zone"), "Asia/Tokyo");
  EXPECT_EQ(text_at(json, "/week_start"), "sunday");
}

TEST(CardJsonTest, ShowsControlsThatAreSetAndNoOthers) {
  auto profile = profile_of({});
  engine::Controls& controls = profile.settings.controls;
  controls.allowed_categories = {{5734, 5734}, {3000, 3299}, {742, 742}};
  controls.blocked_countries = {*engine::country_from_text("DE"), *engine::country_from_text("USA")};
  controls.blocked_merchants = {"a\"b"};
  controls.cash = false;
  EXPECT_EQ(at(json_of(profile), "/controls"),
            R"({"allowed_categories":["5734","3000-3299","0742"],"blocked_countries":["DE","US"],)"
            R"("blocked_merchants":["a\"b"],"cash":false})");
  controls = {};
  controls.blocked_categories = {{0, 9999}};
  controls.allowed_countries = {*engine::country_from_text("392")};
  controls.allowed_merchants = {"m1", "m2"};
  controls.partial_approval = false;
  EXPECT_EQ(at(json_of(profile), "/controls"),
            R"({"blocked_categories":["0000-9999"],"allowed_countries":["JP"],"allowed_merchants":["m1","m2"],)"
            R"("partial_approval":false})");
}

TEST(CardJsonTest, ShowsACardOfAProcessorWithoutWhatOnlyOursHave) {
  auto profile = profile_of({}, "JPY");
  profile.identity.last4.clear();
  profile.identity.expiry_month = 0;
  profile.identity.expiry_year = 0;
  profile.identity.processor_endpoint = "stripe-main";
  profile.identity.processor_card = "ic_1";
  profile.status = engine::NodeStatus::closed;
  profile.version = 4'294'967'295;
  profile.settings.refunds_restore = true;
  profile.settings.expires_at = kCreated + kDay;
  const auto json = json_of(profile);
  EXPECT_EQ(at(json, "/last4"), "null");
  EXPECT_EQ(at(json, "/expiration"), "null");
  EXPECT_EQ(at(json, "/processor"), R"({"endpoint":"stripe-main","card_id":"ic_1"})");
  EXPECT_EQ(text_at(json, "/status"), "closed");
  EXPECT_EQ(text_at(json, "/currency"), "JPY");
  EXPECT_EQ(at(json, "/refunds_restore"), "true");
  EXPECT_EQ(text_at(json, "/expires_at"), "2026-11-24T15:00:00.000Z");
  EXPECT_EQ(at(json, "/version"), "4294967295");
}

TEST(CardJsonTest, ReadsItsVersionWhateverTheMetadataSays) {
  auto profile = profile_of({});
  profile.version = 17;
  profile.settings.label = R"(,"version":3)";
  profile.settings.metadata = {
      {"a", "b"}, {"version", "4"}, {R"(,"version":5)", R"(,"version":6)"}, {"created_at", "{"}};
  const auto json = json_of(profile);
  EXPECT_EQ(version_in(json), 17U);
  EXPECT_EQ(at(json, "/metadata/version"), "\"4\"");
  EXPECT_EQ(text_at(json, "/created_at"), "2026-11-23T15:00:00.000Z");
  EXPECT_EQ(version_in("{}"), 0U);
}

TEST(CardJsonTest, AddsTheNumberOnlyWhenAsked) {
  const auto issuer = CardIssuer::make(Api::kSecret, "400000").value();
  const auto profile = profile_of({});
  const CardNumber number = issuer.number(profile.identity.id, 0);
  const Cvv cvv = issuer.cvv(number, {11, 2029});
  auto json = json_of(profile);
  EXPECT_EQ(json.find(number.reveal()), std::string::npos);
  append_secrets(json, number, cvv, {11, 2029});
  EXPECT_EQ(text_at(json, "/number"), number.reveal());
  EXPECT_EQ(text_at(json, "/cvv"), cvv.reveal());
  EXPECT_EQ(at(json, "/exp_month"), "11");
  EXPECT_EQ(at(json, "/exp_year"), "2029");
  EXPECT_EQ(version_in(json), 1U);
}

}  // namespace
}  // namespace holdfast::net
