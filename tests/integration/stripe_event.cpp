#include "tests/integration/stripe_event.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <ctime>

#include "tests/integration/api.h"

namespace holdfast::integration {
namespace {

constexpr const char* flag(bool value) {
  return value ? "true" : "false";
}

}  // namespace

std::string stripe_body(const StripeEvent& event) {
  const std::string amount = std::to_string(event.amount);
  std::string body = R"({"id":")" + event.event_id + R"(","object":"event","api_version":")" + event.api_version;
  body += R"(","created":1773300600,"data":{"object":{"id":")" + event.authorization_id;
  body += R"(","object":"issuing.authorization","amount":0,"approved":)";
  body += flag(event.approved_before);
  body += R"(,"card":{"id":")" + event.card + R"(","object":"issuing.card","currency":"usd","status":"active"},)";
  body += R"("currency":"usd","merchant_data":{"category":"computer_software_stores","category_code":"5734",)";
  body += R"("country":"NL","name":"POLDER VECTOR CLOUD","network_id":"731900000088412"},)";
  body += R"("pending_request":{"amount":)" + amount + R"(,"amount_details":null,"currency":")" + event.currency;
  body += R"(","is_amount_controllable":)";
  body += flag(event.amount_controllable);
  body += R"(,"merchant_amount":)" + amount + R"(,"merchant_currency":"usd"},"request_history":)";
  body += event.approved_before ? R"([{"amount":1,"approved":true}])" : "[]";
  body += R"(,"status":"pending","verification_data":{"cvc_check":"match","expiry_check":"match"}}},)";
  return body + R"("livemode":false,"type":")" + event.type + "\"}";
}

std::int64_t unix_time() {
  return static_cast<std::int64_t>(std::time(nullptr));
}

std::string hmac_sha256_hex(std::string_view key, std::string_view message) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  ::HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(message.data()),
         message.size(), digest, &size);
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    text += kDigits[digest[i] >> 4];
    text += kDigits[digest[i] & 15];
  }
  return text;
}

std::string stripe_signature(std::string_view body, std::string_view secret, std::int64_t timestamp) {
  const std::string signed_text = std::to_string(timestamp) + "." + std::string(body);
  return "t=" + std::to_string(timestamp) + ",v1=" + hmac_sha256_hex(secret, signed_text);
}

HttpAnswer post_stripe(HttpClient& client, std::string_view body, const std::string& signature) {
  return client.post(kStripePath, body, {{"Stripe-Signature", signature}});
}

HttpAnswer post_stripe(HttpClient& client, const StripeEvent& event) {
  const std::string body = stripe_body(event);
  return post_stripe(client, body, stripe_signature(body));
}

std::string stripe_config(std::string_view secrets, int deadline_ms) {
  return "[[endpoint]]\nname = \"stripe-main\"\nkind = \"stripe\"\nsecrets = [" + std::string(secrets) +
         "]\ndeadline_ms = " + std::to_string(deadline_ms) + "\n";
}

Settings with_stripe_secret(Settings settings) {
  settings["STRIPE_SIGNING_SECRET"] = kStripeSecret;
  return settings;
}

std::string make_stripe_card(HttpClient& client, std::string_view stripe_card, std::int64_t limit_minor) {
  const std::string body = R"({"label":"issued by Stripe","limits":[{"amount":)" + std::to_string(limit_minor) +
                           R"(,"window":"lifetime"}],"processor":{"endpoint":"stripe-main","card_id":")" +
                           std::string(stripe_card) + "\"}}";
  return json_text(make_card_from(client, body), "/id");
}

std::string stripe_decline(const HttpAnswer& answer) {
  if (answer.status != 200) return "status " + std::to_string(answer.status);
  return json_flag(answer.body, "/approved") ? "" : json_text(answer.body, "/metadata/decline_reason");
}

}  // namespace holdfast::integration
