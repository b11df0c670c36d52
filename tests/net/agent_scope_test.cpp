#include "net/agent_scope.h"

#include "tests/net/api_fixture.h"

namespace holdfast::net {
namespace {

using engine::Limit;
using engine::NodeSettings;
using engine::WindowKind;

// ---- What may be changed

NodeSettings with_limits(std::vector<Limit> limits) {
  NodeSettings settings;
  settings.label = "agent";
  settings.limits = std::move(limits);
  return settings;
}
Limit amount(std::int64_t value, WindowKind window = WindowKind::day) {
  return {Limit::Form::amount, window, value, 0, {}};
}

TEST(AgentMayChange, LimitsToTheSameOrLess) {
  const NodeSettings before = with_limits({amount(100), amount(500, WindowKind::month)});
  EXPECT_FALSE(agent_may_change(before, before));
  EXPECT_FALSE(agent_may_change(before, with_limits({amount(99), amount(500, WindowKind::month)})));
  EXPECT_FALSE(agent_may_change(before, with_limits({amount(0, WindowKind::month), amount(100)}))) << "in any order";
  EXPECT_FALSE(agent_may_change(before, with_limits({amount(100), amount(500, WindowKind::month), amount(7)})));
  EXPECT_FALSE(agent_may_change(with_limits({}), before));
}

TEST(AgentMayChange, NothingThatAllowsMore) {
  const NodeSettings before = with_limits({amount(100), amount(500, WindowKind::month)});
  Limit scoped = amount(50);
  scoped.categories = {{5734, 5734}};
  Limit count = amount(1);
  count.form = Limit::Form::count;
  Limit rolling = amount(50, WindowKind::rolling);
  rolling.rolling_seconds = 86'400;
  const std::vector<std::vector<Limit>> raising = {
      {amount(101), amount(500, WindowKind::month)},
      {amount(100)},
      {},
      {amount(100), amount(500, WindowKind::year)},
      {scoped, amount(500, WindowKind::month)},
      {count, amount(500, WindowKind::month)},
      {rolling, amount(500, WindowKind::month)},
      {amount(100), amount(50)},
  };
  for (const auto& limits : raising)
    EXPECT_EQ(agent_may_change(before, with_limits(limits))->status, 403);
  // One limit takes the place of one.
  EXPECT_TRUE(agent_may_change(with_limits({amount(100), amount(100)}), with_limits({amount(100)})));
  EXPECT_FALSE(agent_may_change(with_limits({amount(100), amount(50)}), with_limits({amount(50), amount(60)})));
  EXPECT_TRUE(agent_may_change(with_limits({amount(100), amount(50)}), with_limits({amount(51), amount(60)})));
}

TEST(AgentMayChange, NothingButLimits) {
  const NodeSettings before = with_limits({amount(100)});
  const std::function<void(NodeSettings&)> changes[] = {
      [](NodeSettings& settings) { settings.label = "b"; },
      [](NodeSettings& settings) { settings.parent = engine::kBudgetBit | 1; },
      [](NodeSettings& settings) { settings.controls.cash = false; },
      [](NodeSettings& settings) { settings.time_zone = "UTC"; },
      [](NodeSettings& settings) { settings.week_start = engine::Weekday::sunday; },
      [](NodeSettings& settings) { settings.refunds_restore = true; },
      [](NodeSettings& settings) {
        settings.metadata = {{"a", "b"}};
      },
      [](NodeSettings& settings) { settings.expires_at = engine::from_millis(5); },
      [](NodeSettings& settings) { settings.max_authorizations = 1; },
      [](NodeSettings& settings) { settings.loop_breaker.declines = 1; },
  };
  for (const auto& change : changes) {
    NodeSettings after = before;
    change(after);
    EXPECT_TRUE(agent_may_change(before, after));
  }
}

// ---- Over all calls

FakeRequest post(std::string path, std::string body = {}) {
  return {Method::post, "/api/v1/" + std::move(path), std::move(body), {}};
}
FakeRequest get(std::string path) {
  return {Method::get, "/api/v1/" + std::move(path), {}, {}};
}
FakeRequest patch(std::string path, std::string body) {
  return {Method::patch, "/api/v1/" + std::move(path), std::move(body), {}};
}

// organisation -> team -> card; beside it a card of the organisation, and one of nobody.
class AgentTest : public ::testing::Test {
 protected:
  AgentTest() {
    organisation_ = made("budgets", R"({"label":"organisation","currency":"USD"})");
    team_ = made("budgets", R"({"label":"team","currency":"USD","parent":")" + organisation_ +
                                R"(","limits":[{"amount":30000,"window":"day"}]})");
    card_ = made("cards", R"({"label":"agent","budget":")" + team_ + R"(","limits":[{"amount":5000,"window":"day"}]})");
    beside_ = made("cards", R"({"label":"beside","limit_usd":5,"budget":")" + organisation_ + "\"}");
    outside_ = made("cards", R"({"label":"outside","limit_usd":5})");
    approve("inside-1", card_);
    approve("beside-1", beside_);
    team_key_ = key_for(team_);
    card_key_ = key_for(card_);
  }

  std::string made(std::string path, std::string body) {
    const FakeExchange& answer = api_.call(post(std::move(path), std::move(body)));
    EXPECT_EQ(answer.status, 201) << answer.body;
    return text_at(answer.body, "/id");
  }
  std::string key_for(const std::string& node) {
    const FakeExchange& answer = api_.call(post("keys", R"({"label":"a","role":"agent","node":")" + node + "\"}"));
    EXPECT_EQ(answer.status, 201) << answer.body;
    EXPECT_EQ(text_at(answer.body, "/node"), node);
    return text_at(answer.body, "/key");
  }
  static std::string request_for(std::string_view id, std::string_view card, bool dry_run) {
    return R"({"id":")" + std::string(id) + R"(","card":")" + std::string(card) +
           R"(","amount":100,"currency":"USD","dry_run":)" + (dry_run ? "true}" : "false}");
  }
  void approve(std::string_view id, std::string_view card) {
    const FakeExchange& answer = api_.call(post("authorizations", request_for(id, card, false)));
    EXPECT_EQ(at(answer.body, "/approved"), "true") << answer.body;
  }
  std::string state_of(const std::string& path) { return api_.call(get(path)).body; }

  Api api_;
  std::string organisation_;
  std::string team_;
  std::string card_;
  std::string beside_;
  std::string outside_;
  std::string team_key_;
  std::string card_key_;
};

TEST_F(AgentTest, SeesItsNodeAndWhatIsBelow) {
  const FakeRequest allowed[] = {get("cards/" + card_),
                                 get("cards/" + card_ + "/authorizations"),
                                 get("authorizations/inside-1"),
                                 get("exposure?card=" + card_),
                                 post("exposure", R"({"card":")" + card_ + "\"}"),
                                 post("authorizations", request_for("dry", card_, true))};
  for (const FakeRequest& request : allowed) {
    for (const std::string& key : {team_key_, card_key_})
      EXPECT_EQ(api_.call(request, 1, key).status, 200) << request.path;
  }
  EXPECT_EQ(api_.call(get("budgets/" + team_), 2, team_key_).status, 200);
  EXPECT_EQ(api_.call(get("exposure?budget=" + team_), 2, team_key_).status, 200);
  const std::string cards = api_.call(get("cards"), 0, team_key_).body;
  EXPECT_EQ(text_at(cards, "/data/0/id"), card_);
  EXPECT_EQ(at(cards, "/data/1"), "(absent)");
  const std::string budgets = api_.call(get("budgets"), 0, team_key_).body;
  EXPECT_EQ(text_at(budgets, "/data/0/id"), team_);
  EXPECT_EQ(at(budgets, "/data/1"), "(absent)");
  EXPECT_EQ(at(api_.call(get("budgets"), 0, card_key_).body, "/data/0"), "(absent)");
}

TEST_F(AgentTest, MayDoNothingElse) {
  std::vector<FakeRequest> forbidden = {
      post("cards", R"({"label":"x","limit_usd":1})"),
      post("budgets", R"({"label":"x","currency":"USD"})"),
      post("authorizations", request_for("real", card_, false)),
      post("authorizations", request_for("dry", "card_0000000000000000000000000A", true)),
      post("postings", request_for("p", card_, false)),
      get("authorizations/beside-1"),
      get("keys"),
      get("keys/key_1"),
      post("keys", R"({"label":"x","role":"admin"})"),
      {Method::del, "/api/v1/keys/key_1", {}, {}},
      post("cards/" + card_ + "/unfreeze"),
      post("cards/" + card_ + "/close"),
      post("budgets/" + team_ + "/unfreeze"),
      post("budgets/" + team_ + "/close")};
  for (const std::string what : {"increment", "capture", "reverse", "refund", "reverse_refund", "expire"})
    forbidden.push_back(post("authorizations/inside-1/" + what, R"({"id":"m1","amount":1})"));
  for (const std::string& card : {beside_, outside_}) {
    forbidden.push_back(get("cards/" + card));
    forbidden.push_back(get("cards/" + card + "/authorizations"));
    forbidden.push_back(get("exposure?card=" + card));
    forbidden.push_back(post("exposure", R"({"card":")" + card + "\"}"));
    forbidden.push_back(post("cards/" + card + "/freeze"));
    forbidden.push_back(patch("cards/" + card, R"({"limit_usd":1})"));
    forbidden.push_back(post("authorizations", request_for("dry", card, true)));
  }
  forbidden.push_back(get("budgets/" + organisation_));
  forbidden.push_back(get("exposure?budget=" + organisation_));
  forbidden.push_back(post("budgets/" + organisation_ + "/freeze"));
  forbidden.push_back(patch("budgets/" + organisation_, R"({"limits":[{"amount":1,"window":"day"}]})"));
  const std::size_t records = api_.journal.durable().size();
  for (const FakeRequest& request : forbidden) {
    for (const std::string& key : {team_key_, card_key_}) {
      const FakeExchange& answer = api_.call(request, 1, key);
      EXPECT_EQ(answer.status, 403) << request.path << ' ' << request.body << ' ' << answer.body;
    }
  }
  // What is above a card is not the card's.
  EXPECT_EQ(api_.call(get("budgets/" + team_), 1, card_key_).status, 403);
  EXPECT_EQ(api_.call(post("budgets/" + team_ + "/freeze"), 1, card_key_).status, 403);
  EXPECT_EQ(api_.journal.durable().size(), records) << "and nothing came of it";
}

TEST_F(AgentTest, LowersLimitsAndFreezes) {
  const FakeExchange& lowered =
      api_.call(patch("cards/" + card_, R"({"limits":[{"amount":4000,"window":"day"},{"count":5,"window":"hour"}]})"),
                1, card_key_);
  EXPECT_EQ(lowered.status, 200) << lowered.body;
  EXPECT_EQ(at(lowered.body, "/limits/0/amount"), "4000");
  EXPECT_EQ(api_.call(patch("budgets/" + team_, R"({"limits":[{"amount":1000,"window":"day"}]})"), 1, team_key_).status,
            200);
  EXPECT_EQ(api_.call(post("cards/" + card_ + "/freeze"), 1, team_key_).status, 200);
  EXPECT_EQ(api_.call(post("budgets/" + team_ + "/freeze"), 1, team_key_).status, 200);
  EXPECT_EQ(text_at(state_of("cards/" + card_), "/status"), "frozen");
  EXPECT_EQ(text_at(state_of("budgets/" + team_), "/status"), "frozen");
}

TEST_F(AgentTest, RaisesNothing) {
  const std::string before = state_of("cards/" + card_);
  for (const std::string body :
       {R"({"limits":[{"amount":5001,"window":"day"}]})", R"({"limits":[]})", R"({"limits":null})",
        R"({"limits":[{"amount":10,"window":"week"}]})", R"({"limits":[{"amount":10,"rolling":86400}]})",
        R"({"limits":[{"count":1,"window":"day"}]})",
        R"({"limits":[{"amount":10,"window":"day","categories":["5734"]}]})", R"({"limit_usd":1})",
        R"({"budget":null})", R"({"controls":{"cash":false}})", R"({"time_zone":"Asia/Tokyo"})",
        R"({"refunds_restore":true})", R"({"label":"mine"})", R"({"metadata":{"a":"b"}})",
        R"({"limits":[{"amount":1,"window":"day"}],"label":"mine"})"}) {
    const FakeExchange& answer = api_.call(patch("cards/" + card_, body), 1, card_key_);
    EXPECT_EQ(answer.status, 403) << body << ' ' << answer.body;
  }
  EXPECT_EQ(state_of("cards/" + card_), before);
}

TEST_F(AgentTest, IsMeasuredAgainstWhatIsThereWhenItsTurnComes) {
  // Lowered meanwhile: what the agent asks would raise it again.
  const FakeExchange& lowered = api_.begin(patch("cards/" + card_, R"({"limits":[{"amount":100,"window":"day"}]})"), 2);
  const FakeExchange& late =
      api_.begin(patch("cards/" + card_, R"({"limits":[{"amount":4000,"window":"day"}]})"), 1, card_key_);
  api_.finish();
  EXPECT_EQ(lowered.status, 200);
  EXPECT_EQ(late.status, 403);
  EXPECT_EQ(at(state_of("cards/" + card_), "/limits/0/amount"), "100");
  // The card leaves the team, and with it what the team's agent may see.
  EXPECT_EQ(api_.call(patch("cards/" + card_, R"({"budget":null})")).status, 200);
  EXPECT_EQ(api_.call(get("cards/" + card_), 1, team_key_).status, 403);
  EXPECT_EQ(api_.call(get("authorizations/inside-1"), 1, team_key_).status, 403);
  EXPECT_EQ(api_.call(post("cards/" + card_ + "/freeze"), 1, team_key_).status, 403);
  EXPECT_EQ(api_.call(get("cards/" + card_), 1, card_key_).status, 200);
}

TEST_F(AgentTest, StaysBoundAfterARestart) {
  Api restarted(api_.journal.durable());
  EXPECT_EQ(restarted.call(get("cards/" + card_), 1, card_key_).status, 200);
  EXPECT_EQ(restarted.call(get("cards/" + beside_), 1, card_key_).status, 403);
}

TEST_F(AgentTest, HasAKeyWithItsNodeInIt) {
  for (const std::string body : {R"({"label":"x","role":"agent"})", R"({"label":"x","role":"agent","node":null})",
                                 R"({"label":"x","role":"agent","node":"card_1"})",
                                 R"({"label":"x","role":"agent","node":"bud_01J9ZK3Q6T8V5W2X4Y6Z8A0B1C"})"}) {
    EXPECT_EQ(api_.call(post("keys", body)).status, 400) << body;
  }
  EXPECT_EQ(api_.call(post("keys", R"({"label":"x","role":"reader","node":")" + card_ + "\"}")).status, 400);
  EXPECT_EQ(text_at(state_of("keys"), "/data/1/node"), card_);
  // A key of an agent that is bound to nothing may do nothing.
  api_.add_key(Role::agent, "agent-token-of-the-tests");
  EXPECT_EQ(api_.call(get("cards"), 0, "agent-token-of-the-tests").status, 403);
}

}  // namespace
}  // namespace holdfast::net
