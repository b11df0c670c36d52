// One HTTP/1.1 connection: reads requests, hands them over, sends the answers in their order.
//
// Threads: belongs to the loop of its socket; every call is made on it.
// Invariants: the answers leave in the order of the requests, whatever order they are given in; at most
// pipeline_depth_max requests are unanswered; after an answer with `Connection: close` nothing more is read as a
// request; in its steady state a connection calls no allocator.
// Ownership: counted references. The server holds one until gone(), each asynchronous operation one. The slots of the
// answers belong to the session, which therefore is not gone() before every request has been answered, peer or no peer.
#pragma once

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/exchange.h"
#include "net/http_answer.h"
#include "net/http_counters.h"
#include "net/http_framing.h"
#include "net/http_input.h"
#include "net/http_limits.h"
#include "net/http_memory.h"
#include "net/http_refusal.h"

namespace holdfast::net {

// The concrete executor: a type-erased one costs a request a tenth of its time.
using SessionSocket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;

class HttpSession;

// What the sessions of one server have in common.
struct SessionShared {
  RequestHandler& handler;
  HttpLimits limits;
  HttpCounters& counters;
  RequestIds ids;
  std::string date;  // for answers, renewed by the server's sweep
  SteadyTime now;    // of the latest read or sweep: good enough for every time limit, and free
  bool draining = false;
};

class SessionHost {
 public:
  // Call flush() of the session at the end of this turn of the loop.
  virtual void flush_later(HttpSession& session) = 0;
  // The connection is closed and everything answered: drop the reference.
  virtual void gone(HttpSession& session) = 0;

 protected:
  ~SessionHost() = default;
};

class HttpSession : public boost::intrusive_ref_counter<HttpSession, boost::thread_unsafe_counter> {
 public:
  HttpSession(SessionSocket socket, SessionShared& shared, SessionHost& host);
  ~HttpSession();
  HttpSession(const HttpSession&) = delete;
  HttpSession& operator=(const HttpSession&) = delete;

  void begin();
  // Sends what has been answered, reads on if that had to wait for it.
  void flush();
  // Enforces the time limits.
  void sweep();
  // Ends the connection as soon as what has begun to arrive is answered: shared.draining has been set.
  void drain();
  // Closes now.
  void abort();
  // Closes now, and never calls the host or touches what is shared again.
  void detach();

  // The host's chains.
  HttpSession* next = nullptr;
  HttpSession* previous = nullptr;
  HttpSession* next_unflushed = nullptr;
  bool flush_is_due = false;

 private:
  class Slot;
  // A request is arriving: its head, or its body; or none is.
  enum class Phase : std::uint8_t { none = 0, head, body };

  void read_more();
  void on_read(const boost::system::error_code& error, std::size_t bytes);
  void take_requests();
  bool take_request();
  void hand_over();
  bool has_room();
  void refuse(Refusal refusal);

  Slot& open_slot();
  void answer(Slot& slot, int status, std::string_view content_type, std::string_view body,
              std::span<const HeaderView> extra_headers);
  void release_answers();
  bool is_last(const Slot& slot) const;

  bool has_unsent() const { return sent_ < output_.size(); }
  void send();
  void wait_writable();
  void settle();
  bool nothing_begun();
  void linger();
  void cut(HttpCount why);
  void disconnected();
  void close();

  SessionSocket socket_;
  SessionShared& shared_;
  SessionHost* host_;
  HttpInput input_;
  HttpFraming framing_;
  std::vector<std::unique_ptr<Slot>> slots_;  // a ring; made when first needed
  std::size_t first_slot_ = 0;
  std::size_t open_slots_ = 0;  // requests whose answer is not in output_ yet
  std::size_t unanswered_ = 0;  // those of them that the handler has not answered
  std::string output_;          // answers in order
  std::size_t sent_ = 0;        // bytes of output_ that are gone

  SteadyTime read_time_;    // of the latest read
  SteadyTime input_since_;  // since when the input could be taken: the latest read, or the end of a pause
  SteadyTime first_byte_;   // of the request that is arriving
  SteadyTime phase_since_;
  SteadyTime progress_since_;  // the peer last took something, or had nothing to take
  SteadyTime idle_since_;
  SteadyTime linger_since_;
  Phase phase_ = Phase::none;
  bool reading_ = false;  // an operation is under way
  bool waiting_writable_ = false;
  bool taking_ = false;        // inside take_requests(): whoever answers needs no flush of its own
  bool paused_ = false;        // has_room() said no, there may be requests in the input
  bool continue_due_ = false;  // 100 is to be sent when the answers before it have been
  bool last_taken_ = false;    // no further request will be read
  bool peer_done_ = false;     // end of what the peer sends
  bool lingering_ = false;
  bool closed_ = false;
  OperationMemory read_memory_;
  OperationMemory write_memory_;
};

}  // namespace holdfast::net
