// What a node allows: its limits, and the controls on where money may be spent.
//
// Threads: value types; published values are never changed, only replaced.
// Source: semantics, "Who has limits" and "Controls on a card".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/money.h"
#include "engine/places.h"
#include "engine/zone.h"

namespace holdfast::engine {

struct Limit {
  enum class Form : std::uint8_t { amount = 0, count = 1 };
  Form form = Form::amount;
  WindowKind window = WindowKind::lifetime;  // `authorization` with amounts only
  std::int64_t value = 0;                    // >= 0: minor units, or approvals
  friend bool operator==(const Limit&, const Limit&) = default;
};

inline constexpr std::size_t kLimitsMax = 8;            // a node
inline constexpr std::size_t kControlEntriesMax = 256;  // a list

// Empty lists allow all. A list of allowed entries refuses a request whose value is unknown.
struct Controls {
  std::vector<CategoryRange> allowed_categories;
  std::vector<CategoryRange> blocked_categories;
  std::vector<Country> allowed_countries;
  std::vector<Country> blocked_countries;
  std::vector<std::string> allowed_merchants;  // acquirer's merchant ids
  std::vector<std::string> blocked_merchants;
  bool cash = true;              // false: no cash categories, no cash amounts
  bool partial_approval = true;  // false: all of the amount or nothing
  friend bool operator==(const Controls&, const Controls&) = default;
};

}  // namespace holdfast::engine
