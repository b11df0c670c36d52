// A server that looks like the daemon's native API, approves everything, and is wrong where it is told to be.
//
// Threads: a FakeTarget has its own, one a connection; they are joined when it goes, after its clients have gone.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace holdfast::integration {

enum class Fault : std::uint8_t {
  none,
  spends_twice,          // its balances have what it approved twice
  loses_a_cent,          // its balances have a cent less than it approved
  drops_answers,         // every tenth authorization counts, and its connection ends instead of an answer
  answers_repeats_anew,  // a repeat gets another answer than the first
  refuses,               // every authorization is a 403
};

class FakeTarget {
 public:
  explicit FakeTarget(Fault fault);
  ~FakeTarget();
  FakeTarget(const FakeTarget&) = delete;
  FakeTarget& operator=(const FakeTarget&) = delete;
  std::uint16_t port() const { return port_; }

 private:
  void accept();
  void serve(int fd);
  // Empty: the connection ends.
  std::string answer_to(std::string_view head, const std::string& body);
  std::string decide(const std::string& body);

  const Fault fault_;
  int listener_;
  std::uint16_t port_ = 0;
  std::mutex mutex_;
  std::map<std::string, std::int64_t> held_;  // by card
  std::map<std::string, std::string> told_;   // by authorization
  std::uint64_t asked_ = 0;
  std::vector<std::thread> connections_;  // the accepting thread makes them
  std::thread accepting_;
};

}  // namespace holdfast::integration
