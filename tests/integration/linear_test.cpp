// That the checker of single cards' histories accepts what can be explained and nothing else.
#include "tests/integration/linear.h"

#include <atomic>
#include <barrier>
#include <chrono>
#include <mutex>
#include <random>

namespace holdfast::integration {
namespace {

using Kind = CardOperation::Kind;
using Verdict = Linearity::Verdict;

struct During {
  std::int64_t invoked;
  std::int64_t returned;
};

CardOperation authorize(std::size_t authorization, std::int64_t amount, std::int64_t approved, During during) {
  CardOperation operation;
  operation.authorization = authorization;
  operation.amount = amount;
  operation.approved = approved;
  operation.invoked = during.invoked;
  operation.returned = during.returned;
  return operation;
}

CardOperation declined_with_room(std::size_t authorization, std::int64_t amount, std::int64_t room, During during) {
  CardOperation operation = authorize(authorization, amount, 0, during);
  operation.room = room;
  return operation;
}

CardOperation reverse(std::size_t authorization, std::int64_t amount, std::int64_t released, During during) {
  CardOperation operation = authorize(authorization, amount, 0, during);
  operation.kind = Kind::reverse;
  operation.released = released;
  return operation;
}

CardOperation capture(std::size_t authorization, std::int64_t amount, std::int64_t released, During during) {
  CardOperation operation = reverse(authorization, amount, released, during);
  operation.kind = Kind::capture;
  return operation;
}

CardOperation refused(CardOperation operation) {
  operation.refused = true;
  return operation;
}

Verdict verdict(std::vector<CardOperation> operations) {
  return check_linearity({100, std::move(operations)}).verdict;
}

TEST(Linear, AcceptsWhatHappenedOneAfterTheOther) {
  EXPECT_EQ(verdict({}), Verdict::linearizable);
  EXPECT_EQ(verdict({authorize(0, 60, 60, {1, 2}), authorize(1, 40, 40, {3, 4}), authorize(2, 1, 0, {5, 6}),
                     reverse(0, kAllOfIt, 60, {7, 8}), declined_with_room(3, 61, 60, {9, 10}),
                     authorize(4, 60, 60, {11, 12})}),
            Verdict::linearizable);
  EXPECT_EQ(verdict({authorize(0, 60, 60, {1, 2}), capture(0, 50, 60, {3, 4}), refused(reverse(0, 10, 0, {5, 6})),
                     authorize(1, 50, 50, {7, 8}), authorize(2, 1, 0, {9, 10})}),
            Verdict::linearizable)
      << "a final capture releases the rest";
}

TEST(Linear, AcceptsWhatOverlapsInAnOrderThatExplainsIt) {
  const auto result = check_linearity({100,
                                       {authorize(0, 60, 0, {1, 10}), authorize(1, 60, 0, {2, 9}),
                                        authorize(2, 60, 60, {3, 8}), reverse(2, 20, 20, {8, 12})}});
  EXPECT_EQ(result.verdict, Verdict::linearizable);
  EXPECT_EQ(result.order.front(), 2U) << "sent last and answered first, it was the first to be decided";
  EXPECT_EQ(verdict({authorize(0, 60, 60, {1, 2}), declined_with_room(1, 50, 40, {3, 20}),
                     authorize(2, 50, 50, {4, 19}), reverse(0, 60, 60, {5, 18})}),
            Verdict::linearizable)
      << "the decline came before the reversal, the approval after it";
  EXPECT_EQ(verdict({authorize(0, 60, 60, {1, 2}), reverse(0, kAllOfIt, 60, {3, 9}),
                     refused(reverse(0, kAllOfIt, 0, {3, 9})), refused(capture(0, kAllOfIt, 0, {4, 8}))}),
            Verdict::linearizable);
}

TEST(Linear, RejectsAnApprovalThatDidNotFit) {
  EXPECT_EQ(verdict({authorize(0, 101, 101, {1, 2})}), Verdict::not_linearizable);
  EXPECT_EQ(verdict({authorize(0, 60, 60, {1, 10}), authorize(1, 41, 41, {1, 10})}), Verdict::not_linearizable)
      << "both at once";
  EXPECT_EQ(verdict({authorize(0, 60, 60, {1, 2}), authorize(1, 60, 60, {3, 4}), reverse(0, kAllOfIt, 60, {5, 6})}),
            Verdict::not_linearizable)
      << "the room came after the answer";
  EXPECT_EQ(verdict({authorize(0, 60, 60, {1, 2}), capture(0, 60, 60, {3, 4}), authorize(1, 60, 60, {5, 6})}),
            Verdict::not_linearizable)
      << "what was captured is used";
}

TEST(Linear, RejectsADeclineOfWhatWouldHaveFitted) {
  EXPECT_EQ(verdict({authorize(0, 100, 0, {1, 2})}), Verdict::not_linearizable);
  EXPECT_EQ(verdict({authorize(0, 60, 0, {1, 2}), authorize(1, 60, 60, {3, 4})}), Verdict::not_linearizable)
      << "what would have been in its way was sent after it was answered";
  EXPECT_EQ(verdict({authorize(0, 60, 60, {1, 2}), declined_with_room(1, 50, 39, {3, 4})}), Verdict::not_linearizable)
      << "it told another room than there was";
  EXPECT_EQ(verdict({authorize(0, 60, 60, {1, 2}), reverse(0, kAllOfIt, 60, {3, 4}), authorize(1, 60, 0, {5, 6})}),
            Verdict::not_linearizable)
      << "the reversal is forgotten";
}

TEST(Linear, RejectsFollowUpsThatDidNotHappenLikeThat) {
  EXPECT_EQ(verdict({authorize(0, 60, 60, {1, 2}), reverse(0, kAllOfIt, 60, {3, 9}), reverse(0, kAllOfIt, 60, {3, 9})}),
            Verdict::not_linearizable)
      << "given back twice";
  EXPECT_EQ(verdict({authorize(0, 60, 60, {1, 2}), reverse(0, 10, 20, {3, 4})}), Verdict::not_linearizable);
  EXPECT_EQ(verdict({authorize(0, 60, 60, {1, 2}), refused(reverse(0, 10, 0, {3, 4}))}), Verdict::not_linearizable);
  EXPECT_EQ(verdict({authorize(0, 60, 60, {1, 2}), refused(capture(0, kAllOfIt, 0, {3, 4})),
                     reverse(0, kAllOfIt, 60, {5, 6})}),
            Verdict::not_linearizable);
}

CardOperation of_kind(Kind kind, CardOperation operation) {
  operation.kind = kind;
  return operation;
}

CardOperation partial(CardOperation operation) {
  operation.partial = true;
  return operation;
}

TEST(Linear, KnowsPartsIncrementsAndPostings) {
  const CardOperation first = authorize(0, 60, 60, {1, 2});
  EXPECT_EQ(verdict({first, partial(authorize(1, 50, 40, {3, 4})), partial(authorize(2, 50, 0, {5, 6}))}),
            Verdict::linearizable);
  EXPECT_EQ(verdict({first, partial(authorize(1, 50, 39, {3, 4}))}), Verdict::not_linearizable);
  EXPECT_EQ(verdict({first, partial(authorize(1, 50, 0, {3, 4}))}), Verdict::not_linearizable);
  EXPECT_EQ(verdict({first, of_kind(Kind::increment, authorize(0, 40, 40, {3, 4})), reverse(0, kAllOfIt, 100, {5, 6}),
                     refused(of_kind(Kind::increment, authorize(0, 1, 0, {7, 8})))}),
            Verdict::linearizable);
  EXPECT_EQ(verdict({first, of_kind(Kind::increment, authorize(0, 41, 41, {3, 4}))}), Verdict::not_linearizable);
  EXPECT_EQ(verdict({first, of_kind(Kind::post, authorize(1, 70, 0, {3, 4})), declined_with_room(2, 1, 0, {5, 6}),
                     capture(0, 10, 60, {7, 8}), authorize(3, 20, 20, {9, 10})}),
            Verdict::linearizable)
      << "a posting is never refused";
  EXPECT_EQ(verdict({first, of_kind(Kind::post, authorize(1, 70, 0, {3, 4})), authorize(2, 1, 1, {5, 6})}),
            Verdict::not_linearizable);
}

// ---- Cards in memory with threads on them

constexpr std::int64_t kLimit = 10'000;
constexpr std::size_t kThreads = 4;
constexpr std::size_t kRounds = 200;

std::int64_t now() {
  return std::chrono::steady_clock::now().time_since_epoch().count();
}

// What the threads were told by `decide`, which is given an amount and gives whether it is approved.
template <class Decide>
CardHistory spend(Decide decide) {
  std::vector<std::vector<CardOperation>> told(kThreads);
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (std::size_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      std::minstd_rand random(static_cast<unsigned>(thread) + 1);
      for (std::size_t i = 0; i < kRounds; ++i) {
        const auto amount = static_cast<std::int64_t>(1 + random() % 100);
        const std::int64_t invoked = now();
        const bool approved = decide(amount);
        told[thread].push_back(authorize(thread * kRounds + i, amount, approved ? amount : 0, {invoked, now()}));
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  CardHistory history{kLimit, {}};
  for (const auto& each : told)
    history.operations.insert(history.operations.end(), each.begin(), each.end());
  return history;
}

TEST(Linear, AcceptsACardThatChecksAndChargesInOneStep) {
  std::mutex mutex;
  std::int64_t used = 0;
  const CardHistory history = spend([&](std::int64_t amount) {
    const std::lock_guard lock(mutex);
    if (used + amount > kLimit) return false;
    used += amount;
    return true;
  });
  const Linearity linearity = check_linearity(history);
  EXPECT_EQ(linearity.verdict, Verdict::linearizable) << linearity.longest << " of " << history.operations.size();
  EXPECT_EQ(linearity.order.size(), history.operations.size());
}

// All threads have checked before any of them charges.
TEST(Linear, RejectsACardThatChecksAndChargesInTwoSteps) {
  std::barrier<> all_checked(kThreads);
  std::barrier<> all_charged(kThreads);
  std::atomic<std::int64_t> used{0};
  const CardHistory history = spend([&](std::int64_t amount) {
    const bool fits = used.load() + amount <= kLimit;
    all_checked.arrive_and_wait();
    if (fits) used += amount;
    all_charged.arrive_and_wait();
    return fits;
  });
  EXPECT_GT(used.load(), kLimit);
  EXPECT_EQ(check_linearity(history).verdict, Verdict::not_linearizable);
}

// What one thread reserved and has not given back yet declines what another asks.
TEST(Linear, RejectsACardThatReservesBeforeItChecks) {
  std::barrier<> all_reserved(kThreads);
  std::barrier<> all_decided(kThreads);
  std::atomic<std::int64_t> used{0};
  const CardHistory history = spend([&](std::int64_t amount) {
    used += amount;
    all_reserved.arrive_and_wait();
    const bool fits = used.load() <= kLimit;
    all_decided.arrive_and_wait();
    if (!fits) used -= amount;
    return fits;
  });
  EXPECT_EQ(check_linearity(history).verdict, Verdict::not_linearizable);
}

}  // namespace
}  // namespace holdfast::integration
