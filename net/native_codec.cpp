#include "net/native_codec.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "net/problem.h"
#include "net/rfc3339.h"

namespace holdfast::net::native {
namespace {

constexpr std::size_t kNumberBytesMax = 32;
constexpr std::size_t kCvvBytesMax = 8;

void append_number(std::string& out, std::int64_t number) {
  char digits[24];
  const auto end = std::to_chars(std::begin(digits), std::end(digits), number).ptr;
  out.append(digits, end);
}

void append_text_or_null(std::string& out, std::string_view text) {
  if (text.empty()) {
    out += "null";
  } else {
    append_json_string(out, text);
  }
}

engine::Merchant decode_merchant(const JsonObject& merchant) {
  reject_unknown_members(merchant, {"id", "name", "category", "country"});
  engine::Merchant decoded;
  decoded.id = merchant.optional_string("id", engine::kMerchantIdBytesMax).value_or(std::string_view{});
  decoded.name = merchant.optional_string("name", engine::kMerchantNameBytesMax).value_or(std::string_view{});
  if (const auto text = merchant.optional_string("category", 64)) {
    auto category = engine::category_from_digits(*text);
    if (!category) category = engine::category_from_name(*text);
    if (!category) merchant.fail("category", "is neither a four-digit merchant category code nor a category name");
    decoded.category = category.value_or(engine::kNoCategory);
  }
  if (const auto text = merchant.optional_string("country", 3)) {
    const auto country = engine::country_from_text(*text);
    if (!country) merchant.fail("country", "is not an ISO 3166-1 country code");
    decoded.country = country.value_or(engine::Country{});
  }
  return decoded;
}

void check_card_is_named_once(const JsonObject& body, const Request& request) {
  if (request.card && request.number) body.fail("number", "stands beside \"card\": give one of them");
  if (!request.card && !request.number) body.fail("card", "is missing", JsonErrorCode::missing_member);
  if (request.card && (request.cvv || request.expiration)) {
    body.fail(request.cvv ? "cvv" : "expiration", "is checked only next to \"number\"");
  }
}

std::string_view status_of(const engine::Decision& decision, bool increment) {
  if (increment) return "pending";
  if (!decision.approved()) return "declined";
  return decision.held > 0 ? "pending" : "closed";
}

void append_declined_by(std::string& out, const engine::Decision& decision, std::string_view node) {
  if (node.empty()) {
    out += "null";
    return;
  }
  out += "{\"node\":";
  append_json_string(out, node);
  out += ",\"limit\":";
  if (decision.declined_by.limit < 0) {
    out += "null";
  } else {
    append_number(out, decision.declined_by.limit);
  }
  out += '}';
}

// Of an authorization that was there before the answer has what the decision knows: nothing when none was made, and
// never what was captured or refunded.
void append_held(std::string& out, const engine::Decision& decision, bool increment) {
  if (!increment) {
    append_number(out, decision.held);
    out += ",\"captured\":0,\"refunded\":0";
  } else if (decision.reason >= engine::Reason::deadline_exceeded) {
    out += "null";
  } else {
    append_number(out, decision.held);
  }
}

std::string_view read_id(const JsonObject& body) {
  const std::string_view id = body.optional_string("id", engine::kIdBytesMax).value_or(std::string_view{});
  if (!id.empty() && !acceptable_id(id)) body.fail("id", "may hold letters, digits, '_' and '-' only");
  return id;
}

engine::Currency read_currency(const JsonObject& body) {
  const std::string_view text = body.required_string("currency", 3);
  const auto currency = engine::currency_from_alpha(text);
  if (!currency) body.fail("currency", "is not an ISO 4217 currency code");
  return currency.value_or(engine::Currency{});
}

}  // namespace

bool acceptable_id(std::string_view id) {
  const auto fits = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '-';
  };
  return !id.empty() && id.size() <= engine::kIdBytesMax && std::all_of(id.begin(), id.end(), fits);
}

Request decode(JsonObject body) {
  reject_unknown_members(body, {"id", "card", "number", "cvv", "expiration", "amount", "currency", "merchant",
                                "partial_approval", "dry_run"});
  Request request;
  request.id = read_id(body);
  request.card = body.optional_string("card", engine::kIdBytesMax);
  request.number = body.optional_string("number", kNumberBytesMax);
  request.cvv = body.optional_string("cvv", kCvvBytesMax);
  request.expiration = body.optional_string("expiration", kCvvBytesMax);
  check_card_is_named_once(body, request);
  engine::AuthorizationRequest& authorization = request.authorization;
  authorization.amount = body.required_int64("amount", 0);
  authorization.currency = read_currency(body);
  if (const auto merchant = body.optional_object("merchant")) authorization.merchant = decode_merchant(*merchant);
  authorization.partial_approval = body.optional_bool("partial_approval").value_or(false);
  request.dry_run = body.optional_bool("dry_run").value_or(false);
  return request;
}

Step decode_step(JsonObject body, const StepMembers& members) {
  std::vector<std::string_view> allowed = {"id"};
  if (members.amount) allowed.push_back("amount");
  if (members.final) allowed.push_back("final");
  reject_unknown_members(body, allowed);
  Step step;
  step.id = read_id(body);
  if (members.amount_required) {
    step.amount = body.required_int64("amount", 1);
  } else {
    step.amount = body.optional_int64("amount", 1);
  }
  step.final = body.optional_bool("final").value_or(true);
  return step;
}

Posting decode_posting(JsonObject body) {
  reject_unknown_members(body, {"id", "card", "amount", "currency", "merchant"});
  Posting posting;
  posting.id = read_id(body);
  posting.card = body.required_string("card", engine::kIdBytesMax);
  posting.amount = body.required_int64("amount", 1);
  posting.currency = read_currency(body);
  if (const auto merchant = body.optional_object("merchant")) posting.merchant = decode_merchant(*merchant);
  return posting;
}

void append_answer(std::string& out, const engine::Decision& decision, const AnswerParts& parts) {
  const bool approved = decision.approved();
  out += "{\"id\":";
  append_json_string(out, parts.id);
  out += ",\"object\":\"authorization\",\"approved\":";
  out += approved ? "true" : "false";
  out += ",\"approved_amount\":";
  append_number(out, decision.approved_amount);
  out += ",\"currency\":\"";
  out += engine::alpha_code(parts.currency);
  out += "\",\"card\":";
  append_text_or_null(out, parts.card);
  out += ",\"decline_reason\":";
  append_text_or_null(out, engine::reason_name(decision.reason));
  out += ",\"declined_by\":";
  append_declined_by(out, decision, approved ? std::string_view{} : parts.declined_by);
  out += ",\"would_approve\":";
  approved ? void(out += "null") : append_number(out, decision.would_approve);
  out += ",\"retryable\":";
  append_text_or_null(out, approved ? std::string_view{} : engine::retryable_name(decision.retryable));
  out += ",\"retry_after\":";
  if (approved || decision.retry_after == engine::kNoInstant) {
    out += "null";
  } else {
    out += '"';
    append_rfc3339(out, decision.retry_after);
    out += '"';
  }
  out += ",\"response_code\":\"";
  out += approved ? std::string_view("00") : engine::response_code(decision.reason, decision.lifetime_limit);
  out += "\",\"status\":\"";
  out += status_of(decision, parts.increment);
  out += "\",\"held\":";
  append_held(out, decision, parts.increment);
  out += ",\"decided_at\":\"";
  append_rfc3339(out, decision.decided_at);
  out += parts.dry_run ? "\",\"dry_run\":true}" : "\"}";
}

}  // namespace holdfast::net::native
