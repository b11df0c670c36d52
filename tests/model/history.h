// Random histories of commands for the engine and its model: few cards and merchants, small amounts and tight limits,
// so that everything is hit often.
//
// Threads: one.
// Invariants: a seed gives the same history everywhere. The steps do not depend on what came of those before them, so
// any of them can be left out and the rest is still a history: that is how one that fails is cut down.
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "engine/command.h"

namespace holdfast::model {

struct Step {
  std::size_t number = 0;
  engine::Instant now;
  // Its text is interned and lives as long as the process.
  engine::Command command;
  std::size_t withdraws = 0;  // of a Withdraw: the number of the step with the decision; what that was is filled in
  bool by_key = false;        // of an Advise: it names the key only, as a timer does
  bool asks_first = false;    // of an Authorize: asked as a dry run before
};

std::vector<Step> random_history(std::uint64_t seed, std::size_t steps);

// One line, to be read by people.
std::string describe(const engine::Command& command);
std::string describe(const engine::Outcome& outcome);
std::string describe(engine::Instant at);

}  // namespace holdfast::model
