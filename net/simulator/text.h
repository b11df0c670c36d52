// Text of messages, appended to a string that is used again: parts one after the other, numbers and what has to be
// escaped among them, and what signatures are written in.
//
// Threads: pure functions.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "engine/ascii.h"
#include "engine/instant.h"
#include "engine/places.h"
#include "net/problem.h"
#include "net/processors/wire.h"
#include "net/rfc3339.h"

namespace holdfast::net::simulator {

// Parts that are not put as they are.
struct Quoted {
  std::string_view text;  // as a JSON string with its quotes
};
struct Hex {
  std::span<const std::byte> bytes;
};
struct Base64 {
  std::span<const std::byte> bytes;
};
struct Time {
  engine::Instant at;  // RFC 3339
};

inline void put_part(std::string& out, std::string_view text) {
  out.append(text);
}
template <std::integral Number>
void put_part(std::string& out, Number value) {
  if constexpr (std::same_as<Number, bool>) {
    out.append(value ? "true" : "false");
  } else {
    wire::append_integer(out, static_cast<std::int64_t>(value));
  }
}
inline void put_part(std::string& out, Quoted quoted) {
  append_json_string(out, quoted.text);
}
inline void put_part(std::string& out, Time time) {
  append_rfc3339(out, time.at);
}
inline void put_part(std::string& out, Hex hex) {
  engine::append_hex(out, hex.bytes);
}
void put_part(std::string& out, Base64 base64);

template <class... Parts>
void put(std::string& out, const Parts&... parts) {
  (put_part(out, parts), ...);
}

// "5734"; empty for none.
std::string_view digits_of(engine::CategoryCode category, std::span<char, 4> buffer);

constexpr std::int64_t seconds_of(engine::Instant at) {
  return std::chrono::floor<std::chrono::seconds>(at.time_since_epoch()).count();
}

}  // namespace holdfast::net::simulator
