#include "bench/load/worker.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <utility>

namespace holdfast::load {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t kAnswerMax = 16 * 1024;
constexpr std::size_t kToldMax = 256;   // messages that a worker may repeat
constexpr std::size_t kHeldMax = 4096;  // approvals that something may follow
constexpr double kCaptureShare = 0.7;   // of what follows; the rest is reversed
constexpr std::chrono::milliseconds kConnectAgain{50};

asio::steady_timer::time_point time_point(Nanos time) {
  return asio::steady_timer::time_point(std::chrono::nanoseconds(time));
}

}  // namespace

void Counts::merge(const Counts& other) {
  approved += other.approved;
  declined += other.declined;
  refused += other.refused;
  unavailable += other.unavailable;
  lost += other.lost;
  unsent += other.unsent;
  repeats += other.repeats;
  repeats_differing += other.repeats_differing;
  follow_ups += other.follow_ups;
  in_time += other.in_time;
}

void Findings::merge(const Findings& other) {
  counts.merge(other.counts);
  latencies.merge(other.latencies);
  money.merge(other.money);
  if (seconds.size() < other.seconds.size()) seconds.resize(other.seconds.size());
  for (std::size_t i = 0; i < other.seconds.size(); ++i) {
    seconds[i].answers += other.seconds[i].answers;
    seconds[i].latency.merge(other.seconds[i].latency);
  }
  busy_share = std::max(busy_share, other.busy_share);
  if (first_refusal.empty()) first_refusal = other.first_refusal;
  if (first_repeat.empty()) first_repeat = other.first_repeat;
}

struct Worker::Told {
  std::string request;
  int status;
  std::string body;
};

struct Worker::Connection {
  explicit Connection(asio::io_context& io) : socket(io), again(io) {}
  tcp::socket socket;
  asio::steady_timer again;  // when connecting failed
  bool busy = false;
  bool is_repeat = false;
  Movement movement = Movement::approve;
  Purchase purchase;
  Timing timing;
  Nanos free_since = 0;
  std::string request;
  std::vector<std::string> news;  // the messages of a follow-up that come after this one, the last first
  std::string expected;           // of a repeat: the first answer's body
  int expected_status = 0;
  std::size_t received = 0;
  std::array<char, kAnswerMax> bytes;
};

Worker::Worker(const Phase& phase, unsigned number, const CardChoice& choice, const Speech& speech, std::uint64_t seed)
    : phase_(phase),
      number_(number),
      choice_(choice),
      messages_(speech),
      random_(seed + number),
      findings_(speech.cards.size()),
      next_number_(static_cast<std::uint64_t>(number) << 40) {}

Worker::~Worker() = default;

void Worker::connect() {
  for (unsigned i = 0; i < phase_.connections; ++i) {
    connections_.push_back(std::make_unique<Connection>(io_));
    connections_.back()->socket.connect(phase_.target);
    opened(*connections_.back());
  }
}

void Worker::run() {
  if (phase_.rate > 0) schedule_ = Schedule(phase_.begin, phase_.end, phase_.rate, number_, phase_.workers);
  set_marks();
  for (const auto& connection : connections_)
    freed(*connection);
  io_.run();
}

// What a socket that is reset meanwhile does not take shows when it is used.
void Worker::opened(Connection& connection) {
  error_code ignored;
  connection.socket.set_option(tcp::no_delay(true), ignored);
  connection.socket.non_blocking(true, ignored);
  connection.free_since = steady_now();
}

// The moments at which something is read or ended whatever the target does.
void Worker::set_marks() {
  marks_.expires_at(time_point(phase_.measure_from));
  marks_.async_wait([this](error_code) {
    before_ = usage_of_this_thread();
    const Nanos from = steady_now();
    marks_.expires_at(time_point(phase_.end));
    marks_.async_wait([this, from](error_code) {
      const ThreadUsage used = usage_of_this_thread();
      const Nanos busy = used.running - before_.running + used.waiting - before_.waiting;
      findings_.busy_share = static_cast<double>(busy) / static_cast<double>(std::max<Nanos>(1, steady_now() - from));
      ended_ = true;
      marks_.expires_at(time_point(phase_.give_up));
      marks_.async_wait([this](error_code error) {
        if (!error) give_up();
      });
      stop_when_done();
    });
  });
}

bool Worker::over() const {
  return phase_.rate > 0 ? schedule_.over() : steady_now() >= phase_.end;
}

void Worker::stop_when_done() {
  if (ended_ && under_way_ == 0 && over()) io_.stop();
}

void Worker::give_up() {
  for (const auto& connection : connections_) {
    if (connection->busy) lose(*connection);
  }
  if (phase_.rate > 0) {
    for (; !schedule_.over(); schedule_.take())
      ++findings_.counts.unsent;
  }
  io_.stop();
}

// Sends what is due, as far as there are connections for it.
void Worker::pump() {
  while (!idle_.empty() && schedule_.due(steady_now())) {
    Connection& connection = *idle_.back();
    idle_.pop_back();
    ask(connection, schedule_.take());
  }
  arm();
  stop_when_done();
}

void Worker::arm() {
  if (armed_ || idle_.empty() || schedule_.over()) return;
  armed_ = true;
  pace_.expires_at(time_point(schedule_.next()));
  pace_.async_wait([this](error_code) {
    armed_ = false;
    pump();
  });
}

void Worker::freed(Connection& connection) {
  if (phase_.rate > 0) {
    idle_.push_back(&connection);
    return pump();
  }
  if (over()) return stop_when_done();
  ask(connection, steady_now());
}

void Worker::ask(Connection& connection, Nanos intended) {
  connection.timing.intended = intended;
  connection.timing.possible = std::max(intended, connection.free_since);
  choose(connection);
  start(connection);
}

void Worker::start(Connection& connection) {
  connection.busy = true;
  ++under_way_;
  connection.timing.sent = steady_now();
  send(connection);
}

void Worker::choose(Connection& connection) {
  const Step step = draw_step(random_, phase_.shares);
  if (step == Step::repeat && repeat(connection)) return;
  connection.is_repeat = false;
  if (step == Step::follow_up && follow_up(connection)) return;
  connection.movement = Movement::approve;
  connection.purchase = {choice_.draw(random_), draw_amount(random_), &draw_merchant(random_), next_number_++};
  connection.request.clear();
  messages_.ask(connection.request, connection.purchase);
}

bool Worker::repeat(Connection& connection) {
  if (told_.empty()) return false;
  const Told& told = told_[random_() % told_.size()];
  connection.is_repeat = true;
  connection.request = told.request;
  connection.expected = told.body;
  connection.expected_status = told.status;
  return true;
}

bool Worker::follow_up(Connection& connection) {
  if (held_.empty()) return false;
  std::swap(held_[random_() % held_.size()], held_.back());
  connection.purchase = held_.back();
  held_.pop_back();
  const bool captured = std::uniform_real_distribution<double>(0, 1)(random_) < kCaptureShare;
  connection.movement = captured ? Movement::capture : Movement::reverse;
  connection.news.clear();
  messages_.tell(connection.news, connection.movement, connection.purchase);
  if (connection.news.empty()) return false;
  ++findings_.counts.follow_ups;
  std::reverse(connection.news.begin(), connection.news.end());
  take_news(connection);
  return true;
}

void Worker::take_news(Connection& connection) {
  connection.request = std::move(connection.news.back());
  connection.news.pop_back();
}

// A request nearly always fits into the socket's buffer: then nothing has to be waited for.
void Worker::send(Connection& connection) {
  connection.received = 0;
  error_code error;
  const std::size_t sent = connection.socket.write_some(asio::buffer(connection.request), error);
  if (error && error != asio::error::would_block) return lose(connection);
  if (sent == connection.request.size()) return await(connection);
  asio::async_write(connection.socket, asio::buffer(connection.request) + sent,
                    [this, &connection](error_code failed, std::size_t) {
                      if (failed == asio::error::operation_aborted) return;
                      failed ? lose(connection) : await(connection);
                    });
}

// Waits before it reads: a read that is tried at once would find nothing, at the price of a system call.
void Worker::await(Connection& connection) {
  connection.socket.async_wait(tcp::socket::wait_read, [this, &connection](error_code error) {
    if (error == asio::error::operation_aborted) return;
    error ? lose(connection) : read(connection);
  });
}

void Worker::read(Connection& connection) {
  error_code error;
  connection.received += connection.socket.read_some(asio::buffer(connection.bytes) + connection.received, error);
  if (error == asio::error::would_block) return await(connection);
  if (error) return lose(connection);
  HttpAnswer answer;
  switch (read_answer({connection.bytes.data(), connection.received}, answer)) {
    case Framing::incomplete:
      return connection.received < kAnswerMax ? await(connection) : lose(connection);
    case Framing::malformed:
      return lose(connection);
    case Framing::complete:
      break;
  }
  // More than one answer to one request.
  if (answer.length != connection.received) return lose(connection);
  take(connection, answer);
}

void Worker::take(Connection& connection, const HttpAnswer& answer) {
  connection.timing.answered = steady_now();
  connection.free_since = connection.timing.answered;
  connection.busy = false;
  --under_way_;
  answered_.fetch_add(1, std::memory_order_relaxed);
  record(connection);
  if (connection.is_repeat)
    compare(connection, answer);
  else if (connection.movement == Movement::approve)
    settle(connection, answer);
  else
    acknowledge(connection, answer);
  if (answer.closes) return reopen(connection);
  connection.news.empty() ? freed(connection) : ask_on(connection);
}

// The next message of a follow-up, which waits for no moment of its own.
void Worker::ask_on(Connection& connection) {
  take_news(connection);
  connection.timing.intended = connection.timing.possible = connection.free_since;
  start(connection);
}

void Worker::record(const Connection& connection) {
  const Timing& timing = connection.timing;
  if (timing.intended >= phase_.measure_from) findings_.latencies.add(timing);
  if (timing.answered < phase_.measure_from || timing.answered >= phase_.end) return;
  ++findings_.counts.in_time;
  const auto second = static_cast<std::size_t>((timing.answered - phase_.measure_from) / kSecond);
  if (findings_.seconds.size() <= second) findings_.seconds.resize(second + 1);
  ++findings_.seconds[second].answers;
  findings_.seconds[second].latency.add(static_cast<std::uint64_t>(timing.answered - timing.intended));
}

void Worker::settle(Connection& connection, const HttpAnswer& answer) {
  const Reply reply = messages_.read(connection.purchase, answer);
  const Purchase& purchase = connection.purchase;
  switch (reply.outcome) {
    case Outcome::approved:
      ++findings_.counts.approved;
      findings_.money.certain(purchase.card, Movement::approve, reply.amount);
      if (phase_.shares.follow_ups > 0 && held_.size() < kHeldMax && reply.amount == purchase.amount)
        held_.push_back(purchase);
      return remember(connection, answer);
    case Outcome::declined:
      ++findings_.counts.declined;
      return remember(connection, answer);
    case Outcome::declined_for_now:
      ++findings_.counts.declined;
      return;
    case Outcome::refused:
      return refuse(answer);
    case Outcome::unavailable:
      ++findings_.counts.unavailable;
      findings_.money.unknown(purchase.card, Movement::approve, purchase.amount);
      return;
  }
}

// The movement counts when the last message about it is acknowledged; when one is not, nobody knows.
void Worker::acknowledge(Connection& connection, const HttpAnswer& answer) {
  const Outcome outcome = acknowledged(answer);
  const Purchase& purchase = connection.purchase;
  if (outcome == Outcome::approved) {
    remember(connection, answer);
    if (connection.news.empty()) findings_.money.certain(purchase.card, connection.movement, purchase.amount);
    return;
  }
  outcome == Outcome::refused ? refuse(answer) : void(++findings_.counts.unavailable);
  connection.news.clear();
  findings_.money.unknown(purchase.card, connection.movement, purchase.amount);
}

void Worker::refuse(const HttpAnswer& answer) {
  ++findings_.counts.refused;
  if (findings_.first_refusal.empty())
    findings_.first_refusal = fmt::format("{} {}", answer.status, answer.body.substr(0, 400));
}

void Worker::compare(Connection& connection, const HttpAnswer& answer) {
  if (acknowledged(answer) == Outcome::unavailable) {
    ++findings_.counts.unavailable;
    return;
  }
  ++findings_.counts.repeats;
  if (answer.status == connection.expected_status && answer.body == connection.expected) return;
  ++findings_.counts.repeats_differing;
  if (findings_.first_repeat.empty())
    findings_.first_repeat = fmt::format("first {} {}, then {} {}", connection.expected_status, connection.expected,
                                         answer.status, answer.body);
}

void Worker::remember(Connection& connection, const HttpAnswer& answer) {
  if (phase_.shares.repeats <= 0) return;
  std::size_t place = told_.size();
  if (place < kToldMax)
    told_.emplace_back();
  else
    place = random_() % kToldMax;
  told_[place] = {connection.request, answer.status, std::string(answer.body)};
}

void Worker::lose(Connection& connection) {
  connection.busy = false;
  --under_way_;
  ++findings_.counts.lost;
  // A repeat that nobody answered changes nothing: its first answer has been counted.
  if (!connection.is_repeat)
    findings_.money.unknown(connection.purchase.card, connection.movement, connection.purchase.amount);
  connection.news.clear();
  reopen(connection);
  stop_when_done();
}

void Worker::reopen(Connection& connection) {
  error_code ignored;
  connection.socket.close(ignored);
  connection.socket.async_connect(phase_.target, [this, &connection](error_code error) {
    if (error == asio::error::operation_aborted) return;
    if (!error) {
      opened(connection);
      return freed(connection);
    }
    connection.again.expires_after(kConnectAgain);
    connection.again.async_wait([this, &connection](error_code) { reopen(connection); });
  });
}

}  // namespace holdfast::load
