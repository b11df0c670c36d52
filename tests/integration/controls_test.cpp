// What a card's own controls show of themselves while it is used.
#include "tests/integration/api.h"

namespace holdfast::integration {
namespace {

class Controls : public testing::Test {
 protected:
  Controls() : daemon_(start_daemon(sandbox_)), client_(std::in_place, daemon_->port(), kAdminKey) {}

  std::string card(std::string_view members) {
    return json_text(make_card_from(*client_, R"({"label":"of a test",)" + std::string(members) + "}"), "/id");
  }
  std::string show(const std::string& card) { return client_->get("/api/v1/cards/" + card).body; }
  std::string elsewhere(const std::string& id, const std::string& card) {
    return decline_reason(client_->post(
        "/api/v1/authorizations",
        R"({"id":")" + id + R"(","card":")" + card + R"(","amount":100,"currency":"USD","merchant":{"id":"m_78"}})"));
  }
  // Restarts the daemon without its consent.
  void kill() {
    daemon_->kill();
    daemon_ = start_daemon(sandbox_);
    client_.emplace(daemon_->port(), kAdminKey);
  }

  Sandbox sandbox_;
  std::unique_ptr<DaemonProcess> daemon_;
  std::optional<HttpClient> client_;
};

TEST_F(Controls, LockACardToItsFirstMerchant) {
  const std::string locked = card(R"("controls":{"merchant_lock":"first_use"})");
  EXPECT_EQ(show(locked).find("locked_merchant"), std::string::npos);
  EXPECT_TRUE(approved(authorize(*client_, "verification", locked, 0)));
  EXPECT_EQ(show(locked).find("locked_merchant"), std::string::npos) << "no money was held";
  EXPECT_TRUE(approved(authorize(*client_, "first", locked, 100)));
  EXPECT_EQ(json_text(show(locked), "/locked_merchant"), "m_77");
  EXPECT_EQ(elsewhere("elsewhere", locked), "merchant_not_allowed");
  kill();
  EXPECT_EQ(json_text(show(locked), "/locked_merchant"), "m_77");
  EXPECT_EQ(elsewhere("elsewhere-2", locked), "merchant_not_allowed");
  EXPECT_TRUE(approved(authorize(*client_, "again", locked, 100)));
}

TEST_F(Controls, CloseACardAfterItsLastApproval) {
  const std::string single = card(R"("controls":{"max_authorizations":1})");
  EXPECT_TRUE(approved(authorize(*client_, "verification", single, 0)));
  EXPECT_EQ(json_text(show(single), "/status"), "active");
  EXPECT_TRUE(approved(authorize(*client_, "only", single, 100)));
  EXPECT_EQ(json_text(show(single), "/status"), "closed");
  EXPECT_EQ(decline_reason(authorize(*client_, "second", single, 100)), "card_closed");
}

TEST_F(Controls, StopAnAgentThatIsDeclinedAgainAndAgain) {
  const std::string stuck = card(R"("limits":[{"amount":10,"window":"authorization"}],
      "controls":{"loop_breaker":{"declines":3,"seconds":3600,"cooldown_seconds":3600}})");
  for (const char* id : {"one", "two", "three"}) {
    EXPECT_EQ(json_text(show(stuck), "/loop_breaker_state/state"), "closed");
    EXPECT_EQ(decline_reason(authorize(*client_, id, stuck, 11)), "authorization_limit");
  }
  kill();
  const std::string shown = show(stuck);
  EXPECT_EQ(json_text(shown, "/loop_breaker_state/state"), "open");
  EXPECT_EQ(json_integer(shown, "/loop_breaker_state/trips"), 1);
  EXPECT_EQ(json_text(shown, "/loop_breaker_state/last_trips/0/cause"), "declines");
  const HttpAnswer four = authorize(*client_, "four", stuck, 5);
  EXPECT_EQ(decline_reason(four), "loop_breaker");
  EXPECT_EQ(json_text(four.body, "/retry_after"), json_text(shown, "/loop_breaker_state/until"));
}

TEST_F(Controls, CountWhatIsInARollingWindowOfSomeCategories) {
  const std::string rolling = card(R"("limits":[{"amount":500,"rolling":2678400,"categories":["5700-5799"]}])");
  EXPECT_TRUE(approved(authorize(*client_, "inside", rolling, 200)));
  EXPECT_EQ(elsewhere("outside", rolling), "") << "a merchant of no category is not concerned";
  kill();
  EXPECT_EQ(decline_reason(authorize(*client_, "too-much", rolling, 301)), "card_limit");
  const std::string shown = show(rolling);
  EXPECT_EQ(json_integer(shown, "/limits/0/rolling"), 2'678'400);
  EXPECT_EQ(json_integer(shown, "/limits/0/held"), 200);
  EXPECT_EQ(json_integer(shown, "/limits/0/remaining"), 300);
  EXPECT_EQ(json_integer(shown, "/limits/0/beyond"), 0);
  EXPECT_FALSE(json_text(shown, "/limits/0/resets_at").empty());
  // An edited limit keeps what it has counted; one of another length begins anew.
  const std::string path = "/api/v1/cards/" + rolling;
  const auto edited = [&](std::string_view limit) {
    return client_->call("PATCH", path, R"({"limits":[)" + std::string(limit) + "]}").body;
  };
  const std::string lowered = edited(R"({"amount":150,"rolling":2678400,"categories":["5700-5799"]})");
  EXPECT_EQ(json_integer(lowered, "/limits/0/remaining"), 0);
  EXPECT_EQ(json_integer(lowered, "/limits/0/beyond"), 50);
  EXPECT_TRUE(json_flag(lowered, "/over_limit"));
  EXPECT_EQ(json_integer(edited(R"({"amount":150,"rolling":60,"categories":["5700-5799"]})"), "/limits/0/held"), 0);
}

}  // namespace
}  // namespace holdfast::integration
