#include "net/processors/signature.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <tuple>
#include <vector>

namespace holdfast::net {
namespace {

using std::string;
using std::string_view;
using Result = SignatureResult;

constexpr string_view kSecret = "whsec_holdfast_fixture_5up9";
constexpr string_view kOtherSecret = "whsec_holdfast_next_q77";
constexpr std::int64_t kTime = 1773300601;
constexpr string_view kBody = R"({"id":"evt_1HfVector","object":"event","amount":1875})";
// printf '1773300601.%s' BODY | openssl dgst -sha256 -hmac SECRET
constexpr string_view kSigned = "1de3215a6cc2a14642293094cd479075bf79bfdd271164ce4dffcab7e7523de0";
constexpr string_view kSignedByOther = "40b83b37ddee784c05f2fa390c87d87f595b6b882a43ddba1be15712f8c66737";

engine::Instant at(std::int64_t seconds, int millis = 0) {
  return engine::from_millis(seconds * 1000 + millis);
}

StripeSignature verifier(std::vector<string_view> secrets = {kSecret}) {
  return StripeSignature(secrets);
}

string header(std::int64_t time, string_view signature) {
  return "t=" + std::to_string(time) + ",v1=" + string(signature);
}

string hex(const Sha256Digest& digest) {
  string text;
  for (const std::byte byte : digest) {
    text += "0123456789abcdef"[std::to_integer<unsigned>(byte) >> 4];
    text += "0123456789abcdef"[std::to_integer<unsigned>(byte) & 15];
  }
  return text;
}

string sign(string_view secret, std::int64_t time, string_view body) {
  return hex(HmacSha256(secret)({std::to_string(time), ".", body}));
}

// The same by a program that shares no code with us but the hash itself.
string openssl_hmac(const string& key, string_view message) {
  const auto path = std::filesystem::temp_directory_path() / ("holdfast_hmac_" + std::to_string(::getpid()));
  std::ofstream(path, std::ios::binary) << message;
  const string command = "openssl dgst -sha256 -hmac '" + key + "' -r '" + path.string() + "'";
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return {};
  std::array<char, 256> line{};
  const bool read = std::fgets(line.data(), line.size(), pipe) != nullptr;
  ::pclose(pipe);
  std::filesystem::remove(path);
  return read ? string(line.data(), 64) : string();
}

TEST(HmacSha256, AgreesWithTheOpensslProgram) {
  for (const std::size_t key_size : {1U, 31U, 32U, 63U, 64U, 65U, 200U}) {
    for (const std::size_t size : {1U, 55U, 56U, 64U, 2800U}) {
      const string key(key_size, 'k');
      const string message(size, 'm');
      EXPECT_EQ(hex(HmacSha256(key)(message)), openssl_hmac(key, message)) << key_size << " " << size;
    }
  }
}

TEST(HmacSha256, AgreesWithRfc4231) {
  const string key_of_case_1(20, '\x0b');
  EXPECT_EQ(hex(HmacSha256(key_of_case_1)("Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hex(HmacSha256("Jefe")({"what do ya want ", "for nothing?"})),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  const string key_of_case_6(131, '\xaa');
  EXPECT_EQ(hex(HmacSha256(key_of_case_6)("Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(HmacSha256, TakesAnEmptyKeyAndAnEmptyMessage) {
  EXPECT_EQ(hex(HmacSha256("")("")), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(ConstantTimeEqual, IsEquality) {
  EXPECT_TRUE(constant_time_equal("", ""));
  EXPECT_TRUE(constant_time_equal("123", "123"));
  EXPECT_FALSE(constant_time_equal("123", "124"));
  EXPECT_FALSE(constant_time_equal("123", "1234"));
  EXPECT_FALSE(constant_time_equal("123", ""));
}

TEST(StripeSignature, AcceptsWhatTheOpensslProgramSigned) {
  EXPECT_EQ(verifier().verify(header(kTime, kSigned), kBody, at(kTime)), Result::ok);
  EXPECT_EQ(openssl_hmac(string(kSecret), std::to_string(kTime) + "." + string(kBody)), kSigned);
}

TEST(StripeSignature, HoldsTheToleranceInBothDirections) {
  struct Case {
    std::int64_t offset;  // of the wall clock to the signature
    int millis;
    Result result;
  };
  for (const Case& c : std::vector<Case>{{0, 0, Result::ok},
                                         {299, 0, Result::ok},
                                         {300, 0, Result::ok},
                                         {300, 999, Result::ok},
                                         {301, 0, Result::timestamp_too_old},
                                         {86'400, 0, Result::timestamp_too_old},
                                         {-299, 0, Result::ok},
                                         {-300, 0, Result::ok},
                                         {-301, 0, Result::timestamp_in_future},
                                         {-301, 999, Result::timestamp_in_future},
                                         {-86'400, 0, Result::timestamp_in_future}}) {
    EXPECT_EQ(verifier().verify(header(kTime, kSigned), kBody, at(kTime + c.offset, c.millis)), c.result) << c.offset;
  }
}

TEST(StripeSignature, TakesAnotherTolerance) {
  const std::vector<string_view> secrets = {kSecret};
  const StripeSignature strict(secrets, std::chrono::seconds(10));
  EXPECT_EQ(strict.verify(header(kTime, kSigned), kBody, at(kTime + 10)), Result::ok);
  EXPECT_EQ(strict.verify(header(kTime, kSigned), kBody, at(kTime + 11)), Result::timestamp_too_old);
}

struct HeaderCase {
  const char* name;
  string header;
  Result result;
};

class StripeHeaders : public testing::TestWithParam<HeaderCase> {};

TEST_P(StripeHeaders, AreReadStrictly) {
  EXPECT_EQ(verifier().verify(GetParam().header, kBody, at(kTime)), GetParam().result) << GetParam().header;
}

const string kV1 = "v1=" + string(kSigned);
const string kT = "t=1773300601";
const string kWrong = "v1=" + string(64, '0');

INSTANTIATE_TEST_SUITE_P(Signature, StripeHeaders,
                         testing::ValuesIn(std::vector<HeaderCase>{
                             {"Empty", "", Result::missing},
                             {"Good", kT + "," + kV1, Result::ok},
                             {"OrderDoesNotMatter", kV1 + "," + kT, Result::ok},
                             {"OtherSchemesIgnored", kT + ",v0=abc," + kV1 + ",v2=", Result::ok},
                             {"SecondCandidateMatches", kT + "," + kWrong + "," + kV1, Result::ok},
                             {"FifthCandidateMatches",
                              kT + "," + kWrong + "," + kWrong + "," + kWrong + "," + kWrong + "," + kV1, Result::ok},
                             {"SixCandidates",
                              kT + "," + kV1 + "," + kWrong + "," + kWrong + "," + kWrong + "," + kWrong + "," + kWrong,
                              Result::malformed},
                             {"OnlyWeakScheme", kT + ",v0=" + string(kSigned), Result::malformed},
                             {"NoTimestamp", kV1, Result::malformed},
                             {"NoSignature", kT, Result::malformed},
                             {"TwoTimestamps", kT + "," + kT + "," + kV1, Result::malformed},
                             {"EmptyTimestamp", "t=," + kV1, Result::malformed},
                             {"EmptyTimestampThenGood", "t=," + kT + "," + kV1, Result::malformed},
                             {"NegativeTimestamp", "t=-1773300601," + kV1, Result::malformed},
                             {"SignedTimestamp", "t=+1773300601," + kV1, Result::malformed},
                             {"FractionTimestamp", "t=1773300601.0," + kV1, Result::malformed},
                             {"HexTimestamp", "t=0x69B26C39," + kV1, Result::malformed},
                             {"EndlessTimestamp", "t=" + string(4000, '1') + "," + kV1, Result::malformed},
                             {"PaddedTimestampIsOtherBytes", "t=01773300601," + kV1, Result::mismatch},
                             {"SpaceBeforeItem", kT + ", " + kV1, Result::malformed},
                             {"EmptyItem", kT + ",," + kV1, Result::malformed},
                             {"TrailingComma", kT + "," + kV1 + ",", Result::malformed},
                             {"NoEquals", kT + ",v1", Result::malformed},
                             {"EmptySignature", kT + ",v1=", Result::malformed},
                             {"ShortSignature", kT + "," + kV1.substr(0, kV1.size() - 1), Result::malformed},
                             {"LongSignature", kT + "," + kV1 + "0", Result::malformed},
                             {"NotHex", kT + ",v1=" + string(64, 'g'), Result::malformed},
                             {"UpperCaseName", kT + ",V1=" + string(kSigned), Result::malformed},
                             {"Garbage", string("\0\xFF=,=,", 6), Result::malformed},
                             {"Wrong", kT + "," + kWrong, Result::mismatch},
                         }),
                         [](const auto& test) { return string(test.param.name); });

TEST(StripeSignature, RefusesEveryFlippedBitOfTheHeader) {
  const auto signature = verifier();
  const string good = kT + "," + kV1;
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
      EXPECT_NE(signature.verify(bad, kBody, at(kTime)), Result::ok) << i << " " << bit;
    }
  }
}

TEST(StripeSignature, RefusesEveryCutOfTheHeader) {
  const string good = kT + "," + kV1;
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_NE(verifier().verify(good.substr(0, size), kBody, at(kTime)), Result::ok) << size;
  }
}

TEST(StripeSignature, RefusesEveryFlippedByteAndCutOfTheBody) {
  const auto signature = verifier();
  const string good(kBody);
  for (std::size_t i = 0; i < good.size(); ++i) {
    string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x20);
    EXPECT_EQ(signature.verify(header(kTime, kSigned), bad, at(kTime)), Result::mismatch) << i;
    EXPECT_EQ(signature.verify(header(kTime, kSigned), good.substr(0, i), at(kTime)), Result::mismatch) << i;
  }
  EXPECT_EQ(signature.verify(header(kTime, kSigned), good + " ", at(kTime)), Result::mismatch);
}

TEST(StripeSignature, RefusesAnotherSecret) {
  EXPECT_EQ(verifier({kOtherSecret}).verify(header(kTime, kSigned), kBody, at(kTime)), Result::mismatch);
  EXPECT_EQ(verifier({kSecret.substr(6)}).verify(header(kTime, kSigned), kBody, at(kTime)), Result::mismatch)
      << "the prefix belongs to the key";
}

TEST(StripeSignature, RefusesEverythingWithoutSecrets) {
  EXPECT_EQ(verifier({}).verify(header(kTime, kSigned), kBody, at(kTime)), Result::mismatch);
}

TEST(StripeSignature, KeepsBothSecretsValidWhileOneIsRolled) {
  const string by_old = header(kTime, kSigned);
  const string by_new = header(kTime, kSignedByOther);
  const string by_both = by_old + ",v1=" + string(kSignedByOther);
  const auto before = verifier({kSecret});
  const auto during = verifier({kOtherSecret, kSecret});
  const auto after = verifier({kOtherSecret});
  for (const auto& [text, expect_before, expect_after] :
       {std::tuple{by_old, Result::ok, Result::mismatch}, std::tuple{by_new, Result::mismatch, Result::ok},
        std::tuple{by_both, Result::ok, Result::ok}}) {
    EXPECT_EQ(before.verify(text, kBody, at(kTime)), expect_before) << text;
    EXPECT_EQ(during.verify(text, kBody, at(kTime)), Result::ok) << text;
    EXPECT_EQ(after.verify(text, kBody, at(kTime)), expect_after) << text;
  }
}

TEST(StripeSignature, SurvivesClocksFarOff) {
  EXPECT_EQ(verifier().verify(header(kTime, kSigned), kBody, at(0)), Result::timestamp_in_future);
  EXPECT_EQ(verifier().verify(header(kTime, kSigned), kBody, engine::Instant::max()), Result::timestamp_too_old);
  EXPECT_EQ(verifier().verify(header(kTime, kSigned), kBody, engine::Instant::min()), Result::timestamp_in_future);
  EXPECT_EQ(verifier().verify("t=99999999999," + kV1, kBody, at(kTime)), Result::timestamp_in_future);
}

TEST(StripeSignature, SignsAnEmptyBody) {
  EXPECT_EQ(verifier().verify(header(kTime, sign(kSecret, kTime, "")), "", at(kTime)), Result::ok);
}

}  // namespace
}  // namespace holdfast::net
