// One HTTP/1.1 connection to a target, opened when it is needed and again when the target has closed it.
//
// Threads: one at a time.
// Errors: Unreachable, when the target cannot be found, does not listen, or gives no answer within kPatience.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace holdfast::net::simulator {

struct Url {
  std::string host;
  std::string port;
  std::string path;  // empty or with a slash in front

  std::string origin() const { return "http://" + host + ":" + port; }
};
// "http://host[:port][/path]"; nullopt for everything else.
std::optional<Url> parse_url(std::string_view text);

class Unreachable : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct HttpReply {
  int status = 0;
  std::string body;
};

class Connection {
 public:
  static constexpr std::chrono::seconds kPatience{15};

  explicit Connection(Url url);

  // `headers`: lines that end with CRLF. `pieces`: so many writes that the request is sent in.
  HttpReply call(std::string_view method, std::string_view path, std::string_view headers, std::string_view body,
                 unsigned pieces = 1);
  // Sends the request and hangs up without waiting for the answer.
  void send_and_hang_up(std::string_view path, std::string_view headers, std::string_view body);

 private:
  using Error = boost::system::error_code;

  template <class Start>
  Error run(Start&& start);
  void open();
  void close();
  Error exchange(unsigned pieces, HttpReply& reply);
  Error write(unsigned pieces);
  void compose(std::string_view method, std::string_view path, std::string_view headers, std::string_view body);
  [[noreturn]] void give_up(const std::string& what, const Error& error) const;

  Url url_;
  boost::asio::io_context context_{1};
  std::optional<boost::beast::tcp_stream> stream_;
  std::string request_;
};

}  // namespace holdfast::net::simulator
