#include "net/http_server.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/detail/socket_option.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>

#include "net/problem.h"

namespace holdfast::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

// Coarse, so that a thousand connections cost nothing, and fine enough for the shortest limit.
std::chrono::milliseconds sweep_period(const HttpLimits& limits) {
  const auto shortest = std::min({limits.header_time_max, limits.body_time_max, limits.idle_time_max,
                                  limits.write_time_max, limits.linger_time_max});
  return std::clamp(shortest / 4, std::chrono::milliseconds(1), std::chrono::milliseconds(250));
}

bool out_of_resources(const error_code& error) {
  return error == asio::error::no_descriptors || error == boost::system::errc::too_many_files_open_in_system ||
         error == asio::error::no_buffer_space || error == asio::error::no_memory;
}

void throw_if(const error_code& error, const tcp::endpoint& endpoint) {
  if (!error) return;
  std::ostringstream what;
  what << "cannot listen on " << endpoint;
  throw std::system_error(error, what.str());
}

}  // namespace

HttpServer::HttpServer(asio::io_context& loop, RequestHandler& handler, const HttpLimits& limits,
                       HttpCounters& counters)
    : loop_(loop),
      tie_(new Tie(*this)),
      acceptor_(loop),
      sweep_timer_(loop),
      accept_timer_(loop),
      shared_{handler, limits, counters, RequestIds(), std::string(), std::chrono::steady_clock::now()},
      sweep_period_(sweep_period(limits)) {
  write_http_date(shared_.date, std::chrono::system_clock::now());
}

HttpServer::~HttpServer() {
  tie_->server = nullptr;
  while (first_unflushed_ != nullptr) {
    HttpSession* session = std::exchange(first_unflushed_, first_unflushed_->next_unflushed);
    intrusive_ptr_release(session);
  }
  each_session([](HttpSession& session) {
    session.detach();
    intrusive_ptr_release(&session);
  });
}

// Accepting

void HttpServer::listen(const tcp::endpoint& endpoint, Bind bind) {
  error_code error;
  acceptor_.open(endpoint.protocol(), error);
  throw_if(error, endpoint);
  acceptor_.set_option(Acceptor::reuse_address(true), error);
  // Whoever binds without the option keeps out all others, also those that have it: another daemon cannot slip in.
  // Sharing is allowed only once the address is ours.
  if (!error && bind == Bind::join) acceptor_.set_option(ReusePort(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error && bind == Bind::first) acceptor_.set_option(ReusePort(true), error);
  if (!error) acceptor_.listen(Acceptor::max_listen_connections, error);
  if (!error) acceptor_.non_blocking(true, error);
  if (error) {
    error_code ignored;
    acceptor_.close(ignored);
    throw_if(error, endpoint);
  }
  accept_next();
  sweep_later();
}

tcp::endpoint HttpServer::local_endpoint() const {
  return acceptor_.local_endpoint();
}

void HttpServer::accept_next() {
  acceptor_.async_accept([tie = tie_](const error_code& error, SessionSocket socket) {
    if (tie->server != nullptr) tie->server->accepted(error, std::move(socket));
  });
}

void HttpServer::accepted(const error_code& error, SessionSocket socket) {
  if (!acceptor_.is_open()) return;
  if (out_of_resources(error)) return pause_accepting();
  // Any other error concerns the connection that did not come about, not the listener.
  if (!error) start(std::move(socket));
  accept_next();
}

// The connection stays in the kernel's queue, and with it the reason to wake up: trying again at once would spin.
void HttpServer::pause_accepting() {
  shared_.counters.add(HttpCount::accept_failed);
  accept_timer_.expires_after(shared_.limits.accept_pause);
  accept_timer_.async_wait([tie = tie_](const error_code& error) {
    if (!error && tie->server != nullptr && tie->server->acceptor_.is_open()) tie->server->accept_next();
  });
}

void HttpServer::start(SessionSocket socket) {
  shared_.counters.add(HttpCount::connections_accepted);
  if (session_count_ >= shared_.limits.connections_max) return refuse(socket);
  auto* session = new HttpSession(std::move(socket), shared_, *this);
  intrusive_ptr_add_ref(session);
  session->next = sessions_;
  if (sessions_ != nullptr) sessions_->previous = session;
  sessions_ = session;
  ++session_count_;
  shared_.counters.add(HttpCount::connections_open);
  session->begin();
}

// Costs no session: one read, since unread bytes would turn the close into a reset, one write, and close.
void HttpServer::refuse(SessionSocket& socket) {
  const RefusalAnswer& what = refusal_answer(Refusal::too_many_connections);
  shared_.counters.add(what.counted_as);
  RequestId id;
  shared_.ids.next(id);
  const std::string body = problem_json(what.status, what.code, what.title, what.detail, id.view());
  std::string answer;
  append_answer_head(answer, {.status = what.status,
                              .content_type = kProblemContentType,
                              .body_bytes = body.size(),
                              .date = shared_.date,
                              .request_id = id.view(),
                              .close = true,
                              .extra_headers = {}});
  answer += body;
  error_code ignored;  // whatever fails here ends the same way
  std::array<char, 4096> unread;
  socket.non_blocking(true, ignored);
  socket.read_some(asio::buffer(unread), ignored);
  socket.write_some(asio::buffer(answer), ignored);
  socket.shutdown(SessionSocket::shutdown_send, ignored);
  socket.close(ignored);
}

void HttpServer::gone(HttpSession& session) {
  if (session.next != nullptr) session.next->previous = session.previous;
  (session.previous != nullptr ? session.previous->next : sessions_) = session.next;
  --session_count_;
  shared_.counters.subtract(HttpCount::connections_open);
  intrusive_ptr_release(&session);
  report_when_drained();
}

// Sending

void HttpServer::flush_later(HttpSession& session) {
  if (session.flush_is_due) return;
  session.flush_is_due = true;
  session.next_unflushed = nullptr;
  intrusive_ptr_add_ref(&session);
  (last_unflushed_ != nullptr ? last_unflushed_->next_unflushed : first_unflushed_) = &session;
  last_unflushed_ = &session;
  if (flush_posted_) return;
  flush_posted_ = true;
  asio::post(loop_, asio::bind_allocator(OperationAllocator<void>(tie_->flush_memory), [tie = tie_] {
               if (tie->server == nullptr) return;
               tie->server->flush_posted_ = false;
               tie->server->flush();
             }));
}

void HttpServer::flush() {
  HttpSession* session = std::exchange(first_unflushed_, nullptr);
  last_unflushed_ = nullptr;
  while (session != nullptr) {
    HttpSession* next = session->next_unflushed;
    session->flush_is_due = false;
    session->flush();
    intrusive_ptr_release(session);
    session = next;
  }
}

// Time limits

// `action` may end the session that it is given, and no other.
template <typename Action>
void HttpServer::each_session(Action action) {
  for (HttpSession* session = sessions_; session != nullptr;) {
    HttpSession* next = session->next;
    action(*session);
    session = next;
  }
}

void HttpServer::sweep_later() {
  sweep_timer_.expires_after(sweep_period_);
  sweep_timer_.async_wait(
      asio::bind_allocator(OperationAllocator<void>(tie_->sweep_memory), [tie = tie_](const error_code& error) {
        if (!error && tie->server != nullptr) tie->server->sweep();
      }));
}

void HttpServer::sweep() {
  shared_.now = std::chrono::steady_clock::now();
  write_http_date(shared_.date, std::chrono::system_clock::now());
  each_session([](HttpSession& session) { session.sweep(); });
  if (!shared_.draining || sessions_ != nullptr) sweep_later();
}

// Ending

// Connections that the kernel has already accepted would be reset when their listener closes.
void HttpServer::accept_all_waiting() {
  while (acceptor_.is_open()) {
    error_code error;
    SessionSocket socket = acceptor_.accept(error);
    if (error) break;
    start(std::move(socket));
  }
  error_code ignored;
  acceptor_.close(ignored);
}

void HttpServer::drain(std::function<void()> done) {
  drained_ = std::move(done);
  accept_all_waiting();
  accept_timer_.cancel();
  shared_.draining = true;
  // Posted, so that reads that are complete are seen first: their sessions only look idle.
  asio::post(loop_, [tie = tie_] {
    if (tie->server == nullptr) return;
    tie->server->each_session([](HttpSession& session) { session.drain(); });
    tie->server->report_when_drained();
  });
}

void HttpServer::abort() {
  error_code ignored;
  acceptor_.close(ignored);
  accept_timer_.cancel();
  each_session([](HttpSession& session) { session.abort(); });
}

void HttpServer::report_when_drained() {
  if (!shared_.draining || sessions_ != nullptr || !drained_) return;
  sweep_timer_.cancel();
  asio::post(loop_, std::exchange(drained_, nullptr));
}

}  // namespace holdfast::net
