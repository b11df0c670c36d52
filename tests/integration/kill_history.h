// One store through many kills, and its clients' memory of it: the oracle of kill_test.cpp.
//
// Threads: one, besides those of the loads.
// Invariants: every request is in the memory before it is sent; after a round all of them have a known answer.
#pragma once

#include <map>
#include <random>

#include "tests/integration/api.h"
#include "tests/integration/load.h"

namespace holdfast::integration {

class KillHistory {
 public:
  explicit KillHistory(std::uint64_t seed);

  // Load, SIGKILL at a random moment, and the checks.
  void round_killed_at_random();
  // Load on a daemon with these rules of the fault shim, one of which kills it, at its start or later; and the checks.
  void round_killed_by(const std::string& rules);

  std::size_t requests() const { return known_.size(); }
  // Requests that were under way when a kill came.
  std::size_t unanswered() const { return unanswered_; }

 private:
  struct Known {
    std::string card;
    std::int64_t amount = 0;
    std::string answer;  // empty: nobody knows
  };

  std::optional<Order> next();
  LoadPlan plan(const DaemonProcess& daemon);
  void remember(LoadLog log);
  void check();
  void check_journal();
  void ask_again(const DaemonProcess& daemon);
  void check_balances(const DaemonProcess& daemon);

  std::mt19937_64 random_;
  Sandbox sandbox_;
  Settings settings_;
  std::vector<std::string> cards_;
  std::vector<std::int64_t> limits_;
  Ids ids_{"torture-"};
  std::map<std::string, Known> known_;
  std::vector<std::string> to_ask_;
  std::size_t unanswered_ = 0;
};

}  // namespace holdfast::integration
