// A scenario: cards with limits, what happens to payments with them, what the target has to answer, and the balances
// that it has to end with. The form of a file: config/scenarios/approve-capture.toml.
//
// Threads: value types.
// Units: minor units.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/authorization.h"
#include "net/simulator/payment.h"

namespace holdfast::net::simulator {

// A budget or a card, made before the first step; budgets come before what stands under them.
struct Holder {
  std::string name;
  bool is_budget = false;
  std::string parent;    // name of a budget; empty: none
  std::string settings;  // other members as the native interface takes them, a JSON object
};

struct ScenarioMerchant {
  std::string id = "m_77";
  std::string name = "OpenAI";
  engine::CategoryCode category = 5734;
  engine::Country country{840};

  engine::Merchant view() const { return {id, name, category, country}; }
};

enum class Expected : std::uint8_t {
  approved = 0,
  declined,
  refused,  // not believed to come from the processor: 401, and nothing happened
};

// What the processor does when it gets no answer in time.
enum class Late : std::uint8_t { no = 0, declines, approves };

struct Step {
  Happening what = Happening::authorize;
  std::vector<std::string> cards;  // of an authorization, taken in turn
  std::string payment;             // the scenario's name for it
  engine::Minor amount = 0;
  engine::Currency currency;
  ScenarioMerchant merchant;
  bool partial_approval = false;
  bool final = true;

  unsigned times = 1;    // so many authorizations, each a payment of its own
  bool at_once = false;  // over all connections, instead of one after the other
  unsigned copies = 1;   // so often each message is sent
  bool wrong_signature = false;
  Late late = Late::no;  // the answer is taken for one that came too late

  Expected expected = Expected::approved;
  std::optional<engine::Reason> reason;
  std::optional<engine::Minor> approved_amount;
  std::optional<unsigned> approvals;  // of `times`; then `expected` does not count
};

enum class Delivery : std::uint8_t { in_order = 0, reversed, shuffled };

struct ExpectedBalance {
  std::string holder;
  std::optional<engine::Minor> held;  // of the first limit, as are posted and remaining
  std::optional<engine::Minor> posted;
  std::optional<engine::Minor> remaining;
  std::optional<bool> over_limit;
};

struct Scenario {
  std::string name;
  std::string title;
  std::vector<engine::Processor> kinds;    // that can play it
  Delivery delivery = Delivery::in_order;  // of the news between two questions
  std::vector<Holder> holders;
  std::vector<Step> steps;
  std::vector<ExpectedBalance> balances;
};

}  // namespace holdfast::net::simulator
