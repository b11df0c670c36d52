#include "net/access.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <cassert>

#include "engine/ascii.h"
#include "engine/identifier.h"

namespace holdfast::net {
namespace {

constexpr std::string_view kTokenPrefix = "hf_";
constexpr std::string_view kBearer = "bearer";

constexpr std::array<std::string_view, kRoles> kRoleNames = {"admin", "issuer", "processor", "agent", "reader"};

using Actions = std::uint32_t;

template <class... Action>
constexpr Actions any_of(Action... actions) {
  return (Actions{0} | ... | (Actions{1} << static_cast<unsigned>(actions)));
}

// Who may do what; the only place that says so. In the order of Role.
constexpr std::array<Actions, kRoles> kPermitted = {
    // admin
    any_of(Action::read_cards, Action::create_cards, Action::change_cards, Action::tighten_cards,
           Action::read_authorizations, Action::authorize, Action::dry_run, Action::manage_keys),
    // issuer
    any_of(Action::read_cards, Action::create_cards, Action::change_cards, Action::tighten_cards,
           Action::read_authorizations, Action::dry_run),
    // processor
    any_of(Action::read_authorizations, Action::authorize, Action::dry_run),
    // agent
    any_of(Action::read_cards, Action::tighten_cards, Action::read_authorizations, Action::dry_run),
    // reader
    any_of(Action::read_cards, Action::read_authorizations),
};
static_assert(kPermitted[0] == (Actions{1} << kActions) - 1, "an admin may do everything");

std::size_t row(Role role) {
  const auto number = static_cast<std::size_t>(role);
  assert(number >= 1 && number <= kRoles);
  return number - 1;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// RFC 4648 section 5, without padding.
void append_base64url(std::string& out, std::span<const std::byte> bytes) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const std::byte byte : bytes) {
    bits = bits << 8 | std::to_integer<std::uint32_t>(byte);
    count += 8;
    while (count >= 6) {
      count -= 6;
      out += kAlphabet[bits >> count & 63];
    }
  }
  if (count > 0) out += kAlphabet[bits << (6 - count) & 63];
}

std::uint64_t prefix_of(const Sha256Digest& digest) {
  std::uint64_t prefix = 0;
  for (std::size_t i = 0; i < 8; ++i)
    prefix = prefix << 8 | std::to_integer<std::uint64_t>(digest[i]);
  return prefix;
}

bool newer(engine::Key128 a, engine::Key128 b) {
  return a.hi != b.hi ? a.hi > b.hi : a.lo > b.lo;
}

}  // namespace

std::string_view role_name(Role role) {
  return kRoleNames[row(role)];
}

std::optional<Role> role_from_name(std::string_view name) {
  const auto found = std::find(kRoleNames.begin(), kRoleNames.end(), name);
  if (found == kRoleNames.end()) return std::nullopt;
  return static_cast<Role>(found - kRoleNames.begin() + 1);
}

std::optional<Role> role_from_number(std::uint8_t number) {
  if (number < 1 || number > kRoles) return std::nullopt;
  return static_cast<Role>(number);
}

bool permits(Role role, Action action) {
  return (kPermitted[row(role)] & any_of(action)) != 0;
}

ApiToken ApiToken::make(engine::Key128 id, std::span<const std::byte, 32> random) {
  std::string text;
  text.reserve(kMadeTokenBytes);  // so that no copy of the secret is left behind by growing
  text += engine::format_id(kTokenPrefix, id);
  text += '_';
  append_base64url(text, random);
  return ApiToken(std::move(text));
}

ApiToken::ApiToken(ApiToken&& other) noexcept : text_(std::move(other.text_)) {
  other.text_.clear();
}

ApiToken::~ApiToken() {
  OPENSSL_cleanse(text_.data(), text_.size());
}

bool acceptable_token(std::string_view token) {
  return token.size() >= kTokenBytesMin && token.size() <= kTokenBytesMax &&
         std::all_of(token.begin(), token.end(), engine::is_visible);
}

std::optional<std::string_view> bearer_token(std::string_view header) {
  if (header.size() <= kBearer.size() || header[kBearer.size()] != ' ') return std::nullopt;
  const auto scheme = header.substr(0, kBearer.size());
  if (!std::equal(scheme.begin(), scheme.end(), kBearer.begin(),
                  [](char given, char wanted) { return lower(given) == wanted; })) {
    return std::nullopt;
  }
  auto token = header.substr(kBearer.size());
  token.remove_prefix(std::min(token.find_first_not_of(' '), token.size()));
  if (!acceptable_token(token)) return std::nullopt;
  return token;
}

KeyRing::KeyRing(std::vector<ApiKey> keys) : keys_(std::move(keys)) {
  std::sort(keys_.begin(), keys_.end(), [](const ApiKey& a, const ApiKey& b) { return newer(a.id, b.id); });
  by_digest_.reserve(keys_.size());
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    by_digest_.push_back({prefix_of(keys_[i].digest), static_cast<std::uint32_t>(i)});
  }
  std::sort(by_digest_.begin(), by_digest_.end(), [](Place a, Place b) { return a.prefix < b.prefix; });
}

// Where the search ends tells of the digest's first bytes only, and nobody without the salt can choose a digest; the
// comparison that lets somebody in takes the same time for every digest.
const ApiKey* KeyRing::find(const Sha256Digest& digest) const {
  const std::uint64_t prefix = prefix_of(digest);
  auto place = std::lower_bound(by_digest_.begin(), by_digest_.end(), prefix,
                                [](Place a, std::uint64_t wanted) { return a.prefix < wanted; });
  for (; place != by_digest_.end() && place->prefix == prefix; ++place) {
    const ApiKey& key = keys_[place->key];
    if (constant_time_equal(key.digest, digest)) return &key;
  }
  return nullptr;
}

const ApiKey* KeyRing::find(engine::Key128 id) const {
  const auto found = std::lower_bound(keys_.begin(), keys_.end(), id,
                                      [](const ApiKey& key, engine::Key128 wanted) { return newer(key.id, wanted); });
  return found != keys_.end() && found->id == id ? &*found : nullptr;
}

KeyRing KeyRing::with(ApiKey key) const {
  std::vector<ApiKey> keys = without(key.id).keys_;
  keys.push_back(std::move(key));
  return KeyRing(std::move(keys));
}

KeyRing KeyRing::without(engine::Key128 id) const {
  std::vector<ApiKey> keys = keys_;
  std::erase_if(keys, [id](const ApiKey& key) { return key.id == id; });
  return KeyRing(std::move(keys));
}

}  // namespace holdfast::net
