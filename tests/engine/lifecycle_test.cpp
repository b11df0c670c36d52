// The table of semantics, "What each message does", row by row: on a card and the budgets above it.
#include <gtest/gtest.h>

#include "engine/shards.h"
#include "tests/engine/history.h"

namespace holdfast::engine {
namespace {

using namespace std::chrono_literals;
using testing::kStart;

constexpr std::size_t kDay = usage_index(WindowKind::day);
constexpr std::size_t kLifetime = usage_index(WindowKind::lifetime);
constexpr NodeIndex kTeam = kBudgetBit | 1;
constexpr NodeIndex kOther = kBudgetBit | 2;
constexpr NodeIndex kCard = 1;

class LifecycleTest : public ::testing::Test {
 protected:
  LifecycleTest() {
    make(kTeam, kNoNode);
    make(kOther, kNoNode);
    make(kCard, kTeam);
  }

  void make(NodeIndex node, NodeIndex parent, std::vector<Limit> limits = {}) {
    CreateNode create{node, {}, {}};
    create.identity.id = {node, node};
    create.identity.currency = {840};
    create.settings.parent = parent;
    create.settings.limits = std::move(limits);
    shards_.apply(create, kStart);
  }
  void change(NodeIndex node, const std::function<void(NodeSettings&)>& edit, Instant now = kStart) {
    ChangeNode command{node, shards_.nodes().profile(node)->settings};
    edit(command.settings);
    shards_.apply(command, now);
  }
  Decision authorize(Minor amount, Instant now = kStart, bool incremental = false, std::string_view id = "a") {
    Authorize command{kCard, {}};
    command.request.processor = processor_;
    command.request.authorization_id = id;
    command.request.amount = amount;
    command.request.currency = {840};
    command.request.incremental = incremental;
    return std::get<Decision>(shards_.apply(command, now));
  }
  AdviceOutcome advise(AdviceKind kind, Minor amount = kAll, Instant now = kStart, bool final = true,
                       std::string_view id = "a", Instant told = kNoInstant) {
    const Key128 key = ledger_.authorization_key(processor_, id);
    return std::get<AdviceOutcome>(
        shards_.apply(Advise{kCard, kind, processor_, id, key, amount, final, told, {}}, now));
  }
  // Of a window of the card, and of the team the same.
  Tally used(std::size_t window, Instant now = kStart) {
    const auto path = ledger_.path_of(kCard, now);
    EXPECT_EQ(path.nodes[0].usage.tally(window), path.nodes[1].usage.tally(window));
    return path.nodes[0].usage.tally(window);
  }
  Tally used_of(NodeIndex node, std::size_t window) {
    return ledger_.path_of(node, kStart).nodes[0].usage.tally(window);
  }

  Processor processor_ = Processor::native;  // that speaks
  Shards shards_{1, testing::kSeed, 0, 64};
  Ledger& ledger_ = shards_[0].ledger;
};

TEST_F(LifecycleTest, AFinalCapturePostsAndReleasesTheRest) {
  authorize(100);
  const AdviceOutcome outcome = advise(AdviceKind::capture, 70);
  EXPECT_EQ(outcome.status, AuthorizationStatus::closed);
  EXPECT_EQ(outcome.posted, 70);
  EXPECT_EQ(outcome.released, 100);
  EXPECT_EQ(outcome.flags, 0);
  EXPECT_EQ(used(kDay), (Tally{0, 70, 1}));
}

TEST_F(LifecycleTest, CapturesThatAreNotFinalLeaveTheRestHeld) {
  authorize(100);
  EXPECT_EQ(advise(AdviceKind::capture, 30, kStart, false).held, 70);
  EXPECT_EQ(used(kDay), (Tally{70, 30, 1}));
  EXPECT_EQ(advise(AdviceKind::capture, 30, kStart, false).held, 40);
  const AdviceOutcome last = advise(AdviceKind::capture, kAll, kStart, false);
  EXPECT_EQ(last.status, AuthorizationStatus::closed);
  EXPECT_EQ(last.captured, 100);
  EXPECT_EQ(used(kDay), (Tally{0, 100, 1}));
}

TEST_F(LifecycleTest, ACaptureBelongsToTheDayOfItsAuthorization) {
  authorize(100);
  advise(AdviceKind::capture, 100, kStart + 24h);
  EXPECT_EQ(used(kDay, kStart + 24h), (Tally{0, 0, 0}));
  EXPECT_EQ(used(kLifetime, kStart + 24h), (Tally{0, 100, 1}));
}

TEST_F(LifecycleTest, AnOverCapturePostsInFullAndPutsTheCardOverItsLimit) {
  change(kCard, [](NodeSettings& settings) { settings.limits = {{Limit::Form::amount, WindowKind::day, 100}}; });
  authorize(100);
  const AdviceOutcome outcome = advise(AdviceKind::capture, 130);
  EXPECT_EQ(outcome.flags, AdviceOutcome::kOverCapture | AdviceOutcome::kOverLimit);
  EXPECT_EQ(used(kDay), (Tally{0, 130, 1}));
  EXPECT_EQ(authorize(1, kStart, false, "b").reason, Reason::card_limit);
  EXPECT_EQ(advise(AdviceKind::capture, 5).captured, 135);  // a second one, of what is closed already
}

TEST_F(LifecycleTest, ACaptureAfterTheHoldIsGoneIsAForcedPostingOfToday) {
  for (const std::string_view id : {"reverse", "expire"})
    authorize(100, kStart, false, id);
  for (const AdviceKind before : {AdviceKind::reverse, AdviceKind::expire}) {
    const std::string_view id = advice_name(before);
    advise(before, kAll, kStart, true, id);
    const AdviceOutcome outcome = advise(AdviceKind::capture, 40, kStart + 24h, true, id);
    EXPECT_EQ(outcome.flags, AdviceOutcome::kForced);
    EXPECT_EQ(outcome.status, AuthorizationStatus::closed);
  }
  EXPECT_EQ(used(kDay, kStart + 24h), (Tally{0, 80, 0}));
}

TEST_F(LifecycleTest, ReversalsReleaseWhatTheyFind) {
  authorize(100);
  EXPECT_EQ(advise(AdviceKind::reverse, 30).status, AuthorizationStatus::pending);
  EXPECT_EQ(used(kDay), (Tally{70, 0, 1}));
  const AdviceOutcome rest = advise(AdviceKind::reverse, 500);
  EXPECT_EQ(rest.released, 70);
  EXPECT_EQ(rest.status, AuthorizationStatus::reversed);
  EXPECT_EQ(advise(AdviceKind::reverse, 10).released, 0);
  EXPECT_EQ(used(kDay), (Tally{0, 0, 1}));
}

TEST_F(LifecycleTest, YesterdaysHoldIsReleasedFromYesterdayOnly) {
  authorize(100);
  authorize(7, kStart + 24h, false, "b");
  EXPECT_EQ(advise(AdviceKind::expire, kAll, kStart + 24h).status, AuthorizationStatus::expired);
  EXPECT_EQ(used(kDay, kStart + 24h), (Tally{7, 0, 1}));
  EXPECT_EQ(used(kLifetime, kStart + 24h), (Tally{7, 0, 2}));
}

TEST_F(LifecycleTest, AnIncrementIsReleasedFirstAndCapturedLast) {
  authorize(100);
  authorize(50, kStart + 24h, true);
  advise(AdviceKind::reverse, 20, kStart + 24h);
  EXPECT_EQ(used(kDay, kStart + 24h), (Tally{30, 0, 1}));
  advise(AdviceKind::capture, 110, kStart + 24h, false);
  EXPECT_EQ(used(kDay, kStart + 24h), (Tally{20, 10, 1}));
  EXPECT_EQ(used(kLifetime, kStart + 24h), (Tally{20, 110, 2}));
}

TEST_F(LifecycleTest, AHoldIsSetUpAndDown) {
  authorize(100);
  EXPECT_EQ(advise(AdviceKind::set_hold, 40).released, 60);
  EXPECT_EQ(advise(AdviceKind::set_hold, 90).released, -50);
  EXPECT_EQ(used(kDay), (Tally{90, 0, 1}));
  EXPECT_EQ(advise(AdviceKind::set_hold, 0).status, AuthorizationStatus::reversed);
  EXPECT_EQ(advise(AdviceKind::set_hold, 5).status, AuthorizationStatus::pending);
  EXPECT_EQ(used(kDay), (Tally{5, 0, 1}));
}

TEST_F(LifecycleTest, TheProcessorsWordWins) {
  shards_.apply(SetNodeStatus{kCard, NodeStatus::frozen}, kStart);
  EXPECT_EQ(authorize(100).reason, Reason::card_frozen);
  const AdviceOutcome adopted = advise(AdviceKind::adopt, 100);
  EXPECT_EQ(adopted.flags, AdviceOutcome::kCorrection);
  EXPECT_EQ(adopted.status, AuthorizationStatus::pending);
  EXPECT_EQ(used(kDay), (Tally{100, 0, 0}));
  EXPECT_EQ(advise(AdviceKind::disown).status, AuthorizationStatus::reversed);
  EXPECT_EQ(used(kDay), (Tally{0, 0, 0}));
  const AdviceOutcome unseen = advise(AdviceKind::set_hold, 30, kStart, true, "never seen");
  EXPECT_EQ(unseen.flags, AdviceOutcome::kCorrection | AdviceOutcome::kCreated);
  EXPECT_EQ(used(kDay), (Tally{30, 0, 0}));
}

TEST_F(LifecycleTest, WhatIsUnknownOrOvertakenChangesNothing) {
  for (const AdviceKind kind :
       {AdviceKind::reverse, AdviceKind::expire, AdviceKind::disown, AdviceKind::refund_reversal}) {
    EXPECT_EQ(advise(kind, kAll, kStart, true, "unknown").flags, AdviceOutcome::kUnknown);
  }
  EXPECT_EQ(ledger_.authorizations(), 0U);
  authorize(100);
  advise(AdviceKind::set_hold, 50, kStart, true, "a", kStart + 2s);
  EXPECT_EQ(advise(AdviceKind::set_hold, 80, kStart, true, "a", kStart + 1s).flags, AdviceOutcome::kOvertaken);
  EXPECT_EQ(advise(AdviceKind::set_hold, 80, kStart, true, "a", kStart + 2s).held, 80);
}

// An event from before an increment says how much was held before it.
TEST_F(LifecycleTest, WhatWasToldBeforeAnIncrementDoesNotUndoIt) {
  change(kCard, [](NodeSettings& settings) { settings.limits = {{Limit::Form::amount, WindowKind::day, 200}}; });
  authorize(100);
  advise(AdviceKind::set_hold, 100, kStart, true, "a", kStart + 1s);
  EXPECT_TRUE(authorize(50, kStart + 5s + 700ms, true).approved());
  const AdviceOutcome late = advise(AdviceKind::set_hold, 100, kStart + 6s, true, "a", kStart + 4s);
  EXPECT_EQ(late.flags, AdviceOutcome::kOvertaken);
  EXPECT_EQ(late.held, 150);
  EXPECT_EQ(advise(AdviceKind::set_hold, 140, kStart + 6s, true, "a", kStart + 5s).held, 140) << "of the same second";
  EXPECT_FALSE(authorize(1'000'000, kStart + 20s, true).approved());
  EXPECT_EQ(advise(AdviceKind::set_hold, 130, kStart + 21s, true, "a", kStart + 7s).held, 130) << "nothing was added";
}

TEST_F(LifecycleTest, AForcedPostingIsNeverRefused) {
  shards_.apply(SetNodeStatus{kCard, NodeStatus::closed}, kStart);
  const AdviceOutcome outcome = advise(AdviceKind::post, 500);
  EXPECT_EQ(outcome.flags, AdviceOutcome::kForced | AdviceOutcome::kCreated);
  EXPECT_EQ(used(kDay), (Tally{0, 500, 0}));
  advise(AdviceKind::post, std::numeric_limits<Minor>::max());
  EXPECT_EQ(used(kLifetime).posted, std::numeric_limits<Minor>::max());
}

TEST_F(LifecycleTest, ARefundRestoresOnlyWhereItIsAskedToAndAReversalUndoesJustThat) {
  change(kTeam, [](NodeSettings& settings) { settings.refunds_restore = true; });
  authorize(100);
  advise(AdviceKind::capture, 100);
  EXPECT_EQ(advise(AdviceKind::refund, 30).refunded, 30);
  EXPECT_EQ(used_of(kCard, kDay), (Tally{0, 100, 1}));
  EXPECT_EQ(used_of(kTeam, kDay), (Tally{0, 70, 1}));
  change(kTeam, [](NodeSettings& settings) { settings.refunds_restore = false; });
  EXPECT_EQ(advise(AdviceKind::refund, 20).refunded, 50);
  EXPECT_EQ(used_of(kTeam, kDay), (Tally{0, 70, 1}));
  EXPECT_EQ(advise(AdviceKind::refund_reversal, 25).refunded, 25);  // of the second all, of the first five
  EXPECT_EQ(used_of(kTeam, kDay), (Tally{0, 75, 1}));
  EXPECT_EQ(advise(AdviceKind::refund_reversal).refunded, 0);
  EXPECT_EQ(used_of(kTeam, kDay), (Tally{0, 100, 1}));
  EXPECT_EQ(advise(AdviceKind::refund).refunded, 100);
}

// The news of a processor comes in any order: a reversal that overtakes its refund must not leave the card re-armed.
TEST_F(LifecycleTest, AReversalThatOvertakesItsRefundUndoesItWhenItComes) {
  change(kCard, [](NodeSettings& settings) { settings.refunds_restore = true; });
  processor_ = Processor::stripe;
  authorize(100);
  advise(AdviceKind::capture, 100);
  EXPECT_EQ(advise(AdviceKind::refund_reversal, 25).refunded, 0);
  EXPECT_EQ(advise(AdviceKind::refund, 20).posted, 0);
  EXPECT_EQ(used_of(kCard, kDay), (Tally{0, 100, 1}));
  const AdviceOutcome rest = advise(AdviceKind::refund, 20);
  EXPECT_EQ(rest.posted, -15);
  EXPECT_EQ(rest.refunded, 15);
  EXPECT_EQ(used_of(kCard, kDay), (Tally{0, 85, 1}));
}

// A caller of the native interface waits for each answer: what it reverses beyond the refunds is a mistake.
TEST_F(LifecycleTest, ANativeReversalOfMoreThanWasRefundedTakesNothingOfLaterRefunds) {
  change(kCard, [](NodeSettings& settings) { settings.refunds_restore = true; });
  authorize(100);
  advise(AdviceKind::capture, 100);
  EXPECT_EQ(advise(AdviceKind::refund_reversal, 25).refunded, 0);
  EXPECT_EQ(advise(AdviceKind::refund, 20).posted, -20);
}

TEST_F(LifecycleTest, ReleasesFollowTheBudgetsThatWereCharged) {
  authorize(100);
  change(kCard, [](NodeSettings& settings) { settings.parent = kOther; });
  authorize(10, kStart, true);
  EXPECT_EQ(used_of(kTeam, kDay), (Tally{100, 0, 1}));
  EXPECT_EQ(used_of(kOther, kDay), (Tally{10, 0, 1}));
  advise(AdviceKind::capture, 105, kStart, false);
  EXPECT_EQ(used_of(kTeam, kDay), (Tally{0, 100, 1}));
  EXPECT_EQ(used_of(kOther, kDay), (Tally{5, 5, 1}));
  change(kCard, [](NodeSettings& settings) { settings.parent = kNoNode; });
  advise(AdviceKind::reverse);
  EXPECT_EQ(used_of(kOther, kDay), (Tally{0, 5, 1}));
  EXPECT_EQ(used_of(kCard, kDay), (Tally{0, 105, 2}));
}

TEST_F(LifecycleTest, HoldsRunOutAfterTheirPeriod) {
  authorize(100);
  Authorize hotel{kCard, {}};
  hotel.request.authorization_id = "hotel";
  hotel.request.amount = 50;
  hotel.request.currency = {840};
  hotel.request.merchant.category = 7011;
  shards_.apply(hotel, kStart);
  const auto due_at = [this](Instant now) {
    std::vector<Minor> due;
    ledger_.find_run_out(now, {}, 100, [&](const Authorization& authorization) { due.push_back(authorization.held); });
    return due;
  };
  EXPECT_TRUE(due_at(kStart + 7 * 24h - 1ms).empty());
  EXPECT_EQ(due_at(kStart + 7 * 24h), std::vector<Minor>{100});
  EXPECT_EQ(due_at(kStart + 31 * 24h), (std::vector<Minor>{100, 50}));
  advise(AdviceKind::expire);
  EXPECT_EQ(due_at(kStart + 31 * 24h), std::vector<Minor>{50});
}

TEST_F(LifecycleTest, ASingleUseCardClosesAndALockedCardStaysWithItsMerchant) {
  change(kCard, [](NodeSettings& settings) {
    settings.controls.merchant_lock = true;
    settings.max_authorizations = 2;
  });
  Authorize command{kCard, {}};
  command.request.authorization_id = "x";
  command.request.currency = {840};
  command.request.merchant.id = "m_0";
  EXPECT_TRUE(std::get<Decision>(shards_.apply(command, kStart)).approved());  // a verification locks nothing
  command.request.amount = 5;
  command.request.merchant.id = "m_1";
  EXPECT_TRUE(std::get<Decision>(shards_.apply(command, kStart)).approved());
  command.request.merchant.id = "m_0";
  EXPECT_EQ(std::get<Decision>(shards_.apply(command, kStart)).reason, Reason::merchant_not_allowed);
  command.request.merchant.id = "m_1";
  EXPECT_TRUE(std::get<Decision>(shards_.apply(command, kStart)).approved());
  EXPECT_EQ(std::get<Decision>(shards_.apply(command, kStart)).reason, Reason::card_closed);
}

TEST_F(LifecycleTest, ABreakerTripsAndCountsOnThroughAChangeOfLimits) {
  change(kCard, [](NodeSettings& settings) {
    settings.limits = {{Limit::Form::amount, WindowKind::day, 0}};
    settings.loop_breaker = {2, 0, 60, 30};
  });
  EXPECT_FALSE(authorize(1).tripped);
  change(kCard, [](NodeSettings& settings) { settings.label = "renamed"; });
  EXPECT_TRUE(authorize(1).tripped);
  const Decision declined = authorize(1, kStart + 1s);
  EXPECT_EQ(declined.reason, Reason::loop_breaker);
  EXPECT_EQ(declined.retry_after, kStart + 30s);
  EXPECT_TRUE(authorize(1, kStart + 30s).tripped);
}

}  // namespace
}  // namespace holdfast::engine
