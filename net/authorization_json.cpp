#include "net/authorization_json.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "engine/record.h"
#include "net/problem.h"
#include "net/rfc3339.h"

namespace holdfast::net {
namespace {

using engine::AdviceKind;
using engine::AdviceOutcome;
using engine::AuthorizationStatus;
using engine::FollowUp;
using engine::Minor;
using engine::Reason;

void append_integer(std::string& out, std::int64_t number) {
  char digits[24];
  out.append(digits, std::to_chars(std::begin(digits), std::end(digits), number).ptr);
}

void append_member(std::string& out, std::string_view name, std::int64_t number) {
  out += ",\"";
  out += name;
  out += "\":";
  append_integer(out, number);
}

void append_member(std::string& out, std::string_view name, bool value) {
  out += ",\"";
  out += name;
  out += value ? "\":true" : "\":false";
}

void append_time(std::string& out, engine::Instant at) {
  out += '"';
  append_rfc3339(out, at);
  out += '"';
}

void append_text_or_null(std::string& out, std::string_view text) {
  text.empty() ? void(out += "null") : append_json_string(out, text);
}

void append_merchant(std::string& out, const engine::Merchant& merchant) {
  out += "{\"id\":";
  append_json_string(out, merchant.id);
  out += ",\"name\":";
  append_json_string(out, merchant.name);
  out += ",\"category\":";
  if (merchant.category == engine::kNoCategory) {
    out += "null";
  } else {
    std::string digits = std::to_string(merchant.category);
    digits.insert(0, 4 - digits.size(), '0');
    append_json_string(out, digits);
  }
  out += ",\"country\":";
  append_text_or_null(out, engine::alpha2(merchant.country));
  out += '}';
}

// ---- History

struct Event {
  std::string_view type;
  Minor amount = 0;
  Reason reason = Reason::none;
  engine::Instant at;
  std::uint8_t flags = 0;  // of an AdviceOutcome
};

constexpr std::pair<AdviceOutcome::Flag, std::string_view> kFlagNames[] = {
    {AdviceOutcome::kForced, "forced"},         {AdviceOutcome::kOverCapture, "over_capture"},
    {AdviceOutcome::kOvertaken, "overtaken"},   {AdviceOutcome::kUnknown, "unknown"},
    {AdviceOutcome::kCorrection, "correction"}, {AdviceOutcome::kCreated, "created"},
    {AdviceOutcome::kOverLimit, "over_limit"}};

void append_event(std::string& out, const Event& event) {
  out += "{\"type\":";
  append_json_string(out, event.type);
  append_member(out, "amount", event.amount);
  out += ",\"decline_reason\":";
  append_text_or_null(out, event.reason == Reason::none ? std::string_view{} : engine::reason_name(event.reason));
  out += ",\"at\":";
  append_time(out, event.at);
  out += ",\"flags\":[";
  for (const auto& [flag, name] : kFlagNames) {
    if ((event.flags & flag) == 0) continue;
    if (out.back() != '[') out += ',';
    append_json_string(out, name);
  }
  out += "]}";
}

std::string_view follow_up_name(FollowUp::Kind kind) {
  switch (kind) {
    case FollowUp::Kind::incremental:
      return "incremental";
    case FollowUp::Kind::withdrawn:
      return "withdrawn";
    case FollowUp::Kind::again:
      return "authorization";
    default:
      return engine::advice_name(
          static_cast<AdviceKind>(static_cast<unsigned>(kind) - static_cast<unsigned>(FollowUp::Kind::advice)));
  }
}

void append_history(std::string& out, const std::optional<Event>& first, const ShownAuthorization& shown) {
  out += "[";
  if (first) append_event(out, *first);
  for (const FollowUp& event : shown.follow_ups) {
    if (out.back() != '[') out += ',';
    append_event(out, {follow_up_name(event.kind), event.amount, event.reason, event.at, event.flags});
  }
  out += ']';
}

// ---- What it began with

// A request, or a message about an authorization that nobody had asked for; that is the first of the follow-ups too.
struct Beginning {
  std::string_view id;
  Minor amount = 0;
  std::optional<engine::Currency> currency;  // as the request had it
  engine::Merchant merchant;
  std::optional<Event> request;
};

std::optional<Beginning> beginning_of(const engine::Record& record) {
  if (const auto* command = std::get_if<engine::Authorize>(&record.command)) {
    const engine::AuthorizationRequest& request = command->request;
    const auto& decision = std::get<engine::Decision>(record.outcome);
    return Beginning{request.authorization_id, request.amount, request.currency, request.merchant,
                     Event{"authorization", decision.approved_amount, decision.reason, decision.decided_at, 0}};
  }
  if (const auto* command = std::get_if<engine::Advise>(&record.command)) {
    return Beginning{command->authorization_id, std::max(command->amount, Minor{0}), std::nullopt, command->merchant,
                     std::nullopt};
  }
  return std::nullopt;
}

}  // namespace

ShownAuthorization shown(const engine::Ledger& ledger, const engine::Authorization& authorization) {
  ShownAuthorization copy{authorization, {}};
  if (const auto* details = ledger.details(authorization)) copy.follow_ups = details->follow_ups;
  return copy;
}

bool append_authorization(std::string& out, const ShownAuthorization& shown, const engine::Bytes& record,
                          const CardOfAuthorization& card) {
  const auto decoded = engine::decode(record);
  const auto beginning = decoded ? beginning_of(*decoded) : std::nullopt;
  if (!beginning) return false;
  const engine::Authorization& authorization = shown.authorization;
  const bool declined = authorization.status == AuthorizationStatus::declined;
  out += "{\"id\":";
  append_json_string(out, beginning->id);
  out += ",\"object\":\"authorization\",\"card\":";
  append_text_or_null(out, card.id);
  out += ",\"endpoint\":";
  append_json_string(out, decoded->message.endpoint);
  out += ",\"status\":";
  append_json_string(out, engine::authorization_status_name(authorization.status));
  append_member(out, "approved", !declined);
  append_member(out, "amount", beginning->amount);
  append_member(out, "approved_amount", authorization.approved);
  out += ",\"currency\":";
  append_text_or_null(out, engine::alpha_code(beginning->currency.value_or(card.currency)));
  append_member(out, "held", authorization.held);
  append_member(out, "captured", authorization.captured);
  append_member(out, "refunded", authorization.refunded);
  out += ",\"decline_reason\":";
  append_text_or_null(out, declined ? engine::reason_name(authorization.reason) : std::string_view{});
  out += ",\"merchant\":";
  append_merchant(out, beginning->merchant);
  out += ",\"decided_at\":";
  append_time(out, authorization.decided_at);
  out += ",\"history\":";
  append_history(out, beginning->request, shown);
  out += '}';
  return true;
}

void append_step(std::string& out, const AdviceOutcome& outcome, const StepParts& parts) {
  const auto has = [&](AdviceOutcome::Flag flag) { return (outcome.flags & flag) != 0; };
  out += "{\"id\":";
  append_json_string(out, parts.id);
  out += ",\"object\":\"authorization\",\"card\":";
  append_json_string(out, parts.card);
  out += ",\"currency\":";
  append_json_string(out, engine::alpha_code(parts.currency));
  out += ",\"type\":";
  append_json_string(out, parts.type);
  out += ",\"status\":";
  append_json_string(out, engine::authorization_status_name(outcome.status));
  append_member(out, "held", outcome.held);
  append_member(out, "captured", outcome.captured);
  append_member(out, "refunded", outcome.refunded);
  append_member(out, "released", outcome.released);
  append_member(out, "posted", outcome.posted);
  append_member(out, "forced", has(AdviceOutcome::kForced));
  append_member(out, "over_capture", has(AdviceOutcome::kOverCapture));
  append_member(out, "over_limit", has(AdviceOutcome::kOverLimit));
  out += ",\"decided_at\":";
  append_time(out, outcome.decided_at);
  out += '}';
}

}  // namespace holdfast::net
