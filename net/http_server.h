// The HTTP/1.1 server of one event loop: accepts connections, keeps their limits and lets them end in good order.
//
// Threads: everything, the destructor too, on the loop that runs the io_context (or while nothing runs it).
// Invariants: at most HttpLimits::connections_max sessions; each request reaches the handler once and its answer leaves
// in the order of the requests of its connection; nothing that follows a request with bad framing is ever read as one.
// Ownership: handler and counters outlive the server. An Exchange that was handed out is valid until it is answered,
// whatever happens to its connection, but not beyond the server: the server is destroyed when drain() has reported or
// when nobody is going to answer any more.
#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/wait_traits.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <chrono>
#include <cstddef>
#include <functional>

#include "net/exchange.h"
#include "net/http_counters.h"
#include "net/http_limits.h"
#include "net/http_memory.h"
#include "net/http_session.h"

namespace holdfast::net {

class HttpServer final : private SessionHost {
 public:
  HttpServer(boost::asio::io_context& loop, RequestHandler& handler, const HttpLimits& limits, HttpCounters& counters);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Binds and accepts from now on; port 0 takes a free one. Throws std::system_error whose what() names address and
  // reason. The first server of an address takes it alone; those of the other loops pass `join` and share it, and the
  // kernel spreads the connections.
  enum class Bind : std::uint8_t { first, join };
  void listen(const boost::asio::ip::tcp::endpoint& endpoint, Bind bind = Bind::first);
  boost::asio::ip::tcp::endpoint local_endpoint() const;

  // Writes every answer given so far. Without it the answers given in one turn of the loop leave at the end of that
  // turn, one write for each connection; whoever has just answered a whole batch saves them the wait.
  void flush();

  // Stops accepting, closes idle connections, lets requests that have begun to arrive be answered with `Connection:
  // close`, and calls `done` once, from the loop, when no connection and no unanswered request is left.
  void drain(std::function<void()> done);
  // Closes every connection now. Requests that are with the handler must still be answered (into the void).
  void abort();

 private:
  using Executor = boost::asio::io_context::executor_type;
  using Acceptor = boost::asio::basic_socket_acceptor<boost::asio::ip::tcp, Executor>;
  using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                  boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;
  // What the operations under way hold on to: it tells them whether the server is still there.
  struct Tie : boost::intrusive_ref_counter<Tie, boost::thread_unsafe_counter> {
    explicit Tie(HttpServer& owner) : server(&owner) {}
    HttpServer* server;
    OperationMemory flush_memory;
    OperationMemory sweep_memory;
  };

  void flush_later(HttpSession& session) override;
  void gone(HttpSession& session) override;

  void accept_next();
  void accepted(const boost::system::error_code& error, SessionSocket socket);
  void accept_all_waiting();
  void pause_accepting();
  void start(SessionSocket socket);
  void refuse(SessionSocket& socket);
  void sweep();
  void sweep_later();
  void report_when_drained();
  template <typename Action>
  void each_session(Action action);

  boost::asio::io_context& loop_;
  boost::intrusive_ptr<Tie> tie_;
  Acceptor acceptor_;
  Timer sweep_timer_;
  Timer accept_timer_;
  SessionShared shared_;
  std::chrono::milliseconds sweep_period_;
  HttpSession* sessions_ = nullptr;  // chain of all, newest first
  std::size_t session_count_ = 0;
  HttpSession* first_unflushed_ = nullptr;  // chain of those with answers given in this turn
  HttpSession* last_unflushed_ = nullptr;
  bool flush_posted_ = false;
  std::function<void()> drained_;
};

}  // namespace holdfast::net
