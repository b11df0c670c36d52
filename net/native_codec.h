// The JSON of the native decision and of what follows one: a message in, an answer out. No I/O.
//
// Threads: pure functions; a JsonDocument belongs to its loop.
// Ownership: what decode() gives views the document and is valid until its next parse().
// Errors: as JsonDocument reports them; after decode() look at document.ok().
// Units: minor units next to a currency.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/authorization.h"
#include "net/json_document.h"

namespace holdfast::net {

// Name of the native API as an endpoint, in metrics and in the keys of messages.
inline constexpr std::string_view kNativeEndpoint = "api";

}  // namespace holdfast::net

namespace holdfast::net::native {

struct Request {
  std::string_view id;                         // empty: the Idempotency-Key header must give one
  std::optional<std::string_view> card;        // either the card's id ...
  std::optional<std::string_view> number;      // ... or its number,
  std::optional<std::string_view> cvv;         // with what the cardholder gave besides
  std::optional<std::string_view> expiration;  // "MM/YY"
  engine::AuthorizationRequest authorization;  // its ids and card reference are set by the caller
  bool dry_run = false;
};

// Letters, digits, '_' and '-', 1 to engine::kIdBytesMax of them.
bool acceptable_id(std::string_view id);

Request decode(JsonObject body);

// A message about an authorization that is there.
struct Step {
  std::string_view id;                  // of the message; empty: the Idempotency-Key header must give one
  std::optional<engine::Minor> amount;  // nullopt: all of it
  bool final = true;                    // of a capture
};
struct StepMembers {
  bool amount = true;  // may be given
  bool amount_required = false;
  bool final = false;  // may be given
};
Step decode_step(JsonObject body, const StepMembers& members);

// Money that moved without an authorization.
struct Posting {
  std::string_view id;  // of the message, and from then on of the authorization
  std::string_view card;
  engine::Minor amount = 0;
  engine::Currency currency;
  engine::Merchant merchant;
};
Posting decode_posting(JsonObject body);

struct AnswerParts {
  std::string_view id;
  std::string_view card;         // empty: unknown
  std::string_view declined_by;  // id of the node that said no; empty: none
  engine::Currency currency;
  bool dry_run = false;
  // It adds to an authorization, which stays pending whatever the answer.
  bool increment = false;
};
void append_answer(std::string& out, const engine::Decision& decision, const AnswerParts& parts);

}  // namespace holdfast::net::native
