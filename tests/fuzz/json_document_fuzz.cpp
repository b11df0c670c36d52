// Any bytes as JSON: they are refused with an error, or everything in them can be read and says the same twice.
#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string>
#include <string_view>

#include "net/json_document.h"

namespace {

using namespace holdfast::net;

// Each number's text is looked for from the beginning, so a text full of numbers would take too long.
constexpr int kNumbersMax = 64;

void require(bool holds) {
  if (!holds) std::abort();
}

void read_number(JsonDocument& document, const JsonValue& value, int& numbers) {
  if (++numbers > kNumbersMax || !document.ok()) return;
  const std::string token(value.decimal_text());
  if (!document.ok()) return;  // too long
  require(!token.empty() && token.find_first_not_of("0123456789+-.eE") == std::string::npos);
  const bool integer = token.find_first_of(".eE") == std::string::npos;
  const std::int64_t number =
      value.int64(std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max());
  if (document.ok()) require(integer && number == std::strtoll(token.c_str(), nullptr, 10));
}

void read(JsonDocument& document, const JsonValue& value, int& numbers, unsigned depth) {
  require(depth <= JsonLimits{}.depth_max + 1);
  if (value.is_object()) {
    value.object().for_each(
        [&](std::string_view, const JsonValue& member) { read(document, member, numbers, depth + 1); });
  } else if (value.is_array()) {
    value.array(std::numeric_limits<std::size_t>::max()).for_each([&](const JsonValue& element) {
      read(document, element, numbers, depth + 1);
    });
  } else if (value.is_number()) {
    read_number(document, value, numbers);
  }
}

}  // namespace

// The name is libFuzzer's.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size);  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {  // NOLINT
  static JsonDocument document;
  const std::string text(bytes, bytes + size);
  if (!document.parse(text)) {
    require(!document.ok() && !document.error().detail.empty());
    require(document.error().detail.find('\n') == std::string::npos);
    return 0;
  }
  // What is accepted here is JSON for the parser alone, and not the other way round.
  static simdjson::dom::parser parser;
  require(parser.parse(text).error() == simdjson::SUCCESS);

  int numbers = 0;
  read(document, document.value(), numbers, 1);
  require(document.parse(text));
  const JsonObject object = document.object();
  reject_unknown_members(object, {"id", "amount"});
  object.optional_string("id", 8);
  object.required_int64("amount", 0, 1000);
  require(document.ok() || !document.error().detail.empty());
  return 0;
}
