#include "net/simulator/payment.h"

#include <algorithm>

namespace holdfast::net::simulator {
namespace {

void release(Balance& balance, engine::Minor amount, Standing when_empty) {
  const engine::Minor part = std::min(amount, balance.held);
  balance.held -= part;
  balance.authorized -= part;
  if (balance.held == 0) balance.standing = balance.captured > 0 ? Standing::closed : when_empty;
}

void move_money(Balance& balance, const PaymentEvent& event) {
  balance.captured += event.amount;
  balance.held = event.final ? 0 : balance.held - std::min(balance.held, event.amount);
  if (balance.held == 0) balance.standing = Standing::closed;
}

void add(Balance& balance, const PaymentEvent& event) {
  switch (event.what) {
    case Happening::authorize:
    case Happening::increment:
      if (!is_approved(event.verdict)) return;
      balance.authorized += event.amount;
      balance.held += event.amount;
      balance.standing = balance.held > 0 ? Standing::pending : Standing::closed;
      return;
    case Happening::capture:
    case Happening::post:
      return move_money(balance, event);
    case Happening::reverse:
      return release(balance, event.amount, Standing::reversed);
    case Happening::expire:
      // What was authorized may still be captured late, and the hold is gone.
      balance.held = 0;
      balance.standing = Standing::expired;
      return;
    case Happening::refund:
      balance.refunded += event.amount;
      return;
    case Happening::reverse_refund:
      balance.refunded -= event.amount;
      return;
  }
}

}  // namespace

Balance balance_after(const Payment& payment, std::size_t events) {
  Balance balance;
  for (std::size_t i = 0; i < events; ++i)
    add(balance, payment.events[i]);
  return balance;
}

}  // namespace holdfast::net::simulator
