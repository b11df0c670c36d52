#include "net/http_refusal.h"

#include <array>

namespace holdfast::net {
namespace {

constexpr std::array<RefusalAnswer, kRefusals> kAnswers = {{
    {Refusal::none, 500, HttpCount::bad_framing, "", "", ""},
    {Refusal::bad_byte, 400, HttpCount::bad_framing, "bad_byte", "Byte that is not allowed",
     "The request line or a header holds a control byte, or the request line a byte outside ASCII."},
    {Refusal::bad_line_ending, 400, HttpCount::bad_framing, "bad_line_ending", "Bad line ending",
     "Every line of the request line and headers ends with CR LF."},
    {Refusal::bad_request_line, 400, HttpCount::bad_framing, "bad_request_line", "Bad request line",
     "A request begins with: method, space, path, space, HTTP/1.1."},
    {Refusal::unsupported_version, 505, HttpCount::bad_framing, "unsupported_version", "HTTP version not supported",
     "Only HTTP/1.1 is spoken here."},
    {Refusal::bad_target, 400, HttpCount::bad_framing, "bad_target", "Bad request target",
     "The target of a request is a path that begins with '/', with an optional query and without a fragment."},
    {Refusal::bad_header, 400, HttpCount::bad_framing, "bad_header", "Bad header",
     "A header is a name, a colon right behind it, and a value."},
    {Refusal::folded_header, 400, HttpCount::bad_framing, "folded_header", "Folded header",
     "A header may not be continued on the next line."},
    {Refusal::bad_host, 400, HttpCount::bad_framing, "bad_host", "Bad Host",
     "A request has exactly one Host header, with one host and perhaps a port."},
    {Refusal::transfer_encoding, 411, HttpCount::bad_framing, "transfer_encoding", "Content-Length required",
     "Transfer-Encoding is not accepted; send the body with a Content-Length."},
    {Refusal::length_required, 411, HttpCount::bad_framing, "length_required", "Content-Length required",
     "A POST or PATCH has a Content-Length, 0 when the body is empty."},
    {Refusal::bad_length, 400, HttpCount::bad_framing, "bad_length", "Bad Content-Length",
     "Content-Length is given once and consists of digits, without leading zeros."},
    {Refusal::upgrade, 400, HttpCount::bad_framing, "upgrade", "Upgrade not offered",
     "The protocol of a connection cannot be changed."},
    {Refusal::content_encoding, 415, HttpCount::bad_framing, "content_encoding", "Content-Encoding not supported",
     "Send the body as it is, without Content-Encoding."},
    {Refusal::expectation, 417, HttpCount::bad_framing, "expectation", "Expectation failed",
     "The only expectation that can be met is 100-continue."},
    {Refusal::header_too_large, 431, HttpCount::header_too_large, "header_too_large", "Headers too large",
     "The request line and headers are larger than this server accepts."},
    {Refusal::too_many_headers, 431, HttpCount::too_many_headers, "too_many_headers", "Too many headers",
     "The request has more headers than this server accepts."},
    {Refusal::body_too_large, 413, HttpCount::body_too_large, "body_too_large", "Body too large",
     "The body is larger than this server accepts."},
    {Refusal::header_timeout, 408, HttpCount::header_timeout, "header_timeout", "Request timeout",
     "The request line and headers did not arrive in time."},
    {Refusal::body_timeout, 408, HttpCount::body_timeout, "body_timeout", "Request timeout",
     "The body did not arrive in time."},
    {Refusal::too_many_connections, 503, HttpCount::connections_refused, "too_many_connections", "Too many connections",
     "This server has as many connections open as it accepts; try again later."},
}};

constexpr bool in_order() {
  for (std::size_t row = 0; row < kAnswers.size(); ++row) {
    if (static_cast<std::size_t>(kAnswers[row].refusal) != row) return false;
  }
  return true;
}
static_assert(in_order());

}  // namespace

const RefusalAnswer& refusal_answer(Refusal refusal) {
  return kAnswers[static_cast<std::size_t>(refusal)];
}

}  // namespace holdfast::net
