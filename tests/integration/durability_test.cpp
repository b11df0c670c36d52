// No byte of an answer leaves before the commit that covers it has returned.
#include "tests/integration/api.h"
#include "tests/integration/disk_rules.h"
#include "tests/integration/load.h"
#include "tests/integration/stripe_event.h"

namespace holdfast::integration {
namespace {

using faults::Action;

// Long against the fraction of a millisecond that an answer takes otherwise.
constexpr std::chrono::milliseconds kLook{400};

class Durability : public testing::TestWithParam<int> {
 protected:
  Durability()
      : sandbox_(stripe_config()),
        daemon_(start_daemon(sandbox_, with_stripe_secret({{"HOLDFAST_SERVER_THREADS", std::to_string(GetParam())}}),
                             DaemonProcess::Faults::shim)),
        native_(daemon_->port(), kAdminKey),
        stripe_(daemon_->port()) {
    card_ = make_card(native_, 1'000'000);
    make_stripe_card(native_, "ic_1", 1'000'000);
  }

  void ask(const std::string& id) {
    native_.send("POST", "/api/v1/authorizations", authorization_body(id, card_, 100));
    const std::string body = stripe_body({.event_id = "evt_" + id, .authorization_id = "iauth_" + id});
    stripe_.send("POST", kStripePath, body, {{"Stripe-Signature", stripe_signature(body)}});
  }
  bool any_answer() { return native_.receive_within(kLook).has_value() || stripe_.receive_within(kLook).has_value(); }

  Sandbox sandbox_;
  std::unique_ptr<DaemonProcess> daemon_;
  HttpClient native_;
  HttpClient stripe_;
  std::string card_;
};

TEST_P(Durability, HoldsBackEveryAnswerWhileTheDataSyncHasNotReturned) {
  ArmedRule hold(*daemon_, data_sync(Action::hold));
  ask("held");
  ASSERT_TRUE(hold.reached());
  EXPECT_GE(metric(*daemon_, "holdfast_journal_queue_depth"), 1) << "it was decided";
  EXPECT_FALSE(any_answer());
  hold.disarm();
  EXPECT_TRUE(approved(native_.receive()));
  EXPECT_EQ(stripe_decline(stripe_.receive()), "");
}

TEST_P(Durability, HoldsBackEveryAnswerWhileTheMetaPageIsNotWritten) {
  ArmedRule hold(*daemon_, meta_write(Action::hold));
  ask("held");
  ASSERT_TRUE(hold.reached());
  EXPECT_FALSE(any_answer());
  hold.disarm();
  EXPECT_TRUE(approved(native_.receive()));
  EXPECT_EQ(stripe_decline(stripe_.receive()), "");
}

// A decline is held back like an approval: a retry after a power failure must not find another answer.
TEST_P(Durability, HoldsBackDeclinesToo) {
  ArmedRule hold(*daemon_, data_sync(Action::hold));
  native_.send("POST", "/api/v1/authorizations", authorization_body("too-much", card_, 1'000'001));
  ASSERT_TRUE(hold.reached());
  EXPECT_FALSE(native_.receive_within(kLook).has_value());
  hold.disarm();
  EXPECT_EQ(decline_reason(native_.receive()), "card_limit");
}

// What the tests above look for does happen once the sync is only said to be done.
TEST_P(Durability, AnswersAtOnceOnADiskThatLiesAboutItsSyncs) {
  ArmedRule lie(*daemon_, data_sync(Action::skip));
  ArmedRule hold(*daemon_, data_sync(Action::hold));
  ask("lied-to");
  EXPECT_TRUE(any_answer());
  EXPECT_EQ(hold.passed(), 0U) << "nothing was synced";
}

// Under load: between a request and its answer a commit came to its end that had not before.
TEST_P(Durability, LetsACommitEndBetweenEachRequestAndItsAnswerUnderLoad) {
  ArmedRule slow(*daemon_, [] {
    auto rule = data_sync(Action::delay);
    rule.delay_us = 3000;
    return rule;
  }());
  ArmedRule commits(*daemon_, meta_write(Action::pass));
  Ids ids("load-");
  int left = 2000;
  LoadPlan plan;
  plan.port = daemon_->port();
  plan.connections = 32;
  plan.stamp = [&] { return commits.passed(); };
  plan.next = [&]() -> std::optional<Order> {
    if (left-- <= 0) return std::nullopt;
    std::string id = ids.next();
    std::string text = authorization_request(id, card_, 1);
    return Order{std::move(id), 1, std::move(text)};
  };
  const LoadLog log = Load(plan).finish();
  for (const Sent& sent : log.sent) {
    ASSERT_EQ(sent.status, 200);
    EXPECT_GT(sent.stamp_after, sent.stamp_before) << sent.id << " was answered before any commit ended";
  }
  // The same look at repeats, which need no commit, finds what it looks for.
  plan.next = [&, i = std::size_t{0}]() mutable -> std::optional<Order> {
    if (i == 200) return std::nullopt;
    const std::string& id = log.sent[i++].id;
    return Order{id, 1, authorization_request(id, card_, 1)};
  };
  std::size_t without_commit = 0;
  for (const Sent& sent : Load(plan).finish().sent)
    without_commit += sent.stamp_after == sent.stamp_before ? 1 : 0;
  EXPECT_GT(without_commit, 0U);
}

INSTANTIATE_TEST_SUITE_P(Loops, Durability, testing::Values(1, 2));

}  // namespace
}  // namespace holdfast::integration
