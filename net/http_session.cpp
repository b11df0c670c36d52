#include "net/http_session.h"

#include <algorithm>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <cassert>

#include "net/problem.h"

namespace holdfast::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
// Text buffers that have grown beyond this are given back once they are empty.
constexpr std::size_t kKeptTextBytes = 64 * 1024;

void empty(std::string& text) {
  text.clear();
  if (text.capacity() > kKeptTextBytes) text.shrink_to_fit();
}

}  // namespace

// The place of one answer in the order of answers.
class HttpSession::Slot final : public Exchange {
 public:
  explicit Slot(HttpSession& session) : session_(session) {}
  void respond(int status, std::string_view content_type, std::string_view body,
               std::span<const HeaderView> extra_headers) override {
    session_.answer(*this, status, content_type, body, extra_headers);
  }

  RequestId id;
  bool answered = false;
  bool is_head = false;
  bool close = false;
  std::string text;  // the answer, when it came before its turn

 private:
  HttpSession& session_;
};

HttpSession::HttpSession(SessionSocket socket, SessionShared& shared, SessionHost& host)
    : socket_(std::move(socket)),
      shared_(shared),
      host_(&host),
      input_(std::max(kReadBufferBytes, shared.limits.header_bytes_max)),
      framing_(shared.limits.header_bytes_max, shared.limits.body_bytes_max),
      slots_(shared.limits.pipeline_depth_max) {}

HttpSession::~HttpSession() = default;

void HttpSession::begin() {
  error_code ignored;  // a peer that is gone already shows at the first read
  socket_.non_blocking(true, ignored);
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  read_time_ = input_since_ = progress_since_ = idle_since_ = shared_.now;
  read_more();
}

// Reading

void HttpSession::read_more() {
  if (lingering_) input_.clear();
  const std::size_t request_bytes = phase_ == Phase::body ? framing_.head().head_bytes + framing_.head().body_bytes : 0;
  const std::span<char> room = input_.room(request_bytes, framing_);
  reading_ = true;
  socket_.async_read_some(
      asio::buffer(room.data(), room.size()),
      asio::bind_allocator(OperationAllocator<void>(read_memory_),
                           [self = boost::intrusive_ptr<HttpSession>(this)](
                               const error_code& error, std::size_t bytes) { self->on_read(error, bytes); }));
}

void HttpSession::on_read(const error_code& error, std::size_t bytes) {
  reading_ = false;
  if (closed_) return;
  if (error == asio::error::eof) {
    // Half a close: the peer may still be waiting for answers.
    peer_done_ = true;
    return settle();
  }
  if (error) return disconnected();
  read_time_ = input_since_ = shared_.now = std::chrono::steady_clock::now();
  shared_.counters.add(HttpCount::bytes_received, bytes);
  if (lingering_) return read_more();
  input_.commit(bytes);
  take_requests();
  flush();
}

bool HttpSession::has_room() {
  const bool slots_full = open_slots_ == slots_.size();
  if (!slots_full && output_.size() - sent_ <= shared_.limits.unsent_bytes_max) {
    // The time that a request waited for room was not its sender's.
    if (paused_) input_since_ = phase_since_ = shared_.now;
    paused_ = false;
    return true;
  }
  if (!paused_) shared_.counters.add(slots_full ? HttpCount::pipeline_full : HttpCount::unsent_full);
  paused_ = true;
  return false;
}

void HttpSession::take_requests() {
  taking_ = true;
  while (!closed_ && !last_taken_ && !input_.empty() && has_room() && take_request()) {
  }
  taking_ = false;
}

// One step of the input; false when it takes more bytes to go on.
bool HttpSession::take_request() {
  if (phase_ == Phase::none) {
    // Whatever was left by earlier reads has been taken: this byte came with the latest.
    phase_ = Phase::head;
    first_byte_ = read_time_;
    phase_since_ = input_since_;
  }
  if (phase_ == Phase::head) {
    const HttpFraming::State state = framing_.advance(input_.view());
    if (state == HttpFraming::State::incomplete) return false;
    if (state == HttpFraming::State::refused) {
      refuse(framing_.refusal());
      return false;
    }
    phase_ = Phase::body;
    phase_since_ = input_since_;
    continue_due_ = framing_.head().expects_continue;
  }
  const RequestHead& head = framing_.head();
  if (input_.view().size() < head.head_bytes + head.body_bytes) {
    if (continue_due_ && open_slots_ == 0) {
      output_ += kContinue;
      continue_due_ = false;
      phase_since_ = shared_.now;
    }
    return false;
  }
  hand_over();
  return true;
}

void HttpSession::hand_over() {
  const RequestHead& head = framing_.head();
  Slot& slot = open_slot();
  slot.is_head = head.is_head;
  slot.close = head.close;
  Request request;
  request.method = head.method;
  request.path = head.path;
  request.query = head.query;
  request.headers = head.headers;
  request.body = input_.view().substr(head.head_bytes, head.body_bytes);
  request.first_byte = first_byte_;
  if (request.count("X-Request-Id") != 1 || !slot.id.assign(request.header("X-Request-Id"))) {
    shared_.ids.next(slot.id);
  }
  request.id = slot.id.view();

  input_.consume(head.head_bytes + head.body_bytes);
  phase_ = Phase::none;
  continue_due_ = false;
  last_taken_ = head.close;
  shared_.counters.add(HttpCount::requests);
  shared_.handler.on_request(request, slot);
  framing_.restart();
}

// The server's own answer to what is arriving, and the last one of this connection.
void HttpSession::refuse(Refusal refusal) {
  const RefusalAnswer& what = refusal_answer(refusal);
  shared_.counters.add(what.counted_as);
  phase_ = Phase::none;
  continue_due_ = false;
  last_taken_ = true;
  input_.clear();
  Slot& slot = open_slot();
  slot.close = true;
  shared_.ids.next(slot.id);
  answer(slot, what.status, kProblemContentType,
         problem_json(what.status, what.code, what.title, what.detail, slot.id.view()), {});
}

// Answering

HttpSession::Slot& HttpSession::open_slot() {
  assert(open_slots_ < slots_.size());
  if (open_slots_ == 0) first_slot_ = 0;  // so that a peer that does not pipeline uses only one
  std::unique_ptr<Slot>& slot = slots_[(first_slot_ + open_slots_) % slots_.size()];
  if (!slot) slot = std::make_unique<Slot>(*this);
  slot->answered = false;
  slot->is_head = false;
  slot->close = false;
  ++open_slots_;
  ++unanswered_;
  return *slot;
}

bool HttpSession::is_last(const Slot& slot) const {
  if (slot.close) return true;
  const Slot* newest = slots_[(first_slot_ + open_slots_ - 1) % slots_.size()].get();
  return shared_.draining && &slot == newest && phase_ == Phase::none && input_.empty();
}

void HttpSession::answer(Slot& slot, int status, std::string_view content_type, std::string_view body,
                         std::span<const HeaderView> extra_headers) {
  assert(!slot.answered);
  slot.answered = true;
  --unanswered_;
  if (closed_) {
    if (unanswered_ == 0 && host_ != nullptr) host_->gone(*this);  // may be the end of *this
    return;
  }
  AnswerHead head;
  head.status = status;
  head.content_type = content_type;
  head.body_bytes = body.size();
  head.date = shared_.date;
  head.request_id = slot.id.view();
  head.close = is_last(slot);
  head.extra_headers = extra_headers;
  if (head.close) last_taken_ = true;
  const bool its_turn = &slot == slots_[first_slot_].get();
  std::string& out = its_turn ? output_ : slot.text;
  append_answer_head(out, head);
  if (!slot.is_head) out += body;
  if (!its_turn) return;
  release_answers();
  if (!taking_) host_->flush_later(*this);
}

// The first slot's answer is in the output: it and every answered one behind it are done with.
void HttpSession::release_answers() {
  do {
    first_slot_ = (first_slot_ + 1) % slots_.size();
    if (--open_slots_ == 0) return;
    Slot& slot = *slots_[first_slot_];
    if (!slot.answered) return;
    output_ += slot.text;
    empty(slot.text);
  } while (true);
}

// Sending

void HttpSession::flush() {
  if (taking_) return;  // a handler flushes the server: this session's turn comes when it has returned
  const boost::intrusive_ptr<HttpSession> self(this);
  send();
  // What was answered may have made room for requests that are waiting in the input, and these may be answered at once.
  while (!closed_ && (paused_ || (continue_due_ && open_slots_ == 0)) && has_room()) {
    take_requests();
    if (!has_unsent()) break;
    send();
  }
  settle();
}

void HttpSession::send() {
  while (!closed_ && has_unsent() && !waiting_writable_) {
    error_code error;
    const std::size_t bytes = socket_.write_some(asio::buffer(output_.data() + sent_, output_.size() - sent_), error);
    if (error == asio::error::would_block || error == asio::error::try_again) return wait_writable();
    if (error) return disconnected();
    sent_ += bytes;
    progress_since_ = shared_.now;
    shared_.counters.add(HttpCount::bytes_sent, bytes);
    shared_.counters.add(HttpCount::writes);
  }
  if (!has_unsent()) {
    empty(output_);
    sent_ = 0;
  }
}

void HttpSession::wait_writable() {
  output_.erase(0, sent_);
  sent_ = 0;
  progress_since_ = shared_.now;
  waiting_writable_ = true;
  socket_.async_wait(SessionSocket::wait_write,
                     asio::bind_allocator(OperationAllocator<void>(write_memory_),
                                          [self = boost::intrusive_ptr<HttpSession>(this)](const error_code& error) {
                                            self->waiting_writable_ = false;
                                            if (self->closed_) return;
                                            if (error) return self->disconnected();
                                            self->flush();
                                          }));
}

// What comes next, when everything that could be done at once is done.
void HttpSession::settle() {
  if (closed_) return;
  if (lingering_) {
    if (peer_done_) close();
    return;
  }
  const bool all_answered = open_slots_ == 0 && !has_unsent();
  if (all_answered) idle_since_ = shared_.now;
  if (all_answered && peer_done_ && !paused_) return close();
  if (all_answered && (last_taken_ || (shared_.draining && nothing_begun()))) return linger();
  if (!reading_ && !paused_ && !last_taken_ && !peer_done_) read_more();
}

// No byte of another request has come, not even to the socket: what lies there has been sent in good faith.
bool HttpSession::nothing_begun() {
  error_code error;
  return phase_ == Phase::none && input_.empty() && (socket_.available(error) == 0 || error);
}

// Ends our side, and reads until the peer ends its own: closing while bytes of it are unread would send a reset, which
// may overtake the last answer (RFC 9112 section 9.6).
void HttpSession::linger() {
  if (peer_done_) return close();
  error_code error;
  socket_.shutdown(SessionSocket::shutdown_send, error);
  if (error) return close();
  lingering_ = true;
  last_taken_ = true;
  linger_since_ = shared_.now;
  if (!reading_) read_more();
}

// Ending

void HttpSession::sweep() {
  if (closed_) return;
  const SteadyTime now = shared_.now;
  const HttpLimits& limits = shared_.limits;
  if (lingering_) {
    if (now - linger_since_ >= limits.linger_time_max) cut(HttpCount::linger_timeout);
  } else if (has_unsent()) {
    if (now - progress_since_ >= limits.write_time_max) cut(HttpCount::write_timeout);
  } else if (paused_ || continue_due_) {
    // Waits for answers, not for the peer.
  } else if (phase_ != Phase::none) {
    const bool head = phase_ == Phase::head;
    if (now - phase_since_ < (head ? limits.header_time_max : limits.body_time_max)) return;
    refuse(head ? Refusal::header_timeout : Refusal::body_timeout);
  } else if (open_slots_ == 0 && now - idle_since_ >= limits.idle_time_max) {
    cut(HttpCount::idle_timeout);
  }
}

void HttpSession::drain() {
  if (!taking_) settle();
}

void HttpSession::abort() {
  if (!closed_) close();
}

void HttpSession::detach() {
  host_ = nullptr;
  closed_ = true;
  error_code ignored;
  socket_.close(ignored);
}

void HttpSession::cut(HttpCount why) {
  shared_.counters.add(why);
  close();
}

void HttpSession::disconnected() {
  if (open_slots_ != 0 || has_unsent()) shared_.counters.add(HttpCount::peer_disconnected);
  close();
}

void HttpSession::close() {
  closed_ = true;
  error_code ignored;
  socket_.close(ignored);
  if (unanswered_ == 0) host_->gone(*this);  // may be the end of *this
}

}  // namespace holdfast::net
