#include "net/desk.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <string>
#include <vector>

#include "engine/record.h"
#include "tests/net/fake_journal.h"

namespace holdfast::net {
namespace {

using namespace std::chrono_literals;
using engine::JournalHealth;
using engine::Reason;

const engine::Instant kNow = std::chrono::sys_days{std::chrono::year{2026} / 11 / 24} + 15h;

// The answers that one request was given; there must never be more than one.
struct Landed : FlightOwner {
  std::vector<Answer> answers;
  void landed(Flight&, const Answer& answer) override { answers.push_back(answer); }
  void released(Flight&) override { is_released = true; }
  bool is_released = false;

  const Answer& only() const {
    EXPECT_EQ(answers.size(), 1U);
    return answers.front();
  }
};

// Desks of several loops on one thread; a loop can be held up, so that nothing of it runs.
class DeskTest : public ::testing::Test {
 protected:
  static constexpr unsigned kLoops = 2;
  static constexpr std::size_t kFlights = 32;

  DeskTest() {
    std::vector<std::function<void()>> wakers;
    for (unsigned i = 0; i < kLoops; ++i) {
      contexts_.push_back(std::make_unique<boost::asio::io_context>(1));
      wakers.push_back([this, i] {
        if (i != unwoken_) wake(i);
      });
      journal_.set_waker(i, [this, i] { boost::asio::post(*contexts_[i], [this, i] { desks_[i]->on_journal(); }); });
    }
    crossing_ = std::make_unique<Crossing>(std::move(wakers));
    for (unsigned i = 0; i < kLoops; ++i) {
      desks_.push_back(std::make_unique<Desk>(i, kFlights, shards_, journal_, late_answers_, *crossing_, *contexts_[i],
                                              counters_[i]));
    }
  }

  engine::NodeIndex make_card(engine::Minor limit, unsigned owner) {
    engine::CreateNode command;
    do {
      command.node = shards_.nodes().cards.allocate();
    } while (shards_.owner_of(command.node) != owner);
    command.identity.id = {1, command.node};
    command.identity.currency = {840};
    command.settings.limits = {{engine::Limit::Form::amount, engine::WindowKind::lifetime, limit}};
    shards_[owner].ledger.apply(command, kNow);
    return command.node;
  }

  // An id whose message's home is that loop.
  std::string id_at(unsigned home, int number) {
    for (int i = 0;; ++i) {
      std::string id = "id-" + std::to_string(number) + "-" + std::to_string(i);
      if (shards_.home_of(shards_[0].messages.key_of({"api", id, 0})) == home) return id;
    }
  }

  Flight* launch(Landed& landed, engine::NodeIndex card, const std::string& id, engine::Minor amount,
                 unsigned origin = 0, std::chrono::milliseconds deadline = 1h, std::uint64_t content = 1) {
    Flight* flight = desks_[origin]->take();
    if (flight == nullptr) return nullptr;
    flight->owner = &landed;
    flight->is_authorization = true;
    flight->first_byte = std::chrono::steady_clock::now();
    flight->deadline = flight->first_byte + deadline;
    flight->now = kNow;
    engine::Authorize command{card, {}};
    command.request.authorization_id = flight->keep(id);
    command.request.amount = amount;
    command.request.currency = {840};
    flight->message = {"api", command.request.authorization_id, content};
    flight->command = command;
    desks_[origin]->launch(*flight);
    return flight;
  }

  // Runs what is ready on every loop but the one that is held up.
  void run(unsigned held_up = kLoops) {
    for (bool moved = true; moved;) {
      moved = false;
      for (unsigned i = 0; i < kLoops; ++i) {
        if (i == held_up) continue;
        contexts_[i]->restart();
        moved = contexts_[i]->poll() != 0 || moved;
      }
    }
  }
  void finish() {
    do {
      run();
    } while (journal_.commit());
    run();
  }
  void wake(unsigned loop) {
    boost::asio::post(*contexts_[loop], [this, loop] { desks_[loop]->on_crossing(); });
  }
  // Commits while the origin, loop 0, does not look at its answers, until it gives up; then lets it look.
  void answer_too_late_for_the_origin(const Landed& landed) {
    unwoken_ = 0;
    journal_.commit();
    run();
    EXPECT_TRUE(landed.answers.empty());
    wait_for_timers(0, landed);
    unwoken_ = kLoops;
    wake(0);
    finish();
  }
  // Waits for the timers of one loop until the request is answered.
  void wait_for_timers(unsigned loop, const Landed& landed, unsigned held_up = kLoops) {
    const auto give_up = std::chrono::steady_clock::now() + 10s;
    while (landed.answers.empty()) {
      ASSERT_LT(std::chrono::steady_clock::now(), give_up) << "no timer fired";
      contexts_[loop]->restart();
      contexts_[loop]->run_one_for(20ms);
      run(held_up);
    }
  }

  engine::Minor held(engine::NodeIndex card) {
    return shards_.nodes().cards.find(card)->balance.load().usage.held[engine::usage_index(
        engine::WindowKind::lifetime)];
  }
  std::size_t records_of(std::uint8_t type) const {
    std::size_t count = 0;
    for (const engine::Bytes& record : journal_.durable())
      if (record[0] == std::byte{type}) ++count;
    return count;
  }
  void expect_all_flights_back() {
    for (const auto& desk : desks_)
      EXPECT_EQ(desk->under_way(), 0U);
  }

  engine::Shards shards_{kLoops, {}, 0, 64};
  FakeJournal journal_{kLoops};
  FakeLateAnswers late_answers_;
  unsigned unwoken_ = kLoops;  // a loop that other loops do not wake
  DeskCounters counters_[kLoops];
  std::vector<std::unique_ptr<boost::asio::io_context>> contexts_;
  std::unique_ptr<Crossing> crossing_;
  std::vector<std::unique_ptr<Desk>> desks_;
};

// Where the message's home and the card's owner are, relative to the origin, which is loop 0.
struct Places {
  unsigned home;
  unsigned owner;
};

class DeskPlacesTest : public DeskTest, public ::testing::WithParamInterface<Places> {
 protected:
  std::string id(int number) { return id_at(GetParam().home, number); }
  engine::NodeIndex card(engine::Minor limit) { return make_card(limit, GetParam().owner); }
};

INSTANTIATE_TEST_SUITE_P(Everywhere, DeskPlacesTest,
                         ::testing::Values(Places{0, 0}, Places{0, 1}, Places{1, 0}, Places{1, 1}),
                         [](const auto& param) {
                           return "Home" + std::to_string(param.param.home) + "Owner" +
                                  std::to_string(param.param.owner);
                         });

TEST_P(DeskPlacesTest, AnswersOnlyAfterTheCommit) {
  Landed landed;
  const auto spent = card(100);
  launch(landed, spent, id(1), 60);
  run();
  EXPECT_TRUE(landed.answers.empty()) << "decided, but not durable";
  EXPECT_EQ(held(spent), 60);
  EXPECT_EQ(journal_.pending(), 1U);
  finish();
  EXPECT_EQ(landed.only().kind, Answer::Kind::decided);
  EXPECT_TRUE(landed.only().decision.approved());
  EXPECT_EQ(journal_.marked(), std::vector<engine::Sequence>{1}) << "marked as sent before it was";
  expect_all_flights_back();
}

TEST_P(DeskPlacesTest, ADeclineIsJournaledButNeedsNoMark) {
  Landed landed;
  launch(landed, card(100), id(1), 101);
  run();
  EXPECT_TRUE(landed.answers.empty());
  finish();
  EXPECT_EQ(landed.only().decision.reason, Reason::card_limit);
  EXPECT_EQ(journal_.durable().size(), 1U);
  EXPECT_TRUE(journal_.marked().empty());
}

TEST_P(DeskPlacesTest, RepeatsInFlightWaitForTheFirstAndGetItsAnswer) {
  const auto spent = card(100);
  std::vector<Landed> landed(20);
  for (std::size_t i = 0; i < landed.size(); ++i)
    launch(landed[i], spent, id(1), 60, static_cast<unsigned>(i % kLoops));
  run();
  for (const Landed& each : landed)
    EXPECT_TRUE(each.answers.empty());
  finish();
  for (const Landed& each : landed) {
    EXPECT_EQ(each.only().kind, Answer::Kind::decided);
    EXPECT_EQ(each.only().decision, landed[0].only().decision);
  }
  EXPECT_EQ(held(spent), 60);
  EXPECT_EQ(journal_.durable().size(), 1U);
  Landed later;
  launch(later, spent, id(1), 60, 1);
  run();
  EXPECT_EQ(later.only().decision, landed[0].only().decision);
  EXPECT_TRUE(later.only().repeated);
  expect_all_flights_back();
}

TEST_P(DeskPlacesTest, AnIdWithOtherContentIsAConflictWhileAndAfterTheFirstIsUnderWay) {
  const auto spent = card(100);
  const auto other = make_card(100, 1 - GetParam().owner);
  Landed first;
  Landed during;
  Landed after;
  launch(first, spent, id(1), 60);
  run();
  launch(during, other, id(1), 60, 1, 1h, 2);
  run();
  EXPECT_EQ(during.only().kind, Answer::Kind::conflict);
  finish();
  launch(after, other, id(1), 60, 0, 1h, 2);
  run();
  EXPECT_EQ(after.only().kind, Answer::Kind::conflict);
  EXPECT_EQ(held(spent), 60);
  EXPECT_EQ(held(other), 0);
  expect_all_flights_back();
}

TEST_P(DeskPlacesTest, AtTheDeadlineTheAnswerIsADeclineAndTheLateApprovalIsUndone) {
  const auto spent = card(100);
  Landed landed;
  launch(landed, spent, id(1), 60, 0, 20ms);
  run();
  wait_for_timers(GetParam().home, landed);
  run();
  EXPECT_EQ(landed.only().kind, Answer::Kind::late);
  EXPECT_EQ(landed.only().decision.reason, Reason::deadline_exceeded);
  EXPECT_EQ(held(spent), 60) << "still reserved: the commit is under way";
  EXPECT_EQ(late_answers_.noted().size(), 1U) << "a kill takes the decision along, and not what was answered";
  finish();
  EXPECT_TRUE(late_answers_.noted().empty()) << "the journal has it";
  EXPECT_EQ(held(spent), 0);
  EXPECT_EQ(records_of(engine::Withdraw::kType), 1U);
  EXPECT_TRUE(journal_.marked().empty()) << "an approval that was never sent";
  EXPECT_EQ(counters_[GetParam().home].late_approvals_undone.get(), 1U);
  Landed retry;
  launch(retry, spent, id(1), 60);
  run();
  EXPECT_EQ(retry.only().decision, landed.only().decision) << "the same final answer as the first";
  expect_all_flights_back();
}

TEST_P(DeskPlacesTest, OneLateDeliveryDecidesForAllOfThem) {
  const auto spent = card(100);
  Landed impatient;
  Landed patient;
  launch(patient, spent, id(1), 60, 0, 1h);
  launch(impatient, spent, id(1), 60, 1, 20ms);
  run();
  wait_for_timers(GetParam().home, GetParam().home == 1 ? impatient : patient);
  run();
  EXPECT_EQ(impatient.only().kind, Answer::Kind::late);
  EXPECT_EQ(patient.only().kind, Answer::Kind::late);
  Landed repeat;
  launch(repeat, spent, id(1), 60);
  run();
  EXPECT_EQ(repeat.only().decision, impatient.only().decision) << "before the commit";
  finish();
  EXPECT_EQ(held(spent), 0);
  expect_all_flights_back();
}

TEST_P(DeskPlacesTest, ALateDeclineKeepsTheAnswerThatWasSentAlsoInTheJournal) {
  const auto spent = card(100);
  Landed landed;
  launch(landed, spent, id(1), 101, 0, 20ms);
  run();
  wait_for_timers(GetParam().home, landed);
  finish();
  EXPECT_EQ(records_of(engine::Withdraw::kType), 1U);
  EXPECT_EQ(counters_[GetParam().home].late_approvals_undone.get(), 0U);
  engine::Shards restarted(1, {}, 0, 64);
  engine::CreateNode create;
  create.node = spent;
  create.identity.currency = {840};
  create.settings.limits = {{engine::Limit::Form::amount, engine::WindowKind::lifetime, 100}};
  restarted.apply(create, kNow);
  for (std::size_t i = 0; i < journal_.durable().size(); ++i) {
    ASSERT_FALSE(restarted.replay(i + 1, journal_.durable()[i]));
  }
  const engine::Message* kept = restarted[0].messages.find(restarted[0].messages.key_of({"api", id(1), 0}));
  ASSERT_NE(kept, nullptr);
  EXPECT_EQ(kept->decision, landed.only().decision);
}

TEST_P(DeskPlacesTest, RefusesAtOnceWhatTheStoreCannotTake) {
  const auto spent = card(100);
  const auto refused_as = [&](Reason reason, int number) {
    Landed landed;
    launch(landed, spent, id(number), 60);
    run();
    EXPECT_EQ(landed.only().kind, Answer::Kind::refused);
    EXPECT_EQ(landed.only().decision.reason, reason);
    EXPECT_EQ(held(spent), 0) << "nothing reserved";
  };
  journal_.set_health(JournalHealth::out_of_space);
  refused_as(Reason::storage_unavailable, 1);
  journal_.set_health(JournalHealth::ready);
  journal_.set_expected_wait(2h);
  refused_as(Reason::overloaded, 2);
  journal_.set_expected_wait(0us);
  journal_.set_room(false);
  refused_as(Reason::overloaded, 3);
  journal_.set_room(true);
  for (const int number : {1, 2, 3}) {
    Landed again;
    launch(again, spent, id(number), 10);
    finish();
    EXPECT_TRUE(again.only().decision.approved()) << "a refusal is not remembered";
  }
  expect_all_flights_back();
}

TEST_P(DeskPlacesTest, AWithdrawalWaitsForRoomAndIsNotLost) {
  const auto spent = card(100);
  Landed landed;
  launch(landed, spent, id(1), 60, 0, 20ms);
  run();
  wait_for_timers(GetParam().home, landed);
  journal_.set_room(false);
  journal_.commit();
  run();
  EXPECT_EQ(held(spent), 60);
  journal_.set_room(true);
  journal_.wake(GetParam().owner);
  finish();
  EXPECT_EQ(held(spent), 0);
  expect_all_flights_back();
}

TEST_P(DeskPlacesTest, NothingIsApprovedOnceTheJournalHasFailed) {
  const auto spent = card(100);
  Landed under_way;
  launch(under_way, spent, id(1), 60);
  run();
  journal_.set_health(JournalHealth::failed);
  for (unsigned i = 0; i < kLoops; ++i)
    journal_.wake(i);
  run();
  EXPECT_EQ(under_way.only().decision.reason, Reason::storage_unavailable);
  Landed later;
  launch(later, spent, id(2), 1);
  run();
  EXPECT_EQ(later.only().decision.reason, Reason::storage_unavailable);
  EXPECT_TRUE(journal_.marked().empty());
}

TEST_F(DeskTest, SettlesWhatItsHomesHaveHandledAndNoMore) {
  const auto spent = make_card(100, 0);
  Landed first;
  launch(first, spent, id_at(1, 1), 10);
  run();
  journal_.commit();
  run(1);  // the home is held up: the record is durable, its answer is not out
  Landed second;
  launch(second, spent, id_at(0, 2), 10);
  run(1);
  journal_.commit();
  run(1);
  EXPECT_EQ(journal_.settled(0), 0U);
  run();
  Landed third;
  launch(third, spent, id_at(0, 3), 10);
  finish();
  EXPECT_EQ(journal_.settled(0), 3U);
}

TEST_F(DeskTest, SettlesAlsoWhatItsHomeHandledAfterTheLastCommit) {
  const auto spent = make_card(100, 0);
  Landed landed;
  launch(landed, spent, id_at(1, 1), 10);
  finish();
  EXPECT_EQ(journal_.settled(0), 0U) << "its home was not through when the owner heard of the commit";
  desks_[0]->report_settled();
  EXPECT_EQ(journal_.settled(0), 1U);
}

TEST_P(DeskPlacesTest, ALateApprovalIsNotSettledBeforeItsWithdrawalIsDurable) {
  Landed landed;
  launch(landed, card(100), id(1), 60, 0, 20ms);
  run();
  wait_for_timers(GetParam().home, landed);
  run();
  journal_.commit();
  run();  // durable, and its withdrawal is on the way
  desks_[GetParam().owner]->report_settled();
  EXPECT_EQ(journal_.settled(GetParam().owner), 0U);
  finish();
  desks_[GetParam().owner]->report_settled();
  EXPECT_EQ(journal_.settled(GetParam().owner), 2U);
}

TEST_P(DeskPlacesTest, NoApprovalLeavesAfterItsDeadlineThoughTheLoopWasHeldUp) {
  const auto spent = card(100);
  Landed landed;
  Flight* flight = launch(landed, spent, id(1), 60, 0, 300ms);
  const SteadyTime deadline = flight->deadline;
  run();
  if (!landed.answers.empty()) GTEST_FAIL() << "the machine took 300 ms for nothing";
  while (std::chrono::steady_clock::now() < deadline) {
  }  // the loops do not turn
  journal_.commit();
  finish();
  EXPECT_EQ(landed.only().decision.reason, Reason::deadline_exceeded);
  EXPECT_EQ(held(spent), 0);
  EXPECT_TRUE(journal_.marked().empty());
}

TEST_F(DeskTest, ADeclineThatLeftBeforeItsRequestWasRefusedIsKeptByTheJournal) {
  const auto there = make_card(100, 1);
  const std::string id = id_at(0, 1);
  Landed landed;
  launch(landed, there, id, 60, 0, 20ms);
  run(1);
  wait_for_timers(0, landed, 1);
  EXPECT_EQ(landed.only().decision.reason, Reason::deadline_exceeded) << "the owner is held up";
  journal_.set_room(false);
  run();
  EXPECT_EQ(late_answers_.noted().size(), 1U) << "refused, and not in the journal";
  journal_.set_room(true);
  journal_.wake(1);
  finish();
  EXPECT_TRUE(late_answers_.noted().empty());
  EXPECT_EQ(held(there), 0);
  engine::Shards restarted(1, {}, 0, 64);
  ASSERT_EQ(journal_.durable().size(), 1U);
  ASSERT_FALSE(restarted.replay(1, journal_.durable()[0]));
  const engine::Message* kept = restarted[0].messages.find(restarted[0].messages.key_of({"api", id, 0}));
  ASSERT_NE(kept, nullptr);
  EXPECT_EQ(kept->decision, landed.only().decision);
  Landed retry;
  launch(retry, there, id, 60);
  run();
  EXPECT_EQ(retry.only().decision, landed.only().decision);
  expect_all_flights_back();
}

TEST_F(DeskTest, AHomeThatIsHeldUpHoldsUpNobodyElse) {
  const auto here = make_card(100, 0);
  Landed waiting;
  launch(waiting, here, id_at(1, 1), 60, 0, 20ms);
  Landed quick;
  launch(quick, here, id_at(0, 2), 10);
  run(1);
  journal_.commit();
  run(1);
  EXPECT_TRUE(quick.only().decision.approved());
  wait_for_timers(0, waiting, 1);
  EXPECT_EQ(waiting.only().decision.reason, Reason::deadline_exceeded) << "the origin answers in its place";
  finish();  // the home comes back, and its decision is late
  EXPECT_EQ(held(here), 10);
  EXPECT_EQ(waiting.answers.size(), 1U);
  expect_all_flights_back();
}

TEST_F(DeskTest, AnApprovalThatTheOriginNoLongerWaitedForIsUndone) {
  const auto there = make_card(100, 1);
  const std::string id = id_at(1, 1);
  Landed landed;
  launch(landed, there, id, 60, 0, 20ms);
  run();  // decided, and on its way to disk
  wait_for_timers(0, landed, 1);
  EXPECT_EQ(landed.only().decision.reason, Reason::deadline_exceeded) << "home and owner are held up";
  EXPECT_EQ(held(there), 60);
  EXPECT_EQ(late_answers_.noted().size(), 1U);
  finish();  // they go on with a commit that has come in the meantime
  EXPECT_EQ(landed.answers.size(), 1U);
  EXPECT_TRUE(late_answers_.noted().empty());
  EXPECT_EQ(held(there), 0);
  Landed retry;
  launch(retry, there, id, 60);
  finish();
  EXPECT_EQ(retry.only().decision.reason, Reason::deadline_exceeded);
  expect_all_flights_back();
}

TEST_F(DeskTest, ADeclineThatTheOriginAnsweredOtherwiseGivesWayToThatAnswer) {
  const auto there = make_card(100, 1);
  const std::string id = id_at(1, 1);
  Landed landed;
  launch(landed, there, id, 101, 0, 100ms);
  run();
  answer_too_late_for_the_origin(landed);
  EXPECT_EQ(landed.only().decision.reason, Reason::deadline_exceeded);
  Landed retry;
  launch(retry, there, id, 101);
  finish();
  EXPECT_EQ(retry.only().decision, landed.only().decision);
  expect_all_flights_back();
}

TEST_F(DeskTest, AChangeThatTheOriginNoLongerWaitedForStands) {
  const auto there = make_card(100, 1);
  const std::string id = id_at(1, 1);
  Landed landed;
  Flight* flight = desks_[0]->take();
  flight->owner = &landed;
  flight->deadline = std::chrono::steady_clock::now() + 100ms;
  flight->now = kNow;
  flight->message = {"api", flight->keep(id), 1};
  flight->command = engine::SetNodeStatus{there, engine::NodeStatus::frozen};
  desks_[0]->launch(*flight);
  run();
  answer_too_late_for_the_origin(landed);
  EXPECT_EQ(landed.only().kind, Answer::Kind::late) << "the caller is told that it may still be made";
  EXPECT_EQ(shards_.nodes().cards.find(there)->profile.load()->status, engine::NodeStatus::frozen);
  EXPECT_EQ(records_of(engine::Withdraw::kType), 0U);
  expect_all_flights_back();
}

// A card that joins a tree goes to loop 0 with all its authorizations.
class DeskTreeTest : public DeskTest {
 protected:
  DeskTreeTest() {
    engine::CreateNode team{kTeam, {}, {}};
    team.identity.id = {2, 2};
    team.identity.currency = {840};
    team.settings.limits = {{engine::Limit::Form::amount, engine::WindowKind::lifetime, 100}};
    shards_.apply(team, kNow);
  }

  void attach(Landed& landed, engine::NodeIndex card, unsigned origin) {
    Flight* flight = desks_[origin]->take();
    flight->owner = &landed;
    flight->deadline = std::chrono::steady_clock::now() + 1h;
    flight->now = kNow;
    engine::ChangeNode command{card, shards_.nodes().profile(card)->settings};
    command.settings.parent = kTeam;
    flight->command = command;
    desks_[origin]->launch(*flight);
  }

  static constexpr engine::NodeIndex kTeam = engine::kBudgetBit | 1;
};

TEST_F(DeskTreeTest, WhatTheOldOwnerDecidedIsDurableBeforeTheNewOneBegins) {
  const auto card = make_card(1000, 1);
  Landed before;
  Landed attached;
  Landed after;
  launch(before, card, id_at(1, 1), 60);
  run();
  attach(attached, card, 0);
  run();
  launch(after, card, id_at(1, 2), 70);
  run();
  EXPECT_EQ(journal_.pending(), 1U) << "the rest waits for the commit of what was decided before";
  finish();
  EXPECT_TRUE(before.only().decision.approved());
  EXPECT_EQ(attached.only().kind, Answer::Kind::decided);
  EXPECT_TRUE(after.only().decision.approved());
  EXPECT_EQ(shards_.owner_of(card), 0U);
  EXPECT_EQ(held(card), 130);
  const auto& ledger = shards_[0].ledger;
  EXPECT_EQ(ledger.authorizations(), 2U) << "the old one came along";
  EXPECT_EQ(ledger.path_of(kTeam, kNow).nodes[0].usage.tally(5).held, 70) << "and was not the team's";
  Landed over;
  launch(over, card, id_at(0, 3), 31);
  finish();
  EXPECT_EQ(over.only().decision.reason, Reason::budget_limit);
  expect_all_flights_back();
}

TEST_F(DeskTreeTest, ALateApprovalOfTheOldOwnerIsUndoneByTheNewOne) {
  const auto card = make_card(1000, 1);
  Landed late;
  Landed attached;
  launch(late, card, id_at(1, 1), 60, 0, 20ms);
  run();
  attach(attached, card, 1);
  wait_for_timers(1, late);
  EXPECT_EQ(late.only().kind, Answer::Kind::late);
  finish();
  EXPECT_EQ(attached.only().kind, Answer::Kind::decided);
  EXPECT_EQ(held(card), 0);
  EXPECT_EQ(records_of(engine::Withdraw::kType), 1U);
  expect_all_flights_back();
}

TEST_F(DeskTreeTest, ACardThatIsAttachedTwiceAtOnceMovesOnce) {
  const auto card = make_card(1000, 1);
  Landed spent;
  Landed first;
  Landed second;
  launch(spent, card, id_at(0, 1), 60);
  run();
  attach(first, card, 0);
  attach(second, card, 1);
  finish();
  EXPECT_EQ(first.only().kind, Answer::Kind::decided);
  EXPECT_EQ(second.only().kind, Answer::Kind::decided);
  EXPECT_EQ(shards_.nodes().profile(card)->version, 3U);
  expect_all_flights_back();
}

TEST_F(DeskTest, AHoldThatHasRunOutIsReleasedByARecordOfItsOwn) {
  const auto card = make_card(100, 1);
  Landed landed;
  launch(landed, card, id_at(0, 1), 60);
  finish();
  desks_[1]->expire_holds(kNow + 7 * 24h - 1ms, {});
  finish();
  EXPECT_EQ(held(card), 60);
  desks_[1]->expire_holds(kNow + 7 * 24h, {});
  EXPECT_EQ(held(card), 0);
  finish();
  EXPECT_EQ(records_of(engine::Advise::kType), 1U);
  expect_all_flights_back();
}

TEST_F(DeskTest, ADryRunDecidesAndLeavesNoTrace) {
  const auto here = make_card(100, 1);
  Landed landed;
  Flight* flight = desks_[0]->take();
  flight->owner = &landed;
  flight->is_authorization = true;
  flight->dry_run = true;
  flight->deadline = std::chrono::steady_clock::now() + 1h;
  flight->now = kNow;
  engine::Authorize command{here, {}};
  command.request.authorization_id = "dry";
  command.request.amount = 60;
  command.request.currency = {840};
  flight->message = {"api", "dry", 1};
  flight->command = command;
  desks_[0]->launch(*flight);
  run();
  EXPECT_EQ(landed.only().decision.approved_amount, 60);
  EXPECT_EQ(held(here), 0);
  EXPECT_EQ(journal_.pending(), 0U);
  expect_all_flights_back();
}

TEST_F(DeskTest, FlightsAreBoundedAndCounted) {
  std::vector<Flight*> taken;
  for (std::size_t i = 0; i < kFlights; ++i)
    taken.push_back(desks_[0]->take());
  EXPECT_EQ(desks_[0]->take(), nullptr);
  EXPECT_EQ(counters_[0].flights_exhausted.get(), 1U);
  for (Flight* flight : taken)
    desks_[0]->give_back(*flight);
  EXPECT_NE(desks_[0]->take(), nullptr);
}

TEST_F(DeskTest, AnUnconfirmedApprovalIsWithdrawnUnlessItIsHeardOfAgain) {
  const auto here = make_card(100, 0);
  std::vector<UnconfirmedApproval> unconfirmed;
  for (const std::string& id : {id_at(0, 1), id_at(0, 2)}) {
    Landed before;
    launch(before, here, id, 40);
    finish();
    unconfirmed.push_back({"api", id, 1, here, engine::Processor::native, id, 40, kNow, kNow, 0, {}});
  }
  desks_[0]->adopt(std::move(unconfirmed), 0s);
  EXPECT_EQ(counters_[0].unconfirmed_holds.get(), 2U);
  Landed retry;
  launch(retry, here, id_at(0, 1), 40);
  EXPECT_TRUE(retry.only().decision.approved()) << "heard of again: it stands";
  EXPECT_EQ(counters_[0].unconfirmed_holds.get(), 1U);
  finish();
  while (records_of(engine::Withdraw::kType) == 0) {
    contexts_[0]->restart();
    ASSERT_NE(contexts_[0]->run_one_for(10s), 0U);
    finish();
  }
  EXPECT_EQ(held(here), 40);
  EXPECT_EQ(counters_[0].unconfirmed_holds.get(), 0U);
  expect_all_flights_back();
}

}  // namespace
}  // namespace holdfast::net
