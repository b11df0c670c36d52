// The SHA-256 functions used here are deprecated in OpenSSL 3 in favour of EVP_MAC. They are used nevertheless because
// their state is a plain struct: a keyed state is prepared once and copied for each message on the stack, where EVP_MAC
// allocates a context for each. The algorithm and the provider behind it are the same.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "net/processors/signature.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>

namespace holdfast::net {
namespace {

constexpr std::size_t kBlockBytes = 64;
// Seconds since 1970 have ten digits until the year 2286.
constexpr std::size_t kTimestampDigitsMax = 11;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

void prepare(SHA256_CTX& state, const std::array<unsigned char, kBlockBytes>& key, unsigned char pad) {
  std::array<unsigned char, kBlockBytes> block = key;
  for (auto& byte : block)
    byte ^= pad;
  SHA256_Init(&state);
  SHA256_Update(&state, block.data(), block.size());
  OPENSSL_cleanse(block.data(), block.size());
}

Sha256Digest finish(SHA256_CTX& state) {
  std::array<unsigned char, 32> raw;
  SHA256_Final(raw.data(), &state);
  return std::bit_cast<Sha256Digest>(raw);
}

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
  return std::nullopt;
}

std::optional<Sha256Digest> digest_from_hex(std::string_view hex) {
  Sha256Digest digest;
  if (hex.size() != 2 * digest.size()) return std::nullopt;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    const auto high = hex_digit(hex[2 * i]);
    const auto low = hex_digit(hex[2 * i + 1]);
    if (!high || !low) return std::nullopt;
    digest[i] = static_cast<std::byte>(*high << 4 | *low);
  }
  return digest;
}

std::optional<std::int64_t> seconds_from_text(std::string_view text) {
  if (text.empty() || text.size() > kTimestampDigitsMax) return std::nullopt;
  std::int64_t seconds = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    seconds = seconds * 10 + (c - '0');
  }
  return seconds;
}

struct SignatureHeader {
  std::string_view timestamp;  // as received: these characters were signed
  std::int64_t seconds = 0;
  std::array<Sha256Digest, kSignatureCandidatesMax> candidates;
  std::size_t candidate_count = 0;
};

bool read_item(std::string_view item, SignatureHeader& header) {
  const auto equals = item.find('=');
  if (equals == std::string_view::npos) return false;
  const auto scheme = item.substr(0, equals);
  const auto value = item.substr(equals + 1);
  if (scheme == "t") {
    const auto seconds = seconds_from_text(value);
    if (!seconds || !header.timestamp.empty()) return false;
    header.timestamp = value;
    header.seconds = *seconds;
  } else if (scheme == "v1") {
    const auto digest = digest_from_hex(value);
    if (!digest || header.candidate_count == kSignatureCandidatesMax) return false;
    header.candidates[header.candidate_count++] = *digest;
  }
  return true;  // other schemes are weaker or newer: they neither help nor harm
}

std::optional<SignatureHeader> read_header(std::string_view text) {
  SignatureHeader header;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find(',', begin), text.size());
    if (!read_item(text.substr(begin, end - begin), header)) return std::nullopt;
    begin = end + 1;
  }
  if (header.timestamp.empty() || header.candidate_count == 0) return std::nullopt;
  return header;
}

}  // namespace

HmacSha256::HmacSha256(std::string_view key) : HmacSha256(bytes_of(key)) {}

HmacSha256::HmacSha256(std::span<const std::byte> key) {
  std::array<unsigned char, kBlockBytes> block{};
  if (key.size() > kBlockBytes) {
    SHA256_CTX state;
    SHA256_Init(&state);
    SHA256_Update(&state, key.data(), key.size());
    SHA256_Final(block.data(), &state);
    OPENSSL_cleanse(&state, sizeof state);
  } else if (!key.empty()) {
    std::memcpy(block.data(), key.data(), key.size());
  }
  prepare(inner_, block, 0x36);
  prepare(outer_, block, 0x5C);
  OPENSSL_cleanse(block.data(), block.size());
}

HmacSha256::~HmacSha256() {
  OPENSSL_cleanse(&inner_, sizeof inner_);
  OPENSSL_cleanse(&outer_, sizeof outer_);
}

Sha256Digest HmacSha256::operator()(std::initializer_list<std::string_view> parts) const {
  SHA256_CTX state = inner_;
  for (const auto part : parts)
    SHA256_Update(&state, part.data(), part.size());
  const Sha256Digest inner = finish(state);
  state = outer_;
  SHA256_Update(&state, inner.data(), inner.size());
  return finish(state);
}

bool constant_time_equal(std::span<const std::byte> a, std::span<const std::byte> b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

bool constant_time_equal(std::string_view a, std::string_view b) {
  return constant_time_equal(bytes_of(a), bytes_of(b));
}

std::string_view signature_result_name(SignatureResult result) {
  constexpr std::array<std::string_view, kSignatureResults> kNames = {
      "ok", "missing", "malformed", "timestamp_too_old", "timestamp_in_future", "mismatch"};
  return kNames[static_cast<std::size_t>(result)];
}

StripeSignature::StripeSignature(std::span<const std::string_view> secrets, std::chrono::seconds tolerance)
    : tolerance_(tolerance) {
  keys_.reserve(secrets.size());
  for (const auto secret : secrets)
    keys_.emplace_back(secret);
}

SignatureResult StripeSignature::verify(std::string_view header, std::string_view body, engine::Instant now) const {
  if (header.empty()) return SignatureResult::missing;
  const auto parsed = read_header(header);
  if (!parsed) return SignatureResult::malformed;

  // The time first: it costs nothing, and a stale or forged header must not buy a hash over a large body.
  const auto seconds_now = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch();
  const auto age = seconds_now - std::chrono::seconds(parsed->seconds);
  if (age > tolerance_) return SignatureResult::timestamp_too_old;
  if (age < -tolerance_) return SignatureResult::timestamp_in_future;

  bool matched = false;
  for (const auto& key : keys_) {
    const Sha256Digest expected = key({parsed->timestamp, ".", body});
    for (std::size_t i = 0; i < parsed->candidate_count; ++i) {
      matched |= constant_time_equal(expected, parsed->candidates[i]);
    }
  }
  return matched ? SignatureResult::ok : SignatureResult::mismatch;
}

}  // namespace holdfast::net
