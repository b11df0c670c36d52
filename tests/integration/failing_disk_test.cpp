// An error of the disk ends the daemon: nothing is approved after it, and a restart has everything that was.
#include "tests/integration/api.h"
#include "tests/integration/disk_rules.h"
#include "tests/integration/load.h"

namespace holdfast::integration {
namespace {

using faults::Action;

constexpr int kExitStore = 74;

faults::Rule with_error(faults::Rule rule, int error) {
  rule.error = error;
  return rule;
}

class FailingDisk : public testing::TestWithParam<std::uint64_t> {
 protected:
  LoadLog load_until_the_end(DaemonProcess& daemon, const std::string& card) {
    Ids ids("load-");
    LoadPlan plan;
    plan.port = daemon.port();
    plan.connections = 16;
    plan.depth = 2;
    plan.next = [&]() -> std::optional<Order> {
      std::string id = ids.next();
      std::string text = authorization_request(id, card, 7);
      return Order{std::move(id), 7, std::move(text)};
    };
    Load load(std::move(plan));
    EXPECT_TRUE(eventually([&] { return !daemon.running(); }));
    load.stop();
    return load.finish();
  }

  void run(const faults::Rule& rule) {
    Sandbox sandbox;
    auto daemon = start_daemon(sandbox, {}, DaemonProcess::Faults::shim);
    std::string card;
    {
      HttpClient client(daemon->port(), kAdminKey);
      card = make_card(client, 100'000'000);
    }
    std::optional<ArmedRule> broken(std::in_place, *daemon, rule);
    const LoadLog log = load_until_the_end(*daemon, card);
    EXPECT_EQ(broken->hit(), 1U);
    EXPECT_EQ(daemon->finish(), kExitStore);
    EXPECT_NE(sandbox.log().find("the store failed"), std::string::npos);

    std::int64_t sum = 0;
    std::map<std::string, std::string> approvals;
    for (const Sent& sent : log.sent) {
      if (sent.status == 0) continue;
      ASSERT_EQ(sent.status, 200) << sent.answer;
      if (approved_amount(sent.answer) == 0) {
        EXPECT_EQ(json_text(sent.answer, "/decline_reason"), "storage_unavailable");
        continue;
      }
      approvals[sent.id] = sent.answer;
      sum += sent.amount;
    }
    broken.reset();
    EXPECT_EQ(sandbox.verify(), "");
    daemon = start_daemon(sandbox);
    HttpClient client(daemon->port(), kAdminKey);
    EXPECT_EQ(held(client, card), sum) << "what was approved, and nothing that was not";
    for (const auto& [id, answer] : approvals)
      ASSERT_EQ(authorize(client, id, card, 7).body, answer);
  }
};

// Of a sync, the n-th.
TEST_P(FailingDisk, AtASyncEndsTheDaemonAndKeepsEveryApprovalThatWasSent) {
  run(with_error(data_sync(Action::fail, GetParam(), 1), EIO));
}

TEST_P(FailingDisk, AtAMetaPageEndsTheDaemonAndKeepsEveryApprovalThatWasSent) {
  run(with_error(meta_write(Action::fail, GetParam(), 1), EIO));
}

TEST_P(FailingDisk, AtADataPageEndsTheDaemonAndKeepsEveryApprovalThatWasSent) {
  run(with_error(page_write(Action::fail, GetParam(), 1), EIO));
}

INSTANTIATE_TEST_SUITE_P(Calls, FailingDisk, testing::Values(1, 2, 3, 5, 8, 21, 50));

// The error is found while nothing else is under way, and later requests meet a store that has failed.
TEST(FailedDisk, ApprovesNothingAfterTheErrorAndTurnsReadinessOff) {
  Sandbox sandbox;
  const auto daemon = start_daemon(sandbox, {}, DaemonProcess::Faults::shim);
  HttpClient client(daemon->port(), kAdminKey);
  const std::string card = make_card(client, 1'000'000);
  ASSERT_TRUE(approved(authorize(client, "before", card, 100)));
  ArmedRule broken(*daemon, with_error(data_sync(Action::fail, 1, 1), EIO));
  EXPECT_EQ(decline_reason(authorize(client, "broken", card, 100)), "storage_unavailable");
  unsigned declined = 0;
  try {
    // Far longer than the daemon takes to end.
    for (Ids ids("after-"); declined < 100'000 && !HasFailure(); ++declined)
      EXPECT_EQ(decline_reason(authorize(client, ids.next(), card, 100)), "storage_unavailable");
  } catch (const ConnectionLost&) {
  }
  EXPECT_GT(declined, 0U);
  EXPECT_EQ(daemon->finish(), kExitStore);
  EXPECT_EQ(broken.hit(), 1U);
}

}  // namespace
}  // namespace holdfast::integration
