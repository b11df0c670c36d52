// What cards and budgets have in common as the interface returns them.
//
// Threads: pure functions; profiles are read as net/node_view.h says.
// Units: amounts in minor units of the node's currency.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "net/node_view.h"

namespace holdfast::net {

inline constexpr std::string_view kCardIdPrefix = "card_";
inline constexpr std::string_view kBudgetIdPrefix = "bud_";

// Values.
void append_integer(std::string& out, std::int64_t number);
void append_bool(std::string& out, bool value);
void append_time(std::string& out, engine::Instant at);          // quoted
void append_time_or_null(std::string& out, engine::Instant at);  // null: kNoInstant
// `,"name":`, without the comma at the beginning of an object.
void append_name(std::string& out, std::string_view name);

// Members, in this order: `{"id":...,"object":...,"label":...,"status":...,"currency":...`.
void append_node_head(std::string& out, std::string_view object, std::string_view id_prefix,
                      const engine::NodeProfile& profile);
// `,"<name>":` and the id of the budget above path[0], or null.
void append_parent(std::string& out, std::string_view name, std::span<const NodeView> path);
// `,"over_limit":...,"limits":[...],"controls":{...}`.
void append_rules(std::string& out, std::span<const NodeView> path, engine::Instant now);
// `,"time_zone":...,"week_start":...,"refunds_restore":...`.
void append_calendar(std::string& out, const engine::NodeSettings& settings);
// `,"metadata":{...}`.
void append_metadata(std::string& out, const engine::NodeSettings& settings);
// `,"version":...,"created_at":...}`.
void append_node_tail(std::string& out, const engine::NodeProfile& profile);

// The version that the text of a node, which ended with append_node_tail(), tells; 0 when it is something else.
std::uint32_t version_in(std::string_view node);

// How much a node's text can be longer than that of the same settings on which nothing was used yet: figures, the
// version, the budget above, the merchant that the card is locked to and the state of its loop breaker.
inline constexpr std::size_t kStateTextBytesMax = 3072;

}  // namespace holdfast::net
