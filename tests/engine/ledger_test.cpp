#include "engine/ledger.h"

#include <gtest/gtest.h>

#include "engine/shards.h"
#include "tests/engine/history.h"

namespace holdfast::engine {
namespace {

using namespace std::chrono_literals;
using testing::kStart;

class LedgerTest : public ::testing::Test {
 protected:
  NodeIndex make_card(std::vector<Limit> limits, std::string zone = "UTC") {
    CreateNode command;
    command.node = shards_.nodes().cards.allocate();
    command.identity.id = {command.node, command.node};
    command.identity.currency = {840};
    command.settings.limits = std::move(limits);
    command.settings.time_zone = std::move(zone);
    ledger_.apply(command, kStart);
    return command.node;
  }
  Decision authorize(NodeIndex card, std::string_view id, Minor amount, Instant now = kStart) {
    return ledger_.apply(request(card, id, amount), now);
  }
  static Authorize request(NodeIndex card, std::string_view id, Minor amount) {
    Authorize command{card, {}};
    command.request.authorization_id = id;
    command.request.amount = amount;
    command.request.currency = {840};
    return command;
  }
  WithdrawOutcome withdraw(NodeIndex card, std::string_view id, const Decision& decision, Instant now) {
    return ledger_.apply(
        Withdraw{card, Processor::native, id, decision.approved_amount, decision.decided_at, decision.authorized_at},
        now);
  }
  Minor held(NodeIndex card, WindowKind kind = WindowKind::lifetime) {
    return shards_.nodes().cards.find(card)->balance.load().usage.held[usage_index(kind)];
  }
  const Authorization* find(std::string_view id) {
    return ledger_.find_any(ledger_.authorization_key(Processor::native, id));
  }

  Shards shards_{1, testing::kSeed, 0, 64};
  Ledger& ledger_ = shards_[0].ledger;
};

TEST_F(LedgerTest, ADeclineLeavesTheBalanceExactlyAsItWas) {
  const NodeIndex card = make_card({{Limit::Form::amount, WindowKind::lifetime, 100}});
  authorize(card, "a", 60);
  const NodeBalance before = shards_.nodes().cards.find(card)->balance.load();
  EXPECT_EQ(authorize(card, "b", 41, kStart + 48h).reason, Reason::card_limit);
  EXPECT_EQ(shards_.nodes().cards.find(card)->balance.load(), before);
}

TEST_F(LedgerTest, ADryRunGivesTheDecisionAndChangesNothing) {
  const NodeIndex card = make_card({{Limit::Form::amount, WindowKind::lifetime, 100}});
  const NodeBalance before = shards_.nodes().cards.find(card)->balance.load();
  EXPECT_EQ(ledger_.evaluate(request(card, "a", 100), kStart).approved_amount, 100);
  EXPECT_EQ(ledger_.evaluate(request(card, "a", 101), kStart).reason, Reason::card_limit);
  EXPECT_EQ(shards_.nodes().cards.find(card)->balance.load(), before);
  EXPECT_EQ(find("a"), nullptr);
}

TEST_F(LedgerTest, AnUnknownCardIsDeclinedAndRemembered) {
  EXPECT_EQ(authorize(kNoNode, "a", 1).reason, Reason::card_not_found);
  ASSERT_NE(find("a"), nullptr);
  EXPECT_EQ(find("a")->status, AuthorizationStatus::declined);
}

TEST_F(LedgerTest, AnIncrementalIsCheckedByItsDifferenceAndAddsToTheHold) {
  const NodeIndex card = make_card({{Limit::Form::amount, WindowKind::lifetime, 100}});
  const Decision first = authorize(card, "a", 60);
  const Decision second = authorize(card, "a", 40, kStart + 1s);
  EXPECT_TRUE(second.approved());
  EXPECT_EQ(second.held, 100);
  EXPECT_EQ(second.authorized_at, first.decided_at);
  const Decision third = authorize(card, "a", 1, kStart + 2s);
  EXPECT_EQ(third.reason, Reason::card_limit);
  EXPECT_EQ(third.held, 100);
  EXPECT_EQ(find("a")->held, 100);
  EXPECT_EQ(find("a")->status, AuthorizationStatus::pending);
  EXPECT_EQ(ledger_.details(*find("a"))->follow_ups.size(), 2U);
}

TEST_F(LedgerTest, ACountLimitStopsALoopThatAuthorizesAndVoids) {
  const NodeIndex card = make_card({{Limit::Form::count, WindowKind::day, 2}});
  for (const std::string_view id : {"a", "b"}) {
    const Decision decision = authorize(card, id, 10);
    ASSERT_TRUE(decision.approved());
    EXPECT_EQ(withdraw(card, id, decision, kStart).released, 10);
  }
  EXPECT_EQ(held(card), 0);
  EXPECT_EQ(authorize(card, "c", 10).reason, Reason::count_limit);
  EXPECT_TRUE(authorize(card, "zero", 0).approved()) << "a verification does not count";
  EXPECT_TRUE(authorize(card, "d", 10, kStart + 3h).approved()) << "the next day has its own count";
}

TEST_F(LedgerTest, AWithdrawalOfYesterdaysHoldFreesOnlyWhatStillContainsYesterday) {
  const NodeIndex card = make_card({});
  const Decision decision = authorize(card, "a", 500, kStart);  // Friday 22:00
  authorize(card, "b", 30, kStart + 3h);                        // Saturday 01:00
  EXPECT_EQ(withdraw(card, "a", decision, kStart + 4h).released, 500);
  EXPECT_EQ(held(card, WindowKind::day), 30);
  EXPECT_EQ(held(card, WindowKind::week), 30);
  EXPECT_EQ(held(card), 30);
  EXPECT_EQ(find("a")->status, AuthorizationStatus::declined);
  EXPECT_EQ(find("a")->reason, Reason::deadline_exceeded);
}

TEST_F(LedgerTest, AWithdrawnIncrementLeavesTheFirstHold) {
  const NodeIndex card = make_card({});
  authorize(card, "a", 60);
  const Decision second = authorize(card, "a", 40, kStart + 1s);
  EXPECT_EQ(withdraw(card, "a", second, kStart + 2s).released, 40);
  EXPECT_EQ(held(card), 60);
  EXPECT_EQ(find("a")->held, 60);
  EXPECT_EQ(find("a")->status, AuthorizationStatus::pending);
}

TEST_F(LedgerTest, AClockThatStepsBackNeverReopensAWindow) {
  const NodeIndex card = make_card({{Limit::Form::amount, WindowKind::day, 100}});
  EXPECT_TRUE(authorize(card, "a", 100, kStart).approved());
  EXPECT_TRUE(authorize(card, "b", 100, kStart + 24h).approved());
  const Decision back = authorize(card, "c", 1, kStart);
  EXPECT_EQ(back.reason, Reason::card_limit);
  EXPECT_EQ(back.decided_at, kStart + 24h) << "time is held at the card's last change";
  EXPECT_EQ(authorize(card, "d", 1, kStart + 25h).reason, Reason::card_limit) << "and resets once, not twice";
}

TEST_F(LedgerTest, EditingALimitKeepsWhatWasUsed) {
  const NodeIndex card = make_card({{Limit::Form::amount, WindowKind::lifetime, 1000}});
  authorize(card, "a", 600);
  const auto set = [&](std::vector<Limit> limits) {
    NodeSettings settings;
    settings.limits = std::move(limits);
    ledger_.apply(ChangeNode{card, settings}, kStart);
  };
  set({{Limit::Form::amount, WindowKind::lifetime, 500}});
  EXPECT_EQ(authorize(card, "b", 1).would_approve, 0) << "lowered below usage: nothing is left, and never less";
  set({{Limit::Form::amount, WindowKind::month, 650}});
  EXPECT_EQ(authorize(card, "c", 51).would_approve, 50) << "a limit that is new knows what its window has used";
}

TEST_F(LedgerTest, AnotherTimeZoneHasItsOwnEndOfTheDayAndNothingIsGivenBackTwice) {
  ZoneRules kolkata;
  kolkata.name = "Asia/Kolkata";
  kolkata.first_offset_seconds = 5 * 3600 + 1800;
  shards_.zones().define(kolkata);
  const NodeIndex card = make_card({{Limit::Form::amount, WindowKind::day, 100}});
  const Instant evening = kStart - 3h - 35min;  // 18:25 UTC, 23:55 in Kolkata
  const Decision first = authorize(card, "a", 100, evening);
  NodeSettings settings;
  settings.limits = {{Limit::Form::amount, WindowKind::day, 100}};
  settings.time_zone = "Asia/Kolkata";
  ledger_.apply(ChangeNode{card, settings}, evening);
  EXPECT_EQ(authorize(card, "b", 1, evening + 1min).reason, Reason::card_limit);
  EXPECT_TRUE(authorize(card, "c", 30, evening + 10min).approved()) << "00:05 in Kolkata, and the same hour in UTC";
  settings.time_zone = "UTC";
  ledger_.apply(ChangeNode{card, settings}, evening + 10min);
  withdraw(card, "a", first, evening + 11min);
  EXPECT_EQ(held(card, WindowKind::day), 30) << "the day in Kolkata had not counted the 100 that were given back";
}

TEST_F(LedgerTest, ListsTheAuthorizationsOfACardNewestFirst) {
  const NodeIndex card = make_card({});
  const NodeIndex other = make_card({});
  for (const std::string_view id : {"a", "b", "c"})
    authorize(card, id, 1);
  authorize(other, "x", 1);
  std::vector<Key128> listed;
  for (const Authorization* each = ledger_.newest_of(card); each != nullptr; each = ledger_.older_than(*each)) {
    listed.push_back(each->key);
  }
  EXPECT_EQ(listed, (std::vector<Key128>{find("c")->key, find("b")->key, find("a")->key}));
}

TEST_F(LedgerTest, ForgetsWhatHoldsNothingAndKeepsWhatHoldsMoney) {
  const NodeIndex card = make_card({{Limit::Form::amount, WindowKind::lifetime, 100}});
  authorize(card, "held", 60);
  authorize(card, "declined", 41);
  authorize(card, "last", 40);
  const Instant later = kStart + kForgetAfter + kForgetMargin + 1ms;
  ledger_.expire(later, 100);
  EXPECT_NE(find("held"), nullptr);
  EXPECT_EQ(find("declined"), nullptr);
  EXPECT_EQ(ledger_.authorizations(), 2U);
  EXPECT_EQ(ledger_.older_than(*find("last")), find("held"));
}

class ForgottenIdTest : public LedgerTest, public ::testing::WithParamInterface<bool> {};

TEST_P(ForgottenIdTest, IsNewWhetherOrNotItsMemoryWasFreed) {
  const Instant later = kStart + kForgetAfter + kForgetMargin + 1ms;
  const NodeIndex card = make_card({{Limit::Form::amount, WindowKind::lifetime, 100}});
  EXPECT_FALSE(authorize(card, "a", 101).approved());
  if (GetParam()) ledger_.expire(later, 100);
  const Decision again = authorize(card, "a", 50, later);
  EXPECT_EQ(again.authorized_at, later);
  EXPECT_EQ(find("a")->decided_at, later);
  ledger_.expire(later, 100);
  EXPECT_EQ(ledger_.authorizations(), 1U) << "and nothing of the old one is left behind";
  EXPECT_EQ(ledger_.older_than(*find("a")), nullptr);
}

INSTANTIATE_TEST_SUITE_P(Memory, ForgottenIdTest, ::testing::Bool());

using LedgerDeathTest = LedgerTest;

TEST_F(LedgerDeathTest, AbortsOnAContradictionInside) {
  EXPECT_DEATH(ledger_.apply(SetNodeStatus{99, NodeStatus::frozen}, kStart), "");
  const NodeIndex card = make_card({});
  ledger_.apply(SetNodeStatus{card, NodeStatus::closed}, kStart);
  EXPECT_DEATH(ledger_.apply(SetNodeStatus{card, NodeStatus::active}, kStart), "");
}

}  // namespace
}  // namespace holdfast::engine
