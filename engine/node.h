// A node of the tree of limits: a card, which is a leaf, or a budget above it. What it is, what its program set for it,
// and what it has used.
//
// Threads: a node is changed on its owner loop only. Its profile is an immutable object behind an atomic pointer and
// its balance a sequence-locked snapshot, so any thread may read both at any time; see node_table.h. Invariants:
// identity never changes; each change of settings or status makes a new profile with the next version; status closed is
// final.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/authorization.h"
#include "engine/counters.h"
#include "engine/instant.h"
#include "engine/key128.h"
#include "engine/money.h"
#include "engine/rules.h"
#include "engine/usage.h"
#include "engine/zone_table.h"

namespace holdfast::engine {

enum class NodeStatus : std::uint8_t { active = 0, frozen = 1, closed = 2 };
std::string_view node_status_name(NodeStatus status);

// Budgets above a card, and the card itself.
inline constexpr std::size_t kBudgetDepthMax = 8;
inline constexpr std::size_t kPathMax = kBudgetDepthMax + 1;

struct NodeIdentity {
  Key128 id{0, 0};  // ULID
  Instant created_at;
  Currency currency;
  // The rest is of cards only.
  // Of a card that a processor issued: the pair is unique, and no number is made here.
  std::string processor_endpoint;
  std::string processor_card;
  // Of a card made here. The number itself is never kept: it is derived again from id and attempt.
  Key128 number_hash{0, 0};
  std::uint8_t number_attempt = 0;
  std::string last4;
  std::uint8_t expiry_month = 0;  // 1 to 12; 0: no printed expiry
  std::uint16_t expiry_year = 0;  // four digits; the card is good through the end (UTC) of that month
  friend bool operator==(const NodeIdentity&, const NodeIdentity&) = default;
};

inline constexpr std::size_t kLabelBytesMax = 200;
inline constexpr std::size_t kMetadataEntriesMax = 50;
inline constexpr std::size_t kMetadataKeyBytesMax = 40;
inline constexpr std::size_t kMetadataValueBytesMax = 500;

struct NodeSettings {
  std::string label;
  NodeIndex parent = kNoNode;  // the budget above; that of a budget never changes
  std::vector<Limit> limits;
  Controls controls;
  std::string time_zone;  // the rules of it come with a DefineZone command; empty: that of the budget above, or UTC
  Weekday week_start = Weekday::monday;
  bool refunds_restore = false;
  std::vector<std::pair<std::string, std::string>> metadata;
  // The rest is of cards only.
  std::optional<Instant> expires_at;
  std::uint32_t max_authorizations = 0;  // the card closes after so many approvals; 0: it does not
  LoopBreaker loop_breaker;
  friend bool operator==(const NodeSettings&, const NodeSettings&) = default;
};

struct NodeProfile {
  NodeIdentity identity;
  NodeSettings settings;
  NodeStatus status = NodeStatus::active;
  std::uint32_t version = 1;
  const Zone* zone = nullptr;          // owned by the zone table, which never drops one; null: inherited
  CounterLayout layout;                // of the settings
  std::shared_ptr<Counters> counters;  // what the layout has room for; null when that is nothing
};

// First instant at which the card has expired: the earlier of settings.expires_at and the end of the printed month.
std::optional<Instant> expiry_of(const NodeIdentity& identity, const NodeSettings& settings);

// What changes with each decision.
struct NodeBalance {
  Usage usage;
  std::uint64_t approvals = 0;  // all that were ever approved, zero-amount verifications excluded
  friend bool operator==(const NodeBalance&, const NodeBalance&) = default;
};

}  // namespace holdfast::engine
