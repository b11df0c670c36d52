// What a processor's message says, whichever processor sent it: a question to be answered, or news of what has
// happened.
//
// Every codec turns its wire form into these, so that the routes launch decisions and apply news in one way.
//
// Threads: value types.
// Ownership: every string_view views the JsonDocument that the message was parsed into, until its next parse().
// Units: minor units.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/command.h"
#include "net/json_document.h"

namespace holdfast::net {

inline constexpr std::size_t kMessageIdBytesMax = 255;
inline constexpr std::size_t kEventTypeBytesMax = 255;
inline constexpr std::size_t kObjectIdBytesMax = 255;

// A question that waits for its answer.
struct Asked {
  // The key of "one request, one answer". Empty: the processor gave none, see wire::append_message_id().
  std::string_view message_id;
  engine::AuthorizationRequest request;
  bool wants_balance = false;              // and the card's balance with the answer
  std::array<std::string_view, 3> repeat;  // what the answer has to repeat besides; each codec says what stands where
};

// One thing that has happened. A message may tell several, each with an id of its own, so that hearing of one again in
// another message changes nothing.
//
// What each kind does is the engine's (engine/command.h).
struct ToldStep {
  std::string message_id;                  // empty: the processor gave none, see wire::append_message_id()
  std::optional<engine::AdviceKind> kind;  // none: to be kept, without an effect on any balance
  std::string_view type;                   // the processor's word for it
  std::string_view object;                 // id of what it is about, for what is kept without an effect
  std::string_view authorization_id;
  std::string_view card_reference;
  engine::Minor amount = 0;
  engine::Currency currency;
  bool final = false;
  engine::Instant at = engine::kNoInstant;  // when, by the processor's clock; kNoInstant when it does not say
  bool told_again = false;                  // also in other messages than the one that brings its news
  engine::Merchant merchant;
};

// engine::Advise::told of a step. Kinds that say how things stand are overtaken by what was told later, so they carry
// their time. Kinds that say what was added happened in any case, however late the news of them, and carry none.
engine::Instant told_of(const ToldStep& step);

struct Told {
  std::vector<ToldStep> steps;  // in the order in which they happened; at least one
  std::string answer;           // the body that the sender wants to hear with its 200; empty: any will do
};

// Are you there?
struct Ping {};

using Event = std::variant<Asked, Told, Ping, JsonError>;

}  // namespace holdfast::net
