// What a caller asks of a card or budget, as far as both have it: limits, controls on where money may be spent, and
// what else their settings share; checked and in the engine's words.
//
// Threads: reading belongs to the loop of the JsonDocument; what was read is plain values, for any loop.
// Invariants: a member that is not known is an error, never ignored.
// Errors: of the text, as JsonDocument reports them: look at json.ok() afterwards.
// Source: semantics, sections 1 to 3; RFC 7396 for changes.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/node.h"
#include "net/json_document.h"

namespace holdfast::net {

// Rules of an IANA zone; nullopt when there is no such zone.
using ZoneLookup = std::function<std::optional<engine::ZoneRules>(std::string_view name)>;

// A budget that something is put under. None of this ever changes.
struct BudgetAbove {
  engine::NodeIndex index = engine::kNoNode;  // kNoNode: none
  engine::Currency currency;
  std::size_t depth = 0;  // budgets from it to the root, itself counted
};
// nullopt when there is no budget with this id.
using BudgetLookup = std::function<std::optional<BudgetAbove>(std::string_view id)>;

// What the text names and does not define.
struct InputLookups {
  ZoneLookup zone;
  BudgetLookup budget;
};

inline constexpr std::size_t kControlListMax = 100;  // entries of one list

// Changes of the controls on where money may be spent. What is not set stays as it is.
struct PlacesPatch {
  std::optional<std::vector<engine::CategoryRange>> allowed_categories;
  std::optional<std::vector<engine::CategoryRange>> blocked_categories;
  std::optional<std::vector<engine::Country>> allowed_countries;
  std::optional<std::vector<engine::Country>> blocked_countries;
  std::optional<std::vector<std::string>> allowed_merchants;
  std::optional<std::vector<std::string>> blocked_merchants;
  std::optional<bool> cash;
};

// Changes of the settings. What is not set stays as it is; null in the text is the setting's default.
struct NodePatch {
  std::optional<std::string> label;
  std::optional<std::vector<engine::Limit>> limits;
  std::optional<std::string> time_zone;   // empty: that of the budget above, or UTC
  std::optional<engine::ZoneRules> zone;  // rules of time_zone, unless it is inherited or UTC
  std::optional<engine::Weekday> week_start;
  std::optional<bool> refunds_restore;
  bool reset_metadata = false;
  std::vector<std::pair<std::string, std::optional<std::string>>> metadata;  // null deletes the key
};

// Why settings cannot be as asked: "detail" completes a sentence that begins with the member.
struct InputFault {
  std::string_view member;
  std::string_view detail;
};

// Values that are there, null excluded.
BudgetAbove read_budget(const JsonValue& value, const BudgetLookup& budgets);

// At most engine::kLimitsMax; null is none.
std::vector<engine::Limit> read_limits(const JsonValue& value);
// Of the body: everything that NodePatch has. `creates`: there is nothing yet that null could delete.
inline constexpr std::string_view kNodeMembers[] = {"label",      "limits",          "time_zone",
                                                    "week_start", "refunds_restore", "metadata"};
NodePatch read_node(const JsonObject& body, const ZoneLookup& zones, bool creates);
// A creation needs a label.
void require_label(const JsonObject& body);
// Of the controls: everything that PlacesPatch has.
inline constexpr std::string_view kPlacesMembers[] = {"allowed_categories",
                                                      "blocked_categories",
                                                      "allowed_countries",
                                                      "blocked_countries",
                                                      "allowed_merchants",
                                                      "blocked_merchants",
                                                      "cash"};
PlacesPatch read_places(const JsonObject& controls);
std::optional<bool> read_flag(const JsonObject& object, std::string_view name, bool otherwise);
// An integer from `min` to `max`.
std::optional<std::uint32_t> read_number(const JsonObject& object, std::string_view name, std::uint32_t min,
                                         std::uint32_t max, std::uint32_t otherwise);
std::optional<engine::Currency> read_currency(const JsonObject& body);

// Reports the first member of `object` that is neither in `allowed` nor in `more`.
void reject_unknown(const JsonObject& object, std::span<const std::string_view> allowed,
                    std::span<const std::string_view> more = {});
// Reports a member that a change may not have, though it is there to be read.
void reject_immutable(const JsonObject& body, std::span<const std::string_view> immutable);

// Make the changes; after a fault `settings` are of no use. settings.parent has been changed before.
std::optional<InputFault> apply(const NodePatch& patch, engine::NodeSettings& settings);
void apply(const PlacesPatch& patch, engine::Controls& controls);

// Whether a record has room for the settings next to the node's text, which is `text_bytes` long while nothing was
// used yet: whatever comes of the node later, the record of a change of it fits.
bool fits_record(const engine::NodeSettings& settings, std::size_t text_bytes);
inline constexpr InputFault kTooLong{"metadata", "and the lists of limits and controls together are too long"};

template <class T>
void set_if_given(const std::optional<T>& from, T& into) {
  if (from) into = *from;
}

}  // namespace holdfast::net
