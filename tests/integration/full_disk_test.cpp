// No space: declines, a readiness that says why, nothing lost, and service again once there is room.
#include "tests/integration/api.h"
#include "tests/integration/disk_rules.h"
#include "tests/integration/load.h"

namespace holdfast::integration {
namespace {

using faults::Action;

faults::Rule no_space(faults::Rule rule) {
  rule.error = ENOSPC;
  return rule;
}

// The named check, and no other, is what readiness complains about.
void expect_not_ready_because_of(const DaemonProcess& daemon, std::string_view check) {
  const HttpAnswer answer = ready(daemon);
  EXPECT_EQ(answer.status, 503);
  EXPECT_NE(json_text(answer.body, "/checks/" + std::string(check)), "ok") << answer.body;
  EXPECT_EQ(json_text(answer.body, "/checks/store_writable"), check == "store_writable" ? "" : "ok") << answer.body;
}

class FullDisk : public testing::Test {
 protected:
  void start(const Settings& settings = {}) {
    daemon_ = start_daemon(sandbox_, settings, DaemonProcess::Faults::shim);
    client_ = std::make_unique<HttpClient>(daemon_->port(), kAdminKey);
  }

  Sandbox sandbox_;
  std::unique_ptr<DaemonProcess> daemon_;
  std::unique_ptr<HttpClient> client_;
};

TEST_F(FullDisk, BelowTheMinimumOfFreeSpaceDeclinesEverythingAndKeepsTheBalances) {
  start();
  const std::string card = make_card(*client_, 1'000'000);
  ASSERT_TRUE(approved(authorize(*client_, "before", card, 100)));
  daemon_->kill();

  start({{"HOLDFAST_STORAGE_MINIMUM_FREE_SPACE", "1TiB"}});
  EXPECT_EQ(decline_reason(authorize(*client_, "during", card, 100)), "storage_unavailable");
  EXPECT_EQ(client_->post("/api/v1/cards", R"({"label":"none"})").status, 503);
  expect_not_ready_because_of(*daemon_, "space");
  EXPECT_EQ(HttpClient(daemon_->ops_port()).get("/livez").status, 200);
  EXPECT_EQ(held(*client_, card), 100);
  daemon_->kill();

  start();
  EXPECT_EQ(held(*client_, card), 100);
  EXPECT_TRUE(approved(authorize(*client_, "during", card, 100))) << "it was refused, not answered";
  EXPECT_EQ(ready(*daemon_).status, 200);
}

// ENOSPC in the middle of the work: at the data pages, and at the zeros that are written ahead of them.
TEST_F(FullDisk, FoundByAWriteDeclinesUntilThereIsRoomAndLosesNothing) {
  start({{"HOLDFAST_API_DEADLINE_MS", "500"}, {"HOLDFAST_STORAGE_PREALLOCATE", "0KiB"}});
  const std::string card = make_card(*client_, 100'000'000);
  std::int64_t sum = 0;
  Ids ids("fill-");
  for (int round = 0; round < 3; ++round) {
    ArmedRule full(*daemon_, no_space(page_write(Action::fail)));
    const HttpAnswer late = authorize(*client_, ids.next(), card, 100);
    EXPECT_EQ(decline_reason(late), "deadline_exceeded");
    ASSERT_TRUE(eventually([&] { return ready(*daemon_).status == 503; }));
    expect_not_ready_because_of(*daemon_, "space");
    for (int i = 0; i < 20; ++i)
      EXPECT_EQ(decline_reason(authorize(*client_, ids.next(), card, 100)), "storage_unavailable");
    EXPECT_GT(full.hit(), 0U);
    full.disarm();
    ASSERT_TRUE(eventually([&] { return ready(*daemon_).status == 200; }));
    EXPECT_TRUE(eventually([&] { return held(*client_, card) == sum; })) << "the late one is undone";
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(eventually([&] { return approved(authorize(*client_, ids.next(), card, 100)); }));
      sum += 100;
    }
    EXPECT_EQ(held(*client_, card), sum);
  }
  daemon_->kill();
  EXPECT_EQ(sandbox_.verify(), "");
  start();
  EXPECT_EQ(held(*client_, card), sum);
}

// A map that is used up to its mark, far below what LMDB itself would refuse.
TEST_F(FullDisk, OfTheMapDeclinesBeforeLmdbDoesAndAllApprovalsSurvive) {
  // The client waits for all of it.
  start({{"HOLDFAST_STORAGE_MAP_SIZE", "64MiB"},
         {"HOLDFAST_SERVER_THREADS", "1"},
         {"HOLDFAST_SERVER_LIMITS_IDLE_TIMEOUT_MS", "600000"}});
  const std::string card = make_card(*client_, 100'000'000'000);
  Ids ids("fill-");
  LoadPlan plan;
  plan.port = daemon_->port();
  plan.depth = 32;
  std::atomic<bool> full{false};
  // Declined, every request leaves a record as an approval does.
  plan.next = [&]() -> std::optional<Order> {
    if (full) return std::nullopt;
    std::string id = ids.next();
    std::string text = authorization_request(id, card, 1);
    return Order{std::move(id), 1, std::move(text)};
  };
  Load load(std::move(plan));
  EXPECT_TRUE(eventually([&] { return ready(*daemon_).status == 503; }, 2 * kPatience));
  full = true;
  std::int64_t sum = 0;
  for (const Sent& sent : load.finish().sent) {
    ASSERT_EQ(sent.status, 200) << sent.answer;
    sum += approved_amount(sent.answer);
  }
  expect_not_ready_because_of(*daemon_, "space");
  EXPECT_EQ(decline_reason(authorize(*client_, "past", card, 1)), "storage_unavailable");
  EXPECT_EQ(held(*client_, card), sum);
  daemon_->kill();
  EXPECT_EQ(sandbox_.verify(), "");
  start({{"HOLDFAST_STORAGE_MAP_SIZE", "256MiB"}});
  EXPECT_EQ(held(*client_, card), sum);
  EXPECT_TRUE(approved(authorize(*client_, "past", card, 1)));
}

}  // namespace
}  // namespace holdfast::integration
