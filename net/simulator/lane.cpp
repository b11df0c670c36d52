#include "net/simulator/lane.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

namespace holdfast::net::simulator {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int kAttemptsMax = 20;
constexpr std::chrono::milliseconds kBetweenAttempts{25};
constexpr unsigned kPiecesMax = 7;

// The target could not take the message, or is still at another delivery of it: then it comes again, as processors and
// callers do.
bool comes_again(const HttpReply& reply) {
  return reply.status >= 500 ||
         (reply.status == 409 && reply.body.find("idempotency_in_progress") != std::string::npos);
}

}  // namespace

void Pace::wait() {
  if (per_second_ <= 0) return;
  std::unique_lock lock(mutex_);
  const auto now = SteadyClock::now();
  const auto mine = std::max(now, next_);
  next_ = mine + std::chrono::duration_cast<SteadyClock::duration>(std::chrono::duration<double>(1 / per_second_));
  lock.unlock();
  std::this_thread::sleep_until(mine);
}

Lane::Lane(const Url& target, std::string path, Chaos chaos, std::uint64_t seed, Pace& pace)
    : connection_(target), path_(std::move(path)), chaos_(chaos), random_(seed), pace_(pace) {}

HttpReply Lane::post(const Message& message) {
  const std::string& path = message.path.empty() ? path_ : message.path;
  if (happens(chaos_.drop_connection)) connection_.send_and_hang_up(path, message.headers, message.body);
  const unsigned pieces = happens(chaos_.split) ? 2 + static_cast<unsigned>(random_() % (kPiecesMax - 1)) : 1;
  pace_.wait();
  return connection_.call("POST", path, message.headers, message.body, pieces);
}

HttpReply Lane::post_until_taken(const Message& message) {
  HttpReply reply = post(message);
  for (int i = 1; i < kAttemptsMax && comes_again(reply); ++i) {
    std::this_thread::sleep_for(kBetweenAttempts);
    reply = post(message);
  }
  return reply;
}

Received Lane::send(const Message& message, unsigned copies, bool answers_must_agree) {
  if (happens(chaos_.duplicate)) copies += 1 + static_cast<unsigned>(random_() % 2);
  Received received;
  for (unsigned copy = 0; copy < copies; ++copy) {
    const auto begins = SteadyClock::now();
    HttpReply reply = post_until_taken(message);
    if (copy == 0) {
      received.ms = std::chrono::duration<double, std::milli>(SteadyClock::now() - begins).count();
      received.reply = std::move(reply);
    } else if (answers_must_agree && (reply.status != received.reply.status || reply.body != received.reply.body)) {
      received.problem = "copy " + std::to_string(copy + 1) + " is answered " + reply.body;
    }
  }
  if (chaos_.replay) sent_.push_back({message, received.reply, answers_must_agree});
  return received;
}

std::vector<std::string> Lane::replay() {
  std::vector<std::string> problems;
  std::vector<Sent> all = std::exchange(sent_, {});
  std::shuffle(all.begin(), all.end(), random_);
  for (const Sent& sent : all) {
    const HttpReply reply = post_until_taken(sent.message);
    const bool agrees =
        reply.status == sent.reply.status && (!sent.answers_must_agree || reply.body == sent.reply.body);
    if (!agrees) problems.push_back("a repeat is answered " + std::to_string(reply.status) + " " + reply.body);
  }
  return problems;
}

}  // namespace holdfast::net::simulator
