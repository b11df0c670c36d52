// Who sent a webhook: HMACs with prepared keys, and the headers that carry them: Stripe's, the Standard Webhooks that
// Lithic signs by, Marqeta's, and HTTP Basic authentication.
//
// Threads: immutable after construction; any number of threads may verify at once.
// Invariants: the raw bytes are verified before anything reads them; every secret and every candidate is compared in
// full, so that the time taken tells nothing about which of them was close. Ownership: secrets are not kept, only the
// hash states made from them; those are wiped on destruction. Units: header timestamps are whole seconds since 1970.
#pragma once

#include <openssl/sha.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "engine/instant.h"

namespace holdfast::net {

using Sha256Digest = std::array<std::byte, 32>;
using Sha1Digest = std::array<std::byte, 20>;

struct Sha256 {
  using State = SHA256_CTX;
  using Digest = Sha256Digest;
};
struct Sha1 {
  using State = SHA_CTX;
  using Digest = Sha1Digest;
};

// HMAC (RFC 2104) with one key. The two key blocks are hashed once, here; each message copies that state, which saves
// two of the compressions and all allocation.
template <class Hash>
class Hmac {
 public:
  using Digest = typename Hash::Digest;

  explicit Hmac(std::string_view key);
  explicit Hmac(std::span<const std::byte> key);
  Hmac(const Hmac&) = default;
  Hmac& operator=(const Hmac&) = default;
  ~Hmac();

  // Of the parts one after the other.
  Digest operator()(std::initializer_list<std::string_view> parts) const;
  Digest operator()(std::string_view message) const { return (*this)({message}); }

 private:
  typename Hash::State inner_;
  typename Hash::State outer_;
};
extern template class Hmac<Sha256>;
extern template class Hmac<Sha1>;
using HmacSha256 = Hmac<Sha256>;
// For senders that sign with nothing better. That collisions of SHA-1 can be made does not break its HMAC.
using HmacSha1 = Hmac<Sha1>;

// In time that depends on the sizes only.
bool constant_time_equal(std::span<const std::byte> a, std::span<const std::byte> b);
bool constant_time_equal(std::string_view a, std::string_view b);

enum class SignatureResult : std::uint8_t {
  ok = 0,
  missing,              // no header, or an empty one
  malformed,            // no usable `t` or `v1`, `t` twice, more than kSignatureCandidatesMax of `v1`
  timestamp_too_old,    // further back than the tolerance
  timestamp_in_future,  // further ahead than the tolerance
  mismatch,             // made with another key, or over another body
};
inline constexpr int kSignatureResults = 6;
std::string_view signature_result_name(SignatureResult result);  // "timestamp_too_old"

// A sender signs with two secrets while one is rolled; more than this is not a signature but an attempt.
inline constexpr std::size_t kSignatureCandidatesMax = 5;
inline constexpr std::chrono::seconds kSignatureTolerance{300};

class StripeSignature {
 public:
  // Each secret is used whole, as text ("whsec_..." included). Without secrets nothing verifies.
  explicit StripeSignature(std::span<const std::string_view> secrets,
                           std::chrono::seconds tolerance = kSignatureTolerance);

  // `header`: the value of the one Stripe-Signature header, empty when there is none. `now`: the wall clock. The
  // tolerance holds in both directions and includes its bounds; the part of a second of `now` does not count.
  SignatureResult verify(std::string_view header, std::string_view body, engine::Instant now) const;

 private:
  std::vector<HmacSha256> keys_;
  std::chrono::seconds tolerance_;
};

// The key that a secret of the Standard Webhooks is in base64, "whsec_" in front of it or not; nullopt when it is none.
std::optional<std::vector<std::byte>> standard_key(std::string_view secret);

// The Standard Webhooks scheme: headers webhook-id, webhook-timestamp and webhook-signature, the last a list of
// "v1,<base64>" with spaces between. Signed are id, timestamp and body with a dot between.
class StandardSignature {
 public:
  // Whether a secret can be one: base64 of at least one byte, "whsec_" in front of it or not.
  static bool acceptable_secret(std::string_view secret);

  // Secrets that are not acceptable verify nothing. Without secrets nothing verifies.
  explicit StandardSignature(std::span<const std::string_view> secrets,
                             std::chrono::seconds tolerance = kSignatureTolerance);

  bool has_secrets() const { return !keys_.empty(); }

  // The values of the three headers, each empty when there is none or more than one. Tolerance as StripeSignature.
  SignatureResult verify(std::string_view id, std::string_view timestamp, std::string_view signatures,
                         std::string_view body, engine::Instant now) const;

 private:
  std::vector<HmacSha256> keys_;
  std::chrono::seconds tolerance_;
};

// Marqeta's X-Marqeta-Signature: HMAC of the body alone, in hexadecimal digits of either case; SHA-1 or SHA-256, which
// their number tells. There is no time in it, so a repeat of a genuine message verifies for ever: what it says must be
// safe to hear twice.
class MarqetaSignature {
 public:
  explicit MarqetaSignature(std::span<const std::string_view> secrets);

  bool has_secrets() const { return !sha256_.empty(); }
  SignatureResult verify(std::string_view header, std::string_view body) const;

 private:
  std::vector<HmacSha256> sha256_;
  std::vector<HmacSha1> sha1_;
};

// HTTP Basic authentication (RFC 7617) with any of several user names and passwords, so that they can be rolled.
class BasicAuthentication {
 public:
  struct Credentials {
    std::string_view username;  // without a colon
    std::string_view password;
  };

  // Keeps hashes only. Without credentials nothing verifies.
  explicit BasicAuthentication(std::span<const Credentials> credentials);

  // `header`: the value of the one Authorization header, empty when there is none.
  SignatureResult verify(std::string_view header) const;

 private:
  HmacSha256 hash_;
  std::vector<Sha256Digest> accepted_;
};

}  // namespace holdfast::net
