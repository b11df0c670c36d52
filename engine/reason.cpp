#include "engine/reason.h"

#include <array>
#include <cstddef>

namespace holdfast::engine {
namespace {

struct ReasonRow {
  Reason reason;
  std::string_view name;
  std::string_view response_code;           // ISO 8583 DE39
  std::string_view lifetime_response_code;  // the same, when the limit that failed never resets
};

// Semantics, "One order of reasons".
constexpr std::array kReasonRows{
    ReasonRow{Reason::none, "", "00", "00"},
    ReasonRow{Reason::card_not_found, "card_not_found", "14", "14"},
    ReasonRow{Reason::card_closed, "card_closed", "14", "14"},
    ReasonRow{Reason::card_expired, "card_expired", "54", "54"},
    ReasonRow{Reason::card_frozen, "card_frozen", "62", "62"},
    ReasonRow{Reason::currency_mismatch, "currency_mismatch", "57", "57"},
    ReasonRow{Reason::verification_failed, "verification_failed", "05", "05"},
    ReasonRow{Reason::merchant_not_allowed, "merchant_not_allowed", "57", "57"},
    ReasonRow{Reason::category_not_allowed, "category_not_allowed", "57", "57"},
    ReasonRow{Reason::country_not_allowed, "country_not_allowed", "57", "57"},
    ReasonRow{Reason::loop_breaker, "loop_breaker", "65", "65"},
    ReasonRow{Reason::authorization_limit, "authorization_limit", "61", "61"},
    ReasonRow{Reason::count_limit, "count_limit", "65", "65"},
    ReasonRow{Reason::card_limit, "card_limit", "61", "51"},
    ReasonRow{Reason::budget_limit, "budget_limit", "61", "51"},
    ReasonRow{Reason::deadline_exceeded, "deadline_exceeded", "91", "91"},
    ReasonRow{Reason::overloaded, "overloaded", "91", "91"},
    ReasonRow{Reason::storage_unavailable, "storage_unavailable", "96", "96"},
};
static_assert(kReasonRows.size() == kReasons);
static_assert(
    [] {
      for (std::size_t i = 0; i < kReasonRows.size(); ++i) {
        if (static_cast<std::size_t>(kReasonRows[i].reason) != i) return false;
      }
      return true;
    }(),
    "a reason's row is found by its number");

constexpr std::array<std::string_view, 3> kRetryableNames{"never", "with_change", "after"};
static_assert(static_cast<std::size_t>(Retryable::after) + 1 == kRetryableNames.size());

// at(): a number that no reason has is a stored record that was not checked.
constexpr const ReasonRow& row_of(Reason reason) {
  return kReasonRows.at(static_cast<std::size_t>(reason));
}

}  // namespace

std::string_view reason_name(Reason reason) {
  return row_of(reason).name;
}

std::optional<Reason> reason_from_name(std::string_view name) {
  if (name.empty()) return std::nullopt;
  for (const ReasonRow& row : kReasonRows) {
    if (row.name == name) return row.reason;
  }
  return std::nullopt;
}

std::string_view retryable_name(Retryable retryable) {
  return kRetryableNames.at(static_cast<std::size_t>(retryable));
}

std::string_view response_code(Reason reason, bool lifetime_limit) {
  const ReasonRow& row = row_of(reason);
  return lifetime_limit ? row.lifetime_response_code : row.response_code;
}

}  // namespace holdfast::engine
