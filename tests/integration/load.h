// Many connections that send requests as fast as they are answered, and remember what they were told.
//
// Threads: a Load has its own; finish() joins them. LoadPlan's functions are called from those, one at a time.
// Invariants: a request is in the log before its first byte is sent, so that what is not in the log was never asked; an
// answer is in the log only when all of it arrived.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace holdfast::integration {

struct Order {
  std::string id;
  std::int64_t amount = 0;
  std::string text;  // the request, ready to be sent
};

struct Sent {
  std::string id;
  std::int64_t amount = 0;
  int status = 0;  // 0: no answer came, nobody knows what happened
  std::string answer;
  std::chrono::steady_clock::time_point sent_at;
  std::chrono::steady_clock::time_point answered_at;
  std::uint64_t stamp_before = 0;  // LoadPlan::stamp, before the request was sent
  std::uint64_t stamp_after = 0;   // and when its answer had come
};

struct LoadLog {
  std::vector<Sent> sent;
  std::size_t resets = 0;   // connections that ended with RST
  std::size_t endings = 0;  // connections that the peer ended in order
};

struct LoadPlan {
  std::uint16_t port = 0;
  unsigned connections = 64;
  unsigned threads = 2;
  unsigned depth = 1;                          // requests under way on a connection
  std::function<std::optional<Order>()> next;  // nullopt: no more
  std::function<std::uint64_t()> stamp;        // may be empty
};

class Load {
 public:
  explicit Load(LoadPlan plan);
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  std::uint64_t answered() const { return answered_.load(); }
  std::uint64_t asked() const { return asked_.load(); }
  // Nothing new is sent from now on.
  void stop() { stopping_ = true; }
  // Waits until everything is answered or lost.
  LoadLog finish();

 private:
  struct Connection;
  void run(unsigned thread);
  std::optional<Order> next();
  bool top_up(Connection& connection, LoadLog& log);
  void read_answers(Connection& connection, LoadLog& log);
  void lose(Connection& connection, LoadLog& log, bool reset);
  std::uint64_t stamp() const { return plan_.stamp ? plan_.stamp() : 0; }

  const LoadPlan plan_;
  std::mutex next_mutex_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> asked_{0};
  std::atomic<std::uint64_t> answered_{0};
  std::vector<LoadLog> logs_;
  std::vector<std::thread> threads_;
};

// Ids that are all different: prefix and a number.
class Ids {
 public:
  explicit Ids(std::string prefix) : prefix_(std::move(prefix)) {}
  std::string next() { return prefix_ + std::to_string(++last_); }

 private:
  const std::string prefix_;
  std::uint64_t last_ = 0;
};

}  // namespace holdfast::integration
