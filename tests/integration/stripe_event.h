// Requests as Stripe sends them, signed with OpenSSL's own HMAC and nothing of the daemon's.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tests/integration/daemon_process.h"
#include "tests/integration/http_client.h"

namespace holdfast::integration {

inline constexpr std::string_view kStripeSecret = "whsec_of_the_tests_0001";
inline constexpr std::string_view kStripePath = "/webhooks/stripe-main";

struct StripeEvent {
  std::string event_id = "evt_1";
  std::string authorization_id = "iauth_1";
  std::string card = "ic_1";
  std::int64_t amount = 1875;
  std::string currency = "usd";
  std::string api_version = "2025-03-31.basil";
  bool amount_controllable = false;
  bool approved_before = false;  // an incremental
  std::string type = "issuing_authorization.request";
};
std::string stripe_body(const StripeEvent& event);

std::int64_t unix_time();
std::string hmac_sha256_hex(std::string_view key, std::string_view message);
// The value of a Stripe-Signature header.
std::string stripe_signature(std::string_view body, std::string_view secret = kStripeSecret,
                             std::int64_t timestamp = unix_time());
HttpAnswer post_stripe(HttpClient& client, std::string_view body, const std::string& signature);
HttpAnswer post_stripe(HttpClient& client, const StripeEvent& event);

// A configuration with the endpoint stripe-main.
std::string stripe_config(std::string_view secrets = R"("env:STRIPE_SIGNING_SECRET")", int deadline_ms = 2000);
// That, with the secret that it names.
Settings with_stripe_secret(Settings settings = {});
// Id of a new card bound to a card of Stripe's.
std::string make_stripe_card(HttpClient& client, std::string_view stripe_card, std::int64_t limit_minor);
// decline_reason of the metadata; empty for an approval.
std::string stripe_decline(const HttpAnswer& answer);

}  // namespace holdfast::integration
