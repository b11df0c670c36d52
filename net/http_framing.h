// Where a request begins and ends, and whether it may be read at all: strict HTTP/1.1 framing without I/O.
//
// Threads: belongs to its connection.
// Invariants: a request that is accepted has exactly one reading: HTTP/1.1, lines that end with CRLF, one Host, no
// Transfer-Encoding, at most one Content-Length, which alone says where the body ends. The verdict depends on the bytes
// only, not on the pieces in which they came. Whatever Boost.Beast's parser is too lenient about is checked on the raw
// bytes before it sees them, or on what it found.
// Ownership: the views in the head point into the bytes that were given last; moved() lets them follow. No heap.
// Rules: RFC 9112 sections 2.2, 3, 5, 6, where they leave a choice always the strict one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "net/exchange.h"
#include "net/http_limits.h"
#include "net/http_refusal.h"

namespace holdfast::net {

struct RequestHead {
  Method method = Method::other;
  bool is_head = false;           // method HEAD: the answer carries no body
  bool close = false;             // the peer will send no further request
  bool expects_continue = false;  // the peer waits for 100 before it sends the body
  std::string_view path;
  std::string_view query;
  std::span<const HeaderView> headers;
  std::size_t head_bytes = 0;  // request line, headers, empty line
  std::size_t body_bytes = 0;  // follow the head
};

class HttpFraming {
 public:
  enum class State : std::uint8_t { incomplete = 0, complete, refused };

  HttpFraming(std::size_t header_bytes_max, std::size_t body_bytes_max)
      : header_bytes_max_(header_bytes_max), body_bytes_max_(body_bytes_max) {}
  HttpFraming(const HttpFraming&) = delete;
  HttpFraming& operator=(const HttpFraming&) = delete;

  // Reads on in a request whose bytes so far are `bytes`, from its first one; each call is given at least what the call
  // before was given. Complete as soon as the head is: the body is up to the caller.
  State advance(std::string_view bytes);

  State state() const { return state_; }
  const RequestHead& head() const { return head_; }  // once complete
  Refusal refusal() const { return refusal_; }       // once refused

  // The bytes were copied from one place to another (both still readable): the head's views follow.
  void moved(const char* from, const char* to);
  // The next request.
  void restart();

 private:
  class HeadReader;

  State refuse(Refusal refusal);
  bool end_line(std::string_view line);
  State read_head(std::string_view bytes);
  Refusal check_head(const HeadReader& reader);

  std::size_t header_bytes_max_;
  std::size_t body_bytes_max_;
  State state_ = State::incomplete;
  Refusal refusal_ = Refusal::none;
  std::size_t scanned_ = 0;     // bytes already found clean
  std::size_t line_begin_ = 0;  // of the line being scanned
  std::size_t lines_ = 0;       // complete ones
  RequestHead head_;
  std::array<HeaderView, kHeadersMax> headers_;
};

}  // namespace holdfast::net
