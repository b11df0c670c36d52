#include "net/card_json.h"

#include <gtest/gtest.h>

#include "engine/breaker.h"
#include "engine/zone_table.h"
#include "net/budget_json.h"
#include "net/node_json.h"
#include "tests/net/api_fixture.h"

namespace holdfast::net {
namespace {

using engine::Limit;
using engine::NodeProfile;
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
  profile.settings.time_zone = "UTC";
  profile.settings.limits = std::move(limits);
  return profile;
}

NodeView view_of(const NodeProfile& profile, const Usage& usage = {}, engine::NodeIndex index = 1) {
  return {index, &profile, {usage, 0}, {}};
}

std::string json_of(std::span<const NodeView> path, engine::Instant now = kCreated) {
  std::string out;
  append_card(out, path, now);
  return out;
}
std::string json_of(const NodeProfile& profile, const Usage& usage = {}, engine::Instant now = kCreated) {
  const NodeView card = view_of(profile, usage);
  return json_of({&card, 1}, now);
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
            R"("remaining":8750,"beyond":0,"resets_at":null}],"controls":{},"time_zone":"UTC","week_start":"monday",)"
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
  Limit scoped = lifetime;
  scoped.categories = {{5734, 5734}};
  EXPECT_EQ(at(json_of(profile_of({scoped})), "/limit_usd"), "null");
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

TEST(CardJsonTest, TellsWhatTheNetworkPostedBeyondTheLimitApart) {
  const auto beyond = [](engine::Minor held, engine::Minor posted) {
    return at(json_of(profile_of({{Limit::Form::amount, WindowKind::day, 100}}), usage_of(held, posted, 1)),
              "/limits/0/beyond");
  };
  EXPECT_EQ(beyond(60, 40), "0") << "all of the limit is not beyond it";
  EXPECT_EQ(beyond(60, 41), "1");
  EXPECT_EQ(beyond(0, -5), "0");
  EXPECT_EQ(beyond(0, std::numeric_limits<engine::Minor>::max()), "9223372036854775707");
  EXPECT_EQ(at(json_of(profile_of({{Limit::Form::count, WindowKind::day, 1}}), usage_of(0, 0, 5)), "/limits/0/beyond"),
            "(absent)")
      << "nothing is approved beyond a count";
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
      R"({"amount":70,"window":"authorization","held":0,"posted":0,"remaining":70,"beyond":0,"resets_at":null})");
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

TEST(CardJsonTest, ShowsTheControlsThatOnlyCardsHave) {
  auto profile = profile_of({});
  profile.settings.controls.merchant_lock = true;
  profile.settings.max_authorizations = 1;
  profile.settings.controls.cvc = engine::CheckPolicy::require_match;
  profile.settings.controls.expiry = engine::CheckPolicy::ignore;
  profile.settings.controls.address = engine::CheckPolicy::decline_on_mismatch;
  profile.settings.loop_breaker = {3, 4, 60, 300};
  EXPECT_EQ(at(json_of(profile), "/controls"),
            R"({"merchant_lock":"first_use","max_authorizations":1,"verification":{"cvc":"require_match",)"
            R"("expiry":"ignore","avs":"decline_on_mismatch"},"loop_breaker":{"declines":3,"repeats":4,"seconds":60,)"
            R"("cooldown_seconds":300}})");
  profile.settings.controls = {};
  profile.settings.controls.address = engine::CheckPolicy::require_match;
  profile.settings.max_authorizations = 0;
  profile.settings.loop_breaker = {0, 4, 60, 300};
  EXPECT_EQ(at(json_of(profile), "/controls"),
            R"({"verification":{"avs":"require_match"},"loop_breaker":{"repeats":4,"seconds":60,)"
            R"("cooldown_seconds":300}})");
}

// A node's profile with words that count for it, all started at kCreated.
struct Counted {
  explicit Counted(NodeProfile made) : profile(std::move(made)) {
    profile.layout = engine::layout_of(profile.settings);
    words.resize(profile.layout.words);
    for (std::size_t i = 0; i < profile.settings.limits.size(); ++i) {
      if (profile.settings.limits[i].has_counter()) engine::start_counter(counter(i), kCreated);
    }
  }
  engine::Words counter(std::size_t limit) {
    return engine::Words(words).subspan(profile.layout.limits[limit],
                                        engine::counter_words(profile.settings.limits[limit]));
  }
  void charge(std::size_t limit, const engine::Tally& change, engine::Instant charged_at) {
    engine::add(profile.settings.limits[limit], counter(limit), change, charged_at, charged_at, charged_at);
  }
  std::string json(engine::Instant now) const {
    const NodeView view{1, &profile, {}, words};
    return json_of({&view, 1}, now);
  }

  NodeProfile profile;
  std::vector<std::uint64_t> words;
};

TEST(CardJsonTest, ShowsARollingLimitUntilTheLastOfItHasDroppedOut) {
  using std::chrono::seconds;
  Counted card(profile_of({{Limit::Form::amount, WindowKind::rolling, 100, 60},
                           {Limit::Form::count, WindowKind::rolling, 5, 60, {{5734, 5734}, {3000, 3299}}}}));
  EXPECT_EQ(at(card.json(kCreated), "/limits/0"),
            R"({"amount":100,"rolling":60,"held":0,"posted":0,"remaining":100,"beyond":0,"resets_at":null})");
  for (const std::size_t limit : {std::size_t{0}, std::size_t{1}}) {
    card.charge(limit, {30, 0, 1}, kCreated);
    card.charge(limit, {0, 80, 1}, kCreated + seconds(10));
  }
  EXPECT_EQ(at(card.json(kCreated + seconds(10)), "/limits/0"),
            R"({"amount":100,"rolling":60,"held":30,"posted":80,"remaining":0,"beyond":10,)"
            R"("resets_at":"2026-11-23T15:01:01.000Z"})");
  EXPECT_EQ(at(card.json(kCreated + seconds(10)), "/over_limit"), "true");
  EXPECT_EQ(at(card.json(kCreated + seconds(10)), "/limits/1"),
            R"({"count":5,"rolling":60,"categories":["5734","3000-3299"],"used":2,"remaining":3,)"
            R"("resets_at":"2026-11-23T15:01:01.000Z"})");
  const auto later = card.json(kCreated + seconds(61));
  EXPECT_EQ(at(later, "/limits/0/posted"), "80");
  EXPECT_EQ(at(later, "/limits/0/held"), "0");
  EXPECT_EQ(text_at(later, "/limits/0/resets_at"), "2026-11-23T15:01:11.000Z");
  EXPECT_EQ(at(later, "/over_limit"), "false");
  EXPECT_EQ(at(card.json(kCreated + seconds(71)), "/limits/0/resets_at"), "null");
}

TEST(CardJsonTest, ShowsALimitOnCategoriesByItsOwnCounter) {
  Counted card(profile_of({{Limit::Form::amount, WindowKind::day, 100, 0, {{5734, 5734}}},
                           {Limit::Form::amount, WindowKind::authorization, 7, 0, {{5734, 5734}}}}));
  card.charge(0, {20, 10, 1}, kCreated);
  const NodeView view{1, &card.profile, {usage_of(500, 500, 9), 0}, card.words};
  const auto json = json_of({&view, 1});
  EXPECT_EQ(at(json, "/limits/0"),
            R"({"amount":100,"window":"day","categories":["5734"],"held":20,"posted":10,"remaining":70,"beyond":0,)"
            R"("resets_at":"2026-11-24T00:00:00.000Z"})");
  EXPECT_EQ(at(json, "/limits/1"),
            R"({"amount":7,"window":"authorization","categories":["5734"],"held":0,"posted":0,"remaining":7,)"
            R"("beyond":0,"resets_at":null})");
  EXPECT_EQ(at(card.json(kCreated + kDay), "/limits/0/remaining"), "100");
}

TEST(CardJsonTest, ShowsTheMerchantThatACardIsLockedTo) {
  auto profile = profile_of({});
  profile.settings.controls.merchant_lock = true;
  Counted card(profile);
  EXPECT_EQ(at(card.json(kCreated), "/locked_merchant"), "(absent)");
  engine::lock_to(engine::Words(card.words).subspan(card.profile.layout.merchant_lock), "m_\"77");
  EXPECT_EQ(at(card.json(kCreated), "/locked_merchant"), R"("m_\"77")");
}

TEST(CardJsonTest, ShowsWhereTheLoopBreakerStands) {
  using std::chrono::seconds;
  EXPECT_EQ(at(json_of(profile_of({})), "/loop_breaker_state"), "(absent)");
  auto profile = profile_of({});
  profile.settings.loop_breaker = {1, 0, 60, 30};
  Counted card(profile);
  EXPECT_EQ(at(card.json(kCreated), "/loop_breaker_state"),
            R"({"state":"closed","until":null,"trips":0,"last_trips":[]})");
  const auto breaker = engine::Words(card.words).subspan(card.profile.layout.breaker, engine::breaker_words());
  engine::note_decision(card.profile.settings.loop_breaker, breaker, 1, false, kCreated);
  EXPECT_EQ(at(card.json(kCreated + seconds(29)), "/loop_breaker_state"),
            R"({"state":"open","until":"2026-11-23T15:00:30.000Z","trips":1,"last_trips":[)"
            R"({"at":"2026-11-23T15:00:00.000Z","until":"2026-11-23T15:00:30.000Z","cause":"declines"}]})");
  EXPECT_EQ(text_at(card.json(kCreated + seconds(30)), "/loop_breaker_state/state"), "half_open");
  EXPECT_EQ(at(card.json(kCreated + seconds(30)), "/loop_breaker_state/until"), "null");
  engine::note_decision(card.profile.settings.loop_breaker, breaker, 2, false, kCreated + seconds(30));
  const auto again = card.json(kCreated + seconds(30));
  EXPECT_EQ(at(again, "/loop_breaker_state/trips"), "2");
  EXPECT_EQ(text_at(again, "/loop_breaker_state/last_trips/0/cause"), "half_open");
  EXPECT_EQ(text_at(again, "/loop_breaker_state/last_trips/1/cause"), "declines");
}

TEST(CardJsonTest, IsOverTheLimitOfAnyBudgetAbove) {
  engine::ZoneTable zones;
  NodeProfile card = profile_of({{Limit::Form::amount, WindowKind::day, 100}});
  card.settings.time_zone.clear();
  NodeProfile team = profile_of({});
  team.settings.time_zone.clear();
  NodeProfile root = profile_of({{Limit::Form::amount, WindowKind::day, 300}});
  root.settings.time_zone = "Asia/Tokyo";
  root.zone = &zones.define({"Asia/Tokyo", 9 * 3600, {}});
  const auto json = [&](engine::Minor of_root) {
    const NodeView path[] = {view_of(card, usage_of(1, 0, 1)), view_of(team, {}, engine::kBudgetBit | 2),
                             view_of(root, usage_of(of_root, 0, 1), engine::kBudgetBit | 1)};
    return json_of(path);
  };
  EXPECT_EQ(at(json(300), "/over_limit"), "false");
  EXPECT_EQ(at(json(301), "/over_limit"), "true");
  EXPECT_EQ(text_at(json(301), "/budget"), "bud_01J9ZK3Q6T8V5W2X4Y6Z8A0B1C");
  EXPECT_EQ(at(json(301), "/time_zone"), "null") << "inherited";
  EXPECT_EQ(text_at(json(301), "/limits/0/resets_at"), "2026-11-24T15:00:00.000Z") << "at midnight in Tokyo";
}

TEST(BudgetJsonTest, ShowsABudgetAsTheInterfaceSays) {
  NodeProfile team = profile_of({{Limit::Form::amount, WindowKind::day, 30'000}});
  team.settings.label = "team";
  team.settings.time_zone.clear();
  team.settings.controls.blocked_countries = {*engine::country_from_text("DE")};
  team.settings.metadata = {{"cost_center", "7"}};
  team.version = 3;
  const NodeProfile root = profile_of({});
  const NodeView path[] = {view_of(team, usage_of(100, 31'000, 2), engine::kBudgetBit | 2),
                           view_of(root, {}, engine::kBudgetBit | 1)};
  std::string json;
  append_budget(json, path, kCreated);
  EXPECT_EQ(json,
            R"({"id":"bud_01J9ZK3Q6T8V5W2X4Y6Z8A0B1C","object":"budget","label":"team","status":"active",)"
            R"("currency":"USD","parent":"bud_01J9ZK3Q6T8V5W2X4Y6Z8A0B1C","over_limit":true,"limits":[)"
            R"({"amount":30000,"window":"day","held":100,"posted":31000,"remaining":0,"beyond":1100,)"
            R"("resets_at":"2026-11-24T00:00:00.000Z"}],"controls":{"blocked_countries":["DE"]},"time_zone":null,)"
            R"("week_start":"monday","refunds_restore":false,"metadata":{"cost_center":"7"},"version":3,)"
            R"("created_at":"2026-11-23T15:00:00.000Z"})");
  EXPECT_EQ(version_in(json), 3U);
  std::string top;
  append_budget(top, std::span(path).subspan(1), kCreated);
  EXPECT_EQ(at(top, "/parent"), "null");
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
