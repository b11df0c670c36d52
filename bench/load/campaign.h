// A whole run: cards, load, money.
//
// Threads: run() blocks, and has threads of its own while it does.
// Errors: std::exception when the target cannot be reached, makes no cards or tells no balances.
#pragma once

#include <functional>
#include <string>

#include "bench/load/result.h"

namespace holdfast::load {

// Called several times a second while something goes on: what, how much of it is done (0 to 1), answers so far.
using Progress = std::function<void(const std::string& what, double share, std::uint64_t answers)>;

RunResult run(const Options& options, const Progress& progress);

// Rates to try, one after the other, for the highest that holds: doubled while they hold, then halved between the best
// that held and the worst that did not, until those are five parts in a hundred apart.
class RateSearch {
 public:
  RateSearch(double first, double up_to) : next_(first), up_to_(up_to) {}
  bool over() const { return over_; }
  double next() const { return next_; }
  void tried(bool held);
  double best() const { return best_; }  // 0: none held

 private:
  double next_;
  double up_to_;
  double best_ = 0;
  double failed_ = 0;  // 0: none yet
  bool over_ = false;
};

}  // namespace holdfast::load
