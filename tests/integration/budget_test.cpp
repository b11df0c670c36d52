// Budgets above cards: what a team may spend is never exceeded by all of its agents at once.
#include <array>
#include <chrono>

#include "tests/integration/api.h"
#include "tests/integration/load.h"

namespace holdfast::integration {
namespace {

constexpr std::size_t kAgents = 10;
constexpr std::int64_t kAgentDay = 5'000;
constexpr std::int64_t kTeamDay = 30'000;

// A zone in which midnight is not near, so that all of a test is on one day.
std::string quiet_zone() {
  const auto now = std::chrono::system_clock::now();
  const auto hour = std::chrono::floor<std::chrono::hours>(now - std::chrono::floor<std::chrono::days>(now)).count();
  return hour < 12 ? "UTC" : "Etc/GMT+12";
}

std::string make_budget(HttpClient& client, std::string_view members) {
  const HttpAnswer answer = client.post("/api/v1/budgets", R"({"label":"of a test",)" + std::string(members) + "}");
  EXPECT_EQ(answer.status, 201) << answer.body;
  return json_text(answer.body, "/id");
}

std::string show_budget(HttpClient& client, const std::string& id) {
  return client.get("/api/v1/budgets/" + id).body;
}

// Ten cards at $50 a day under a team at $300 a day, which has a company above it.
struct Team {
  explicit Team(HttpClient& client) {
    company = make_budget(client, R"("time_zone":")" + quiet_zone() + R"(","limits":[{"count":1000,"window":"day"}])");
    team = make_budget(client, R"("parent":")" + company + R"(","limits":[{"amount":30000,"window":"day"}])");
    for (std::string& agent : agents) {
      agent = json_text(make_card_from(client, R"({"label":"agent","budget":")" + team +
                                                   R"(","limits":[{"amount":5000,"window":"day"}]})"),
                        "/id");
    }
  }
  std::string company;
  std::string team;
  std::array<std::string, kAgents> agents;
};

class Budget : public testing::TestWithParam<int> {
 protected:
  Settings threads() const { return {{"HOLDFAST_SERVER_THREADS", std::to_string(GetParam())}}; }
};

// Each agent asks for its $50 and more, all at once.
LoadLog spend_all(const DaemonProcess& daemon, const Team& team, std::int64_t amount) {
  Ids ids("spend-");
  std::size_t turn = 0;
  LoadPlan plan;
  plan.port = daemon.port();
  plan.connections = 32;
  plan.depth = 2;
  plan.next = [&]() -> std::optional<Order> {
    if (turn == kAgents * 10) return std::nullopt;
    std::string id = ids.next();
    std::string text = authorization_request(id, team.agents[turn++ % kAgents], amount);
    return Order{std::move(id), amount, std::move(text)};
  };
  return Load(std::move(plan)).finish();
}

TEST_P(Budget, IsNeverExceededByTenAgentsAtOnce) {
  Sandbox sandbox;
  auto daemon = start_daemon(sandbox, threads());
  {
    HttpClient client(daemon->port(), kAdminKey);
    const Team team(client);
    constexpr std::int64_t kAmount = 700;  // 42 of them fit: 29,400
    std::int64_t sum = 0;
    for (const Sent& sent : spend_all(*daemon, team, kAmount).sent) {
      ASSERT_EQ(sent.status, 200) << sent.id << ": " << sent.answer;
      sum += approved_amount(sent.answer);
      if (approved_amount(sent.answer) != 0) continue;
      EXPECT_THAT(json_text(sent.answer, "/decline_reason"), testing::AnyOf("card_limit", "budget_limit"));
    }
    EXPECT_EQ(sum, kTeamDay / kAmount * kAmount) << "all that fits, and no more";
    std::int64_t of_agents = 0;
    std::string poorest;
    for (const std::string& agent : team.agents) {
      const std::int64_t spent = held(client, agent);
      EXPECT_LE(spent, kAgentDay);
      of_agents += spent;
      if (spent <= kAgentDay - 601) poorest = agent;
    }
    EXPECT_EQ(of_agents, sum);
    EXPECT_EQ(json_integer(show_budget(client, team.team), "/limits/0/held"), sum);
    EXPECT_EQ(json_integer(show_budget(client, team.company), "/limits/0/used"), sum / kAmount);

    ASSERT_NE(poorest, "");
    const HttpAnswer more = authorize(client, "one-more", poorest, 601);
    EXPECT_EQ(decline_reason(more), "budget_limit");
    EXPECT_EQ(json_text(more.body, "/declined_by/node"), team.team);
    EXPECT_EQ(json_integer(more.body, "/would_approve"), 600);
    EXPECT_TRUE(approved(authorize(client, "the-rest", poorest, 600)));
    EXPECT_EQ(decline_reason(authorize(client, "past", poorest, 1)), "budget_limit");
    const std::string full = show_budget(client, team.team);
    EXPECT_EQ(json_integer(full, "/limits/0/held"), kTeamDay);
    EXPECT_EQ(json_integer(full, "/limits/0/remaining"), 0);
    EXPECT_FALSE(json_flag(full, "/over_limit"));

    daemon->kill();
    daemon = start_daemon(sandbox, threads());
    HttpClient after(daemon->port(), kAdminKey);
    EXPECT_EQ(show_budget(after, team.team), full) << "as it was, after a kill";
    EXPECT_EQ(decline_reason(authorize(after, "past-2", poorest, 1)), "budget_limit");
  }
  EXPECT_EQ(daemon->terminate(), 0);
  EXPECT_EQ(sandbox.verify(), "");
}

TEST_P(Budget, KeepsWhatACardSpentBeforeItMoved) {
  Sandbox sandbox;
  const auto daemon = start_daemon(sandbox, threads());
  {
    HttpClient client(daemon->port(), kAdminKey);
    const std::string first = make_budget(client, R"("limits":[{"amount":1000,"window":"lifetime"}])");
    const std::string second = make_budget(client, R"("limits":[{"amount":1000,"window":"lifetime"}])");
    std::array<std::string, 4> cards;  // of every loop
    for (std::string& card : cards) {
      card = make_card(client, 10'000);
      EXPECT_TRUE(approved(authorize(client, "loose-" + card, card, 5'000))) << "under no budget";
    }
    const auto move = [&](const std::string& card, const std::string& to) {
      return client.call("PATCH", "/api/v1/cards/" + card, R"({"budget":)" + to + "}").status;
    };
    for (const std::string& card : cards) {
      EXPECT_EQ(move(card, '"' + first + '"'), 200);
      EXPECT_TRUE(approved(authorize(client, "first-" + card, card, 250)));
      EXPECT_EQ(move(card, '"' + second + '"'), 200);
      EXPECT_TRUE(approved(authorize(client, "second-" + card, card, 200)));
    }
    EXPECT_EQ(json_integer(show_budget(client, first), "/limits/0/held"), 1'000);
    EXPECT_EQ(json_integer(show_budget(client, second), "/limits/0/held"), 800);
    EXPECT_EQ(held(client, cards[0]), 5'450);
    EXPECT_EQ(decline_reason(authorize(client, "too-much", cards[1], 201)), "budget_limit");
    EXPECT_EQ(move(cards[1], "null"), 200);
    EXPECT_TRUE(approved(authorize(client, "free-again", cards[1], 201)));
    EXPECT_EQ(json_integer(show_budget(client, second), "/limits/0/held"), 800);
  }
  EXPECT_EQ(daemon->terminate(), 0);
  EXPECT_EQ(sandbox.verify(), "");
}

TEST_P(Budget, StopsAllCardsUnderItWhenItIsFrozen) {
  Sandbox sandbox;
  const auto daemon = start_daemon(sandbox, threads());
  HttpClient client(daemon->port(), kAdminKey);
  const Team team(client);
  const std::string path = "/api/v1/budgets/" + team.company;
  EXPECT_EQ(json_text(client.post(path + "/freeze", "").body, "/status"), "frozen");
  const HttpAnswer declined = authorize(client, "frozen", team.agents[0], 1);
  EXPECT_EQ(decline_reason(declined), "card_frozen");
  EXPECT_EQ(json_text(declined.body, "/declined_by/node"), team.company);
  EXPECT_EQ(client.post(path + "/unfreeze", "").status, 200);
  EXPECT_TRUE(approved(authorize(client, "unfrozen", team.agents[0], 1)));
  EXPECT_EQ(client.post(path + "/close", "").status, 200);
  EXPECT_EQ(decline_reason(authorize(client, "closed", team.agents[0], 1)), "card_closed");
}

INSTANTIATE_TEST_SUITE_P(Loops, Budget, testing::Values(1, 2, 4));

}  // namespace
}  // namespace holdfast::integration
