#include "net/processors/stripe.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <limits>
#include <optional>
#include <utility>

#include "net/processors/wire.h"
#include "net/rfc3339.h"

namespace holdfast::net::stripe {
namespace {

using engine::AuthorizationRequest;
using engine::Check;
using wire::append_integer;
using wire::text_or_empty;

constexpr std::string_view kAuthorizationRequest = "issuing_authorization.request";
constexpr std::string_view kAuthorizationCreated = "issuing_authorization.created";
constexpr std::string_view kAuthorizationUpdated = "issuing_authorization.updated";
constexpr std::string_view kTransactionCreated = "issuing_transaction.created";
constexpr std::size_t kCurrencyBytesMax = 16;
constexpr std::size_t kHistoryMax = 100'000;
constexpr std::int64_t kSecondsMax = 253'402'300'799;  // of the year 9999

// ---- Decoding -------------------------------------------------------------------------------------------------------

// The version goes back out in a header, so only what its versions are made of passes.
std::string_view version_or_empty(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' ||
           c == '_';
  };
  if (text.size() > kApiVersionBytesMax || !std::all_of(text.begin(), text.end(), fits)) return {};
  return text;
}

// `card` is the expanded object in requests, and an id in some other objects and older versions.
std::string_view card_reference(const JsonObject& authorization) {
  const auto card = authorization.find("card");
  if (card && card->is_object()) return card->object().required_string("id", engine::kIdBytesMax);
  return authorization.required_string("card", engine::kIdBytesMax);
}

bool is_incremental(const JsonObject& authorization) {
  if (authorization.optional_bool("approved").value_or(false)) return true;
  const auto history = authorization.optional_array("request_history", kHistoryMax);
  return history && !history->empty();
}

engine::CategoryCode category(const JsonObject& merchant) {
  const engine::CategoryCode code = wire::category(merchant, "category_code");
  if (code != engine::kNoCategory) return code;
  return engine::category_from_name(text_or_empty(merchant, "category")).value_or(engine::kNoCategory);
}

engine::Merchant merchant(const JsonObject& merchant_data) {
  engine::Merchant merchant;
  merchant.id = merchant_data.optional_string("network_id", engine::kMerchantIdBytesMax).value_or(std::string_view{});
  merchant.name = wire::merchant_name(merchant_data, "name");
  merchant.category = category(merchant_data);
  merchant.country = wire::country(merchant_data, "country");
  return merchant;
}

Check check(const JsonObject& verification, std::string_view name) {
  const std::string_view text = text_or_empty(verification, name);
  if (text == "match") return Check::match;
  if (text == "mismatch") return Check::mismatch;
  return Check::not_provided;
}

engine::Verification verification(const JsonObject& data) {
  return {.cvc = check(data, "cvc_check"),
          .expiry = check(data, "expiry_check"),
          .address_line = check(data, "address_line1_check"),
          .postal_code = check(data, "address_postal_code_check")};
}

// More cash than amount can only be a mistake of the sender's; taking all of it for cash errs against the spender.
engine::Minor cash_amount(const JsonObject& pending, engine::Minor amount) {
  const auto details = pending.optional_object("amount_details");
  if (!details) return 0;
  return std::min(amount, details->optional_int64("cashback_amount", 0).value_or(0));
}

AuthorizationRequest request(const JsonObject& authorization) {
  AuthorizationRequest request;
  request.processor = engine::Processor::stripe;
  request.authorization_id = authorization.required_string("id", engine::kIdBytesMax);
  request.card_reference = card_reference(authorization);
  request.incremental = is_incremental(authorization);

  const JsonObject pending = authorization.required_object("pending_request");
  request.amount = pending.required_int64("amount", 0);
  request.currency = wire::currency(pending.required_string("currency", kCurrencyBytesMax));
  request.cash_amount = cash_amount(pending, request.amount);
  request.partial_approval = pending.optional_bool("is_amount_controllable").value_or(false);

  request.merchant = merchant(authorization.optional_object("merchant_data").value_or(JsonObject{}));
  request.verification = verification(authorization.optional_object("verification_data").value_or(JsonObject{}));
  return request;
}

// ---- What has happened ----------------------------------------------------------------------------------------------

// The event around what it is about.
struct Envelope {
  std::string_view id;
  std::string_view type;
  engine::Instant created = engine::kNoInstant;
};

engine::Instant instant_of_seconds(std::optional<std::int64_t> seconds) {
  return seconds ? engine::from_millis(*seconds * 1000) : engine::kNoInstant;
}

engine::Instant created(const JsonObject& object) {
  return instant_of_seconds(object.optional_int64("created", 0, kSecondsMax));
}

ToldStep note(const Envelope& envelope, const JsonObject& object) {
  ToldStep step;
  step.message_id = envelope.id;
  step.type = envelope.type;
  step.object = object.optional_string("id", kObjectIdBytesMax).value_or(std::string_view{});
  step.at = envelope.created;
  return step;
}

// Captures are negative and refunds positive. The other way round each is undone: a capture that gives back is a
// refund, and a refund that takes is one that did not come after all.
void read_movement(ToldStep& step, std::string_view type, engine::Minor amount) {
  const bool refunds = type == "refund";
  step.amount = amount < 0 ? -amount : amount;
  if (amount > 0) {
    step.kind = engine::AdviceKind::refund;
  } else if (refunds) {
    step.kind = engine::AdviceKind::refund_reversal;
  } else {
    step.kind = step.authorization_id.empty() ? engine::AdviceKind::post : engine::AdviceKind::capture;
  }
}

// `authorization`: the one that lists the transaction; empty when it comes by itself.
ToldStep transaction_step(const JsonObject& transaction, std::string_view authorization) {
  ToldStep step;
  step.message_id = transaction.required_string("id", engine::kIdBytesMax);
  step.type = kTransactionCreated;
  step.authorization_id = authorization;
  if (authorization.empty()) {
    step.authorization_id =
        transaction.optional_string("authorization", engine::kIdBytesMax).value_or(std::string_view{});
  }
  step.card_reference = card_reference(transaction);
  step.currency = wire::currency(transaction.required_string("currency", kCurrencyBytesMax));
  step.at = created(transaction);
  step.merchant = merchant(wire::object_or_empty(transaction, "merchant_data"));
  constexpr auto kMost = std::numeric_limits<engine::Minor>::max();
  read_movement(step, text_or_empty(transaction, "type"), transaction.required_int64("amount", -kMost, kMost));
  // What nothing links is an authorization of its own.
  if (step.authorization_id.empty()) step.authorization_id = transaction.required_string("id", engine::kIdBytesMax);
  return step;
}

// The transactions that the authorization lists, in front of what it says of itself: they may not have come yet.
engine::Minor append_listed(std::vector<ToldStep>& steps, const JsonObject& authorization, const ToldStep& state) {
  engine::Minor captured = 0;
  const auto listed = authorization.find("transactions");
  if (!listed || !listed->is_array()) return captured;
  listed->array(kHistoryMax).for_each([&](const JsonValue& each) {
    if (!each.is_object()) return;
    steps.push_back(transaction_step(each.object(), state.authorization_id));
    steps.back().told_again = true;
    if (steps.back().kind == engine::AdviceKind::capture) {
      captured = engine::checked_add(captured, steps.back().amount).value_or(captured);
    }
  });
  return captured;
}

// `captured`: by the transactions that are listed.
void read_state(ToldStep& step, const JsonObject& authorization, engine::Minor captured) {
  const std::string_view status = text_or_empty(authorization, "status");
  const bool approved = authorization.optional_bool("approved").value_or(false);
  const engine::Minor amount = authorization.required_int64("amount", 0);
  if (status == "expired" || (status == "reversed" && amount > 0)) {
    step.kind = engine::AdviceKind::expire;
  } else if (status == "closed" && !approved) {
    step.kind = engine::AdviceKind::disown;
  } else if (status == "closed" || status == "reversed") {
    step.kind = engine::AdviceKind::set_hold;
    step.amount = 0;
  } else if (status == "pending" && approved && amount > 0) {
    step.kind = engine::AdviceKind::set_hold;
    step.amount = std::max<engine::Minor>(amount - captured, 0);
  }
}

Told authorization_told(const Envelope& envelope, const JsonObject& authorization) {
  Told told;
  ToldStep state = note(envelope, authorization);
  state.authorization_id = authorization.required_string("id", engine::kIdBytesMax);
  state.card_reference = card_reference(authorization);
  state.currency = wire::currency(authorization.required_string("currency", kCurrencyBytesMax));
  state.merchant = merchant(wire::object_or_empty(authorization, "merchant_data"));
  read_state(state, authorization, append_listed(told.steps, authorization, state));
  told.steps.push_back(std::move(state));
  return told;
}

Told told(const Envelope& envelope, const JsonObject& object) {
  if (envelope.type == kAuthorizationCreated || envelope.type == kAuthorizationUpdated) {
    return authorization_told(envelope, object);
  }
  Told told;
  told.steps.push_back(envelope.type == kTransactionCreated ? transaction_step(object, {}) : note(envelope, object));
  return told;
}

// ---- Encoding -------------------------------------------------------------------------------------------------------

bool has_four_digit_year(engine::Instant instant) {
  using std::chrono::January;
  constexpr engine::Instant kFirst = std::chrono::sys_days(std::chrono::year(0) / January / 1);
  constexpr engine::Instant kEnd = std::chrono::sys_days(std::chrono::year(10'000) / January / 1);
  return kFirst <= instant && instant < kEnd;
}

void append_decline_start(std::string& out, std::string_view reason, std::string_view response_code) {
  out.append(R"({"approved":false,"metadata":{"decline_reason":")").append(reason);
  out.append(R"(","response_code":")").append(response_code).append("\"");
}

// Of an id as Holdfast makes them: nothing in it needs an escape.
void append_id(std::string& out, std::string_view id) {
  assert(id.size() <= engine::kIdBytesMax && id.find_first_of("\"\\") == std::string_view::npos);
  out.append(id);
}

void append_decline(std::string& out, const engine::Decision& decision, std::string_view declined_by) {
  append_decline_start(out, engine::reason_name(decision.reason),
                       engine::response_code(decision.reason, decision.lifetime_limit));
  out.append(R"(,"retryable":")").append(engine::retryable_name(decision.retryable));
  out.append(R"(","would_approve":")");
  append_integer(out, decision.would_approve);
  out += '"';
  if (!declined_by.empty()) {
    out.append(R"(,"declined_by":")");
    append_id(out, declined_by);
    out += '"';
  }
  if (decision.declined_by.limit >= 0) {
    out.append(R"(,"declined_limit":")");
    append_integer(out, decision.declined_by.limit);
    out += '"';
  }
  if (decision.retry_after != engine::kNoInstant && has_four_digit_year(decision.retry_after)) {
    out.append(R"(,"retry_after":")");
    append_rfc3339(out, decision.retry_after);
    out += '"';
  }
  out.append("}}");
}

}  // namespace

Event decode(std::string_view body, JsonDocument& document) {
  if (!document.parse(body)) return document.error();
  const JsonObject event = document.object();
  Envelope envelope;
  envelope.id = event.required_string("id", kMessageIdBytesMax);
  envelope.type = event.required_string("type", kEventTypeBytesMax);
  const JsonObject object = event.required_object("data").required_object("object");
  if (!document.ok()) return document.error();

  Event result;
  if (envelope.type == kAuthorizationRequest) {
    const std::string_view api_version = version_or_empty(text_or_empty(event, "api_version"));
    result = Asked{envelope.id, request(object), false, {api_version, {}}};
  } else {
    envelope.created = created(event);
    result = told(envelope, object);
  }
  if (!document.ok()) return document.error();
  return result;
}

void append_answer(std::string& out, const engine::Decision& decision, const AuthorizationRequest& request,
                   std::string_view declined_by) {
  if (!decision.approved()) {
    append_decline(out, decision, declined_by);
  } else if (decision.approved_amount == request.amount) {
    out.append(R"({"approved":true})");
  } else {
    // Stripe ignores an amount on what it does not let us control, and would then hold more than was reserved.
    assert(request.partial_approval && decision.approved_amount > 0 && decision.approved_amount < request.amount);
    out.append(R"({"approved":true,"amount":)");
    append_integer(out, decision.approved_amount);
    out += '}';
  }
}

void append_decline(std::string& out, engine::Reason reason) {
  append_decline_start(out, engine::reason_name(reason), engine::response_code(reason, false));
  out.append("}}");
}

std::string_view answer_version(std::string_view configured, std::string_view event_version) {
  if (!configured.empty()) return configured;
  return event_version.empty() ? kFallbackApiVersion : event_version;
}

}  // namespace holdfast::net::stripe
