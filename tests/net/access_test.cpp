#include "net/access.h"

#include <fmt/format.h>
#include <fmt/ostream.h>
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "engine/identifier.h"

namespace holdfast::net {
namespace {

using engine::Key128;
using std::string;
using std::string_view;

template <class T>
concept Streamable = requires(std::ostream& out, const T& value) {
  out << value;
};
static_assert(!Streamable<ApiToken> && !fmt::is_formattable<ApiToken>::value);
static_assert(!std::is_convertible_v<ApiToken, string_view> && !std::is_copy_constructible_v<ApiToken>);

std::array<std::byte, 32> bytes(unsigned char first) {
  std::array<std::byte, 32> made;
  for (std::size_t i = 0; i < made.size(); ++i)
    made[i] = static_cast<std::byte>(first + i);
  return made;
}

constexpr Key128 kId{0x0199'AABB'CCDD'EEFF, 0x0011'2233'4455'6677};

// ---- Roles ----------------------------------------------------------------------------------------------------------

constexpr std::array kAllRoles = {Role::admin, Role::issuer, Role::processor, Role::agent, Role::reader};

// Written apart from the table in the code, as the documentation has it.
const std::map<Action, std::set<Role>> kExpected = {
    {Action::read_cards, {Role::admin, Role::issuer, Role::agent, Role::reader}},
    {Action::create_cards, {Role::admin, Role::issuer}},
    {Action::change_cards, {Role::admin, Role::issuer}},
    {Action::tighten_cards, {Role::admin, Role::issuer, Role::agent}},
    {Action::read_authorizations, {Role::admin, Role::issuer, Role::processor, Role::agent, Role::reader}},
    {Action::authorize, {Role::admin, Role::processor}},
    {Action::dry_run, {Role::admin, Role::issuer, Role::processor, Role::agent}},
    {Action::manage_keys, {Role::admin}},
};

TEST(Roles, MayDoExactlyWhatIsDocumented) {
  ASSERT_EQ(kExpected.size(), static_cast<std::size_t>(kActions));
  for (const auto& [action, roles] : kExpected) {
    for (const Role role : kAllRoles) {
      EXPECT_EQ(permits(role, action), roles.contains(role)) << role_name(role) << " " << static_cast<int>(action);
    }
  }
}

TEST(Roles, HaveNamesAndNumbersThatComeBack) {
  for (const Role role : kAllRoles) {
    EXPECT_EQ(role_from_name(role_name(role)), role);
    EXPECT_EQ(role_from_number(static_cast<std::uint8_t>(role)), role);
  }
  for (const string_view name : {"", "Admin", "root", "admin "})
    EXPECT_EQ(role_from_name(name), std::nullopt);
  for (const int number : {0, 6, 255}) {
    EXPECT_EQ(role_from_number(static_cast<std::uint8_t>(number)), std::nullopt);
  }
}

// ---- Tokens ---------------------------------------------------------------------------------------------------------

TEST(ApiToken, HasItsKeysIdAndItsSecretInIt) {
  const ApiToken token = ApiToken::make(kId, bytes(0));
  const string_view text = token.reveal();
  ASSERT_EQ(text.size(), kMadeTokenBytes);
  EXPECT_EQ(engine::parse_id("hf_", text.substr(0, 29)), kId);
  EXPECT_EQ(text.substr(29), "_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
  EXPECT_TRUE(acceptable_token(text));
}

TEST(ApiToken, UsesTheAlphabetForUrls) {
  std::array<std::byte, 32> ones;
  ones.fill(std::byte{0xFF});
  const ApiToken token = ApiToken::make(kId, ones);
  EXPECT_EQ(token.reveal().substr(30), string(42, '_') + "8");
  ones.fill(std::byte{0xFB});
  const ApiToken other = ApiToken::make(kId, ones);
  EXPECT_EQ(other.reveal().substr(30, 4), "-_v7");
}

TEST(ApiToken, MovesWithoutLeavingACopy) {
  ApiToken token = ApiToken::make(kId, bytes(1));
  const string text(token.reveal());
  const ApiToken moved = std::move(token);
  EXPECT_EQ(moved.reveal(), text);
}

TEST(AcceptableToken, IsVisibleAsciiOf16To200Characters) {
  EXPECT_TRUE(acceptable_token(string(16, 'x')));
  EXPECT_TRUE(acceptable_token(string(200, '~')));
  EXPECT_TRUE(acceptable_token("!\"#$%&'()*+,-./:"));
  EXPECT_FALSE(acceptable_token(""));
  EXPECT_FALSE(acceptable_token(string(15, 'x')));
  EXPECT_FALSE(acceptable_token(string(201, 'x')));
  for (const char bad : {' ', '\t', '\n', '\0', '\x7F', '\x80', '\xFF'}) {
    EXPECT_FALSE(acceptable_token(string(20, 'x') + bad)) << static_cast<int>(bad);
    EXPECT_FALSE(acceptable_token(bad + string(20, 'x'))) << static_cast<int>(bad);
  }
}

TEST(BearerToken, IsTakenFromAWellFormedHeaderOnly) {
  const string token = "hf_sixteen_or_more";
  for (const string_view before : {"Bearer ", "bearer ", "BEARER ", "Bearer   "}) {
    EXPECT_EQ(bearer_token(string(before) + token), token) << before;
  }
  for (const string& bad :
       std::vector<string>{"", "Bearer", "Bearer ", "Bearer" + token, "Basic " + token, token, " Bearer " + token,
                           "Bearer\t" + token, "Bearer " + token + " ", "Bearer " + token + ", Bearer " + token,
                           "Bearer short", "Bearer " + string(201, 'x'), "Bearer " + token + string(1, '\0'),
                           string("Bearer\0", 7) + token, "Beare " + token}) {
    EXPECT_EQ(bearer_token(bad), std::nullopt) << bad;
  }
}

TEST(TokenHasher, DependsOnSaltAndToken) {
  const TokenHasher hash(bytes(0));
  EXPECT_EQ(hash("token-of-an-operator"), TokenHasher(bytes(0))("token-of-an-operator"));
  EXPECT_NE(hash("token-of-an-operator"), TokenHasher(bytes(1))("token-of-an-operator"));
  EXPECT_NE(hash("token-of-an-operator"), hash("token-of-an-operatos"));
}

// ---- The ring -------------------------------------------------------------------------------------------------------

ApiKey key(std::uint64_t id, string_view token, Role role = Role::reader) {
  return {.id = {id, 0},
          .role = role,
          .label = "key " + std::to_string(id),
          .digest = TokenHasher(bytes(0))(token),
          .created_at = engine::from_millis(static_cast<std::int64_t>(id))};
}

TEST(KeyRing, FindsNothingWhenEmpty) {
  EXPECT_EQ(KeyRing().find(Sha256Digest{}), nullptr);
  EXPECT_EQ(KeyRing().find(Key128{1, 0}), nullptr);
  EXPECT_TRUE(KeyRing().list().empty());
}

TEST(KeyRing, FindsKeysByDigestAndById) {
  std::vector<ApiKey> keys;
  for (std::uint64_t id = 1; id <= 500; ++id)
    keys.push_back(key(id, "token-" + std::to_string(id)));
  std::shuffle(keys.begin(), keys.end(), std::mt19937(4));
  const KeyRing ring(keys);
  const TokenHasher hash(bytes(0));
  for (const ApiKey& each : keys) {
    ASSERT_NE(ring.find(each.digest), nullptr);
    EXPECT_EQ(*ring.find(each.digest), each);
    EXPECT_EQ(*ring.find(each.id), each);
  }
  EXPECT_EQ(ring.find(hash("token-501")), nullptr);
  EXPECT_EQ(ring.find(Key128{501, 0}), nullptr);
  EXPECT_EQ(ring.find(Key128{1, 1}), nullptr);
  EXPECT_EQ(ring.find(TokenHasher(bytes(1))("token-1")), nullptr) << "another store's salt";
}

TEST(KeyRing, ComparesAllOfTheDigest) {
  const ApiKey one = key(1, "token-1");
  for (std::size_t at = 0; at < one.digest.size(); ++at) {
    Sha256Digest near = one.digest;
    near[at] ^= std::byte{1};
    EXPECT_EQ(KeyRing({one}).find(near), nullptr) << at;
  }
}

TEST(KeyRing, TellsKeysOfOnePrefixApart) {
  std::vector<ApiKey> keys;
  for (unsigned char last = 0; last < 10; ++last) {
    keys.push_back(key(last + 1U, "x"));
    keys.back().digest.back() = static_cast<std::byte>(last);
  }
  const KeyRing ring(keys);
  for (const ApiKey& each : keys)
    EXPECT_EQ(ring.find(each.digest)->id, each.id);
}

TEST(KeyRing, ListsNewestFirst) {
  const KeyRing ring({key(2, "b"), key(3, "c"), key(1, "a")});
  ASSERT_EQ(ring.list().size(), 3U);
  EXPECT_EQ(ring.list()[0].id, (Key128{3, 0}));
  EXPECT_EQ(ring.list()[2].id, (Key128{1, 0}));
}

TEST(KeyRing, GivesACopyWithAKeyMoreOrLess) {
  const KeyRing one({key(1, "a", Role::admin)});
  const KeyRing two = one.with(key(2, "b"));
  EXPECT_EQ(one.list().size(), 1U);
  EXPECT_EQ(two.list().size(), 2U);
  EXPECT_EQ(two.find(key(1, "a").digest)->role, Role::admin);

  const KeyRing replaced = two.with(key(2, "c"));
  EXPECT_EQ(replaced.list().size(), 2U);
  EXPECT_EQ(replaced.find(key(2, "b").digest), nullptr);
  EXPECT_NE(replaced.find(key(2, "c").digest), nullptr);

  const KeyRing without = two.without({1, 0});
  EXPECT_EQ(without.list().size(), 1U);
  EXPECT_EQ(without.find(key(1, "a").digest), nullptr) << "a removed key opens nothing";
  EXPECT_EQ(two.without({9, 0}).list().size(), 2U);
}

}  // namespace
}  // namespace holdfast::net
