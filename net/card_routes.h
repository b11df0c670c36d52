// The calls on cards, /api/v1/cards.
//
// Threads: belong to one event loop. Cards are read from any loop under an epoch guard and changed by flights.
// Invariants: a card's number is unique, and so is its pair of endpoint and processor's card; a creation that is
// refused takes neither. A card and its budget have one currency. Numbers and verification values are in the answer to
// the creation (and to repeats of that message) and nowhere else.
#pragma once

#include "net/node_routes.h"

namespace holdfast::net {

class CardRoutes final : public NodeRoutes {
 public:
  explicit CardRoutes(LoopContext& context);
  void add_to(Router& router);

 private:
  void create(const Call& call);
  void patch(const Call& call);
};

}  // namespace holdfast::net
