// That the engine does what the law says, over random histories: its answers, its balances, and what a restart makes
// of its journal, next to a model that sums everything again for each question.
#include "tests/model/model.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "tests/model/comparison.h"

namespace holdfast::model {
namespace {

constexpr std::size_t kStepsOfAHistory = 1'500;
constexpr std::size_t kStepsByDefault = 21'000;
// Until a wrong rule is found: the rarest shows in one of thirty or so.
constexpr std::uint64_t kHistoriesAtMost = 300;
constexpr std::uint64_t kSeedByDefault = 20'260'306;
constexpr unsigned kShards[] = {1, 2, 4};

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

std::string report(const std::vector<Step>& steps, const Comparison& comparison) {
  const std::vector<Step> fewer = cut_down(steps, comparison);
  std::string text = "cut down to:\n";
  for (const Step& step : fewer)
    text += std::to_string(step.number) + " " + describe(step.now) + " " + describe(step.command) + "\n";
  Coverage unused;
  const auto difference = compare(fewer, comparison, unused);
  return text + (difference ? "at step " + std::to_string(difference->step) + ": " + difference->what : "");
}

TEST(Model, TheEngineGivesWhatTheLawSaysOverRandomHistories) {
  const std::uint64_t first_seed = number_from_environment("HOLDFAST_MODEL_SEED", kSeedByDefault);
  const std::size_t steps = number_from_environment("HOLDFAST_MODEL_STEPS", kStepsByDefault);
  Coverage coverage;
  for (std::uint64_t i = 0; i * kStepsOfAHistory < steps; ++i) {
    const std::uint64_t seed = first_seed + i;
    const auto history = random_history(seed, std::min(kStepsOfAHistory, steps));
    const Comparison comparison{kShards[i % std::size(kShards)], Bend::none, true};
    const auto difference = compare(history, comparison, coverage);
    ASSERT_FALSE(difference) << "HOLDFAST_MODEL_SEED=" << seed << " HOLDFAST_MODEL_STEPS=" << kStepsOfAHistory << ", "
                             << comparison.shards << " shards, step " << difference->step << ": " << difference->what
                             << "\n"
                             << report(history, comparison);
  }
  std::cout << "from seed " << first_seed << ":\n" << coverage.text();
  for (std::size_t reason = 2; reason <= static_cast<std::size_t>(engine::Reason::budget_limit); ++reason)
    EXPECT_GT(coverage.reasons[reason], 0U) << reason_name(static_cast<engine::Reason>(reason));
  for (std::size_t kind = 0; kind < coverage.advice.size(); ++kind)
    EXPECT_GT(coverage.advice[kind], 0U) << advice_name(static_cast<engine::AdviceKind>(kind));
}

// A comparison that no wrong rule can fail would be worth nothing.
TEST(Model, EachWrongRuleIsFound) {
  for (int i = 1; i < kBends; ++i) {
    const auto bend = static_cast<Bend>(i);
    bool found = false;
    std::uint64_t seeds = 0;
    for (std::uint64_t seed = 1; seed <= kHistoriesAtMost && !found; ++seed) {
      Coverage unused;
      seeds = seed;
      found = compare(random_history(seed, kStepsOfAHistory), {1, bend, false}, unused).has_value();
    }
    EXPECT_TRUE(found) << bend_name(bend);
    std::cout << bend_name(bend) << ": history " << seeds << "\n";
  }
}

}  // namespace
}  // namespace holdfast::model
