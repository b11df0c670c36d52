#include "net/simulator/connection.h"

#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <charconv>

#include "net/simulator/text.h"

namespace holdfast::net::simulator {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

std::optional<Url> parse_url(std::string_view text) {
  constexpr std::string_view kScheme = "http://";
  if (!text.starts_with(kScheme)) return std::nullopt;
  text.remove_prefix(kScheme.size());
  const std::size_t slash = std::min(text.find('/'), text.size());
  const std::string_view authority = text.substr(0, slash);
  const std::size_t colon = authority.find(':');
  Url url;
  url.host = authority.substr(0, colon);
  url.port = colon == std::string_view::npos ? "80" : authority.substr(colon + 1);
  url.path = text.substr(slash);
  std::uint16_t port = 0;
  const char* end = url.port.data() + url.port.size();
  const auto read = std::from_chars(url.port.data(), end, port);
  const bool sound = read.ec == std::errc{} && read.ptr == end && port > 0 && !url.host.empty();
  if (!sound || url.path.find_first_of(" \r\n?#") != std::string::npos) return std::nullopt;
  return url;
}

Connection::Connection(Url url) : url_(std::move(url)) {}

// Starts one operation and runs it to its end; the stream's clock ends it when it takes too long.
template <class Start>
Connection::Error Connection::run(Start&& start) {
  Error result;
  context_.restart();
  start([&result](const Error& error, auto&&...) { result = error; });
  context_.run();
  return result;
}

void Connection::open() {
  if (stream_) return;
  asio::ip::tcp::resolver resolver(context_);
  Error error;
  const auto found = resolver.resolve(url_.host, url_.port, error);
  if (error) give_up("cannot be found", error);
  stream_.emplace(context_);
  stream_->expires_after(kPatience);
  error = run([&](auto done) { stream_->async_connect(found, std::move(done)); });
  if (error) {
    close();
    give_up("cannot be reached", error);
  }
  stream_->socket().set_option(asio::ip::tcp::no_delay(true), error);
}

void Connection::close() {
  stream_.reset();
}

void Connection::give_up(const std::string& what, const Error& error) const {
  throw Unreachable(url_.origin() + " " + what + ": " + error.message());
}

void Connection::compose(std::string_view method, std::string_view path, std::string_view headers,
                         std::string_view body) {
  request_.clear();
  put(request_, method, " ", path, " HTTP/1.1\r\nHost: ", url_.host, ":", url_.port, "\r\n", headers);
  if (method != "GET") put(request_, "Content-Length: ", body.size(), "\r\n");
  put(request_, "\r\n", body);
}

Connection::Error Connection::write(unsigned pieces) {
  const std::size_t size = request_.size() / std::max(pieces, 1U) + 1;
  for (std::size_t at = 0; at < request_.size(); at += size) {
    const auto part = asio::buffer(request_.data() + at, std::min(size, request_.size() - at));
    if (const Error error = run([&](auto done) { asio::async_write(*stream_, part, std::move(done)); })) return error;
  }
  return {};
}

Connection::Error Connection::exchange(unsigned pieces, HttpReply& reply) {
  stream_->expires_after(kPatience);
  if (const Error error = write(pieces)) return error;
  beast::flat_buffer buffer;
  http::response<http::string_body> response;
  const Error error = run([&](auto done) { http::async_read(*stream_, buffer, response, std::move(done)); });
  if (error) return error;
  reply.status = static_cast<int>(response.result_int());
  reply.body = std::move(response.body());
  if (!response.keep_alive()) close();
  return {};
}

// A connection that was idle may have been closed by the target: then the request goes out once more on a new one,
// which changes nothing, since every message has its id.
HttpReply Connection::call(std::string_view method, std::string_view path, std::string_view headers,
                           std::string_view body, unsigned pieces) {
  compose(method, path, headers, body);
  const bool was_open = stream_.has_value();
  open();
  HttpReply reply;
  Error error = exchange(pieces, reply);
  if (error && was_open) {
    close();
    open();
    error = exchange(pieces, reply);
  }
  if (error) {
    close();
    give_up("does not answer", error);
  }
  return reply;
}

void Connection::send_and_hang_up(std::string_view path, std::string_view headers, std::string_view body) {
  compose("POST", path, headers, body);
  close();
  open();
  stream_->expires_after(kPatience);
  write(1);  // whether it arrives does not matter: it is sent again
  close();
}

}  // namespace holdfast::net::simulator
