// A small HTTP/1.1 client over one blocking connection: keep-alive, pipelining, and any bytes that a test wants to
// send.
//
// Threads: one at a time.
// Invariants: answers come in the order of the requests; whatever is not an answer of HTTP/1.1 with a Content-Length
// counts as a lost connection. Errors: ConnectionLost.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::integration {

struct HttpAnswer {
  int status = 0;
  std::string head;  // status line and headers
  std::string body;
  // The value of the header, names in any case; empty without it.
  std::string header(std::string_view name) const;
};

// Takes the first complete answer off `bytes`; nullopt when there is none yet.
std::optional<HttpAnswer> take_answer(std::string& bytes);

struct Header {
  std::string name;
  std::string value;
};
using Headers = std::vector<Header>;

// A request with a Content-Length, and Content-Type application/json when it has a body and `headers` say nothing else.
std::string request_text(std::string_view method, std::string_view path, std::string_view body, const Headers& headers);

class ConnectionLost : public std::runtime_error {
 public:
  ConnectionLost(const std::string& what, bool was_reset) : std::runtime_error(what), reset(was_reset) {}
  bool reset;  // the peer sent RST, rather than ending its stream
};

// A connected socket to 127.0.0.1; throws ConnectionLost when nobody listens.
int connect_to(std::uint16_t port);

class HttpClient {
 public:
  // With a key that goes into every request's Authorization header; none when empty.
  explicit HttpClient(std::uint16_t port, std::string_view key = {});
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Sends and waits for the answer.
  HttpAnswer call(std::string_view method, std::string_view path, std::string_view body = {},
                  const Headers& headers = {});
  HttpAnswer get(std::string_view path) { return call("GET", path); }
  HttpAnswer post(std::string_view path, std::string_view body, const Headers& headers = {}) {
    return call("POST", path, body, headers);
  }

  void send(std::string_view method, std::string_view path, std::string_view body = {}, const Headers& headers = {});
  void send_raw(std::string_view bytes);
  HttpAnswer receive();
  // nullopt when no complete answer came in this time.
  std::optional<HttpAnswer> receive_within(std::chrono::milliseconds patience);
  // The peer ends the stream, without anything more and without a reset.
  bool ends_within(std::chrono::milliseconds patience);

 private:
  bool read_some(std::chrono::milliseconds patience);

  int fd_;
  Headers always_;
  std::string received_;
};

}  // namespace holdfast::integration
