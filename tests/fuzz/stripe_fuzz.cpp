// Any bytes as a message of Stripe's: they are refused, or what is read keeps every limit and can be answered.
#include <cstddef>
#include <cstdint>
#include <string>

#include "net/processors/stripe.h"
#include "tests/fuzz/event_checks.h"

// The name is libFuzzer's.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size);  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {  // NOLINT
  using namespace holdfast;
  using namespace holdfast::net;
  const std::string body(bytes, bytes + size);
  check_event(body, engine::Processor::stripe, stripe::decode,
              [](std::string& out, const Asked& asked, const engine::Decision& decision) {
                stripe::append_answer(out, decision, asked.request);
                for (const char c : asked.repeat[0])
                  require(c > 0x20 && c <= 0x7E);
              });
  return 0;
}
