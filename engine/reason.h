// Why a request was declined: one closed list in one order, with what each reason means to a network and to a caller.
//
// Threads: constants.
// Invariants: the numeric values are stored and are the order in which checks run; a number is never reused
// (semantics, "One order of reasons").
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace holdfast::engine {

enum class Reason : std::uint8_t {
  none = 0,  // approved
  card_not_found = 1,
  card_closed = 2,
  card_expired = 3,
  card_frozen = 4,
  currency_mismatch = 5,
  verification_failed = 6,
  merchant_not_allowed = 7,
  category_not_allowed = 8,
  country_not_allowed = 9,
  loop_breaker = 10,
  authorization_limit = 11,
  count_limit = 12,
  card_limit = 13,
  budget_limit = 14,
  deadline_exceeded = 15,
  overloaded = 16,
  storage_unavailable = 17,
};
inline constexpr int kReasons = 18;

// What a caller can do about a decline.
enum class Retryable : std::uint8_t {
  never = 0,    // the same request will always be declined
  with_change,  // after somebody changes the card, its limits or the amount
  after,        // later: `retry_after` says when, if that can be known
};

std::string_view reason_name(Reason reason);  // "card_limit"; "" for none
std::optional<Reason> reason_from_name(std::string_view name);
std::string_view retryable_name(Retryable retryable);

// ISO 8583 DE39. `lifetime_limit`: the limit that failed has no end (51 rather than 61 for 13 and 14).
std::string_view response_code(Reason reason, bool lifetime_limit);

}  // namespace holdfast::engine
