// A card that joins a tree while the disk stands still: it is on its way from loop to loop for as long as that takes,
// and what can be read of it stays its own.
#include <array>

#include "tests/integration/api.h"
#include "tests/integration/disk_rules.h"

namespace holdfast::integration {
namespace {

constexpr std::size_t kCards = 12;  // some on every loop
constexpr int kReadings = 20;

struct MovingCard {
  std::string id;
  std::string authorization;
  std::unique_ptr<HttpClient> labels;
  std::unique_ptr<HttpClient> moves;
};

class Moving : public testing::Test {
 protected:
  Moving()
      : daemon_(start_daemon(sandbox_, {{"HOLDFAST_SERVER_THREADS", "4"}}, DaemonProcess::Faults::shim)),
        client_(daemon_->port(), kAdminKey) {
    budget_ = json_text(client_.post("/api/v1/budgets", R"({"label":"team"})").body, "/id");
    // The tree has authorizations of its own, on the loop that the others come to.
    const std::string settled = make_card_with_budget();
    for (std::size_t i = 0; i < kCards; ++i)
      EXPECT_TRUE(approved(authorize(client_, "settled-" + std::to_string(i), settled, 1)));
    for (std::size_t i = 0; i < kCards; ++i) {
      MovingCard& card = cards_[i];
      card.id = make_card(client_, 1'000);
      card.authorization = "of-" + std::to_string(i);
      EXPECT_TRUE(approved(authorize(client_, card.authorization, card.id, 10)));
      card.labels = std::make_unique<HttpClient>(daemon_->port(), kAdminKey);
      card.moves = std::make_unique<HttpClient>(daemon_->port(), kAdminKey);
    }
  }

  std::string make_card_with_budget() {
    return json_text(make_card_from(client_, R"({"label":"settled","limit_usd":10,"budget":")" + budget_ + R"("})"),
                     "/id");
  }

  void expect_that_each_shows_its_own() {
    for (const MovingCard& card : cards_) {
      const HttpAnswer list = client_.get("/api/v1/cards/" + card.id + "/authorizations");
      ASSERT_EQ(list.status, 200);
      ASSERT_EQ(json_size(list.body, "/data"), 1U) << list.body;
      EXPECT_EQ(json_text(list.body, "/data/0/id"), card.authorization);
      EXPECT_EQ(json_text(list.body, "/data/0/card"), card.id);
      EXPECT_EQ(client_.get("/api/v1/authorizations/" + card.authorization).status, 200);
    }
  }

  Sandbox sandbox_;
  std::unique_ptr<DaemonProcess> daemon_;
  HttpClient client_;
  std::string budget_;
  std::array<MovingCard, kCards> cards_;
};

TEST_F(Moving, ACardShowsItsOwnAuthorizationsAndNoOthersAllTheWay) {
  ArmedRule hold(*daemon_, data_sync(faults::Action::hold));
  // Before a card may leave its loop, all that was decided there has to be durable.
  for (MovingCard& card : cards_)
    card.labels->send("PATCH", "/api/v1/cards/" + card.id, R"({"label":"renamed"})");
  ASSERT_TRUE(eventually([&] { return metric(*daemon_, "holdfast_journal_queue_depth") >= kCards; }));
  for (MovingCard& card : cards_)
    card.moves->send("PATCH", "/api/v1/cards/" + card.id, R"({"budget":")" + budget_ + R"("})");
  for (int i = 0; i < kReadings; ++i)
    expect_that_each_shows_its_own();
  hold.disarm();
  // And while they arrive.
  for (int i = 0; i < kReadings; ++i)
    expect_that_each_shows_its_own();
  for (MovingCard& card : cards_) {
    EXPECT_EQ(card.labels->receive().status, 200);
    const HttpAnswer moved = card.moves->receive();
    EXPECT_EQ(moved.status, 200);
    EXPECT_EQ(json_text(moved.body, "/budget"), budget_);
  }
  expect_that_each_shows_its_own();
  EXPECT_EQ(daemon_->terminate(), 0);
  EXPECT_EQ(sandbox_.verify(), "");
}

}  // namespace
}  // namespace holdfast::integration
