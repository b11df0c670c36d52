// The calls on API keys: POST and GET /api/v1/keys, GET and DELETE /api/v1/keys/{id}.
//
// Threads: belong to one event loop. Keys are changed on loop 0, and read everywhere from the published ring.
// Invariants: a key works nowhere before it is durable; when a DELETE has been answered 204 its key works nowhere.
// A key of role agent is bound to a card or budget for good. There is always a key of role admin. A key's token is in
// the answer to its creation and nowhere else: a repeat of that message has null in its place.
#pragma once

#include <map>

#include "engine/shards.h"
#include "net/access.h"
#include "net/change_request.h"
#include "net/loop_context.h"
#include "net/router.h"

namespace holdfast::net {

// The keys of the state, to be published: at start-up and after each change. Loop 0 only.
KeyRing ring_of(const std::map<engine::Key128, engine::StoredKey>& keys);

class KeyRoutes final {
 public:
  explicit KeyRoutes(LoopContext& context) : context_(context) {}
  void add_to(Router& router);

 private:
  void create(const Call& call);
  void list(const Call& call);
  void show(const Call& call);
  void remove(const Call& call);
  engine::NodeIndex read_node(const JsonObject& body, Role role);

  LoopContext& context_;
  ChangeRequests under_way_;
};

}  // namespace holdfast::net
