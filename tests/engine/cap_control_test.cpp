// That the checks of cap_test.cpp, and a replay, find an engine whose check and charge are not one step.
#include <gtest/gtest.h>

#include "engine/record.h"
#include "engine/shards.h"
#include "tests/cap_oracle.h"
#include "tests/engine/history.h"

namespace holdfast::engine {
namespace {

using testing::kStart;

// Decides so many requests at once before it charges any, as several threads would without an owner.
class SpendingInTwoSteps {
 public:
  explicit SpendingInTwoSteps(std::size_t at_once) {
    CreateNode create;
    create.node = card_ = shards_.nodes().cards.allocate();
    create.identity.id = {1, 1};
    create.identity.currency = {840};
    create.settings.limits = {{Limit::Form::amount, WindowKind::lifetime, kCap}};
    journal({kStart, {}, create, shards_.apply(create, kStart), {}});
    while (held() + kCapSmallest <= kCap) {
      std::vector<Minor> approved;
      for (std::size_t i = 0; i < at_once; ++i)
        approved.push_back(check());
      for (const Minor amount : approved)
        charge(amount);
    }
  }

  std::vector<std::string> faults() const { return cap_faults(approved_, held()); }
  std::optional<ReplayFault> replay() const {
    Shards shards(1, testing::kSeed, 0, 64);
    for (std::size_t i = 0; i < journal_.size(); ++i) {
      if (auto fault = shards.replay(i + 1, journal_[i])) return fault;
    }
    return std::nullopt;
  }

 private:
  Minor check() {
    const std::string id = "id-" + std::to_string(requests_);
    Authorize command{card_, {}};
    command.request.authorization_id = id;
    command.request.amount = kCapAmounts[requests_++ % std::size(kCapAmounts)];
    command.request.currency = {840};
    const Decision decision = shards_[0].ledger.evaluate(command, kStart);
    journal({kStart, {}, command, decision, {}});
    return decision.approved_amount;
  }
  void charge(Minor amount) {
    if (amount == 0) return;
    NodeSlot& slot = *shards_.nodes().cards.find(card_);
    NodeBalance balance = slot.balance.owner_load();
    balance.usage.add({amount, 0, 1}, balance.usage.rolled_at);
    slot.balance.store(balance);
    approved_ += amount;
  }
  Minor held() const {
    return shards_.nodes().cards.find(card_)->balance.load().usage.held[usage_index(WindowKind::lifetime)];
  }
  void journal(const Record& record) {
    Bytes buffer(kRecordBytesMax);
    const auto bytes = encode(record, buffer);
    journal_.emplace_back(bytes.begin(), bytes.end());
  }

  Shards shards_{1, testing::kSeed, 0, 64};
  NodeIndex card_ = kNoNode;
  std::size_t requests_ = 0;
  Minor approved_ = 0;
  std::vector<Bytes> journal_;
};

TEST(CapControl, OneRequestAtATimeHoldsTheCapAlsoInTwoSteps) {
  const SpendingInTwoSteps spending(1);
  EXPECT_EQ(spending.faults(), std::vector<std::string>{});
  EXPECT_FALSE(spending.replay());
}

TEST(CapControl, ChecksThatAreApartFromTheirChargesAreFound) {
  for (const std::size_t at_once : {4U, 64U}) {
    const SpendingInTwoSteps spending(at_once);
    EXPECT_NE(spending.faults(), std::vector<std::string>{}) << at_once;
    EXPECT_TRUE(spending.replay()) << at_once;
  }
}

}  // namespace
}  // namespace holdfast::engine
