// One connection of a processor: sends its messages as the network lets them arrive, and takes the answers.
//
// Threads: each lane belongs to one thread at a time; the Pace is shared by all.
// Invariants: a message that is sent again is the same bytes, and so must be its answer.
// Errors: Unreachable; Unplayable when the target does not believe who is sending.
#pragma once

#include <cstdint>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "net/simulator/connection.h"
#include "net/simulator/wire_form.h"

namespace holdfast::net::simulator {

// What goes wrong between a processor and its target. None of it may change what a scenario ends with.
struct Chaos {
  bool duplicate = false;        // messages come twice or three times
  bool reorder = false;          // news overtakes news
  bool drop_connection = false;  // a connection ends before the answer, and the message comes again on another
  bool split = false;            // requests come in pieces
  bool replay = false;           // everything comes once more at the end
};

// Lets so many messages a second pass.
class Pace {
 public:
  explicit Pace(double per_second) : per_second_(per_second) {}
  void wait();

 private:
  double per_second_;  // 0: as many as there are
  std::mutex mutex_;
  std::chrono::steady_clock::time_point next_{};
};

// An answer as it came, and how.
struct Received {
  HttpReply reply;
  double ms = 0;
  std::string problem;  // a copy was answered in another way
};

class Lane {
 public:
  // `path`: of the endpoint, for messages without one.
  Lane(const Url& target, std::string path, Chaos chaos, std::uint64_t seed, Pace& pace);

  // Sends the message, `copies` times and as much oftener as chaos will have it.
  Received send(const Message& message, unsigned copies, bool answers_must_agree);
  // Everything that was sent so far comes again, in any order. What was wrong with the answers.
  std::vector<std::string> replay();

 private:
  struct Sent {
    Message message;
    HttpReply reply;
    bool answers_must_agree = false;
  };
  bool happens(bool enabled) { return enabled && random_() % 2 == 0; }
  HttpReply post(const Message& message);
  HttpReply post_until_taken(const Message& message);

  Connection connection_;
  std::string path_;
  Chaos chaos_;
  std::mt19937_64 random_;
  Pace& pace_;
  std::vector<Sent> sent_;  // for replay
};

}  // namespace holdfast::net::simulator
