// What a caller asks a card to be: the bodies of its creation and of its changes, checked and in the engine's words.
//
// Threads: reading belongs to the loop of the JsonDocument; what was read is plain values, for any loop.
// Invariants: a member that is not known is an error, never ignored. What apply() lets pass fits a journal record,
// together with the text of the card that is kept for repeats of the message.
// Errors: of the text, as JsonDocument reports them: look at json.ok() afterwards.
// Source: semantics, sections 1 to 3; RFC 7396 for changes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "net/node_input.h"

namespace holdfast::net {

inline constexpr std::uint32_t kMaxAuthorizationsMax = 0x7FFF'FFFF;
inline constexpr std::uint32_t kCooldownSecondsDefault = 300;
inline constexpr std::uint32_t kCooldownSecondsMax = engine::kBreakerSecondsMax;

// Changes of the loop breaker, member by member. 0: the member is taken away.
struct LoopBreakerPatch {
  bool reset = false;  // there shall be none
  std::optional<std::uint32_t> declines;
  std::optional<std::uint32_t> repeats;
  std::optional<std::uint32_t> seconds;
  std::optional<std::uint32_t> cooldown_seconds;
};

// Changes of the controls. What is not set stays as it is.
struct CardControlsPatch {
  bool reset = false;  // forget all first
  PlacesPatch places;
  std::optional<bool> partial_approval;
  std::optional<bool> merchant_lock;
  std::optional<std::uint32_t> max_authorizations;  // 0: any number
  std::optional<engine::CheckPolicy> cvc;
  std::optional<engine::CheckPolicy> expiry;
  std::optional<engine::CheckPolicy> address;
  std::optional<LoopBreakerPatch> loop_breaker;
};

// Changes of the settings. What is not set stays as it is; null in the text is the setting's default.
struct CardPatch {
  NodePatch node;
  std::optional<BudgetAbove> budget;
  std::optional<std::optional<engine::Minor>> limit_usd;  // cents; null takes the limit away if it is one of this form
  std::optional<CardControlsPatch> controls;
  std::optional<std::optional<engine::Instant>> expires_at;
};

struct CardCreation {
  engine::Currency currency;
  std::string processor_endpoint;  // both empty: the card is made here
  std::string processor_card;
  engine::NodeSettings settings;
  std::optional<engine::ZoneRules> zone;  // rules of settings.time_zone, unless it is inherited or UTC
};

// Call these after json.parse() gave true.
CardCreation read_creation(JsonDocument& json, const InputLookups& lookups);
CardPatch read_patch(JsonDocument& json, const InputLookups& lookups);

// Makes the changes; after a fault `settings` are of no use.
std::optional<InputFault> apply(const CardPatch& patch, const engine::NodeIdentity& identity,
                                engine::NodeSettings& settings);

}  // namespace holdfast::net
