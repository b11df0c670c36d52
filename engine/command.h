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
#include "engine/journal.h"
#include "engine/node.h"
#include "engine/zone.h"

namespace holdfast::engine {

// The message that carried the command, for "one request, one answer". Without an id it is not remembered.
struct MessageRef {
  std::string_view endpoint;  // configured name, at most 255 bytes
  std::string_view id;        // the sender's id of the message, at most 255 bytes
  std::uint64_t content = 0;  // hash of what was asked: the same id with other content is a conflict

  bool present() const { return !id.empty(); }
};

struct CreateNode {
  static constexpr std::uint8_t kType = 1;
  NodeIndex node = kNoNode;
  NodeIdentity identity;
  NodeSettings settings;
};

struct ChangeNode {
  static constexpr std::uint8_t kType = 2;
  NodeIndex node = kNoNode;
  NodeSettings settings;  // all of them, after the change
};

struct SetNodeStatus {
  static constexpr std::uint8_t kType = 3;
  NodeIndex node = kNoNode;
  NodeStatus status = NodeStatus::active;
};

struct Authorize {
  static constexpr std::uint8_t kType = 4;
  NodeIndex card = kNoNode;
  AuthorizationRequest request;
};

// The answer to this message left as `deadline_exceeded` before the decision on it was durable: what the decision held
// is released, and any retry of the message gets the same decline. Also when there is no decision: it was refused too
// late for anybody to hear of it, or a kill took it along. Then the command is all that is known of the message.
struct Withdraw {
  static constexpr std::uint8_t kType = 5;
  NodeIndex card = kNoNode;
  Processor processor = Processor::native;
  std::string_view authorization_id;
  Minor amount = 0;       // what that decision held; 0 when it was a decline
  Instant charged_at;     // its decided_at; the epoch when there was no decision
  Instant authorized_at;  // of the authorization; likewise

  bool decided() const { return charged_at != Instant{}; }
};

// An event that changes no balance; kept so that nothing a processor sent is lost.
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
  NodeIndex node = kNoNode;            // the card or budget that the key is bound to, if it is bound to one
};

struct RemoveKey {
  static constexpr std::uint8_t kType = 9;
  Key128 id{0, 0};
};

// What a processor or a timer tells about an authorization after the decision. The effect of each kind: lifecycle.cpp
// and semantics, "What each message does".
enum class AdviceKind : std::uint8_t {
  capture = 0,      // money moves: posted += amount
  reverse,          // the merchant gives back: held -= amount
  expire,           // the rest of the hold has run out
  set_hold,         // held := amount; of processors that tell states
  refund,           // money comes back
  refund_reversal,  // or does not, after all
  post,             // money moved without an authorization
  adopt,            // the processor approved by itself: held += amount
  disown,           // the processor's answer was no, whatever ours was: nothing of it stands
};
inline constexpr int kAdviceKinds = 9;
std::string_view advice_name(AdviceKind kind);

// The amount of an Advise that means all there is: all of what is held (capture, reverse), of what was captured and not
// refunded (refund), of what was refunded (refund_reversal).
inline constexpr Minor kAll = -1;

struct Advise {
  static constexpr std::uint8_t kType = 10;
  NodeIndex card = kNoNode;  // exists
  AdviceKind kind = AdviceKind::capture;
  Processor processor = Processor::native;
  // As the sender named it; the key is made of it. Empty when only the key is known (expiry by our own timer).
  std::string_view authorization_id;
  Key128 authorization{0, 0};
  Minor amount = kAll;  // >= 0, or kAll
  bool final = false;   // of a capture: no other follows, the rest of the hold is released
  // When the sender says that it happened. What comes with an earlier time than what came before it, of the same
  // authorization, is overtaken and changes nothing. kNoInstant: the sender does not say, and it is the latest.
  Instant told = kNoInstant;
  Merchant merchant;  // of a posting or a refund without an authorization
};

using Command = std::variant<CreateNode, ChangeNode, SetNodeStatus, Authorize, Withdraw, NoteEvent, DefineZone, AddKey,
                             RemoveKey, Advise>;

// The card or budget that a command is about; kNoNode when it is about neither.
NodeIndex node_of(const Command& command);

struct NodeOutcome {
  std::uint32_t version = 0;  // of the profile afterwards
  friend bool operator==(const NodeOutcome&, const NodeOutcome&) = default;
};

struct WithdrawOutcome {
  Minor released = 0;
  Instant decided_at;  // of the withdrawal
  friend bool operator==(const WithdrawOutcome&, const WithdrawOutcome&) = default;
};

enum class AuthorizationStatus : std::uint8_t { pending = 0, closed = 1, reversed = 2, expired = 3, declined = 4 };
std::string_view authorization_status_name(AuthorizationStatus status);

// What an Advise did, and the authorization afterwards.
struct AdviceOutcome {
  enum Flag : std::uint8_t {
    kForced = 1,       // posted without a hold that covers it: no authorization, or one that was over
    kOverCapture = 2,  // posted more than was held
    kOvertaken = 4,    // what was told later had come before: nothing changed
    kUnknown = 8,      // there is no such authorization, and nothing to do about it: nothing changed
    kCorrection = 16,  // the processor's word against ours
    kCreated = 32,     // the authorization is known from here on only
    kOverLimit = 64,   // a node on the path is above one of its limits afterwards
  };
  AuthorizationStatus status = AuthorizationStatus::closed;
  std::uint8_t flags = 0;
  Minor released = 0;  // taken from held; negative when held grew
  Minor posted = 0;  // added to posted of the card's authorization; negative for a refund, on whichever nodes it counts
  Minor held = 0;    // of the authorization, all three
  Minor captured = 0;
  Minor refunded = 0;
  Instant decided_at;
  Instant authorized_at;  // of the authorization's first request: with it its row is found
  friend bool operator==(const AdviceOutcome&, const AdviceOutcome&) = default;
};

using Outcome = std::variant<std::monostate, NodeOutcome, Decision, WithdrawOutcome, AdviceOutcome>;

struct Record {
  Instant now;  // the clock read that the command was applied with
  MessageRef message;
  Command command;
  Outcome outcome;
  // What the front end wants back with a duplicate of the message, besides the outcome (never secrets). Opaque here.
  std::string_view answer;
};

}  // namespace holdfast::engine
