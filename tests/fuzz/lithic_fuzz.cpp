// Any bytes as a message of Lithic's: they are refused, or what is read keeps every limit and can be answered.
#include <cstddef>
#include <cstdint>
#include <string>

#include "net/processors/lithic.h"
#include "tests/fuzz/event_checks.h"

// The name is libFuzzer's.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size);  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {  // NOLINT
  using namespace holdfast;
  using namespace holdfast::net;
  const std::string body(bytes, bytes + size);
  check_event(body, engine::Processor::lithic, lithic::decode,
              [](std::string& out, const Asked& asked, const engine::Decision& decision) {
                lithic::append_answer(out, asked, decision);
              });
  return 0;
}
