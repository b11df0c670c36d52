#include "tests/integration/fake_target.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "tests/integration/api.h"

namespace holdfast::integration {
namespace {

std::string http_answer(std::string_view status, const std::string& body) {
  return "HTTP/1.1 " + std::string(status) + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

// Of a request's head.
std::size_t content_length(std::string_view head) {
  constexpr std::string_view kName = "Content-Length: ";
  const std::size_t at = head.find(kName);
  return at == std::string_view::npos ? 0 : std::strtoul(head.data() + at + kName.size(), nullptr, 10);
}

}  // namespace

FakeTarget::FakeTarget(Fault fault) : fault_(fault), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* bound = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener_, bound, size) != 0 || ::listen(listener_, 128) != 0 ||
      ::getsockname(listener_, bound, &size) != 0)
    throw std::runtime_error("cannot listen");
  port_ = ntohs(address.sin_port);
  accepting_ = std::thread([this] { accept(); });
}

FakeTarget::~FakeTarget() {
  ::shutdown(listener_, SHUT_RDWR);
  accepting_.join();
  for (std::thread& connection : connections_)
    connection.join();
  ::close(listener_);
}

void FakeTarget::accept() {
  for (int fd = ::accept(listener_, nullptr, nullptr); fd >= 0; fd = ::accept(listener_, nullptr, nullptr))
    connections_.emplace_back([this, fd] { serve(fd); });
}

void FakeTarget::serve(int fd) {
  std::string received;
  std::array<char, 4096> bytes{};
  for (bool open = true; open;) {
    const ssize_t size = ::recv(fd, bytes.data(), bytes.size(), 0);
    if (size <= 0) break;
    received.append(bytes.data(), static_cast<std::size_t>(size));
    for (std::size_t end = received.find("\r\n\r\n"); open && end != std::string::npos;
         end = received.find("\r\n\r\n")) {
      const std::size_t body = content_length(std::string_view(received).substr(0, end));
      if (received.size() < end + 4 + body) break;
      const std::string answer = answer_to(std::string_view(received).substr(0, end), received.substr(end + 4, body));
      open = !answer.empty() && ::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL) > 0;
      received.erase(0, end + 4 + body);
    }
  }
  ::close(fd);
}

std::string FakeTarget::answer_to(std::string_view head, const std::string& body) {
  const std::lock_guard lock(mutex_);
  if (head.starts_with("POST /api/v1/cards ")) {
    const std::string id = "card_" + std::to_string(held_.size());
    held_[id] = 0;
    return http_answer("201 Created", R"({"id":")" + id + "\"}");
  }
  constexpr std::string_view kCard = "GET /api/v1/cards/";
  if (head.starts_with(kCard)) {
    std::int64_t held = held_.at(std::string(head.substr(kCard.size(), head.find(' ', kCard.size()) - kCard.size())));
    if (fault_ == Fault::spends_twice) held *= 2;
    if (fault_ == Fault::loses_a_cent && held > 0) --held;
    return http_answer("200 OK", R"({"limits":[{"held":)" + std::to_string(held) + R"(,"posted":0}]})");
  }
  return decide(body);
}

std::string FakeTarget::decide(const std::string& body) {
  if (fault_ == Fault::refuses) return http_answer("403 Forbidden", R"({"code":"not_allowed"})");
  const std::string id = json_text(body, "/id");
  const auto told = told_.find(id);
  if (told != told_.end())
    return fault_ == Fault::answers_repeats_anew ? http_answer("200 OK", told->second + " ")
                                                 : http_answer("200 OK", told->second);
  const std::int64_t amount = json_integer(body, "/amount");
  held_.at(json_text(body, "/card")) += amount;
  const std::string answer =
      R"({"approved":true,"approved_amount":)" + std::to_string(amount) + R"(,"decline_reason":null})";
  told_[id] = answer;
  if (fault_ == Fault::drops_answers && ++asked_ % 10 == 0) return {};
  return http_answer("200 OK", answer);
}

}  // namespace holdfast::integration
