// The answers that the HTTP server gives by itself, and why: one row for each rule that a request can break.
//
// Threads: constants.
// Invariants: after every one of these answers the connection is closed, because what follows in it cannot be trusted
// to begin where a request begins.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "net/http_counters.h"

namespace holdfast::net {

enum class Refusal : std::uint8_t {
  none = 0,
  bad_byte,             // NUL, another control byte, DEL; in the request line also everything outside ASCII
  bad_line_ending,      // CR or LF that is not CRLF
  bad_request_line,     // not `method SP target SP version`
  unsupported_version,  // anything but HTTP/1.1
  bad_target,           // not a path: absolute-form, authority-form, `*`, or with a fragment
  bad_header,           // not `name ":" value`
  folded_header,        // obs-fold
  bad_host,             // none, several, or not one host
  transfer_encoding,    // any
  length_required,      // POST or PATCH without Content-Length
  bad_length,           // Content-Length repeated, a list, or not digits
  upgrade,              // asked for
  content_encoding,     // any
  expectation,          // other than 100-continue
  header_too_large,
  too_many_headers,
  body_too_large,
  header_timeout,
  body_timeout,
  too_many_connections,
};
inline constexpr std::size_t kRefusals = 21;

struct RefusalAnswer {
  Refusal refusal;
  int status;
  HttpCount counted_as;
  std::string_view code;
  std::string_view title;
  std::string_view detail;
};

// Of every refusal but none.
const RefusalAnswer& refusal_answer(Refusal refusal);

}  // namespace holdfast::net
