#include "net/authorization_search.h"

#include <memory>

namespace holdfast::net {
namespace {

using engine::Authorization;
using engine::AuthorizationStatus;
using engine::Processor;

// Identifier spaces in which an id is looked for, in this order.
constexpr Processor kSpaces[] = {Processor::native, Processor::stripe, Processor::lithic, Processor::marqeta};
static_assert(std::size(kSpaces) == engine::kProcessors);

struct State {
  AuthorizationSearch search;
  bool found = false;
};

// True when there is nothing better to find.
bool look_on(State& state, const engine::Ledger& ledger) {
  for (const Processor space : kSpaces) {
    const Authorization* found = ledger.find_any(ledger.authorization_key(space, state.search.id));
    if (found == nullptr || found->sequence == 0) continue;
    const bool declined = found->status == AuthorizationStatus::declined;
    if (!state.found || !declined) state.search.seen(ledger, *found);
    state.found = true;
    if (!declined) return true;
  }
  return false;
}

// Cards go to loop 0, so that is the last: what had left a loop before that was asked is there, or between the two.
void ask(const std::shared_ptr<State>& state, unsigned loop) {
  LoopContext& context = state->search.context;
  context.on_loop(loop, [state, loop, &context] {
    if (look_on(*state, context.shards[loop].ledger)) return state->search.done();
    if (loop != 0) return ask(state, loop - 1);
    // acquire: pairs with the loop that gave a card away, before its authorizations were gone from there.
    if (context.shards.cards_between_loops().load(std::memory_order_acquire) == 0) return state->search.done();
    ask(state, context.shards.count() - 1);
  });
}

}  // namespace

void search_authorization(AuthorizationSearch search) {
  const unsigned last = search.context.shards.count() - 1;
  ask(std::make_shared<State>(State{std::move(search)}), last);
}

}  // namespace holdfast::net
