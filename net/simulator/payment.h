// A payment as its processor knows it: one authorization and everything that has happened to it, from which each wire
// form says what it has to say.
//
// Threads: value types.
// Ownership: merchant and card are views of text that outlives the payment.
// Units: minor units of the payment's currency.
// Source: semantics, "What each message does".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/authorization.h"

namespace holdfast::net::simulator {

enum class Happening : std::uint8_t {
  authorize = 0,  // asked, as is increment
  increment,
  capture,
  reverse,
  expire,
  post,  // money that moved without an authorization: the only event of its payment
  refund,
  reverse_refund,
};

// How what was asked came out at the processor.
enum class Verdict : std::uint8_t {
  open = 0,  // not answered yet
  approved,  // by the answer, as is declined
  declined,
  timed_out,  // no answer in time, and the processor declined by itself
  stood_in,   // no answer in time, or another than it gave, and the processor approved by itself
};

struct PaymentEvent {
  Happening what = Happening::authorize;
  // Names the event in every message about it; letters, digits, '_' and '-', and unique in what a target remembers.
  std::string id;
  engine::Minor amount = 0;  // of what was asked: what is asked for, and once approved what was approved
  bool final = true;         // of a capture: no other follows
  engine::Instant at;        // by the processor's clock
  Verdict verdict = Verdict::open;
};

struct Payment {
  std::string id;  // as an event's
  std::string_view card;
  engine::Currency currency;
  engine::Merchant merchant;
  bool partial_approval = false;
  std::vector<PaymentEvent> events;

  const PaymentEvent& last() const { return events.back(); }
};

constexpr bool is_asked(Happening what) {
  return what == Happening::authorize || what == Happening::increment;
}
constexpr bool is_approved(Verdict verdict) {
  return verdict == Verdict::approved || verdict == Verdict::stood_in;
}

enum class Standing : std::uint8_t { pending = 0, closed, reversed, expired, declined };

// How a payment stands after its first `events` events.
struct Balance {
  Standing standing = Standing::declined;
  engine::Minor authorized = 0;  // approved and not given back
  engine::Minor held = 0;
  engine::Minor captured = 0;
  engine::Minor refunded = 0;
};
Balance balance_after(const Payment& payment, std::size_t events);
inline Balance balance_of(const Payment& payment) {
  return balance_after(payment, payment.events.size());
}

}  // namespace holdfast::net::simulator
