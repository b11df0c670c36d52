// Scenarios as TOML: reads a file, or one of those that come with the program, into what the simulator plays.
//
// Threads: pure functions but for the file that is read.
// Errors: each with its place and what is wrong there; all of a file's are given.
// The form stands at the top of config/scenarios/approve-capture.toml.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "net/simulator/scenario.h"

namespace holdfast {

using ScenarioErrors = std::vector<std::string>;  // "file:line:column: message"
using ScenarioResult = std::variant<net::simulator::Scenario, ScenarioErrors>;

// `source`: how errors name the text.
ScenarioResult parse_scenario(std::string_view text, const std::string& source);

// A file's path, or the name of a scenario that comes with the program.
ScenarioResult load_scenario(const std::string& name_or_path);

// In the order of their names.
std::vector<std::string_view> shipped_scenarios();

}  // namespace holdfast
