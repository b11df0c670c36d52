// After a restart everything is as it was, from a checkpoint, from the journal alone, and whatever the number of loops.
#include <random>

#include "tests/integration/api.h"
#include "tests/integration/load.h"

namespace holdfast::integration {
namespace {

// What clients can see of the cards, their authorizations and the keys.
std::string all_that_shows(const DaemonProcess& daemon) {
  HttpClient client(daemon.port(), kAdminKey);
  const std::string cards = client.get("/api/v1/cards?limit=100").body;
  std::string all = cards + "\n" + client.get("/api/v1/keys").body;
  for (std::size_t i = 0; i < json_size(cards, "/data"); ++i) {
    const std::string card = json_text(cards, "/data/" + std::to_string(i) + "/id");
    all += "\n" + client.get("/api/v1/cards/" + card + "/authorizations?limit=100").body;
  }
  return all;
}

// Ten cards, their changes and 400 authorizations, one after the other; what they were answered, without times.
std::vector<std::string> scripted_history(HttpClient& client, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<std::string> cards;
  std::vector<std::string> outcomes;
  for (int i = 0; i < 10; ++i) {
    cards.push_back(
        json_text(make_card_from(client, R"({"label":"scripted","limits":[{"amount":50000,"window":"lifetime"},)"
                                         R"({"amount":3000,"window":"authorization"},)"
                                         R"({"count":60,"window":"lifetime"}]})"),
                  "/id"));
  }
  for (int i = 0; i < 400; ++i) {
    const std::string& card = cards[random() % cards.size()];
    const auto dice = random() % 20;
    if (dice == 0) client.post("/api/v1/cards/" + card + "/freeze", "");
    if (dice == 1 || dice == 2) client.post("/api/v1/cards/" + card + "/unfreeze", "");
    if (dice == 3) client.call("PATCH", "/api/v1/cards/" + card, R"({"controls":{"blocked_categories":["5734"]}})");
    if (dice == 4) client.call("PATCH", "/api/v1/cards/" + card, R"({"controls":null})");
    // One in ten repeats an earlier id, perhaps with another amount.
    const std::string id = "h-" + std::to_string(random() % 10 == 0 ? random() % 400 : static_cast<unsigned>(i));
    const HttpAnswer answer = authorize(client, id, card, static_cast<std::int64_t>(1 + random() % 3500));
    outcomes.push_back(std::to_string(answer.status));
    if (answer.status != 200) continue;
    outcomes.back() +=
        " " + std::to_string(approved_amount(answer.body)) + " " + json_text(answer.body, "/decline_reason");
  }
  for (const std::string& card : cards) {
    const std::string shown = client.get("/api/v1/cards/" + card).body;
    outcomes.push_back(json_text(shown, "/status") + " " + std::to_string(json_integer(shown, "/limits/0/held")) + " " +
                       std::to_string(json_integer(shown, "/limits/2/used")));
  }
  return outcomes;
}

class Restart : public testing::TestWithParam<bool> {
 protected:
  static void end(DaemonProcess& daemon) {
    if (GetParam()) return daemon.kill();
    EXPECT_EQ(daemon.terminate(), 0);
  }
};

TEST_P(Restart, ShowsTheSameBytesAsBefore) {
  Sandbox sandbox;
  // With 1, 2 and 4 loops: who owns a card is nothing that a store remembers.
  const auto settings = [](int loops) {
    return Settings{{"HOLDFAST_SERVER_THREADS", std::to_string(loops)},
                    {"HOLDFAST_STORAGE_CHECKPOINT_INTERVAL_SECONDS", "3600"}};
  };
  auto daemon = start_daemon(sandbox, settings(2));
  {
    HttpClient client(daemon->port(), kAdminKey);
    scripted_history(client, 1);
  }
  const std::string before = all_that_shows(*daemon);
  for (const int loops : {1, 4, 2}) {
    end(*daemon);
    EXPECT_EQ(sandbox.verify(), "");
    daemon = start_daemon(sandbox, settings(loops));
    EXPECT_EQ(all_that_shows(*daemon), before) << loops << " loops";
  }
}

TEST_P(Restart, FromACheckpointShowsTheSameBytesAsBefore) {
  Sandbox sandbox;
  const Settings settings = {{"HOLDFAST_SERVER_THREADS", "2"}, {"HOLDFAST_STORAGE_CHECKPOINT_INTERVAL_SECONDS", "1"}};
  auto daemon = start_daemon(sandbox, settings);
  for (std::uint64_t round = 1; round <= 3; ++round) {
    HttpClient client(daemon->port(), kAdminKey);
    const std::string card = make_card(client, 1'000'000);
    for (int i = 0; i < 50; ++i)
      authorize(client, "r-" + std::to_string(round) + "-" + std::to_string(i), card, 100);
    const double sequence = metric(*daemon, "holdfast_journal_sequence");
    EXPECT_TRUE(eventually([&] { return metric(*daemon, "holdfast_checkpoint_sequence") >= sequence; }));
    const std::string before = all_that_shows(*daemon);
    end(*daemon);
    EXPECT_EQ(sandbox.verify(), "");
    EXPECT_GE(std::stoull(sandbox.verified("checkpoint_sequence")), static_cast<std::uint64_t>(sequence));
    EXPECT_GT(std::stoull(sandbox.verified("checkpoint_rows_compared")), round * 50);
    daemon = start_daemon(sandbox, settings);
    EXPECT_EQ(all_that_shows(*daemon), before);
    EXPECT_THAT(sandbox.log(), testing::HasSubstr("\"records_replayed\":\"0\""));
  }
}

INSTANTIATE_TEST_SUITE_P(Ways, Restart, testing::Values(false, true));

// The clock and the ids of cards differ between two runs; everything that was decided must not.
TEST(Determinism, OfAScriptedHistoryDoesNotDependOnTheNumberOfLoops) {
  std::vector<std::string> first;
  for (const int loops : {1, 2, 4}) {
    Sandbox sandbox;
    const auto daemon = start_daemon(sandbox, {{"HOLDFAST_SERVER_THREADS", std::to_string(loops)}});
    {
      HttpClient client(daemon->port(), kAdminKey);
      const auto outcomes = scripted_history(client, 7);
      if (first.empty()) first = outcomes;
      EXPECT_EQ(outcomes, first) << loops << " loops";
    }
    EXPECT_EQ(daemon->terminate(), 0);
    EXPECT_EQ(sandbox.verify(), "");
  }
}

// The state that a daemon recovers into is the one that its journal gives: starting again adds nothing to it.
TEST(Determinism, OfRecoveryLeavesTheStateHashAsItIs) {
  Sandbox sandbox;
  auto daemon = start_daemon(sandbox);
  {
    HttpClient client(daemon->port(), kAdminKey);
    scripted_history(client, 3);
  }
  daemon->kill();
  const std::string hash = sandbox.verified("state_hash");
  ASSERT_FALSE(hash.empty());
  for (int i = 0; i < 10; ++i) {
    DaemonProcess again(sandbox, {{"HOLDFAST_SERVER_THREADS", std::to_string(1 + i % 3)}});
    // Half of them are killed wherever their start has come to.
    if (i % 2 == 0) {
      EXPECT_TRUE(again.wait_until_ready());
    }
    again.kill();
    EXPECT_EQ(sandbox.verified("state_hash"), hash);
  }
}

}  // namespace
}  // namespace holdfast::integration
