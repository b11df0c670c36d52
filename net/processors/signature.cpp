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
#include <string>

namespace holdfast::net {
namespace {

constexpr std::size_t kBlockBytes = 64;
// Seconds since 1970 have ten digits until the year 2286.
constexpr std::size_t kTimestampDigitsMax = 11;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

void start(SHA256_CTX& state) {
  SHA256_Init(&state);
}
void start(SHA_CTX& state) {
  SHA1_Init(&state);
}
void update(SHA256_CTX& state, const void* data, std::size_t size) {
  SHA256_Update(&state, data, size);
}
void update(SHA_CTX& state, const void* data, std::size_t size) {
  SHA1_Update(&state, data, size);
}
Sha256Digest finish(SHA256_CTX& state) {
  std::array<unsigned char, 32> raw;
  SHA256_Final(raw.data(), &state);
  return std::bit_cast<Sha256Digest>(raw);
}
Sha1Digest finish(SHA_CTX& state) {
  std::array<unsigned char, 20> raw;
  SHA1_Final(raw.data(), &state);
  return std::bit_cast<Sha1Digest>(raw);
}

template <class State>
void prepare(State& state, const std::array<unsigned char, kBlockBytes>& key, unsigned char pad) {
  std::array<unsigned char, kBlockBytes> block = key;
  for (auto& byte : block)
    byte ^= pad;
  start(state);
  update(state, block.data(), block.size());
  OPENSSL_cleanse(block.data(), block.size());
}

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
  return std::nullopt;
}

template <class Digest>
std::optional<Digest> digest_from_hex(std::string_view hex) {
  Digest digest;
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
    const auto digest = digest_from_hex<Sha256Digest>(value);
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

// The time first: it costs nothing, and a stale or forged header must not buy a hash over a large body.
SignatureResult check_time(std::int64_t seconds, engine::Instant now, std::chrono::seconds tolerance) {
  const auto seconds_now = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch();
  const auto age = seconds_now - std::chrono::seconds(seconds);
  if (age > tolerance) return SignatureResult::timestamp_too_old;
  if (age < -tolerance) return SignatureResult::timestamp_in_future;
  return SignatureResult::ok;
}

// ---- Base64 (RFC 4648 section 4), with its padding and nothing else -------------------------------------------------

std::optional<unsigned> base64_digit(char c) {
  if (c >= 'A' && c <= 'Z') return static_cast<unsigned>(c - 'A');
  if (c >= 'a' && c <= 'z') return static_cast<unsigned>(c - 'a') + 26;
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0') + 52;
  if (c == '+') return 62;
  if (c == '/') return 63;
  return std::nullopt;
}

// nullopt also when bits are set that no byte takes up: one text for one value.
std::optional<std::vector<std::byte>> bytes_from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && text.ends_with('=')) {
    text.remove_suffix(1);
    ++padding;
  }
  std::vector<std::byte> bytes;
  bytes.reserve(text.size() * 3 / 4);
  unsigned bits = 0;
  unsigned have = 0;
  for (const char c : text) {
    const auto digit = base64_digit(c);
    if (!digit) return std::nullopt;
    bits = bits << 6 | *digit;
    have += 6;
    if (have < 8) continue;
    have -= 8;
    bytes.push_back(static_cast<std::byte>(bits >> have & 0xFFU));
    bits &= (1U << have) - 1;
  }
  if (bits != 0 || have != 2 * padding % 6) return std::nullopt;
  return bytes;
}

struct Candidates {
  std::array<Sha256Digest, kSignatureCandidatesMax> digests;
  std::size_t count = 0;
};

// nullopt when there is no "v1" of the right length, or too many. Other versions neither help nor harm.
std::optional<Candidates> read_candidates(std::string_view list) {
  constexpr std::string_view kVersion = "v1,";
  Candidates candidates;
  for (std::size_t begin = 0; begin <= list.size();) {
    const auto end = std::min(list.find(' ', begin), list.size());
    const auto item = list.substr(begin, end - begin);
    begin = end + 1;
    if (!item.starts_with(kVersion)) continue;
    const auto bytes = bytes_from_base64(item.substr(kVersion.size()));
    if (!bytes || bytes->size() != sizeof(Sha256Digest) || candidates.count == kSignatureCandidatesMax) {
      return std::nullopt;
    }
    std::memcpy(&candidates.digests[candidates.count++], bytes->data(), bytes->size());
  }
  if (candidates.count == 0) return std::nullopt;
  return candidates;
}

template <class Hash>
SignatureResult verify_body(const std::vector<Hmac<Hash>>& keys, const typename Hash::Digest& given,
                            std::string_view body) {
  bool matched = false;
  for (const auto& key : keys)
    matched |= constant_time_equal(key(body), given);
  return matched ? SignatureResult::ok : SignatureResult::mismatch;
}

}  // namespace

template <class Hash>
Hmac<Hash>::Hmac(std::string_view key) : Hmac(bytes_of(key)) {}

template <class Hash>
Hmac<Hash>::Hmac(std::span<const std::byte> key) {
  std::array<unsigned char, kBlockBytes> block{};
  if (key.size() > kBlockBytes) {
    typename Hash::State state;
    start(state);
    update(state, key.data(), key.size());
    Digest digest = finish(state);
    std::memcpy(block.data(), digest.data(), digest.size());
    OPENSSL_cleanse(digest.data(), digest.size());
    OPENSSL_cleanse(&state, sizeof state);
  } else if (!key.empty()) {
    std::memcpy(block.data(), key.data(), key.size());
  }
  prepare(inner_, block, 0x36);
  prepare(outer_, block, 0x5C);
  OPENSSL_cleanse(block.data(), block.size());
}

template <class Hash>
Hmac<Hash>::~Hmac() {
  OPENSSL_cleanse(&inner_, sizeof inner_);
  OPENSSL_cleanse(&outer_, sizeof outer_);
}

template <class Hash>
typename Hash::Digest Hmac<Hash>::operator()(std::initializer_list<std::string_view> parts) const {
  typename Hash::State state = inner_;
  for (const auto part : parts)
    update(state, part.data(), part.size());
  const Digest inner = finish(state);
  state = outer_;
  update(state, inner.data(), inner.size());
  return finish(state);
}

template class Hmac<Sha256>;
template class Hmac<Sha1>;

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

  const SignatureResult time = check_time(parsed->seconds, now, tolerance_);
  if (time != SignatureResult::ok) return time;

  bool matched = false;
  for (const auto& key : keys_) {
    const Sha256Digest expected = key({parsed->timestamp, ".", body});
    for (std::size_t i = 0; i < parsed->candidate_count; ++i) {
      matched |= constant_time_equal(expected, parsed->candidates[i]);
    }
  }
  return matched ? SignatureResult::ok : SignatureResult::mismatch;
}

std::optional<std::vector<std::byte>> standard_key(std::string_view secret) {
  constexpr std::string_view kPrefix = "whsec_";
  if (secret.starts_with(kPrefix)) secret.remove_prefix(kPrefix.size());
  auto bytes = bytes_from_base64(secret);
  return bytes && !bytes->empty() ? bytes : std::nullopt;
}

bool StandardSignature::acceptable_secret(std::string_view secret) {
  return standard_key(secret).has_value();
}

StandardSignature::StandardSignature(std::span<const std::string_view> secrets, std::chrono::seconds tolerance)
    : tolerance_(tolerance) {
  for (const auto secret : secrets) {
    auto bytes = standard_key(secret);
    if (!bytes) continue;
    keys_.emplace_back(std::span<const std::byte>(*bytes));
    OPENSSL_cleanse(bytes->data(), bytes->size());
  }
}

SignatureResult StandardSignature::verify(std::string_view id, std::string_view timestamp, std::string_view signatures,
                                          std::string_view body, engine::Instant now) const {
  if (id.empty() || timestamp.empty() || signatures.empty()) return SignatureResult::missing;
  const auto seconds = seconds_from_text(timestamp);
  const auto candidates = read_candidates(signatures);
  if (!seconds || !candidates) return SignatureResult::malformed;
  const SignatureResult time = check_time(*seconds, now, tolerance_);
  if (time != SignatureResult::ok) return time;

  bool matched = false;
  for (const auto& key : keys_) {
    const Sha256Digest expected = key({id, ".", timestamp, ".", body});
    for (std::size_t i = 0; i < candidates->count; ++i) {
      matched |= constant_time_equal(expected, candidates->digests[i]);
    }
  }
  return matched ? SignatureResult::ok : SignatureResult::mismatch;
}

MarqetaSignature::MarqetaSignature(std::span<const std::string_view> secrets) {
  for (const auto secret : secrets) {
    sha256_.emplace_back(secret);
    sha1_.emplace_back(secret);
  }
}

SignatureResult MarqetaSignature::verify(std::string_view header, std::string_view body) const {
  if (header.empty()) return SignatureResult::missing;
  std::string hex(header.substr(0, 2 * sizeof(Sha256Digest) + 1));
  for (char& c : hex)
    c = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  if (const auto digest = digest_from_hex<Sha256Digest>(hex)) return verify_body(sha256_, *digest, body);
  if (const auto digest = digest_from_hex<Sha1Digest>(hex)) return verify_body(sha1_, *digest, body);
  return SignatureResult::malformed;
}

// The key is no secret: the hash is there so that what is compared has one length and is not the password.
BasicAuthentication::BasicAuthentication(std::span<const Credentials> credentials) : hash_("basic authentication") {
  for (const auto& [username, password] : credentials)
    accepted_.push_back(hash_({username, ":", password}));
}

SignatureResult BasicAuthentication::verify(std::string_view header) const {
  if (header.empty()) return SignatureResult::missing;
  constexpr std::string_view kScheme = "basic ";
  const auto scheme = header.substr(0, kScheme.size());
  const bool basic = std::equal(scheme.begin(), scheme.end(), kScheme.begin(), kScheme.end(),
                                [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; });
  if (!basic) return SignatureResult::malformed;
  auto bytes = bytes_from_base64(header.substr(kScheme.size()));
  if (!bytes) return SignatureResult::malformed;
  const Sha256Digest given = hash_(std::string_view(reinterpret_cast<const char*>(bytes->data()), bytes->size()));
  OPENSSL_cleanse(bytes->data(), bytes->size());
  bool matched = false;
  for (const auto& accepted : accepted_)
    matched |= constant_time_equal(given, accepted);
  return matched ? SignatureResult::ok : SignatureResult::mismatch;
}

}  // namespace holdfast::net
