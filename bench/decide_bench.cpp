// What a decision costs its owner: claim nothing, decide and charge the card and the budgets above it, enter the
// authorization. By the length of the path (1: a card alone; 2 and 4: under one budget and under three), for one hot
// card and for many in random order (HOLDFAST_BENCH_CARDS, 100000).
//
// Each decision is checked: all are approved, and afterwards the root has charged exactly what they sum up to.
#include <benchmark/benchmark.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "engine/shards.h"

namespace {

using namespace holdfast::engine;

constexpr Instant kNow{std::chrono::milliseconds{1'764'000'000'000}};
constexpr Minor kAmount = 125;
// Trees of this many cards each.
constexpr std::size_t kCardsOfATree = 100;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "wrong result: %s\n", what);
  std::exit(1);
}

std::size_t cards_of_environment() {
  const char* text = std::getenv("HOLDFAST_BENCH_CARDS");
  return text == nullptr ? 100'000 : std::strtoull(text, nullptr, 10);
}

// Cards, each under `path` - 1 budgets, every node with the limits of an agent's card.
class Trees {
 public:
  Trees(std::size_t cards, std::int64_t path) : shards_(1, {}, 0, cards) {
    NodeIndex budget = kNoNode;
    for (std::size_t i = 0; i < cards; ++i) {
      if (i % kCardsOfATree == 0) {
        budget = kNoNode;
        for (std::int64_t level = 1; level < path; ++level)
          budget = make(shards_.nodes().budgets.allocate(), budget);
      }
      make(shards_.nodes().cards.allocate(), budget);
    }
  }

  void decide(NodeIndex card) {
    char id[24] = "auth-";
    const auto end = std::to_chars(id + 5, id + sizeof id, ++decisions_).ptr;
    Authorize command{card, {}};
    command.request.authorization_id = {id, static_cast<std::size_t>(end - id)};
    command.request.amount = kAmount;
    command.request.currency = {840};
    command.request.merchant = {"m_77", "OpenAI", 5734, {840}};
    approved_ += shards_[0].ledger.apply(command, kNow).approved_amount;
  }

  void check() const {
    Minor held = 0;
    shards_.nodes().cards.for_each([&](NodeIndex, const NodeSlot& slot) {
      held += slot.balance.load().usage.tally(usage_index(WindowKind::lifetime)).held;
    });
    require(approved_ == static_cast<Minor>(decisions_) * kAmount, "every decision is an approval");
    require(held == approved_, "the cards hold what was approved");
  }

 private:
  NodeIndex make(NodeIndex node, NodeIndex parent) {
    CreateNode create{node, {}, {}};
    create.identity.id = {node, node};
    create.identity.currency = {840};
    create.settings.parent = parent;
    create.settings.limits = {{Limit::Form::amount, WindowKind::day, 1'000'000'000'000'000},
                              {Limit::Form::amount, WindowKind::lifetime, 1'000'000'000'000'000}};
    shards_.apply(create, kNow);
    return node;
  }

  Shards shards_;
  std::uint64_t decisions_ = 0;
  Minor approved_ = 0;
};

void decide_hot(benchmark::State& state) {
  Trees trees(1, state.range(0));
  for (auto _ : state)
    trees.decide(1);
  trees.check();
}
BENCHMARK(decide_hot)->Arg(1)->Arg(2)->Arg(4);

void decide_random(benchmark::State& state) {
  const std::size_t cards = cards_of_environment();
  Trees trees(cards, state.range(0));
  std::mt19937_64 random(1);
  for (auto _ : state)
    trees.decide(static_cast<NodeIndex>(1 + random() % cards));
  trees.check();
}
BENCHMARK(decide_random)->Arg(1)->Arg(2)->Arg(4);

}  // namespace
