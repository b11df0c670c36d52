// Any bytes as the headers of Lithic's and Marqeta's signatures and of Basic authentication (the first lines) over a
// body (the rest): nothing verifies but what was signed.
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

constexpr std::int64_t kNow = 1'773'300'601;

void require(bool holds) {
  if (!holds) std::abort();
}

std::string line(std::string& input) {
  const std::size_t end = std::min(input.find('\n'), input.size());
  std::string first = input.substr(0, end);
  input.erase(0, std::min(end + 1, input.size()));
  return first;
}

}  // namespace

// The name is libFuzzer's.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size);  // NOLINT

// The secrets are random to the fuzzer: it cannot find a signature, so that whatever verifies is a mistake.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {  // NOLINT
  static constexpr std::array<std::string_view, 1> kSecrets = {"whsec_c2VjcmV0IG9mIHRoZSBmdXp6ZXIsIDMyIGJ5dGVzLg=="};
  static constexpr std::array<BasicAuthentication::Credentials, 1> kCredentials = {{{"fuzz", "Not-to-be-guessed-1"}}};
  static const StandardSignature standard(kSecrets);
  static const MarqetaSignature marqeta(kSecrets);
  static const BasicAuthentication basic(kCredentials);
  std::string body(bytes, bytes + size);
  const std::string id = line(body);
  const std::string timestamp = line(body);
  const std::string header = line(body);
  const engine::Instant now = engine::from_millis(kNow * 1000);
  require(standard.verify(id, timestamp, header, body, now) != SignatureResult::ok);
  require(standard.verify(id, std::to_string(kNow), header, body, now) != SignatureResult::ok);
  require(marqeta.verify(header, body) != SignatureResult::ok);
  require(basic.verify(header) != SignatureResult::ok);
  require(basic.verify("Basic " + header) != SignatureResult::ok);
  (void)StandardSignature::acceptable_secret(header);
  return 0;
}
