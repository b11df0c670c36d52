// What a processor asks and what the engine answers, in the engine's own words whatever the wire form was.
//
// Threads: value types.
// Ownership: an AuthorizationRequest only views its text; whoever keeps it keeps the text.
// Units: amounts in minor units of `currency`.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/instant.h"
#include "engine/money.h"
#include "engine/places.h"
#include "engine/reason.h"

namespace holdfast::engine {

// Dense number of a node. Cards count from 1 in the order of creation, and so do budgets, whose numbers have
// kBudgetBit; 0 stands for "no such node".
using NodeIndex = std::uint32_t;
inline constexpr NodeIndex kNoNode = 0;
inline constexpr NodeIndex kBudgetBit = NodeIndex{1} << 31;
constexpr bool is_budget(NodeIndex node) {
  return (node & kBudgetBit) != 0;
}

// Longest identifier and merchant text that a request may carry, in bytes; a codec refuses or cuts what is longer.
inline constexpr std::size_t kIdBytesMax = 64;
inline constexpr std::size_t kMerchantIdBytesMax = 64;
inline constexpr std::size_t kMerchantNameBytesMax = 128;

// Who speaks: authorizations of different processors never share an identifier space.
enum class Processor : std::uint8_t { native = 0, stripe = 1, lithic = 2, marqeta = 3 };
inline constexpr int kProcessors = 4;

struct Merchant {
  std::string_view id;    // the acquirer's merchant id, may be empty
  std::string_view name;  // for people; never decides anything
  CategoryCode category = kNoCategory;
  Country country;
};

// What the network says of a value that the cardholder gave.
enum class Check : std::uint8_t { not_provided = 0, match = 1, mismatch = 2 };

struct Verification {
  Check cvc = Check::not_provided;
  Check expiry = Check::not_provided;
  Check address_line = Check::not_provided;
  Check postal_code = Check::not_provided;
  friend bool operator==(const Verification&, const Verification&) = default;
};

struct AuthorizationRequest {
  Processor processor = Processor::native;
  std::string_view authorization_id;  // 1 to kIdBytesMax bytes
  std::string_view card_reference;    // as the request named it; resolved to a NodeIndex before the decision
  Minor amount = 0;                   // >= 0; the additional amount asked for. 0 is a verification
  Currency currency;
  Minor cash_amount = 0;          // 0 to amount: the part paid out in cash (cash back)
  bool incremental = false;       // adds to an authorization that was approved before
  bool partial_approval = false;  // the merchant's side can take less than it asked for
  Merchant merchant;
  Verification verification;
};

// Which limit or control said no.
struct DeclinedBy {
  NodeIndex node = kNoNode;  // 0: none
  std::int8_t limit = -1;    // index into the node's limits; -1: not a limit
  friend bool operator==(const DeclinedBy&, const DeclinedBy&) = default;
};

// The answer, complete: everything a reply needs that is not in the request itself.
struct Decision {
  Reason reason = Reason::none;
  Retryable retryable = Retryable::never;
  bool lifetime_limit = false;  // the limit that failed never resets
  bool tripped = false;         // this request tripped the card's loop breaker
  DeclinedBy declined_by;
  Minor approved_amount = 0;  // less than asked only for a partial approval
  Minor would_approve = 0;    // on a decline: what the limits would have let pass, 0 if nothing
  Instant retry_after = kNoInstant;
  Instant decided_at;     // never before the last change of any node concerned
  Instant authorized_at;  // decided_at of the authorization's first approval; equal unless incremental
  Minor held = 0;         // held on the authorization after this decision

  bool approved() const { return reason == Reason::none; }
  friend bool operator==(const Decision&, const Decision&) = default;
};

}  // namespace holdfast::engine
