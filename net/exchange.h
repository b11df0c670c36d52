// One HTTP request and the place for its answer: the seam between the HTTP server and whoever answers.
//
// Threads: everything here belongs to the event loop of the connection; an answer made elsewhere must be brought back
// to that loop first.
// Ownership: a Request's views are valid only during RequestHandler::on_request; copy what must outlive it. An Exchange
// belongs to its session and stays valid, even when the peer has gone, until respond() has been called, which must
// happen exactly once.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

namespace holdfast::net {

using SteadyTime = std::chrono::steady_clock::time_point;

enum class Method : std::uint8_t { get, post, patch, del, other };

struct HeaderView {
  std::string_view name;
  std::string_view value;
};

// Whether two header names, or two tokens of a header's value, are the same in any case (ASCII).
bool same_token(std::string_view a, std::string_view b);

struct Request {
  Method method = Method::other;
  std::string_view path;                // target up to '?', not percent-decoded
  std::string_view query;               // behind '?', may be empty
  std::span<const HeaderView> headers;  // in order of arrival, values trimmed
  std::string_view body;                // raw bytes
  SteadyTime first_byte;                // when the first byte of the request was read: deadlines count from here
  std::string_view id;                  // X-Request-Id of the answer

  // Value of the one header of this name (any case); empty view with null data when absent. `count` tells of repeats.
  std::string_view header(std::string_view name) const;
  int count(std::string_view name) const;
};

inline constexpr std::string_view kJson = "application/json";

class Exchange {
 public:
  virtual ~Exchange() = default;
  // Queues the answer; answers leave in the order of their requests. Content-Length, Date, X-Request-Id and, on the
  // last answer of a connection, Connection: close are added. `content_type` may be empty when `body` is. The answer to
  // a HEAD request is sent without its body. An extra header with a control byte in it is left out.
  virtual void respond(int status, std::string_view content_type, std::string_view body,
                       std::span<const HeaderView> extra_headers) = 0;
  void respond(int status, std::string_view content_type, std::string_view body,
               std::initializer_list<HeaderView> extra_headers = {}) {
    respond(status, content_type, body, std::span<const HeaderView>(extra_headers.begin(), extra_headers.size()));
  }
};

class RequestHandler {
 public:
  virtual ~RequestHandler() = default;
  // Called on the loop once per well-formed request. Must call exchange.respond() once, now or later.
  virtual void on_request(const Request& request, Exchange& exchange) = 0;
};

}  // namespace holdfast::net
