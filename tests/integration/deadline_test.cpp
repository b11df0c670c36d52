// A disk that is slower than the deadline: declines leave in time, and what became durable too late is undone.
#include "tests/integration/api.h"
#include "tests/integration/disk_rules.h"
#include "tests/integration/load.h"
#include "tests/integration/stripe_event.h"

namespace holdfast::integration {
namespace {

using Clock = std::chrono::steady_clock;
using faults::Action;

constexpr std::chrono::milliseconds kDeadline{1800};

class Deadline : public testing::TestWithParam<int> {
 protected:
  Deadline() : sandbox_(stripe_config(R"("env:STRIPE_SIGNING_SECRET")", static_cast<int>(kDeadline.count()))) {
    start();
    HttpClient client(daemon_->port(), kAdminKey);
    card_ = make_card(client, 1'000'000);
    stripe_card_ = make_stripe_card(client, "ic_1", 1'000'000);
  }

  void start() {
    const Settings settings = {{"HOLDFAST_SERVER_THREADS", std::to_string(GetParam())},
                               {"HOLDFAST_API_DEADLINE_MS", std::to_string(kDeadline.count())}};
    daemon_ = start_daemon(sandbox_, with_stripe_secret(settings), DaemonProcess::Faults::shim);
    native_ = std::make_unique<HttpClient>(daemon_->port(), kAdminKey);
    stripe_ = std::make_unique<HttpClient>(daemon_->port());
  }
  void kill_and_start() {
    daemon_->kill();
    start();
  }

  HttpAnswer ask_native(std::string_view id = "late") { return authorize(*native_, id, card_, 100); }
  HttpAnswer ask_stripe() { return post_stripe(*stripe_, {}); }
  // The bytes of both answers.
  std::string ask_both() { return ask_native().body + "\n" + ask_stripe().body; }
  std::int64_t all_held() { return held(*native_, card_) + held(*native_, stripe_card_); }

  // Asks both while the disk stands still, and gives the bytes of the declines.
  std::string be_declined_in_time() {
    native_->send("POST", "/api/v1/authorizations", authorization_body("late", card_, 100));
    const auto native_sent = Clock::now();
    const std::string body = stripe_body({});
    stripe_->send("POST", kStripePath, body, {{"Stripe-Signature", stripe_signature(body)}});
    const auto stripe_sent = Clock::now();
    const HttpAnswer native = native_->receive();
    EXPECT_LT(Clock::now() - native_sent, kDeadline);
    EXPECT_EQ(decline_reason(native), "deadline_exceeded");
    const HttpAnswer stripe = stripe_->receive();
    EXPECT_LT(Clock::now() - stripe_sent, kDeadline);
    EXPECT_EQ(stripe_decline(stripe), "deadline_exceeded");
    EXPECT_EQ(stripe.header("Stripe-Version"), "2025-03-31.basil");
    return native.body + "\n" + stripe.body;
  }

  Sandbox sandbox_;
  std::unique_ptr<DaemonProcess> daemon_;
  std::unique_ptr<HttpClient> native_;
  std::unique_ptr<HttpClient> stripe_;
  std::string card_;
  std::string stripe_card_;
};

TEST_P(Deadline, IsKeptByADeclineWhileTheDiskStandsStillAndTheLateApprovalIsUndone) {
  ArmedRule hold(*daemon_, data_sync(Action::hold));
  const std::string declines = be_declined_in_time();
  EXPECT_EQ(ask_both(), declines) << "a retry before the first is durable";
  hold.disarm();
  EXPECT_TRUE(eventually([&] { return metric(*daemon_, "holdfast_late_approvals_undone_total") == 2; }));
  EXPECT_TRUE(eventually([&] { return all_held() == 0; }));
  EXPECT_EQ(ask_both(), declines) << "a retry after the withdrawal";
  EXPECT_TRUE(eventually([&] { return metric(*daemon_, "holdfast_journal_queue_depth") == 0; }));
  kill_and_start();
  EXPECT_EQ(ask_both(), declines) << "a retry after a restart";
  EXPECT_EQ(all_held(), 0);
  EXPECT_EQ(sandbox_.verify(), "");
}

TEST_P(Deadline, IsNoReasonToDeclineOnceTheDiskIsFastAgain) {
  ArmedRule hold(*daemon_, data_sync(Action::hold));
  be_declined_in_time();
  // Three deadlines: no average of that commit's time must keep the next requests out.
  const auto until = Clock::now() + 3 * kDeadline;
  EXPECT_TRUE(eventually([&] { return Clock::now() > until; }));
  hold.disarm();
  EXPECT_TRUE(eventually([&] { return metric(*daemon_, "holdfast_journal_queue_depth") == 0; }));
  Ids ids("again-");
  EXPECT_TRUE(eventually([&] { return approved(ask_native(ids.next())); }, std::chrono::seconds(5)));
  EXPECT_EQ(ready(*daemon_).status, 200);
}

// The decision is on disk, an approval or a decline for another reason; the withdrawal is not.
TEST_P(Deadline, DeclineStandsWhenTheDaemonIsKilledBeforeTheWithdrawalIsDurable) {
  const std::function<HttpAnswer()> requests[] = {
      [&] { return ask_native(); },
      [&] { return ask_stripe(); },
      [&] { return authorize(*native_, "too_much", card_, 2'000'000); },
  };
  for (const auto& ask : requests) {
    ArmedRule hold_decision(*daemon_, data_sync(Action::hold, 1, 1));
    ArmedRule hold_withdrawal(*daemon_, data_sync(Action::hold, 2));
    const HttpAnswer decline = ask();
    ASSERT_NE(decline.body.find("deadline_exceeded"), std::string::npos) << decline.body;
    hold_decision.disarm();
    ASSERT_TRUE(hold_withdrawal.reached());
    for (int restarts = 0; restarts < 2; ++restarts) {
      kill_and_start();
      EXPECT_EQ(all_held(), 0);
      EXPECT_EQ(ask().body, decline.body);
    }
    EXPECT_EQ(sandbox_.verify(), "");
  }
}

// Nothing of the request is on disk, and its decline was sent.
TEST_P(Deadline, DeclineStandsWhenTheDaemonIsKilledBeforeAnythingIsDurable) {
  ArmedRule hold(*daemon_, data_sync(Action::hold));
  const std::string declines = be_declined_in_time();
  kill_and_start();
  EXPECT_EQ(all_held(), 0);
  EXPECT_EQ(ask_both(), declines);
  EXPECT_EQ(all_held(), 0);
  kill_and_start();
  EXPECT_EQ(ask_both(), declines);
  EXPECT_EQ(sandbox_.verify(), "");
}

// Nobody was told anything: the retry is a first request.
TEST_P(Deadline, LeavesNothingOfARequestThatWasKilledBeforeItsAnswer) {
  ArmedRule hold(*daemon_, data_sync(Action::hold));
  native_->send("POST", "/api/v1/authorizations", authorization_body("late", card_, 100));
  ASSERT_TRUE(hold.reached());
  kill_and_start();
  EXPECT_EQ(held(*native_, card_), 0);
  EXPECT_TRUE(approved(ask_native()));
  EXPECT_EQ(held(*native_, card_), 100);
}

// 3 s for each sync, and a crowd.
TEST_P(Deadline, IsKeptForEveryoneUnderLoadOnASlowDisk) {
  ArmedRule slow(*daemon_, [] {
    auto rule = data_sync(Action::delay);
    rule.delay_us = 3'000'000;
    return rule;
  }());
  Ids ids("slow-");
  LoadPlan plan;
  plan.port = daemon_->port();
  plan.connections = 32;
  int left = 640;
  plan.next = [&]() -> std::optional<Order> {
    if (left-- <= 0) return std::nullopt;
    std::string id = ids.next();
    std::string text = authorization_request(id, card_, 1);
    return Order{std::move(id), 1, std::move(text)};
  };
  const LoadLog log = Load(plan).finish();
  std::map<std::string, std::string> answers;
  std::map<std::string, int> reasons;
  for (const Sent& sent : log.sent) {
    ASSERT_EQ(sent.status, 200) << sent.answer;
    EXPECT_LT(sent.answered_at - sent.sent_at, kDeadline);
    EXPECT_EQ(approved_amount(sent.answer), 0);
    ++reasons[json_text(sent.answer, "/decline_reason")];
    answers[sent.id] = sent.answer;
  }
  EXPECT_GT(reasons["deadline_exceeded"], 0);
  EXPECT_GT(reasons["overloaded"], 0) << "what cannot be durable in time is not begun";
  EXPECT_EQ(reasons.size(), 2U);
  slow.disarm();
  EXPECT_TRUE(eventually([&] { return all_held() == 0; }));
  EXPECT_EQ(metric(*daemon_, "holdfast_late_approvals_undone_total"), reasons["deadline_exceeded"]);
  for (const auto& [id, answer] : answers) {
    if (json_text(answer, "/decline_reason") == "deadline_exceeded") {
      EXPECT_EQ(authorize(*native_, id, card_, 1).body, answer);
    }
  }
  EXPECT_EQ(all_held(), 0);
}

INSTANTIATE_TEST_SUITE_P(Loops, Deadline, testing::Values(1, 2));

}  // namespace
}  // namespace holdfast::integration
