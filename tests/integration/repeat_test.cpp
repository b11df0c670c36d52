// One request, one answer: for copies in flight at once, for other content under a used id, and across a kill.
#include <set>

#include "tests/integration/api.h"
#include "tests/integration/load.h"

namespace holdfast::integration {
namespace {

constexpr int kCopies = 1000;

LoadLog send_copies(const DaemonProcess& daemon, const std::string& card, int copies) {
  int left = copies;
  const std::string text = authorization_request("the-one", card, 2500);
  LoadPlan plan;
  plan.port = daemon.port();
  plan.connections = 64;
  plan.depth = 16;
  plan.next = [&]() -> std::optional<Order> {
    if (left-- <= 0) return std::nullopt;
    return Order{"the-one", 2500, text};
  };
  return Load(std::move(plan)).finish();
}

std::set<std::string> answers_in(const LoadLog& log) {
  std::set<std::string> answers;
  for (const Sent& sent : log.sent)
    answers.insert(std::to_string(sent.status) + sent.answer);
  return answers;
}

class Repeat : public testing::TestWithParam<int> {};

TEST_P(Repeat, OfOneIdAThousandTimesAtOnceHoldsOnceAndAnswersTheSameBytesAlsoAfterAKill) {
  Sandbox sandbox;
  const Settings settings = {{"HOLDFAST_SERVER_THREADS", std::to_string(GetParam())}};
  auto daemon = start_daemon(sandbox, settings);
  std::string card;
  {
    HttpClient client(daemon->port(), kAdminKey);
    card = make_card(client, 1'000'000);
  }
  const LoadLog log = send_copies(*daemon, card, kCopies);
  const std::set<std::string> answers = answers_in(log);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_TRUE(answers.begin()->starts_with("200{")) << *answers.begin();
  EXPECT_EQ(metric(*daemon, "holdfast_duplicates_total"), kCopies - 1);
  {
    HttpClient client(daemon->port(), kAdminKey);
    EXPECT_EQ(held(client, card), 2500);
  }
  daemon->kill();

  daemon = start_daemon(sandbox, settings);
  EXPECT_EQ(answers_in(send_copies(*daemon, card, kCopies)), answers);
  HttpClient client(daemon->port(), kAdminKey);
  EXPECT_EQ(held(client, card), 2500);
  const auto journaled = journaled_authorizations(sandbox);
  ASSERT_EQ(journaled.size(), 1U);
  EXPECT_EQ(journaled[0].records, 1U);
  EXPECT_EQ(sandbox.verify(), "");
}

TEST_P(Repeat, WithOtherContentIsAConflictThatChangesNothing) {
  Sandbox sandbox;
  const Settings settings = {{"HOLDFAST_SERVER_THREADS", std::to_string(GetParam())}};
  auto daemon = start_daemon(sandbox, settings);
  std::string card;
  std::string other_card;
  HttpAnswer first;
  const auto conflicts = [&](HttpClient& client) {
    for (const std::string& body :
         {authorization_body("the-one", card, 2501), authorization_body("the-one", other_card, 2500),
          R"({"id":"the-one","card":")" + card + R"(","amount":2500,"currency":"EUR"})"}) {
      const HttpAnswer conflict = client.post("/api/v1/authorizations", body);
      EXPECT_EQ(conflict.status, 409) << body;
      EXPECT_EQ(json_text(conflict.body, "/code"), "idempotency_conflict");
    }
    EXPECT_EQ(held(client, card), 2500);
    EXPECT_EQ(held(client, other_card), 0);
    EXPECT_EQ(authorize(client, "the-one", card, 2500).body, first.body);
  };
  {
    HttpClient client(daemon->port(), kAdminKey);
    card = make_card(client, 1'000'000);
    other_card = make_card(client, 1'000'000);
    first = authorize(client, "the-one", card, 2500);
    ASSERT_TRUE(approved(first));
    conflicts(client);
    EXPECT_EQ(metric(*daemon, "holdfast_conflicts_total"), 3);
  }
  daemon->kill();
  daemon = start_daemon(sandbox, settings);
  HttpClient client(daemon->port(), kAdminKey);
  conflicts(client);
}

// A decline is an answer like any other: what would be approved by now stays declined for its id.
TEST_P(Repeat, OfADeclineIsDeclinedAlsoWhenTheCardHasRoomByThenAndAfterAKill) {
  Sandbox sandbox;
  const Settings settings = {{"HOLDFAST_SERVER_THREADS", std::to_string(GetParam())}};
  auto daemon = start_daemon(sandbox, settings);
  std::string card;
  HttpAnswer first;
  {
    HttpClient client(daemon->port(), kAdminKey);
    card = make_card(client, 1000);
    first = authorize(client, "too-much", card, 1001);
    ASSERT_EQ(decline_reason(first), "card_limit");
    ASSERT_EQ(client.call("PATCH", "/api/v1/cards/" + card, R"({"limit_usd":100})").status, 200);
    EXPECT_EQ(authorize(client, "too-much", card, 1001).body, first.body);
  }
  daemon->kill();
  daemon = start_daemon(sandbox, settings);
  HttpClient client(daemon->port(), kAdminKey);
  EXPECT_EQ(authorize(client, "too-much", card, 1001).body, first.body);
  EXPECT_TRUE(approved(authorize(client, "another", card, 1001)));
}

// What is refused is not remembered: those that waited for the first delivery are told to ask again.
TEST_P(Repeat, OfAnIncrementThatIsRefusedIsRefusedToo) {
  Sandbox sandbox;
  const auto daemon = start_daemon(sandbox, {{"HOLDFAST_SERVER_THREADS", std::to_string(GetParam())}});
  HttpClient client(daemon->port(), kAdminKey);
  std::vector<std::string> texts;
  for (int i = 0; i < 4; ++i) {
    const std::string id = "over-" + std::to_string(i);  // on cards of any loop
    ASSERT_TRUE(approved(authorize(client, id, make_card(client, 1'000), 10)));
    ASSERT_EQ(client.post("/api/v1/authorizations/" + id + "/reverse", R"({"id":"r-)" + id + "\"}").status, 200);
    texts.push_back(request_text("POST", "/api/v1/authorizations/" + id + "/increment",
                                 R"({"id":"i-)" + id + R"(","amount":1})",
                                 {{"Authorization", "Bearer " + std::string(kAdminKey)}}));
  }
  int turn = 0;
  LoadPlan plan;
  plan.port = daemon->port();
  plan.connections = 64;
  plan.depth = 4;
  plan.next = [&]() -> std::optional<Order> {
    if (turn >= 2 * kCopies) return std::nullopt;
    return Order{"increment", 1, texts[static_cast<std::size_t>(turn++ / 64) % texts.size()]};
  };
  const LoadLog log = Load(std::move(plan)).finish();
  ASSERT_EQ(log.sent.size(), 2U * kCopies);
  for (const Sent& sent : log.sent) {
    ASSERT_EQ(sent.status, 409) << sent.answer;
    EXPECT_THAT(json_text(sent.answer, "/code"),
                testing::AnyOf("authorization_not_pending", "idempotency_in_progress"));
  }
}

INSTANTIATE_TEST_SUITE_P(Loops, Repeat, testing::Values(1, 2));

}  // namespace
}  // namespace holdfast::integration
