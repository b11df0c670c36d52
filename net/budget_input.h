// What a caller asks a budget to be: the bodies of its creation and of its changes, checked and in the engine's words.
//
// Threads: reading belongs to the loop of the JsonDocument; what was read is plain values, for any loop.
// Invariants: a member that is not known is an error, never ignored. What apply() lets pass fits a journal record,
// together with the text of the budget that is kept for repeats of the message. A budget has the currency of the one
// above it and stands at most kBudgetDepthMax deep.
// Errors: of the text, as JsonDocument reports them: look at json.ok() afterwards.
// Source: semantics, sections 1 to 3; RFC 7396 for changes.
#pragma once

#include <optional>

#include "net/node_input.h"

namespace holdfast::net {

// Changes of the controls. What is not set stays as it is.
struct BudgetControlsPatch {
  bool reset = false;  // forget all first
  PlacesPatch places;
};

// Changes of the settings. What is not set stays as it is; null in the text is the setting's default.
struct BudgetPatch {
  NodePatch node;
  std::optional<BudgetControlsPatch> controls;
};

struct BudgetCreation {
  engine::Currency currency;
  engine::NodeSettings settings;
  std::optional<engine::ZoneRules> zone;  // rules of settings.time_zone, unless it is inherited or UTC
};

// Call these after json.parse() gave true.
BudgetCreation read_budget_creation(JsonDocument& json, const InputLookups& lookups);
BudgetPatch read_budget_patch(JsonDocument& json, const InputLookups& lookups);

// Makes the changes; after a fault `settings` are of no use.
std::optional<InputFault> apply(const BudgetPatch& patch, const engine::NodeIdentity& identity,
                                engine::NodeSettings& settings);

}  // namespace holdfast::net
