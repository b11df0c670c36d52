// What a caller asks a card to be: the bodies of its creation and of its changes, checked and in the engine's words.
//
// Threads: reading belongs to the loop of the JsonDocument; what was read is plain values, for any loop.
// Invariants: a member that is not known is an error, never ignored. What apply() lets pass fits a journal record,
// together with the text of the card that is kept for repeats of the message.
// Errors: of the text, as JsonDocument reports them (look at json.ok() afterwards); `unsupported` tells that the error
// is about something that the interface names and this release does not have.
// Source: semantics, sections 1 to 3; RFC 7396 for changes.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/node.h"
#include "net/json_document.h"

namespace holdfast::net {

// Rules of an IANA zone; nullopt when there is no such zone.
using ZoneLookup = std::function<std::optional<engine::ZoneRules>(std::string_view name)>;

inline constexpr std::size_t kControlListMax = 100;  // entries of one list

// Changes of the controls. A list or flag that is not set stays as it is.
struct ControlsPatch {
  bool reset = false;  // forget all first
  std::optional<std::vector<engine::CategoryRange>> allowed_categories;
  std::optional<std::vector<engine::CategoryRange>> blocked_categories;
  std::optional<std::vector<engine::Country>> allowed_countries;
  std::optional<std::vector<engine::Country>> blocked_countries;
  std::optional<std::vector<std::string>> allowed_merchants;
  std::optional<std::vector<std::string>> blocked_merchants;
  std::optional<bool> cash;
  std::optional<bool> partial_approval;
};

// Changes of the settings. What is not set stays as it is; null in the text is the setting's default.
struct CardPatch {
  std::optional<std::string> label;
  std::optional<std::vector<engine::Limit>> limits;
  std::optional<std::optional<engine::Minor>> limit_usd;  // cents; null takes the limit away if it is one of this form
  std::optional<ControlsPatch> controls;
  std::optional<std::string> time_zone;
  std::optional<engine::ZoneRules> zone;  // rules of time_zone, unless it is UTC
  std::optional<engine::Weekday> week_start;
  std::optional<std::optional<engine::Instant>> expires_at;
  std::optional<bool> refunds_restore;
  bool reset_metadata = false;
  std::vector<std::pair<std::string, std::optional<std::string>>> metadata;  // null deletes the key
  bool unsupported = false;
};

struct CardCreation {
  engine::Currency currency;
  std::string processor_endpoint;  // both empty: the card is made here
  std::string processor_card;
  engine::NodeSettings settings;
  std::optional<engine::ZoneRules> zone;  // rules of settings.time_zone, unless it is UTC
  bool unsupported = false;
};

// Why settings cannot be as asked: "detail" completes a sentence that begins with the member.
struct InputFault {
  std::string_view member;
  std::string_view detail;
};

// Call these after json.parse() gave true.
CardCreation read_creation(JsonDocument& json, const ZoneLookup& zones);
CardPatch read_patch(JsonDocument& json, const ZoneLookup& zones);

// Makes the changes; after a fault `settings` are of no use.
std::optional<InputFault> apply(const CardPatch& patch, const engine::NodeIdentity& identity,
                                engine::NodeSettings& settings);

}  // namespace holdfast::net
