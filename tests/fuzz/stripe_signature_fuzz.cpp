// Any bytes as a signature header (the first line) and a body (the rest): nothing verifies but what was signed.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "net/processors/signature.h"

namespace {

using namespace holdfast;
using namespace holdfast::net;

constexpr std::array<std::string_view, 2> kSecrets = {"whsec_fuzz_old", "whsec_fuzz_new"};
constexpr std::int64_t kNow = 1'773'300'601;

void require(bool holds) {
  if (!holds) std::abort();
}

std::string sign(std::string_view secret, std::string_view timestamp, std::string_view body) {
  std::string hex;
  for (const std::byte byte : HmacSha256(secret)({timestamp, ".", body})) {
    hex += "0123456789abcdef"[std::to_integer<unsigned>(byte) >> 4];
    hex += "0123456789abcdef"[std::to_integer<unsigned>(byte) & 15];
  }
  return hex;
}

}  // namespace

// The name is libFuzzer's.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size);  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {  // NOLINT
  static const StripeSignature verifier(kSecrets);
  const engine::Instant now = engine::from_millis(kNow * 1000);
  const std::string input(bytes, bytes + size);
  const std::size_t end = std::min(input.find('\n'), input.size());
  const std::string header = input.substr(0, end);
  const std::string body = input.substr(std::min(end + 1, input.size()));

  if (verifier.verify(header, body, now) == SignatureResult::ok) {
    // Then a signature that belongs to this very body stands in the header, in the form that is sent.
    const std::string items = "," + header + ",";
    const std::size_t at = items.find(",t=");
    require(at != std::string::npos);
    const std::size_t begin = at + std::string_view(",t=").size();
    const std::string timestamp = items.substr(begin, items.find(',', begin) - begin);
    const auto holds = [&](std::string_view secret) {
      return items.find(",v1=" + sign(secret, timestamp, body) + ",") != std::string::npos;
    };
    require(std::any_of(kSecrets.begin(), kSecrets.end(), holds));
  }

  // A genuine signature over the body verifies, and the fuzzer's header in front or behind it never brings another
  // body through.
  const std::string timestamp = std::to_string(kNow);
  const std::string genuine = "t=" + timestamp + ",v1=" + sign(kSecrets[1], timestamp, body);
  require(verifier.verify(genuine, body, now) == SignatureResult::ok);
  require(verifier.verify(genuine, body + "x", now) == SignatureResult::mismatch);
  require(verifier.verify(header + "," + genuine, body + "x", now) != SignatureResult::ok);
  require(verifier.verify(genuine + "," + header, body + "x", now) != SignatureResult::ok);
  return 0;
}
