// API keys: who calls, and what the role of a key may do.
//
// Threads: immutable values and pure functions; a new KeyRing replaces the old one as a whole.
// Invariants: a key's token is never stored, only its salted hash; a role may do exactly what the table behind
// permits() says. Format: `hf_` + ULID of the key (26) + `_` + 32 random bytes as base64url without padding (43). A
// token that an operator chose (the first admin key) is 16 to 200 visible ASCII characters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/authorization.h"
#include "engine/instant.h"
#include "engine/key128.h"
#include "net/processors/signature.h"

namespace holdfast::net {

// The numbers are stored; 0 is never a role.
enum class Role : std::uint8_t { admin = 1, issuer = 2, processor = 3, agent = 4, reader = 5 };
inline constexpr int kRoles = 5;

std::string_view role_name(Role role);
std::optional<Role> role_from_name(std::string_view name);
std::optional<Role> role_from_number(std::uint8_t number);

enum class Action : std::uint8_t {
  read_cards = 0,
  create_cards,
  change_cards,   // anything: label, limits up or down, controls, unfreeze, close
  tighten_cards,  // lower a limit, freeze
  read_authorizations,
  authorize,
  dry_run,  // decide and change nothing
  manage_keys,
};
inline constexpr int kActions = 8;

// An agent's permissions hold for the node that its key is bound to and nothing else: the caller checks which.
bool permits(Role role, Action action);

inline constexpr std::size_t kTokenBytesMin = 16;
inline constexpr std::size_t kTokenBytesMax = 200;
inline constexpr std::size_t kMadeTokenBytes = 3 + 26 + 1 + 43;
inline constexpr std::size_t kKeyLabelBytesMax = 200;

// The token of a new key: shown once, wiped afterwards, without any way to print it by accident.
class ApiToken {
 public:
  // `random`: 32 bytes from the operating system's generator.
  static ApiToken make(engine::Key128 id, std::span<const std::byte, 32> random);
  ApiToken(const ApiToken&) = delete;
  ApiToken& operator=(const ApiToken&) = delete;
  ApiToken(ApiToken&& other) noexcept;
  ~ApiToken();

  std::string_view reveal() const& { return text_; }
  std::string_view reveal() const&& = delete;

  friend std::ostream& operator<<(std::ostream&, const ApiToken&) = delete;

 private:
  explicit ApiToken(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

// kTokenBytesMin to kTokenBytesMax visible ASCII characters.
bool acceptable_token(std::string_view token);

// The token of an `Authorization: Bearer ...` header's value (scheme in any case, RFC 6750); nullopt when the scheme or
// the token is something else.
std::optional<std::string_view> bearer_token(std::string_view header);

// Salted hash under which a token is stored and found. The salt is the store's and never leaves it.
class TokenHasher {
 public:
  explicit TokenHasher(std::span<const std::byte, 32> salt) : keyed_(salt) {}
  Sha256Digest operator()(std::string_view token) const { return keyed_(token); }

 private:
  HmacSha256 keyed_;
};

struct ApiKey {
  engine::Key128 id{0, 0};
  Role role = Role::reader;
  std::string label;
  Sha256Digest digest{};
  engine::Instant created_at;
  engine::NodeIndex node = engine::kNoNode;  // that an agent's key is bound to
  friend bool operator==(const ApiKey&, const ApiKey&) = default;
};

class KeyRing {
 public:
  KeyRing() = default;
  explicit KeyRing(std::vector<ApiKey> keys);

  // The key whose digest this is; null when there is none.
  const ApiKey* find(const Sha256Digest& digest) const;
  const ApiKey* find(engine::Key128 id) const;
  // All keys, newest first.
  std::span<const ApiKey> list() const { return keys_; }

  // Copies with one key more or less. A key with the same id is replaced; an id that is not there changes nothing.
  KeyRing with(ApiKey key) const;
  KeyRing without(engine::Key128 id) const;

 private:
  struct Place {
    std::uint64_t prefix;  // first eight bytes of the digest
    std::uint32_t key;     // index into keys_
  };
  std::vector<ApiKey> keys_;      // by id, descending
  std::vector<Place> by_digest_;  // by prefix
};

}  // namespace holdfast::net
