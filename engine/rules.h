// What a node allows: its limits, and the controls on where money may be spent.
//
// Threads: value types; published values are never changed, only replaced.
// Source: semantics, "Who has limits" and "Controls on a card".
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/money.h"
#include "engine/places.h"
#include "engine/zone.h"

namespace holdfast::engine {

inline constexpr std::uint32_t kRollingSecondsMin = 60;
inline constexpr std::uint32_t kRollingSecondsMax = 31 * 24 * 3600;

struct Limit {
  enum class Form : std::uint8_t { amount = 0, count = 1 };
  Form form = Form::amount;
  WindowKind window = WindowKind::lifetime;  // `authorization` with amounts only
  std::int64_t value = 0;                    // >= 0: minor units, or approvals
  std::uint32_t rolling_seconds = 0;         // of `rolling`; otherwise 0
  std::vector<CategoryRange> categories{};   // the merchants it is about; empty: all

  // A merchant of no category is of none of the listed ones.
  bool concerns(CategoryCode category) const {
    return categories.empty() || std::any_of(categories.begin(), categories.end(), [category](CategoryRange range) {
             return range.first <= category && category <= range.last;
           });
  }
  // It counts for itself (counters.h): the windows that every node keeps cannot tell.
  bool has_counter() const {
    return window == WindowKind::rolling || (!categories.empty() && window != WindowKind::authorization);
  }
  friend bool operator==(const Limit&, const Limit&) = default;
};

inline constexpr std::size_t kLimitsMax = 8;            // a node
inline constexpr std::size_t kControlEntriesMax = 256;  // a list

// What is made of the network's word on a value that the cardholder gave.
enum class CheckPolicy : std::uint8_t {
  ignore = 0,
  decline_on_mismatch,  // not provided passes
  require_match,        // not provided fails
};

// Empty lists allow all. A list of allowed entries refuses a request whose value is unknown. A budget has the lists and
// `cash` only; what any node on the path refuses is refused.
struct Controls {
  std::vector<CategoryRange> allowed_categories;
  std::vector<CategoryRange> blocked_categories;
  std::vector<Country> allowed_countries;
  std::vector<Country> blocked_countries;
  std::vector<std::string> allowed_merchants;  // acquirer's merchant ids
  std::vector<std::string> blocked_merchants;
  bool cash = true;              // false: no cash categories, no cash amounts
  bool partial_approval = true;  // false: all of the amount or nothing
  bool merchant_lock = false;    // to the merchant of the first approval that held money
  CheckPolicy cvc = CheckPolicy::decline_on_mismatch;
  CheckPolicy expiry = CheckPolicy::decline_on_mismatch;
  CheckPolicy address = CheckPolicy::ignore;  // AVS: line and postal code
  friend bool operator==(const Controls&, const Controls&) = default;
};

// Stops an agent that is stuck in a retry loop. It trips when `declines` requests were declined within `seconds`, or
// when `repeats` requests had the same merchant and amount; then the card declines until `cooldown_seconds` have
// passed. The next request is tried: approved, it closes the breaker; declined, it trips it again.
struct LoopBreaker {
  std::uint16_t declines = 0;  // 0: does not look at declines; at most kDeclinesMax
  std::uint16_t repeats = 0;   // 0: does not look at repeats; otherwise 2 to kRepeatsMax
  std::uint32_t seconds = 0;   // 1 to kBreakerSecondsMax
  std::uint32_t cooldown_seconds = 0;

  bool present() const { return declines != 0 || repeats != 0; }
  friend bool operator==(const LoopBreaker&, const LoopBreaker&) = default;
};
inline constexpr std::uint16_t kDeclinesMax = 100;
inline constexpr std::uint16_t kRepeatsMax = 64;
inline constexpr std::uint32_t kBreakerSecondsMax = 31 * 24 * 3600;

}  // namespace holdfast::engine
