// Plays a history to the engine and to the model, and says where they first differ.
//
// Threads: one.
// Invariants: every outcome is compared, and in between all balances and authorizations. At the end the journal that
// the engine's records make is replayed, and folded into a checkpoint that is loaded again at a place of its own.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/command.h"
#include "tests/model/history.h"
#include "tests/model/model.h"

namespace holdfast::model {

// How often something was seen.
struct Coverage {
  std::array<std::size_t, engine::kReasons> reasons{};
  std::array<std::size_t, engine::kAdviceKinds> advice{};
  std::map<std::string, std::size_t> others;  // by their names: flags of outcomes, and what requests met

  void add(const engine::Command& command, const engine::Outcome& outcome);
  void add(const Coverage& other);
  std::string text() const;
};

struct Difference {
  std::size_t step = 0;  // number of the step; 0: at the end
  std::string what;
};

struct Comparison {
  unsigned shards = 1;
  Bend bend = Bend::none;
  // Also replayed and checkpointed at the end.
  bool whole = true;
};

// Steps that are not possible at their turn are left out.
std::optional<Difference> compare(const std::vector<Step>& steps, const Comparison& comparison, Coverage& coverage);

// As few of the steps as still differ, as far as some hundred tries find them.
std::vector<Step> cut_down(std::vector<Step> steps, const Comparison& comparison);

}  // namespace holdfast::model
