// The signatures and credentials of Lithic and Marqeta, against an implementation that shares no code with ours: the
// openssl program.
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "net/processors/signature.h"

namespace holdfast::net {
namespace {

using std::string;
using std::string_view;
using Result = SignatureResult;

constexpr std::int64_t kTime = 1773300601;
constexpr string_view kId = "msg_7f1e";
constexpr string_view kBody = R"({"token":"7b1e04d2","amount":1875})";

engine::Instant at(std::int64_t seconds, int millis = 0) {
  return engine::from_millis(seconds * 1000 + millis);
}

string to_hex(string_view bytes) {
  string text;
  for (const char c : bytes) {
    text += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4U];
    text += "0123456789abcdef"[static_cast<unsigned char>(c) & 15U];
  }
  return text;
}

// What a shell command prints for `input` on its standard input.
string run(const string& command, string_view input) {
  const auto path = std::filesystem::temp_directory_path() / ("holdfast_signature_" + std::to_string(::getpid()));
  std::ofstream(path, std::ios::binary) << input;
  FILE* pipe = ::popen((command + " < '" + path.string() + "'").c_str(), "r");
  if (pipe == nullptr) return {};
  std::array<char, 512> bytes{};
  const std::size_t size = std::fread(bytes.data(), 1, bytes.size(), pipe);
  ::pclose(pipe);
  std::filesystem::remove(path);
  return {bytes.data(), size};
}

string openssl_hmac(const string& digest, string_view key, string_view message) {
  return run("openssl dgst -" + digest + " -mac HMAC -macopt hexkey:" + to_hex(key) + " -binary", message);
}

string base64(string_view bytes) {
  string text = run("openssl base64 -A", bytes);
  return text;
}

// ---- Standard Webhooks

const string& key() {
  static const string kKey = "the 32 bytes of a signing secret";
  return kKey;
}

struct StandardTest : testing::Test {
  string secret = "whsec_" + base64(key());
  string signature = sign(kTime);

  static string sign(std::int64_t time, string_view body = kBody, string_view with = key()) {
    string message(kId);
    message.append(".").append(std::to_string(time)).append(".").append(body);
    return "v1," + base64(openssl_hmac("sha256", with, message));
  }
  static StandardSignature verifier(std::vector<string_view> secrets) { return StandardSignature(secrets); }
  Result verify(string_view signatures, std::int64_t time = kTime, string_view body = kBody,
                engine::Instant now = at(kTime)) const {
    return verifier({secret}).verify(kId, std::to_string(time), signatures, body, now);
  }
};

TEST_F(StandardTest, AcceptsWhatTheOpensslProgramSigned) {
  EXPECT_EQ(verify(signature), Result::ok);
}

TEST_F(StandardTest, AcceptsThePublishedExample) {
  const StandardSignature published = verifier({"aDeFC3Zn55XB3PDD2zF0JP9cyrDHdV/18VOmkTcuyto="});
  EXPECT_EQ(published.verify("65a9dad4-1b60-4686-83fd-65b25078a4b4", "1698031907",
                             "v1,OGBiqPtc/O2sWacUsuS4pvTdfFBv6dqxYX/4UFzrbGk=",
                             R"({"acquirer_fee":0,"amount":2000,"authorization_amount":2000})", at(1698031907)),
            Result::ok);
}

TEST_F(StandardTest, TakesTheSecretWithAndWithoutItsPrefix) {
  EXPECT_EQ(verifier({string_view(secret).substr(6)}).verify(kId, std::to_string(kTime), signature, kBody, at(kTime)),
            Result::ok);
}

TEST_F(StandardTest, HoldsTheToleranceInBothDirections) {
  EXPECT_EQ(verify(signature, kTime, kBody, at(kTime + 300, 999)), Result::ok);
  EXPECT_EQ(verify(signature, kTime, kBody, at(kTime + 301)), Result::timestamp_too_old);
  EXPECT_EQ(verify(signature, kTime, kBody, at(kTime - 300)), Result::ok);
  EXPECT_EQ(verify(signature, kTime, kBody, at(kTime - 301, 999)), Result::timestamp_in_future);
}

TEST_F(StandardTest, TakesAnyOfSeveralSignaturesAndSecrets) {
  const string other = sign(kTime, kBody, "another secret altogether, rolled");
  EXPECT_EQ(verify(other), Result::mismatch);
  EXPECT_EQ(verify(other + " " + signature), Result::ok);
  EXPECT_EQ(verify("v1a,whatever " + signature + " v2,x"), Result::ok);
  const string next = base64("another secret altogether, rolled");
  EXPECT_EQ(verifier({secret, next}).verify(kId, std::to_string(kTime), other, kBody, at(kTime)), Result::ok);
}

TEST_F(StandardTest, RefusesWhatIsMissingOrMalformed) {
  const StandardSignature one = verifier({secret});
  const string time = std::to_string(kTime);
  EXPECT_EQ(one.verify("", time, signature, kBody, at(kTime)), Result::missing);
  EXPECT_EQ(one.verify(kId, "", signature, kBody, at(kTime)), Result::missing);
  EXPECT_EQ(one.verify(kId, time, "", kBody, at(kTime)), Result::missing);
  EXPECT_EQ(one.verify(kId, "1.5e9", signature, kBody, at(kTime)), Result::malformed);
  EXPECT_EQ(one.verify(kId, "-1", signature, kBody, at(kTime)), Result::malformed);
  for (const string& header :
       {string("v1"), string("v1,"), string("v1,AAAA"), signature.substr(3), "v2" + signature.substr(2),
        signature + "=", signature.substr(0, signature.size() - 1), "v1, " + signature.substr(3)}) {
    EXPECT_EQ(verify(header), Result::malformed) << header;
  }
  string many = signature;
  for (std::size_t i = 0; i < kSignatureCandidatesMax; ++i)
    many += " " + signature;
  EXPECT_EQ(verify(many), Result::malformed);
}

TEST_F(StandardTest, RefusesEveryFlippedBitAndCut) {
  for (std::size_t i = 0; i < signature.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      string flipped = signature;
      flipped[i] = static_cast<char>(flipped[i] ^ (1 << bit));
      EXPECT_NE(verify(flipped), Result::ok) << i << " " << bit;
    }
    EXPECT_NE(verify(string_view(signature).substr(0, i)), Result::ok) << i;
  }
  for (std::size_t i = 0; i < kBody.size(); ++i) {
    string body(kBody);
    body[i] = static_cast<char>(body[i] ^ 1);
    EXPECT_EQ(verify(signature, kTime, body), Result::mismatch) << i;
    EXPECT_EQ(verify(signature, kTime, kBody.substr(0, i)), Result::mismatch) << i;
  }
  EXPECT_EQ(verify(signature, kTime + 1), Result::mismatch);
  EXPECT_EQ(verifier({secret}).verify("msg_7f1f", std::to_string(kTime), signature, kBody, at(kTime)),
            Result::mismatch);
}

TEST_F(StandardTest, TellsWhatCanBeASecret) {
  for (const string_view good :
       {"whsec_AAAA", "AAAA", "AA==", "AAA=", "whsec_aDeFC3Zn55XB3PDD2zF0JP9cyrDHdV/18VOmkTcuyto="}) {
    EXPECT_TRUE(StandardSignature::acceptable_secret(good)) << good;
  }
  for (const string_view bad :
       {"", "whsec_", "A", "AA", "AAA", "A===", "====", "AB==", "AAB=", "AA=A", "AAAA\n", "AA-_", "AAAA "}) {
    EXPECT_FALSE(StandardSignature::acceptable_secret(bad)) << bad;
  }
  EXPECT_EQ(verifier({"not base64"}).verify(kId, std::to_string(kTime), signature, kBody, at(kTime)), Result::mismatch);
  EXPECT_EQ(verifier({}).verify(kId, std::to_string(kTime), signature, kBody, at(kTime)), Result::mismatch);
}

// ---- Marqeta

constexpr string_view kMarqetaSecret = "My-webhook-secret-0042";

Result verify_marqeta(string_view header, string_view body = kBody,
                      std::vector<string_view> secrets = {kMarqetaSecret}) {
  return MarqetaSignature(secrets).verify(header, body);
}

TEST(MarqetaSignature, AcceptsWhatTheOpensslProgramSignedWithEitherHash) {
  for (const string digest : {"sha1", "sha256"}) {
    string header = to_hex(openssl_hmac(digest, kMarqetaSecret, kBody));
    EXPECT_EQ(verify_marqeta(header), Result::ok) << digest;
    EXPECT_EQ(verify_marqeta(header, kBody, {"older", kMarqetaSecret}), Result::ok);
    EXPECT_EQ(verify_marqeta(header, kBody, {"older"}), Result::mismatch);
    EXPECT_EQ(verify_marqeta(header, kBody, {}), Result::mismatch);
    EXPECT_EQ(verify_marqeta(header, string(kBody) + " "), Result::mismatch);
    for (std::size_t i = 0; i < header.size(); ++i) {
      string flipped = header;
      flipped[i] = flipped[i] == '0' ? '1' : '0';
      EXPECT_EQ(verify_marqeta(flipped), Result::mismatch);
      EXPECT_EQ(verify_marqeta(string_view(header).substr(0, i)), i == 0    ? Result::missing
                                                                  : i == 40 ? Result::mismatch
                                                                            : Result::malformed);
    }
    for (char& c : header)
      c = c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c;
    EXPECT_EQ(verify_marqeta(header), Result::ok) << "capitals";
    EXPECT_EQ(verify_marqeta(header + "0"), Result::malformed);
  }
}

TEST(HmacSha1, AgreesWithTheOpensslProgram) {
  for (const std::size_t key_size : {1U, 63U, 64U, 65U, 200U}) {
    const string key(key_size, 'k');
    const HmacSha1::Digest digest = HmacSha1(key)(kBody);
    EXPECT_EQ(string(reinterpret_cast<const char*>(digest.data()), digest.size()), openssl_hmac("sha1", key, kBody));
  }
}

// ---- Basic

TEST(BasicAuthentication, TakesAnyOfItsCredentialsAndNothingElse) {
  const std::vector<BasicAuthentication::Credentials> two = {{"holdfast", "Old:password-1"},
                                                             {"holdfast2", "New-password-2"}};
  const BasicAuthentication basic(two);
  const auto verify = [&](const string& text) { return basic.verify("Basic " + base64(text)); };
  EXPECT_EQ(verify("holdfast:Old:password-1"), Result::ok);
  EXPECT_EQ(verify("holdfast2:New-password-2"), Result::ok);
  for (const char* wrong : {"holdfast:New-password-2", "holdfast2:Old:password-1", "holdfast", "holdfast:", ":", "",
                            "holdfast:Old:password-1 ", "HOLDFAST:Old:password-1", "holdfast:Old:password"}) {
    EXPECT_EQ(verify(wrong), Result::mismatch) << wrong;
  }
  EXPECT_EQ(basic.verify("bAsIc " + base64("holdfast:Old:password-1")), Result::ok);
  EXPECT_EQ(basic.verify(""), Result::missing);
  for (const string_view malformed :
       {"Basic", "Basi", "Bearer aGk6aGk=", "Basic  aGk6aGk=", "Basic aGk6aGk", "aGk6aGk="}) {
    EXPECT_EQ(basic.verify(malformed), Result::malformed) << malformed;
  }
  EXPECT_EQ(BasicAuthentication({}).verify("Basic Og=="), Result::mismatch);
}

}  // namespace
}  // namespace holdfast::net
