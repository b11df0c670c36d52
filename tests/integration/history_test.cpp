// Histories of a running daemon: what many clients were told at once, its journal, and the law all say the same.
//
// HOLDFAST_TEST_SEED: of what the clients ask. What comes of it depends on how they meet, too.
#include <algorithm>
#include <cstdlib>
#include <limits>

#include "tests/integration/client_history.h"
#include "tests/integration/journal_check.h"
#include "tests/integration/linear.h"

namespace holdfast::integration {
namespace {

constexpr unsigned kClients = 64;
constexpr std::uint64_t kSeedByDefault = 20'260'307;
// Of each client; a sanitizer makes everything several times slower.
constexpr unsigned kRequests = HOLDFAST_TESTS_SLOWED ? 12 : 40;

std::int64_t nanoseconds(std::chrono::steady_clock::time_point at) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch()).count();
}

// The history of one steady card as operations: a message that was delivered several times is one, between the first
// sending and the first answer of those deliveries that got its answer. What does not move its balance is left out.
class CardStory {
 public:
  CardStory(std::string card, const Deliveries& deliveries) : card_(std::move(card)) {
    history_.limit = Cards::kSteadyLimit;
    for (const Delivery& delivery : deliveries) {
      if (delivery.asked->card == card_) add(delivery);
    }
  }
  const CardHistory& history() const { return history_; }

 private:
  static std::optional<CardOperation::Kind> kind_of(Asked::Kind kind) {
    switch (kind) {
      case Asked::Kind::authorize:
        return CardOperation::Kind::authorize;
      case Asked::Kind::increment:
        return CardOperation::Kind::increment;
      case Asked::Kind::capture:
        return CardOperation::Kind::capture;
      case Asked::Kind::reverse:
      case Asked::Kind::expire:
        return CardOperation::Kind::reverse;
      case Asked::Kind::post:
        return CardOperation::Kind::post;
      default:
        return std::nullopt;  // refunds: the card does not count them
    }
  }

  void add(const Delivery& delivery) {
    const auto kind = kind_of(delivery.asked->kind);
    if (!kind) return;
    CardOperation operation = asked_by(delivery, *kind);
    if (delivery.status != 200) {
      operation.refused = true;
      if (json_text(delivery.answer, "/code") != "idempotency_in_progress") history_.operations.push_back(operation);
      return;
    }
    const auto [known, is_new] = places_.try_emplace(delivery.asked->message, history_.operations.size());
    if (!is_new) {
      CardOperation& before = history_.operations[known->second];
      before.invoked = std::min(before.invoked, operation.invoked);
      before.returned = std::min(before.returned, operation.returned);
      return;
    }
    take_answer_of(delivery, operation);
    history_.operations.push_back(operation);
  }

  CardOperation asked_by(const Delivery& delivery, CardOperation::Kind kind) {
    CardOperation operation;
    operation.kind = kind;
    operation.authorization = numbers_.try_emplace(delivery.asked->authorization, numbers_.size()).first->second;
    operation.amount = delivery.asked->amount;
    operation.partial = delivery.asked->partial;
    operation.final = delivery.asked->final_capture;
    operation.invoked = nanoseconds(delivery.sent_at);
    operation.returned = nanoseconds(delivery.answered_at);
    return operation;
  }

  static void take_answer_of(const Delivery& delivery, CardOperation& operation) {
    const bool is_decision =
        operation.kind == CardOperation::Kind::authorize || operation.kind == CardOperation::Kind::increment;
    if (!is_decision) {
      if (operation.kind != CardOperation::Kind::post) operation.released = json_integer(delivery.answer, "/released");
      return;
    }
    operation.approved = approved_amount(delivery.answer);
    if (operation.approved == 0) operation.room = json_integer(delivery.answer, "/would_approve");
  }

  const std::string card_;
  CardHistory history_;
  std::map<std::string, std::size_t> places_;   // of messages, in the operations
  std::map<std::string, std::size_t> numbers_;  // of authorizations
};

std::string lines(const Differences& differences) {
  std::string text;
  for (const std::string& each : differences)
    text += "\n" + each;
  return text;
}

// That it went through what it is meant to be about.
void expect_much_of(const model::Coverage& coverage) {
  const auto times = [&](engine::Reason reason) { return coverage.reasons[static_cast<std::size_t>(reason)]; };
  EXPECT_GT(times(engine::Reason::none), kClients);
  EXPECT_GT(times(engine::Reason::card_limit), 0U);
  EXPECT_GT(times(engine::Reason::budget_limit), 0U);
  for (const auto kind : {engine::AdviceKind::capture, engine::AdviceKind::reverse, engine::AdviceKind::refund})
    EXPECT_GT(coverage.advice[static_cast<std::size_t>(kind)], 0U) << advice_name(kind);
}

// ---- Wrong on purpose

const Delivery& any_answered(const Deliveries& deliveries) {
  return *std::find_if(deliveries.begin(), deliveries.end(), [](const Delivery& each) { return each.status == 200; });
}

// The first answer with `before` in it gets `after` there.
void expect_corruption_is_found(const JournalCheck& journal, Deliveries deliveries, std::string_view before,
                                std::string_view after) {
  const auto has_it = [&](const Delivery& each) {
    return each.status == 200 && each.asked->kind != Asked::Kind::change &&
           each.answer.find(before) != std::string::npos;
  };
  const auto victim = std::find_if(deliveries.begin(), deliveries.end(), has_it);
  ASSERT_NE(victim, deliveries.end()) << "no answer has " << before;
  victim->answer.replace(victim->answer.find(before), before.size(), after);
  const Differences differences = journal.against(deliveries);
  ASSERT_FALSE(differences.empty()) << before;
  EXPECT_THAT(differences.front(), testing::HasSubstr(victim->asked->message));
}

void expect_faults_are_found(const JournalCheck& journal, const Deliveries& deliveries) {
  expect_corruption_is_found(journal, deliveries, R"("approved":true)", R"("approved":false)");
  expect_corruption_is_found(journal, deliveries, R"("approved_amount":1)", R"("approved_amount":2)");
  expect_corruption_is_found(journal, deliveries, R"("posted":)", R"("posted":9)");
  const Delivery& one = any_answered(deliveries);
  Deliveries without = deliveries;
  std::erase_if(without, [&](const Delivery& each) { return each.asked->message == one.asked->message; });
  EXPECT_THAT(lines(journal.against(without)), testing::HasSubstr("nobody sent it"));
  auto never_sent = std::make_shared<Asked>(*one.asked);
  never_sent->message = "never-sent";
  Deliveries with = deliveries;
  with.push_back(one);
  with.back().asked = never_sent;
  EXPECT_THAT(lines(journal.against(with)), testing::HasSubstr("not in the journal"));
  EXPECT_NE(lines(journal.against_law(model::Bend::refund_restores_all)), "");
}

// One approval more than the card can have given, after all else.
CardHistory with_one_too_many(CardHistory history) {
  CardOperation more;
  more.amount = more.approved = history.limit + 1;
  more.authorization = history.operations.size();
  more.invoked = std::numeric_limits<std::int64_t>::max() - 1;
  more.returned = more.invoked + 1;
  history.operations.push_back(more);
  return history;
}

class History : public testing::TestWithParam<int> {
 protected:
  // Gives what the clients were told; the daemon has stopped then.
  Deliveries run() {
    const auto daemon = start_daemon(sandbox_, {{"HOLDFAST_SERVER_THREADS", std::to_string(GetParam())}});
    {
      HttpClient client(daemon->port(), kAdminKey);
      cards_ = std::make_unique<Cards>(client);
    }
    const char* seed = std::getenv("HOLDFAST_TEST_SEED");
    const auto number = seed == nullptr ? kSeedByDefault : std::strtoull(seed, nullptr, 10);
    Deliveries deliveries = run_clients({daemon->port(), kClients, kRequests, number}, *cards_);
    EXPECT_EQ(daemon->terminate(), 0);
    return deliveries;
  }

  Sandbox sandbox_;
  std::unique_ptr<Cards> cards_;
};

TEST_P(History, OfManyClientsIsThatOfTheJournalWhichIsWhatTheLawGives) {
  const Deliveries deliveries = run();
  ASSERT_EQ(deliveries.size(), kClients * kRequests);
  const JournalCheck journal(sandbox_.store());
  ASSERT_EQ(lines(journal.against_law()), "");
  ASSERT_EQ(lines(journal.against(deliveries)), "");
  std::printf("%zu records:\n%s", journal.records(), journal.coverage().text().c_str());
  expect_much_of(journal.coverage());
  expect_faults_are_found(journal, deliveries);

  std::size_t operations = 0;
  for (const std::string& card : cards_->steady) {
    const CardHistory history = CardStory(card, deliveries).history();
    const Linearity linearity = check_linearity(history);
    EXPECT_EQ(linearity.verdict, Linearity::Verdict::linearizable)
        << card << ": " << linearity.longest << " of " << history.operations.size() << " operations";
    EXPECT_EQ(check_linearity(with_one_too_many(history)).verdict, Linearity::Verdict::not_linearizable);
    operations += history.operations.size();
  }
  EXPECT_GT(operations, kClients);
}

INSTANTIATE_TEST_SUITE_P(Loops, History, testing::Values(1, 2, 4));

}  // namespace
}  // namespace holdfast::integration
