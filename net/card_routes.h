// The calls on cards: POST and GET /api/v1/cards, GET and PATCH /api/v1/cards/{id}, POST .../freeze, /unfreeze, /close.
//
// Threads: belong to one event loop. Cards are read from any loop under an epoch guard and changed by flights.
// Invariants: a card's number is unique, and so is its pair of endpoint and processor's card; a creation that is
// refused takes neither. No card uses a time zone whose rules are not durable. Numbers and verification values are in
// the answer to the creation (and to repeats of that message) and nowhere else.
#pragma once

#include <string>
#include <unordered_set>

#include "net/change_request.h"
#include "net/loop_context.h"
#include "net/router.h"

namespace holdfast::net {

class CardRoutes final {
 public:
  // Zones that are defined by now are durable: construct it before the loops run.
  explicit CardRoutes(LoopContext& context);
  void add_to(Router& router);

 private:
  void create(const Call& call);
  void list(const Call& call);
  void show(const Call& call);
  void patch(const Call& call);
  void set_status(const Call& call, engine::NodeStatus status);

  // The card that the path names; kNoNode when a problem has been answered.
  engine::NodeIndex find(const Call& call);

  LoopContext& context_;
  std::unordered_set<std::string> durable_zones_;
  ChangeRequests under_way_;
};

}  // namespace holdfast::net
