// Any bytes as an event of Stripe's: they are refused, or what is read keeps every limit and can be answered.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <variant>

#include "net/processors/stripe.h"

namespace {

using namespace holdfast;
using namespace holdfast::net;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_request(const engine::AuthorizationRequest& request) {
  require(request.processor == engine::Processor::stripe);
  require(!request.authorization_id.empty() && request.authorization_id.size() <= engine::kIdBytesMax);
  require(!request.card_reference.empty() && request.card_reference.size() <= engine::kIdBytesMax);
  require(request.amount >= 0 && request.cash_amount >= 0 && request.cash_amount <= request.amount);
  require(request.merchant.id.size() <= engine::kMerchantIdBytesMax);
  require(request.merchant.name.size() <= engine::kMerchantNameBytesMax);
  require(request.merchant.category <= 9999 || request.merchant.category == engine::kNoCategory);
}

// Everything that is asked for, half of it, and a decline.
void check_answers(const engine::AuthorizationRequest& request) {
  static JsonDocument document;
  for (int kind = 0; kind < 3; ++kind) {
    if (kind == 1 && (!request.partial_approval || request.amount < 2)) continue;
    engine::Decision decision;
    decision.approved_amount = kind == 0 ? request.amount : request.amount / 2;
    if (kind == 2) decision.reason = engine::Reason::card_limit;
    decision.would_approve = request.amount / 2;
    decision.retry_after = engine::from_millis(request.amount);
    std::string body;
    stripe::append_answer(body, decision, request);
    require(document.parse(body));
    require(document.object().required_bool("approved") == (kind != 2));
    require(document.ok());
  }
}

}  // namespace

// The name is libFuzzer's.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size);  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {  // NOLINT
  static JsonDocument document;
  const std::string body(bytes, bytes + size);
  const stripe::Event event = stripe::decode(body, document);
  if (const auto* error = std::get_if<stripe::DecodeError>(&event)) {
    require(error->code != JsonErrorCode::none && !error->detail.empty());
  } else if (const auto* other = std::get_if<stripe::OtherEvent>(&event)) {
    require(!other->id.empty() && other->id.size() <= stripe::kEventIdBytesMax);
    require(!other->type.empty() && other->type.size() <= stripe::kEventTypeBytesMax);
    require(other->object_id.size() <= stripe::kObjectIdBytesMax);
  } else {
    const auto& asked = std::get<stripe::AuthorizationEvent>(event);
    require(!asked.event_id.empty() && asked.event_id.size() <= stripe::kEventIdBytesMax);
    for (const char c : asked.api_version)
      require(c > ' ' && c <= '~');
    check_request(asked.request);
    check_answers(asked.request);
  }
  return 0;
}
