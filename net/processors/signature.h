// Signatures of webhooks: HMAC-SHA256 with prepared keys, and the `Stripe-Signature` header.
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
#include <span>
#include <string_view>
#include <vector>

#include "engine/instant.h"

namespace holdfast::net {

using Sha256Digest = std::array<std::byte, 32>;

// HMAC-SHA256 (RFC 2104) with one key. The two key blocks are hashed once, here; each message copies that state, which
// saves two of the compressions and all allocation.
class HmacSha256 {
 public:
  explicit HmacSha256(std::string_view key);
  explicit HmacSha256(std::span<const std::byte> key);
  HmacSha256(const HmacSha256&) = default;
  HmacSha256& operator=(const HmacSha256&) = default;
  ~HmacSha256();

  // Of the parts one after the other.
  Sha256Digest operator()(std::initializer_list<std::string_view> parts) const;
  Sha256Digest operator()(std::string_view message) const { return (*this)({message}); }

 private:
  SHA256_CTX inner_;
  SHA256_CTX outer_;
};

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

}  // namespace holdfast::net
