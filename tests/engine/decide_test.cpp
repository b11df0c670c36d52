#include "engine/decide.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace holdfast::engine {
namespace {

constexpr Minor kMax = std::numeric_limits<Minor>::max();
const Instant kNow = std::chrono::sys_days{std::chrono::year{2026} / 11 / 23} + std::chrono::hours{15};
const Currency kUsd{840};
const Currency kEur{978};
const Country kFrance{250};
const Country kGermany{276};

// A card on which nothing is wrong, and the request that it approves.
struct Case {
  Case() {
    profile.identity.currency = kUsd;
    request.currency = kUsd;
    request.amount = 1000;
    request.authorization_id = "a";
    request.merchant = {"m_1", "Shop", 5734, kFrance};
    node.index = 7;
    node.usage.roll(kNow, utc(), Weekday::monday);
  }

  Decision decide() {
    node.profile = &profile;
    return engine::decide(found ? std::span(&node, 1) : std::span<PathNode>{}, request, kNow);
  }
  void limit(Limit limit) { profile.settings.limits.push_back(limit); }
  void use(Minor held) { node.usage.add({held, 0, 1}, kNow); }

  NodeProfile profile;
  PathNode node;
  AuthorizationRequest request;
  bool found = true;
};

struct Failure {
  Reason reason;
  std::function<void(Case&)> inflict;
  std::string_view response_code;
  Retryable retryable;
};

// In the order of the law. Each row is applied together with every row behind it, so that the first must win.
const std::vector<Failure>& failures() {
  static const std::vector<Failure> rows = {
      {Reason::card_not_found, [](Case& c) { c.found = false; }, "14", Retryable::never},
      {Reason::card_closed, [](Case& c) { c.profile.status = NodeStatus::closed; }, "14", Retryable::never},
      {Reason::card_expired, [](Case& c) { c.profile.settings.expires_at = kNow; }, "54", Retryable::never},
      {Reason::card_frozen,
       [](Case& c) {
         if (c.profile.status == NodeStatus::active) c.profile.status = NodeStatus::frozen;
       },
       "62", Retryable::with_change},
      {Reason::currency_mismatch, [](Case& c) { c.request.currency = kEur; }, "57", Retryable::never},
      {Reason::verification_failed, [](Case& c) { c.request.verification.cvc = Check::mismatch; }, "05",
       Retryable::with_change},
      {Reason::merchant_not_allowed, [](Case& c) { c.profile.settings.controls.blocked_merchants = {"m_1"}; }, "57",
       Retryable::never},
      {Reason::category_not_allowed,
       [](Case& c) {
         c.profile.settings.controls.blocked_categories = {{5700, 5799}};
       },
       "57", Retryable::never},
      {Reason::country_not_allowed, [](Case& c) { c.profile.settings.controls.allowed_countries = {kGermany}; }, "57",
       Retryable::never},
      {Reason::authorization_limit,
       [](Case& c) {
         c.limit({Limit::Form::amount, WindowKind::authorization, 999});
       },
       "61", Retryable::with_change},
      {Reason::count_limit,
       [](Case& c) {
         c.node.usage.count[usage_index(WindowKind::day)] = 3;
         c.limit({Limit::Form::count, WindowKind::day, 3});
       },
       "65", Retryable::after},
      {Reason::card_limit,
       [](Case& c) {
         c.limit({Limit::Form::amount, WindowKind::lifetime, 999});
       },
       "51", Retryable::with_change},
  };
  return rows;
}

TEST(Decide, ApprovesWhenNothingIsWrong) {
  Case c;
  const Decision decision = c.decide();
  EXPECT_TRUE(decision.approved());
  EXPECT_EQ(decision.approved_amount, 1000);
  EXPECT_EQ(decision.held, 1000);
  EXPECT_EQ(decision.decided_at, kNow);
  EXPECT_EQ(decision.declined_by, DeclinedBy{});
}

TEST(Decide, EachReasonIsGivenAloneWithItsCodeAndAdvice) {
  for (const Failure& failure : failures()) {
    Case c;
    failure.inflict(c);
    const Decision decision = c.decide();
    EXPECT_EQ(reason_name(decision.reason), reason_name(failure.reason));
    EXPECT_EQ(response_code(decision.reason, decision.lifetime_limit), failure.response_code)
        << reason_name(failure.reason);
    EXPECT_EQ(retryable_name(decision.retryable), retryable_name(failure.retryable)) << reason_name(failure.reason);
    EXPECT_EQ(decision.approved_amount, 0);
    EXPECT_EQ(decision.held, 0);
  }
}

TEST(Decide, TheFirstFailingCheckNamesTheReasonWhateverElseFails) {
  for (std::size_t first = 0; first < failures().size(); ++first) {
    for (std::size_t also = first + 1; also < failures().size(); ++also) {
      Case c;
      failures()[also].inflict(c);
      failures()[first].inflict(c);
      EXPECT_EQ(reason_name(c.decide().reason), reason_name(failures()[first].reason))
          << "with " << reason_name(failures()[also].reason);
    }
    Case all;
    for (std::size_t i = failures().size(); i-- > first;)
      failures()[i].inflict(all);
    EXPECT_EQ(reason_name(all.decide().reason), reason_name(failures()[first].reason)) << "with all behind it";
  }
}

TEST(Decide, EqualToTheLimitApprovesAndOneMoreDeclines) {
  struct Row {
    Minor limit;
    Minor used;
    Minor amount;
    bool approved;
    Minor would_approve;
  };
  const Row rows[] = {
      {1000, 0, 1000, true, 0},
      {1000, 0, 1001, false, 1000},
      {1000, 999, 1, true, 0},
      {1000, 1000, 1, false, 0},
      {1000, 1500, 1, false, 0},  // lowered below what is used
      {0, 0, 1, false, 0},
      {kMax, 0, kMax, true, 0},
      {kMax, 1, kMax, false, kMax - 1},
      {kMax, kMax, 1, false, 0},
      {kMax - 1, 0, kMax, false, kMax - 1},
  };
  for (const WindowKind window : {WindowKind::hour, WindowKind::day, WindowKind::week, WindowKind::month,
                                  WindowKind::year, WindowKind::lifetime}) {
    for (const Row& row : rows) {
      Case c;
      c.limit({Limit::Form::amount, window, row.limit});
      if (row.used > 0) c.use(row.used);
      c.request.amount = row.amount;
      const Decision decision = c.decide();
      EXPECT_EQ(decision.approved(), row.approved)
          << window_name(window) << " limit " << row.limit << " used " << row.used << " amount " << row.amount;
      EXPECT_EQ(decision.would_approve, row.would_approve)
          << window_name(window) << " limit " << row.limit << " used " << row.used << " amount " << row.amount;
    }
  }
}

TEST(Decide, ACardWithoutLimitsStillCannotCountPast64Bits) {
  Case c;
  c.use(kMax - 10);
  c.request.amount = 11;
  const Decision decision = c.decide();
  EXPECT_EQ(decision.reason, Reason::card_limit);
  EXPECT_EQ(decision.would_approve, 10);
  EXPECT_EQ(decision.declined_by.limit, -1);
}

TEST(Decide, AVerificationOfZeroPassesLimitsThatAreUsedUpButNotControls) {
  Case c;
  c.limit({Limit::Form::amount, WindowKind::lifetime, 0});
  c.limit({Limit::Form::count, WindowKind::day, 0});
  c.request.amount = 0;
  Decision decision = c.decide();
  EXPECT_TRUE(decision.approved());
  EXPECT_EQ(decision.held, 0);
  c.profile.status = NodeStatus::frozen;
  EXPECT_EQ(c.decide().reason, Reason::card_frozen);
}

TEST(Decide, NamesTheLimitThatFailedAndWhenItOpens) {
  Case c;
  c.limit({Limit::Form::amount, WindowKind::authorization, 5000});
  c.limit({Limit::Form::amount, WindowKind::hour, 1500});
  c.use(1000);
  const Decision decision = c.decide();
  EXPECT_EQ(decision.reason, Reason::card_limit);
  EXPECT_EQ(decision.declined_by, (DeclinedBy{7, 1}));
  EXPECT_EQ(decision.retryable, Retryable::after);
  EXPECT_EQ(decision.retry_after, kNow + std::chrono::hours{1});
  EXPECT_EQ(decision.would_approve, 500);
  EXPECT_EQ(response_code(decision.reason, decision.lifetime_limit), "61");
}

TEST(Decide, WaitingIsNotAdvisedForAnAmountThatNoWindowCanHold) {
  Case c;
  c.limit({Limit::Form::amount, WindowKind::day, 500});
  const Decision decision = c.decide();
  EXPECT_EQ(decision.retryable, Retryable::with_change);
  EXPECT_EQ(decision.retry_after, kNoInstant);
}

TEST(Decide, WaitsForTheLastOfTheWindowsThatFail) {
  Case c;
  c.limit({Limit::Form::amount, WindowKind::hour, 1500});
  c.limit({Limit::Form::amount, WindowKind::day, 1500});
  c.use(1000);
  const Decision decision = c.decide();
  EXPECT_EQ(decision.declined_by.limit, 0);
  EXPECT_EQ(decision.retry_after, kNow + std::chrono::hours{9});
}

TEST(Decide, WouldApproveIsNothingWhenTheCountIsUsedUp) {
  Case c;
  c.limit({Limit::Form::amount, WindowKind::day, 1500});
  c.limit({Limit::Form::count, WindowKind::day, 1});
  c.use(1000);
  EXPECT_EQ(c.decide().reason, Reason::count_limit);
  EXPECT_EQ(c.decide().would_approve, 0);
}

struct PartialRow {
  bool merchant_can;
  bool card_allows;
  Minor used;
  Minor cash;
  Minor approved;  // 0: declined
};

TEST(Decide, ApprovesPartOnlyWhereBothSidesCanAndTheCashIsCovered) {
  const PartialRow rows[] = {
      {true, true, 1400, 0, 600}, {true, true, 1999, 0, 1},     {true, true, 2000, 0, 0},   {false, true, 1400, 0, 0},
      {true, false, 1400, 0, 0},  {true, true, 1400, 600, 600}, {true, true, 1400, 601, 0}, {true, true, 1000, 0, 1000},
  };
  for (const PartialRow& row : rows) {
    Case c;
    c.limit({Limit::Form::amount, WindowKind::lifetime, 2000});
    c.use(row.used);
    c.request.partial_approval = row.merchant_can;
    c.profile.settings.controls.partial_approval = row.card_allows;
    c.request.cash_amount = row.cash;
    const Decision decision = c.decide();
    EXPECT_EQ(decision.approved_amount, row.approved) << "used " << row.used << " cash " << row.cash;
    EXPECT_EQ(decision.approved(), row.approved > 0);
    EXPECT_EQ(decision.held, row.approved);
  }
}

TEST(Decide, NeverApprovesPartOfWhatAControlRefuses) {
  Case c;
  c.request.partial_approval = true;
  c.limit({Limit::Form::amount, WindowKind::lifetime, 500});
  c.profile.settings.controls.blocked_merchants = {"m_1"};
  EXPECT_EQ(c.decide().reason, Reason::merchant_not_allowed);
  EXPECT_EQ(c.decide().would_approve, 0);
}

TEST(Decide, AllowListsRefuseWhatTheRequestDoesNotSay) {
  Case c;
  c.profile.settings.controls.allowed_categories = {{0, 9999}};
  c.request.merchant.category = kNoCategory;
  EXPECT_EQ(c.decide().reason, Reason::category_not_allowed);
  c.profile.settings.controls = {};
  c.profile.settings.controls.allowed_countries = {kFrance};
  c.request.merchant.country = {};
  EXPECT_EQ(c.decide().reason, Reason::country_not_allowed);
  c.profile.settings.controls = {};
  c.profile.settings.controls.allowed_merchants = {"m_1"};
  c.request.merchant.id = {};
  EXPECT_EQ(c.decide().reason, Reason::merchant_not_allowed);
}

TEST(Decide, CategoryRangesIncludeBothEnds) {
  for (const auto& [category, blocked] :
       std::vector<std::pair<CategoryCode, bool>>{{2999, false}, {3000, true}, {3299, true}, {3300, false}}) {
    Case c;
    c.profile.settings.controls.blocked_categories = {{3000, 3299}};
    c.request.merchant.category = category;
    EXPECT_EQ(c.decide().approved(), !blocked) << category;
  }
}

TEST(Decide, CashMeansItsCategoriesAndAnyCashPart) {
  for (const CategoryCode category : std::initializer_list<CategoryCode>{6010, 6011, 4829, 6051}) {
    Case c;
    c.profile.settings.controls.cash = false;
    c.request.merchant.category = category;
    EXPECT_EQ(c.decide().reason, Reason::category_not_allowed) << category;
    c.profile.settings.controls.cash = true;
    EXPECT_TRUE(c.decide().approved()) << category;
  }
  Case cash_back;
  cash_back.profile.settings.controls.cash = false;
  cash_back.request.cash_amount = 1;
  EXPECT_EQ(cash_back.decide().reason, Reason::category_not_allowed);
}

TEST(Decide, ThePrintedMonthIsGoodThroughItsLastMillisecond) {
  Case c;
  c.profile.identity.expiry_month = 11;
  c.profile.identity.expiry_year = 2026;
  c.node.profile = &c.profile;
  const Instant end = std::chrono::sys_days{std::chrono::year{2026} / 12 / 1};
  const auto at = [&](Instant now) { return engine::decide(std::span(&c.node, 1), c.request, now); };
  EXPECT_TRUE(at(end - std::chrono::milliseconds{1}).approved());
  EXPECT_EQ(at(end).reason, Reason::card_expired);
}

TEST(Decide, ABudgetOnThePathDeclinesInItsOwnName) {
  Case c;
  c.node.profile = &c.profile;
  PathNode path[] = {c.node, c.node};
  NodeProfile team;
  team.settings.limits = {{Limit::Form::amount, WindowKind::day, 900}};
  path[1].index = 9;
  path[1].profile = &team;
  const Decision decision = engine::decide(path, c.request, kNow);
  EXPECT_EQ(decision.reason, Reason::budget_limit);
  EXPECT_EQ(decision.declined_by, (DeclinedBy{9, 0}));
  EXPECT_EQ(decision.would_approve, 900);
}

}  // namespace
}  // namespace holdfast::engine
