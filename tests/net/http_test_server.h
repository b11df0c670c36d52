// An HttpServer on a thread of its own, and a client that sends bytes as they are and waits for what comes.
//
// Threads: a TestServer is used from the test's thread; the handler runs on the server's.
// Nothing here sleeps: clients wait for bytes or for the end of the connection, eventually() for a turn of the loop.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "net/http_server.h"

namespace holdfast::net {

class FunctionHandler : public RequestHandler {
 public:
  using Function = std::function<void(const Request&, Exchange&)>;
  explicit FunctionHandler(Function function) : function_(std::move(function)) {}
  void on_request(const Request& request, Exchange& exchange) override { function_(request, exchange); }

 private:
  Function function_;
};

// Answers each request at once with its path.
inline void answer_with_path(const Request& request, Exchange& exchange) {
  exchange.respond(200, "text/plain", request.path);
}

// Keeps the exchanges for the test to answer; touched on the loop only.
struct Held {
  std::vector<Exchange*> exchanges;
  std::vector<std::string> paths;

  FunctionHandler::Function handler() {
    return [this](const Request& request, Exchange& exchange) {
      exchanges.push_back(&exchange);
      paths.emplace_back(request.path);
    };
  }
  void answer(std::size_t which) { exchanges[which]->respond(200, "text/plain", paths[which]); }
};

class TestServer {
 public:
  explicit TestServer(FunctionHandler::Function function = answer_with_path, const HttpLimits& limits = {})
      : handler_(std::move(function)),
        server_(std::make_unique<HttpServer>(loop_, handler_, limits, counters_)),
        work_(loop_.get_executor()) {
    server_->listen({boost::asio::ip::address_v4::loopback(), 0});
    port_ = server_->local_endpoint().port();
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~TestServer() {
    loop_.stop();
    thread_.join();
    server_.reset();
  }

  std::uint16_t port() const { return port_; }
  // As of the end of the loop's present turn: a client may see an answer before the loop has counted it.
  std::uint64_t count(HttpCount count) {
    if (std::this_thread::get_id() != thread_.get_id()) on_loop([](HttpServer&) {});
    return counters_.value(count);
  }

  // Runs `function` on the loop and waits for it.
  void on_loop(const std::function<void(HttpServer&)>& function) {
    std::promise<void> done;
    boost::asio::post(loop_, [&] {
      function(*server_);
      done.set_value();
    });
    done.get_future().wait();
  }

  // Lets the loop turn until `condition`, evaluated on the loop, holds. False when it never does.
  bool eventually(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    bool holds = false;
    while (!holds && std::chrono::steady_clock::now() < end)
      on_loop([&](HttpServer&) { holds = condition(); });
    return holds;
  }
  bool eventually_counts(HttpCount what, std::uint64_t n) {
    return eventually([&] { return count(what) >= n; });
  }

  // Starts to drain; the future is ready when the server reports.
  std::future<void> drain() {
    auto drained = std::make_shared<std::promise<void>>();
    on_loop([&](HttpServer& server) { server.drain([drained] { drained->set_value(); }); });
    return drained->get_future();
  }

 private:
  boost::asio::io_context loop_{1};
  HttpCounters counters_;
  FunctionHandler handler_;
  std::unique_ptr<HttpServer> server_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

struct ClientAnswer {
  int status = 0;  // 0: the connection ended
  std::string head;
  std::string body;

  // Value of the header, "" when absent.
  std::string header(std::string_view name) const {
    const std::string begin = "\r\n" + std::string(name) + ": ";
    const std::size_t at = head.find(begin);
    if (at == std::string::npos) return {};
    return head.substr(at + begin.size(), head.find("\r\n", at + 2) - at - begin.size());
  }
};

class Client {
 public:
  explicit Client(std::uint16_t port, int receive_buffer_bytes = 0) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    EXPECT_GE(socket_, 0);
    if (receive_buffer_bytes != 0) set(SOL_SOCKET, SO_RCVBUF, receive_buffer_bytes);
    set(IPPROTO_TCP, TCP_NODELAY, 1);
    const timeval longest{.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof(longest));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  }
  ~Client() { close(); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // False when the peer no longer takes it.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void end_sending() { ::shutdown(socket_, SHUT_WR); }
  void close() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }
  // Closes with a reset instead of in order.
  void reset() {
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close();
  }

  // The next answer. `without_body` for one to a HEAD request.
  ClientAnswer receive(bool without_body = false) {
    std::size_t end = std::string::npos;
    while ((end = received_.find("\r\n\r\n")) == std::string::npos) {
      if (!receive_more()) return {};
    }
    ClientAnswer answer;
    answer.head = take(end + 4);
    std::from_chars(answer.head.data() + 9, answer.head.data() + 12, answer.status);
    std::size_t length = 0;
    if (const std::string text = answer.header("Content-Length"); !text.empty() && !without_body) {
      length = std::stoul(text);
    }
    while (received_.size() < length) {
      if (!receive_more()) return {};
    }
    answer.body = take(length);
    return answer;
  }
  // Everything until the connection ends; nullopt when it ends with an error or not at all.
  std::optional<std::string> receive_to_end() {
    while (receive_more()) {
    }
    if (error_ != 0) return std::nullopt;
    return take(received_.size());
  }
  bool ended_in_order() { return receive_to_end() == ""; }
  int error() const { return error_; }

 private:
  void set(int level, int option, int value) { ::setsockopt(socket_, level, option, &value, sizeof(value)); }
  std::string take(std::size_t bytes) {
    std::string taken = received_.substr(0, bytes);
    received_.erase(0, bytes);
    return taken;
  }
  bool receive_more() {
    char bytes[16 * 1024];
    const ssize_t count = ::recv(socket_, bytes, sizeof(bytes), 0);
    if (count < 0) error_ = errno;
    if (count > 0) received_.append(bytes, static_cast<std::size_t>(count));
    return count > 0;
  }

  int socket_;
  int error_ = 0;
  std::string received_;
};

inline std::string get(std::string_view path, std::string_view headers = "") {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n" + std::string(headers) + "\r\n";
}

inline std::string post(std::string_view path, std::string_view body, std::string_view headers = "") {
  return "POST " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n" + std::string(headers) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

}  // namespace holdfast::net
