// What a run found, and whether it may be told.
//
// Threads: value types. Units: as the names say.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/load/options.h"
#include "bench/load/worker.h"

namespace holdfast::load {

// One stretch of load at one rate.
struct Stretch {
  double rate = 0;  // that was asked for; 0: a closed loop
  double seconds = 0;
  Findings findings;
  std::optional<double> target_cpu_us;  // a request
  std::string bottleneck;               // why the generator, not the target, set the figures; empty: it did not

  double achieved() const { return static_cast<double>(findings.counts.in_time) / seconds; }
  double p99_ms() const { return static_cast<double>(findings.latencies.corrected.percentile(99)) / 1e6; }
};

// Says what must not be taken for the target's doing: a generator that sent late, or had no time left.
std::string bottleneck_of(const Findings& findings, const Options& options);

struct MoneyCheck {
  std::size_t cards = 0;
  Range expected;             // held and posted of all cards
  std::int64_t reported = 0;  // by the target
  std::vector<std::string> differences;
};

struct RunResult {
  std::vector<Stretch> stretches;
  std::optional<std::size_t> told;  // the stretch that the report is about: the only one, or the best of a search
  MoneyCheck money;

  // What makes it a failure, each in a sentence.
  std::vector<std::string> failures() const;
  // Why it may not be told; empty: it may.
  std::string bottleneck() const;
};

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitBottleneck = 3;
int exit_status(const RunResult& result);

}  // namespace holdfast::load
