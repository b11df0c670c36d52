#include "tests/integration/http_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "tests/integration/daemon_process.h"

namespace holdfast::integration {
namespace {

using Clock = std::chrono::steady_clock;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

bool has(const Headers& headers, std::string_view name) {
  return std::any_of(headers.begin(), headers.end(), [&](const Header& each) { return same_name(each.name, name); });
}

template <class Number>
Number number_in(std::string_view text) {
  Number number{};
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

std::string HttpAnswer::header(std::string_view name) const {
  for (std::size_t at = head.find("\r\n"); at != std::string::npos && at + 2 < head.size();) {
    const std::size_t end = std::min(head.find("\r\n", at + 2), head.size());
    const std::string_view line = std::string_view(head).substr(at + 2, end - at - 2);
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && same_name(line.substr(0, colon), name)) {
      return std::string(line.substr(std::min(line.find_first_not_of(' ', colon + 1), line.size())));
    }
    at = end;
  }
  return {};
}

std::optional<HttpAnswer> take_answer(std::string& bytes) {
  const std::size_t end = bytes.find("\r\n\r\n");
  if (end == std::string::npos) return std::nullopt;
  HttpAnswer answer;
  answer.head = bytes.substr(0, end);
  constexpr std::string_view kStart = "HTTP/1.1 ";
  if (!answer.head.starts_with(kStart)) throw ConnectionLost("not an answer of HTTP/1.1: " + answer.head, false);
  answer.status = number_in<int>(std::string_view(answer.head).substr(kStart.size(), 3));
  const std::size_t size = number_in<std::size_t>(answer.header("Content-Length"));
  if (bytes.size() < end + 4 + size) return std::nullopt;
  answer.body = bytes.substr(end + 4, size);
  bytes.erase(0, end + 4 + size);
  return answer;
}

std::string request_text(std::string_view method, std::string_view path, std::string_view body,
                         const Headers& headers) {
  std::string text;
  text.append(method).append(" ").append(path).append(" HTTP/1.1\r\n");
  if (!has(headers, "Host")) text.append("Host: holdfast.test\r\n");
  for (const Header& header : headers)
    text.append(header.name).append(": ").append(header.value).append("\r\n");
  if (!body.empty() && !has(headers, "Content-Type")) text.append("Content-Type: application/json\r\n");
  if (method != "GET" && !has(headers, "Content-Length")) {
    text.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n");
  }
  return text.append("\r\n").append(body);
}

int connect_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    const int error = errno;
    ::close(fd);
    throw ConnectionLost(std::string("connect: ") + std::strerror(error), error == ECONNRESET);
  }
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

HttpClient::HttpClient(std::uint16_t port, std::string_view key) : fd_(connect_to(port)) {
  if (!key.empty()) always_.push_back({"Authorization", "Bearer " + std::string(key)});
}

HttpClient::~HttpClient() {
  ::close(fd_);
}

HttpAnswer HttpClient::call(std::string_view method, std::string_view path, std::string_view body,
                            const Headers& headers) {
  send(method, path, body, headers);
  return receive();
}

void HttpClient::send(std::string_view method, std::string_view path, std::string_view body, const Headers& headers) {
  Headers all = headers;
  for (const Header& header : always_) {
    if (!has(headers, header.name)) all.push_back(header);
  }
  send_raw(request_text(method, path, body, all));
}

void HttpClient::send_raw(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) throw ConnectionLost(std::string("send: ") + std::strerror(errno), errno == ECONNRESET);
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

// False when nothing came in this time.
bool HttpClient::read_some(std::chrono::milliseconds patience) {
  pollfd ready{fd_, POLLIN, 0};
  if (::poll(&ready, 1, static_cast<int>(std::max<std::int64_t>(patience.count(), 0))) <= 0) return false;
  char buffer[65536];
  const ssize_t got = ::recv(fd_, buffer, sizeof buffer, 0);
  if (got < 0) throw ConnectionLost(std::string("recv: ") + std::strerror(errno), errno == ECONNRESET);
  if (got == 0) throw ConnectionLost("the peer ended the stream", false);
  received_.append(buffer, static_cast<std::size_t>(got));
  return true;
}

std::optional<HttpAnswer> HttpClient::receive_within(std::chrono::milliseconds patience) {
  const auto end = Clock::now() + patience;
  for (;;) {
    if (auto answer = take_answer(received_)) return answer;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
    if (!read_some(left) && Clock::now() >= end) return std::nullopt;
  }
}

HttpAnswer HttpClient::receive() {
  auto answer = receive_within(kPatience);
  if (!answer) throw ConnectionLost("no answer for a minute", false);
  return std::move(*answer);
}

bool HttpClient::ends_within(std::chrono::milliseconds patience) {
  try {
    receive_within(patience);
    return false;
  } catch (const ConnectionLost& lost) {
    return !lost.reset;
  }
}

}  // namespace holdfast::integration
