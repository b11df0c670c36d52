// Which card an authorization's id belongs to: an id does not tell, so loop after loop is asked.
//
// Threads: begun on any loop. seen() runs on the loop that has what was found, done() on the last that was asked, one
// after the other: what they write needs no lock.
// Invariants: only what is durable is found. What was approved in some way ends the search; what was declined may have
// a namesake on another card that was approved, and is what is found when there is none.
#pragma once

#include <functional>
#include <string>

#include "engine/ledger.h"
#include "net/loop_context.h"

namespace holdfast::net {

struct AuthorizationSearch {
  LoopContext& context;
  std::string id;
  // May be called twice: what comes later takes the place of what came before.
  std::function<void(const engine::Ledger& ledger, const engine::Authorization& authorization)> seen;
  std::function<void()> done;
};
void search_authorization(AuthorizationSearch search);

}  // namespace holdfast::net
