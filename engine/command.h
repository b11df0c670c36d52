// Commands: everything that can change the state, and what came of it. A record is a command with its outcome.
//
// Threads: value types.
// Ownership: commands decoded from a record view the record's bytes where they hold string_views.
// Invariants: a command carries all its inputs (the time, identifiers, zone rules); applying it to the same state gives
// the same outcome, bit for bit.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "engine/authorization.h"
#include "engine/card.h"
#include "engine/journal.h"
#include "engine/zone.h"

namespace holdfast::engine {

// The message that carried the command, for "one request, one answer". Without an id it is not remembered.
struct MessageRef {
  std::string_view endpoint;  // configured name, at most 255 bytes
  std::string_view id;        // the sender's id of the message, at most 255 bytes
  std::uint64_t content = 0;  // hash of what was asked: the same id with other content is a conflict

  bool present() const { return !id.empty(); }
};

struct CreateCard {
  static constexpr std::uint8_t kType = 1;
  CardIndex card = kNoCard;
  CardIdentity identity;
  CardSettings settings;
};

struct ChangeCard {
  static constexpr std::uint8_t kType = 2;
  CardIndex card = kNoCard;
  CardSettings settings;  // all of them, after the change
};

struct SetCardStatus {
  static constexpr std::uint8_t kType = 3;
  CardIndex card = kNoCard;
  CardStatus status = CardStatus::active;
};

struct Authorize {
  static constexpr std::uint8_t kType = 4;
  CardIndex card = kNoCard;
  AuthorizationRequest request;
};

// The answer to this message left as `deadline_exceeded` before the decision on it was durable: what the decision held
// is released, and any retry of the message gets the same decline. Also when there is no decision: it was refused too
// late for anybody to hear of it, or a kill took it along. Then the command is all that is known of the message.
struct Withdraw {
  static constexpr std::uint8_t kType = 5;
  CardIndex card = kNoCard;
  Processor processor = Processor::native;
  std::string_view authorization_id;
  Minor amount = 0;       // what that decision held; 0 when it was a decline
  Instant charged_at;     // its decided_at; the epoch when there was no decision
  Instant authorized_at;  // of the authorization; likewise

  bool decided() const { return charged_at != Instant{}; }
};

// An event that has no effect yet; kept so that nothing a processor sent is lost.
struct NoteEvent {
  static constexpr std::uint8_t kType = 6;
  std::string_view type;    // at most 255 bytes
  std::string_view object;  // id of what it is about, at most 255 bytes
};

// Defines or replaces the rules of a time zone for all nodes that name it.
struct DefineZone {
  static constexpr std::uint8_t kType = 7;
  ZoneRules rules;
};

struct AddKey {
  static constexpr std::uint8_t kType = 8;
  Key128 id{0, 0};
  std::uint8_t role = 0;
  std::string label;
  std::array<std::byte, 32> digest{};  // salted hash of the key
};

struct RemoveKey {
  static constexpr std::uint8_t kType = 9;
  Key128 id{0, 0};
};

using Command =
    std::variant<CreateCard, ChangeCard, SetCardStatus, Authorize, Withdraw, NoteEvent, DefineZone, AddKey, RemoveKey>;

struct CardOutcome {
  std::uint32_t version = 0;  // of the profile afterwards
  friend bool operator==(const CardOutcome&, const CardOutcome&) = default;
};

struct WithdrawOutcome {
  Minor released = 0;
  Instant decided_at;  // of the withdrawal
  friend bool operator==(const WithdrawOutcome&, const WithdrawOutcome&) = default;
};

using Outcome = std::variant<std::monostate, CardOutcome, Decision, WithdrawOutcome>;

struct Record {
  Instant now;  // the clock read that the command was applied with
  MessageRef message;
  Command command;
  Outcome outcome;
  // What the front end wants back with a duplicate of the message, besides the outcome (never secrets). Opaque here.
  std::string_view answer;
};

}  // namespace holdfast::engine
