// Each kind of record that the interface can write is on disk when it is answered: after a kill everything shows as
// before, and the journal gives the state again.
#include <sstream>

#include "tests/integration/api.h"
#include "tests/integration/disk_rules.h"
#include "tests/integration/stripe_event.h"

namespace holdfast::integration {
namespace {

constexpr int kLongDeadlineMs = 10'000;
constexpr int kShortDeadlineMs = 1'500;

class Records : public testing::Test {
 protected:
  Records() : sandbox_(stripe_config()) { start(kLongDeadlineMs); }

  void start(int deadline_ms) {
    daemon_ = start_daemon(sandbox_,
                           with_stripe_secret({{"HOLDFAST_SERVER_THREADS", "2"},
                                               {"HOLDFAST_STORAGE_CHECKPOINT_INTERVAL_SECONDS", "1"},
                                               {"HOLDFAST_API_DEADLINE_MS", std::to_string(deadline_ms)}}),
                           DaemonProcess::Faults::shim);
    client_ = std::make_unique<HttpClient>(daemon_->port(), kAdminKey);
  }
  void kill_and_start(int deadline_ms = kLongDeadlineMs) {
    client_.reset();
    daemon_->kill();
    start(deadline_ms);
  }

  // All lists, and each authorization by itself.
  std::string all_that_shows() {
    const std::string cards = client_->get("/api/v1/cards?limit=100").body;
    std::string all = cards;
    for (const char* list : {"/api/v1/budgets?limit=100", "/api/v1/keys?limit=100"})
      all += "\n" + client_->get(list).body;
    for (std::size_t i = 0; i < json_size(cards, "/data"); ++i) {
      const std::string card = json_text(cards, "/data/" + std::to_string(i) + "/id");
      const std::string list = client_->get("/api/v1/cards/" + card + "/authorizations?limit=100").body;
      all += "\n" + list;
      for (std::size_t each = 0; each < json_size(list, "/data"); ++each) {
        const std::string id = json_text(list, "/data/" + std::to_string(each) + "/id");
        all += "\n" + client_->get("/api/v1/authorizations/" + id).body;
      }
    }
    return all;
  }

  // Of the newest record, as `holdfast inspect` names it; and of all of them.
  std::string newest_type() { return types().back(); }
  std::vector<std::string> types() {
    std::istringstream lines(run_holdfast({"inspect", sandbox_.store().string(), "--json"}).out);
    std::vector<std::string> found;
    for (std::string line; std::getline(lines, line);)
      found.push_back(json_text(line, "/type"));
    return found;
  }

  void expect_that_a_kill_changes_nothing() {
    const std::string before = all_that_shows();
    kill_and_start();
    EXPECT_EQ(sandbox_.verify(), "");
    EXPECT_EQ(all_that_shows(), before);
  }

  // The newest record is of this type, was answered, and is there after a kill.
  HttpAnswer expect_record(std::string_view type, const HttpAnswer& answer) {
    SCOPED_TRACE(std::string(type) + ": " + answer.body);
    EXPECT_THAT(answer.status, testing::AnyOf(200, 201, 204));
    EXPECT_EQ(newest_type(), type);
    expect_that_a_kill_changes_nothing();
    return answer;
  }
  HttpAnswer post(std::string_view type, const std::string& path, const std::string& body) {
    return expect_record(type, client_->post("/api/v1/" + path, body));
  }
  HttpAnswer call(std::string_view type, std::string_view method, const std::string& path, const std::string& body) {
    return expect_record(type, client_->call(method, "/api/v1/" + path, body));
  }
  std::string id_of_posted(std::string_view type, const std::string& path, const std::string& body) {
    return json_text(post(type, path, body).body, "/id");
  }
  // A card to spend with; how it came about is another test's.
  std::string card_with_limit(std::int64_t limit) { return make_card(*client_, limit); }
  HttpAnswer spend(std::string_view id, std::string_view card, std::int64_t amount) {
    return post("authorize", "authorizations", authorization_body(id, card, amount));
  }
  HttpAnswer follow_up(std::string_view type, const std::string& path, const std::string& members) {
    return post(type, "authorizations/" + path, "{" + members + "}");
  }

  Sandbox sandbox_;
  std::unique_ptr<DaemonProcess> daemon_;
  std::unique_ptr<HttpClient> client_;
};

TEST_F(Records, OfCardsAndBudgetsAreThereAfterAKill) {
  const std::string company = id_of_posted("create_budget", "budgets",
                                           R"({"label":"company","limits":[{"amount":90000,"window":"lifetime"}]})");
  const std::string team =
      id_of_posted("create_budget", "budgets", R"({"label":"team","parent":")" + company + R"("})");
  const std::string card =
      id_of_posted("create_card", "cards", R"({"label":"agent","limit_usd":50,"budget":")" + team + R"("})");
  id_of_posted("create_card", "cards", R"({"label":"in Tokyo","time_zone":"Asia/Tokyo"})");
  EXPECT_THAT(types(), testing::Contains("define_zone"));
  make_stripe_card(*client_, "ic_1", 10'000);
  EXPECT_EQ(newest_type(), "create_card");
  expect_that_a_kill_changes_nothing();

  call("change_card", "PATCH", "cards/" + card,
       R"({"limits":[{"amount":4000,"rolling":3600},{"count":9,"window":"lifetime"}],"metadata":{"owner":"ops"},)"
       R"("controls":{"merchant_lock":"first_use","loop_breaker":{"declines":3,"seconds":60}}})");
  call("change_card", "PATCH", "cards/" + card, R"({"budget":")" + company + R"("})");
  call("change_card", "PATCH", "cards/" + card, R"({"budget":null})");
  call("change_budget", "PATCH", "budgets/" + team, R"({"controls":{"blocked_categories":["6011"]}})");
  for (const char* action : {"freeze", "unfreeze", "close"}) {
    post("set_card_status", "cards/" + card + "/" + action, "");
    post("set_budget_status", "budgets/" + team + "/" + action, "");
  }
}

TEST_F(Records, OfDecisionsAreThereAfterAKill) {
  const std::string card = card_with_limit(10'000);
  EXPECT_TRUE(approved(spend("approved", card, 6'000)));
  EXPECT_EQ(decline_reason(spend("declined", card, 4'001)), "card_limit");
  EXPECT_TRUE(approved(spend("verification", card, 0)));
  EXPECT_EQ(decline_reason(spend("of-nobody", "card_01J9ZK3Q6T8V5W2X4Y6Z8A0B1C", 1)), "card_not_found");
  EXPECT_TRUE(approved(follow_up("authorize", "approved/increment", R"("id":"more","amount":1000)")));
  EXPECT_EQ(decline_reason(follow_up("authorize", "approved/increment", R"("id":"too-much","amount":3001)")),
            "card_limit");

  make_stripe_card(*client_, "ic_1", 10'000);
  expect_record("authorize", post_stripe(*client_, StripeEvent{}));
  expect_record("note_event",
                post_stripe(*client_, StripeEvent{.event_id = "evt_2", .type = "issuing_authorization.created"}));
}

TEST_F(Records, OfWhatFollowsADecisionAreThereAfterAKill) {
  const std::string card = card_with_limit(100'000);
  for (const char* id : {"captured", "reversed", "expired"})
    EXPECT_TRUE(approved(authorize(*client_, id, card, 6'000)));
  follow_up("capture", "captured/capture", R"("id":"c1","amount":2000,"final":false)");
  follow_up("capture", "captured/capture", R"("id":"c2","amount":5000)");
  follow_up("refund", "captured/refund", R"("id":"r1","amount":700)");
  follow_up("refund", "captured/refund", R"("id":"r2")");
  follow_up("refund_reversal", "captured/reverse_refund", R"("id":"r3","amount":400)");
  follow_up("refund_reversal", "captured/reverse_refund", R"("id":"r4")");
  follow_up("reverse", "reversed/reverse", R"("id":"v1","amount":1000)");
  follow_up("reverse", "reversed/reverse", R"("id":"v2")");
  const HttpAnswer forced = follow_up("capture", "reversed/capture", R"("id":"v3","amount":50)");
  EXPECT_TRUE(json_flag(forced.body, "/forced"));
  follow_up("expire", "expired/expire", R"("id":"e1")");
  post("post", "postings", R"({"id":"p1","card":")" + card + R"(","amount":300,"currency":"USD"})");
}

TEST_F(Records, OfKeysAreThereAfterAKill) {
  const std::string card = card_with_limit(100);
  id_of_posted("add_key", "keys", R"({"label":"of a desk","role":"reader"})");
  const HttpAnswer made = post("add_key", "keys", R"({"label":"of an agent","role":"agent","node":")" + card + R"("})");
  // It is still the key of that card, and of no other.
  HttpClient agent(daemon_->port(), json_text(made.body, "/key"));
  EXPECT_EQ(agent.get("/api/v1/cards/" + card).status, 200);
  EXPECT_EQ(agent.get("/api/v1/cards/" + card_with_limit(100)).status, 403);
  const std::string id = json_text(made.body, "/id");
  call("remove_key", "DELETE", "keys/" + id, "");
  EXPECT_EQ(client_->get("/api/v1/keys/" + id).status, 404);
}

// What nobody can ask for: the record that takes back an approval which came too late.
TEST_F(Records, OfWithdrawalsAreThereAfterAKill) {
  const std::string card = card_with_limit(10'000);
  kill_and_start(kShortDeadlineMs);
  ArmedRule hold(*daemon_, data_sync(faults::Action::hold));
  const HttpAnswer late = authorize(*client_, "late", card, 100);
  EXPECT_EQ(decline_reason(late), "deadline_exceeded");
  hold.disarm();
  EXPECT_TRUE(eventually([&] { return held(*client_, card) == 0 && newest_type() == "withdraw"; }));
  expect_that_a_kill_changes_nothing();
  EXPECT_EQ(authorize(*client_, "late", card, 100).body, late.body);
}

}  // namespace
}  // namespace holdfast::integration
