// `holdfast simulate`: plays a card processor against a target and says where the target deviates.
//
// Threads: the main thread.
// Errors: the exit status.
#pragma once

#include <CLI/App.hpp>

namespace holdfast {

inline constexpr int kSimulateDeviates = 1;    // some answer or balance is not what it has to be
inline constexpr int kSimulateUnplayable = 2;  // it could not be played: one line says why

// Adds the command; `status` becomes its exit status when it has run.
void add_simulate(CLI::App& app, int& status);

}  // namespace holdfast
