#include "net/processors/stripe.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <chrono>
#include <optional>

namespace holdfast::net::stripe {
namespace {

using engine::AuthorizationRequest;
using engine::Check;

constexpr std::string_view kAuthorizationRequest = "issuing_authorization.request";
constexpr std::size_t kCurrencyBytesMax = 16;
constexpr std::size_t kHistoryMax = 100'000;

// ---- Decoding -------------------------------------------------------------------------------------------------------

// Text that decides nothing by its type: what is not a string is as good as absent.
std::string_view text_or_empty(const JsonObject& object, std::string_view name) {
  const auto value = object.find(name);
  return value ? value->string_if_any().value_or(std::string_view{}) : std::string_view{};
}

std::string_view cut_utf8(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  std::size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
    --end;
  return text.substr(0, end);
}

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
  if (const auto code = engine::category_from_digits(text_or_empty(merchant, "category_code"))) return *code;
  return engine::category_from_name(text_or_empty(merchant, "category")).value_or(engine::kNoCategory);
}

engine::Merchant merchant(const JsonObject& merchant_data) {
  engine::Merchant merchant;
  merchant.id = merchant_data.optional_string("network_id", engine::kMerchantIdBytesMax).value_or(std::string_view{});
  merchant.name = cut_utf8(text_or_empty(merchant_data, "name"), engine::kMerchantNameBytesMax);
  merchant.category = category(merchant_data);
  merchant.country = engine::country_from_text(text_or_empty(merchant_data, "country")).value_or(engine::Country{});
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
  request.currency =
      engine::currency_from_alpha(pending.required_string("currency", kCurrencyBytesMax)).value_or(engine::Currency{});
  request.cash_amount = cash_amount(pending, request.amount);
  request.partial_approval = pending.optional_bool("is_amount_controllable").value_or(false);

  request.merchant = merchant(authorization.optional_object("merchant_data").value_or(JsonObject{}));
  request.verification = verification(authorization.optional_object("verification_data").value_or(JsonObject{}));
  return request;
}

// ---- Encoding -------------------------------------------------------------------------------------------------------

void append_integer(std::string& out, std::int64_t value) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

void append_padded(std::string& out, std::int64_t value, std::size_t width) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  const auto size = static_cast<std::size_t>(end - digits.data());
  if (size < width) out.append(width - size, '0');
  out.append(digits.data(), size);
}

// RFC 3339 in UTC with milliseconds.
void append_time(std::string& out, engine::Instant instant) {
  const auto day = std::chrono::floor<std::chrono::days>(instant);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(instant - day);
  append_padded(out, static_cast<int>(date.year()), 4);
  out += '-';
  append_padded(out, static_cast<unsigned>(date.month()), 2);
  out += '-';
  append_padded(out, static_cast<unsigned>(date.day()), 2);
  out += 'T';
  append_padded(out, time.hours().count(), 2);
  out += ':';
  append_padded(out, time.minutes().count(), 2);
  out += ':';
  append_padded(out, time.seconds().count(), 2);
  out += '.';
  append_padded(out, time.subseconds().count(), 3);
  out += 'Z';
}

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
    append_time(out, decision.retry_after);
    out += '"';
  }
  out.append("}}");
}

}  // namespace

Event decode(std::string_view body, JsonDocument& document) {
  if (!document.parse(body)) return document.error();
  const JsonObject event = document.object();
  const std::string_view id = event.required_string("id", kEventIdBytesMax);
  const std::string_view type = event.required_string("type", kEventTypeBytesMax);
  const std::string_view api_version = version_or_empty(text_or_empty(event, "api_version"));
  const JsonObject object = event.required_object("data").required_object("object");
  if (!document.ok()) return document.error();

  if (type != kAuthorizationRequest) {
    const auto object_id = object.optional_string("id", kObjectIdBytesMax).value_or(std::string_view{});
    if (!document.ok()) return document.error();
    return OtherEvent{id, type, object_id, api_version};
  }
  const AuthorizationEvent authorization{id, api_version, request(object)};
  if (!document.ok()) return document.error();
  return authorization;
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
