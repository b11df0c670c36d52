// Overload is refused at once, and passes when its cause has passed.
#include "tests/integration/api.h"
#include "tests/integration/disk_rules.h"
#include "tests/integration/load.h"

namespace holdfast::integration {
namespace {

using Clock = std::chrono::steady_clock;
using faults::Action;

constexpr int kQueue = 64;

// The journal's queue is full of decisions that wait for the disk: the next request is refused while they wait.
TEST(Overload, OfTheJournalsQueueIsAnsweredAtOnceAndHoldsNothing) {
  Sandbox sandbox;
  const auto daemon = start_daemon(
      sandbox, {{"HOLDFAST_SERVER_THREADS", "1"}, {"HOLDFAST_DECISIONS_JOURNAL_QUEUE_RECORDS", std::to_string(kQueue)}},
      DaemonProcess::Faults::shim);
  HttpClient client(daemon->port(), kAdminKey);
  const std::string card = make_card(client, 1'000'000);
  std::vector<std::unique_ptr<HttpClient>> waiting;
  std::map<std::string, std::string> refused;
  {
    ArmedRule hold(*daemon, data_sync(Action::hold));
    for (int i = 0; i < kQueue; ++i) {
      waiting.push_back(std::make_unique<HttpClient>(daemon->port(), kAdminKey));
      waiting.back()->send("POST", "/api/v1/authorizations",
                           authorization_body("waits-" + std::to_string(i), card, 100));
    }
    ASSERT_TRUE(eventually([&] { return metric(*daemon, "holdfast_journal_queue_depth") == kQueue; }));
    for (int i = 0; i < 20; ++i) {
      const std::string id = "refused-" + std::to_string(i);
      const HttpAnswer answer = authorize(client, id, card, 100);
      EXPECT_EQ(decline_reason(answer), "overloaded");
      EXPECT_EQ(json_text(answer.body, "/retryable"), "after");
      EXPECT_EQ(json_text(answer.body, "/response_code"), "91");
    }
    EXPECT_GT(hold.hit(), 0U);
    EXPECT_EQ(hold.passed(), 0U) << "the refusals came while the disk stood still";
  }
  for (auto& each : waiting)
    EXPECT_TRUE(approved(each->receive()));
  EXPECT_EQ(held(client, card), kQueue * 100);
  // A refusal is not an answer to keep: the same id may try again.
  EXPECT_TRUE(approved(authorize(client, "refused-0", card, 100)));
  EXPECT_EQ(metric(*daemon, "holdfast_decisions_total", "reason=\"overloaded\""), 20);
  EXPECT_EQ(daemon->terminate(), 0);
  EXPECT_EQ(sandbox.verify(), "");
}

// A commit that has taken longer than the time that is left is expected to take longer still.
TEST(Overload, OfASlowCommitIsAnsweredBeforeTheDeadline) {
  constexpr std::chrono::milliseconds kDeadline{2000};
  Sandbox sandbox;
  const auto daemon = start_daemon(sandbox, {{"HOLDFAST_API_DEADLINE_MS", std::to_string(kDeadline.count())}},
                                   DaemonProcess::Faults::shim);
  HttpClient client(daemon->port(), kAdminKey);
  HttpClient late(daemon->port(), kAdminKey);
  const std::string card = make_card(client, 1'000'000);
  ArmedRule hold(*daemon, data_sync(Action::hold));
  late.send("POST", "/api/v1/authorizations", authorization_body("late", card, 100));
  const auto until = Clock::now() + kDeadline;
  EXPECT_EQ(decline_reason(late.receive()), "deadline_exceeded");
  EXPECT_TRUE(eventually([&] { return Clock::now() > until; }));
  const auto asked = Clock::now();
  EXPECT_EQ(decline_reason(authorize(client, "next", card, 100)), "overloaded");
  EXPECT_LT(Clock::now() - asked, kDeadline / 4);
  hold.disarm();
  EXPECT_TRUE(eventually([&] { return held(client, card) == 0; }));
}

// The memory of one very slow commit must not refuse everything for ever, since only commits make it fade.
TEST(Overload, EndsWithTheSlowCommitThatCausedIt) {
  constexpr std::chrono::milliseconds kDeadline{250};
  Sandbox sandbox;
  const auto daemon = start_daemon(sandbox, {{"HOLDFAST_API_DEADLINE_MS", std::to_string(kDeadline.count())}},
                                   DaemonProcess::Faults::shim);
  HttpClient client(daemon->port(), kAdminKey);
  const std::string card = make_card(client, 1'000'000);
  ArmedRule hold(*daemon, data_sync(Action::hold));
  EXPECT_EQ(decline_reason(authorize(client, "late", card, 100)), "deadline_exceeded");
  // Twenty deadlines, of which an average over eight commits is more than two.
  const auto until = Clock::now() + 20 * kDeadline;
  EXPECT_TRUE(eventually([&] { return Clock::now() > until; }));
  hold.disarm();
  EXPECT_TRUE(eventually([&] { return metric(*daemon, "holdfast_late_approvals_undone_total") == 1; }));
  Ids ids("again-");
  EXPECT_TRUE(eventually([&] { return approved(authorize(client, ids.next(), card, 100)); }, std::chrono::seconds(20)));
  EXPECT_EQ(ready(*daemon).status, 200);
}

}  // namespace
}  // namespace holdfast::integration
