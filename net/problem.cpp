#include "net/problem.h"

#include <cstddef>
#include <cstdint>

namespace holdfast::net {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

std::uint8_t byte_at(std::string_view text, std::size_t at) {
  return static_cast<std::uint8_t>(text[at]);
}

bool continues(std::string_view text, std::size_t at, std::uint8_t lowest = 0x80, std::uint8_t highest = 0xBF) {
  return at < text.size() && byte_at(text, at) >= lowest && byte_at(text, at) <= highest;
}

// Length of the well-formed UTF-8 sequence that starts at `at` with a byte above 0x7F; 0 when there is none. The ranges
// of the second byte rule out overlong forms, surrogates and what lies beyond U+10FFFF (Unicode, table 3-7).
std::size_t sequence_length(std::string_view text, std::size_t at) {
  const std::uint8_t lead = byte_at(text, at);
  if (lead >= 0xC2 && lead <= 0xDF) return continues(text, at + 1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const std::uint8_t lowest = lead == 0xE0 ? 0xA0 : 0x80;
    const std::uint8_t highest = lead == 0xED ? 0x9F : 0xBF;
    return continues(text, at + 1, lowest, highest) && continues(text, at + 2) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const std::uint8_t lowest = lead == 0xF0 ? 0x90 : 0x80;
    const std::uint8_t highest = lead == 0xF4 ? 0x8F : 0xBF;
    return continues(text, at + 1, lowest, highest) && continues(text, at + 2) && continues(text, at + 3) ? 4 : 0;
  }
  return 0;
}

void append_control(std::string& out, std::uint8_t byte) {
  constexpr std::string_view kHex = "0123456789abcdef";
  switch (byte) {
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  out += "\\u00";
  out += kHex[byte >> 4U];
  out += kHex[byte & 0x0FU];
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (std::size_t at = 0; at < text.size();) {
    const std::uint8_t byte = byte_at(text, at);
    std::size_t length = 1;
    if (byte == '"' || byte == '\\') {
      out += '\\';
      out += text[at];
    } else if (byte < 0x20) {
      append_control(out, byte);
    } else if (byte < 0x80) {
      out += text[at];
    } else if (length = sequence_length(text, at); length != 0) {
      out += text.substr(at, length);
    } else {
      out += kReplacement;
      length = 1;
    }
    at += length;
  }
  out += '"';
}

std::string problem_json(int status, std::string_view code, std::string_view title, std::string_view detail,
                         std::string_view request_id) {
  std::string out;
  out.reserve(160 + code.size() * 2 + title.size() + detail.size() + request_id.size());
  std::string type = "urn:holdfast:problem:";
  type += code;
  out += R"({"type":)";
  append_json_string(out, type);
  out += R"(,"title":)";
  append_json_string(out, title);
  out += R"(,"status":)";
  out += std::to_string(status);
  out += R"(,"detail":)";
  append_json_string(out, detail);
  out += R"(,"code":)";
  append_json_string(out, code);
  out += R"(,"request_id":)";
  append_json_string(out, request_id);
  out += '}';
  return out;
}

}  // namespace holdfast::net
