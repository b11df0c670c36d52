// The bytes of an answer's head, and the names that requests get.
//
// Threads: pure functions; a RequestIds belongs to one loop.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "net/exchange.h"
#include "net/http_limits.h"

namespace holdfast::net {

// An X-Request-Id: 1 to kRequestIdBytesMax of [A-Za-z0-9_-].
class RequestId {
 public:
  // False, and nothing changed, when `text` is not one.
  bool assign(std::string_view text);
  std::string_view view() const { return {bytes_.data(), size_}; }

 private:
  friend class RequestIds;
  std::array<char, kRequestIdBytesMax> bytes_{};
  std::size_t size_ = 0;
};

// Makes ids that no other process and no other loop makes: a random prefix and a count.
class RequestIds {
 public:
  RequestIds();
  void next(RequestId& id);

 private:
  std::array<char, 16> prefix_;
  std::uint64_t made_ = 0;
};

struct AnswerHead {
  int status = 500;
  std::string_view content_type;
  std::size_t body_bytes = 0;
  std::string_view date;  // see write_http_date()
  std::string_view request_id;
  bool close = false;
  std::span<const HeaderView> extra_headers;
};

// Appends status line, headers and the empty line. Status 204 and 304 have no Content-Length, and must have no body.
void append_answer_head(std::string& out, const AnswerHead& head);

// Writes `now` into `out` in the form of a Date header (RFC 9110 section 5.6.7); the string's memory is reused.
void write_http_date(std::string& out, std::chrono::system_clock::time_point now);

}  // namespace holdfast::net
