// The calls on budgets, /api/v1/budgets.
//
// Threads: belong to one event loop. Budgets are read from any loop under an epoch guard and changed by flights, on
// loop 0, which owns all trees.
// Invariants: a budget's parent is there when it is made and never changes, so there are no circles.
#pragma once

#include "net/node_routes.h"

namespace holdfast::net {

class BudgetRoutes final : public NodeRoutes {
 public:
  explicit BudgetRoutes(LoopContext& context);
  void add_to(Router& router);

 private:
  void create(const Call& call);
  void patch(const Call& call);
};

}  // namespace holdfast::net
