// One thread of the generator: its connections, what it asks on them, and what it was told.
//
// Threads: run() on one; answered() from any. Everything else before run() or after it, on one.
// Invariants: a connection has at most one request under way; when run() is over each request is in the book of money:
// as certain when its answer was read, as unknown when that did not come. Errors: boost::system::system_error when
// connect() cannot reach the target; afterwards a lost connection is counted and made again.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/load/messages.h"
#include "bench/load/pacing.h"
#include "bench/load/thread_usage.h"

namespace holdfast::load {

// The same for all workers of a phase. Times are of the steady clock.
struct Phase {
  boost::asio::ip::tcp::endpoint target;
  Nanos begin = 0;         // of the warm-up
  Nanos measure_from = 0;  // what is meant to be sent from here ...
  Nanos end = 0;           // ... to here is measured
  Nanos give_up = 0;       // what is not answered by then never will be
  double rate = 0;         // a second, of all workers together; 0: a closed loop
  unsigned workers = 1;
  unsigned connections = 1;  // of each worker
  Shares shares;
};

struct Counts {
  std::uint64_t approved = 0;
  std::uint64_t declined = 0;
  std::uint64_t refused = 0;
  std::uint64_t unavailable = 0;
  std::uint64_t lost = 0;    // no answer came
  std::uint64_t unsent = 0;  // its moment came, and the target had not answered enough for it to be sent
  std::uint64_t repeats = 0;
  std::uint64_t repeats_differing = 0;
  std::uint64_t follow_ups = 0;
  std::uint64_t in_time = 0;  // answers that came while it was measured

  void merge(const Counts& other);
};

// What was answered in one second of the measured time.
struct Second {
  std::uint64_t answers = 0;
  Histogram latency{2};
};

struct Findings {
  explicit Findings(std::size_t cards) : money(cards) {}
  Counts counts;
  Latencies latencies;
  std::vector<Second> seconds;
  MoneyBook money;
  double busy_share = 0;      // of the measured time, that the busiest worker used a processor or waited for one
  std::string first_refusal;  // what the first answer that was not understood said
  std::string first_repeat;   // two answers to one message

  void merge(const Findings& other);
};

class Worker {
 public:
  Worker(const Phase& phase, unsigned number, const CardChoice& choice, const Speech& speech, std::uint64_t seed);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void connect();
  // The moments of the phase are set by now.
  void run();
  std::uint64_t answered() const { return answered_.load(std::memory_order_relaxed); }
  const Findings& findings() const { return findings_; }

 private:
  struct Connection;
  struct Told;  // a message and its answer, kept to be repeated

  void opened(Connection& connection);
  void set_marks();
  void pump();
  void arm();
  void freed(Connection& connection);
  void ask(Connection& connection, Nanos intended);
  void ask_on(Connection& connection);
  void start(Connection& connection);
  void choose(Connection& connection);
  bool repeat(Connection& connection);
  bool follow_up(Connection& connection);
  static void take_news(Connection& connection);
  void send(Connection& connection);
  void await(Connection& connection);
  void read(Connection& connection);
  void take(Connection& connection, const HttpAnswer& answer);
  void settle(Connection& connection, const HttpAnswer& answer);
  void acknowledge(Connection& connection, const HttpAnswer& answer);
  void refuse(const HttpAnswer& answer);
  void compare(Connection& connection, const HttpAnswer& answer);
  void remember(Connection& connection, const HttpAnswer& answer);
  void record(const Connection& connection);
  void lose(Connection& connection);
  void reopen(Connection& connection);
  void give_up();
  bool over() const;
  void stop_when_done();

  const Phase& phase_;
  const unsigned number_;
  const CardChoice& choice_;
  Messages messages_;
  Random random_;
  Schedule schedule_;  // of an open loop
  Findings findings_;
  std::atomic<std::uint64_t> answered_{0};

  boost::asio::io_context io_{1};
  boost::asio::steady_timer pace_{io_};
  boost::asio::steady_timer marks_{io_};
  bool armed_ = false;
  bool ended_ = false;  // the measured time is over
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<Connection*> idle_;
  std::size_t under_way_ = 0;
  std::uint64_t next_number_;
  std::vector<Told> told_;
  std::vector<Purchase> held_;  // approved, and nothing has followed yet
  ThreadUsage before_;
};

}  // namespace holdfast::load
