#include "tests/integration/load.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <deque>

#include "tests/integration/daemon_process.h"
#include "tests/integration/http_client.h"

namespace holdfast::integration {

using Clock = std::chrono::steady_clock;

struct Load::Connection {
  int fd = -1;
  std::string to_send;
  std::string received;
  std::deque<std::size_t> under_way;  // places in the log
  bool ending = false;                // nothing more is sent on it
};

Load::Load(LoadPlan plan) : plan_(std::move(plan)), logs_(plan_.threads) {
  for (unsigned thread = 0; thread < plan_.threads; ++thread)
    threads_.emplace_back([this, thread] { run(thread); });
}

Load::~Load() {
  stop();
  finish();
}

LoadLog Load::finish() {
  for (std::thread& thread : threads_)
    thread.join();
  threads_.clear();
  LoadLog all;
  for (LoadLog& log : logs_) {
    all.sent.insert(all.sent.end(), std::make_move_iterator(log.sent.begin()), std::make_move_iterator(log.sent.end()));
    all.resets += log.resets;
    all.endings += log.endings;
  }
  logs_.clear();
  return all;
}

std::optional<Order> Load::next() {
  if (stopping_) return std::nullopt;
  const std::lock_guard lock(next_mutex_);
  return plan_.next();
}

void Load::run(unsigned thread) {
  LoadLog& log = logs_[thread];
  std::vector<Connection> connections(plan_.connections / plan_.threads);
  for (Connection& connection : connections) {
    try {
      connection.fd = connect_to(plan_.port);
    } catch (const ConnectionLost& lost) {
      log.resets += lost.reset ? 1 : 0;
    }
  }
  const auto give_up_at = Clock::now() + 4 * kPatience;
  std::vector<pollfd> polled(connections.size());
  for (bool any = true; any && Clock::now() < give_up_at;) {
    any = false;
    for (std::size_t i = 0; i < connections.size(); ++i) {
      const bool open = connections[i].fd >= 0 && top_up(connections[i], log);
      any = any || open;
      const short events = connections[i].to_send.empty() ? POLLIN : POLLIN | POLLOUT;
      polled[i] = {open ? connections[i].fd : -1, events, 0};
    }
    if (!any || ::poll(polled.data(), polled.size(), 100) <= 0) continue;
    for (std::size_t i = 0; i < connections.size(); ++i) {
      if ((polled[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0) read_answers(connections[i], log);
    }
  }
  for (Connection& connection : connections)
    lose(connection, log, false);
}

// Sends what there is to send. False when the connection has nothing to do any more.
bool Load::top_up(Connection& connection, LoadLog& log) {
  while (!connection.ending && connection.under_way.size() < plan_.depth) {
    auto order = next();
    if (!order) {
      connection.ending = true;
      break;
    }
    Sent sent;
    sent.id = std::move(order->id);
    sent.amount = order->amount;
    sent.sent_at = Clock::now();
    sent.stamp_before = stamp();
    connection.under_way.push_back(log.sent.size());
    log.sent.push_back(std::move(sent));
    connection.to_send += order->text;
    ++asked_;
  }
  if (!connection.to_send.empty()) {
    const ssize_t sent =
        ::send(connection.fd, connection.to_send.data(), connection.to_send.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) connection.to_send.erase(0, static_cast<std::size_t>(sent));
    // What the peer said before it ended is still to be read.
    if (sent < 0 && errno != EAGAIN) connection.to_send.clear();
  }
  if (connection.under_way.empty()) lose(connection, log, false);
  return connection.fd >= 0;
}

void Load::read_answers(Connection& connection, LoadLog& log) {
  char buffer[65536];
  const ssize_t got = ::recv(connection.fd, buffer, sizeof buffer, MSG_DONTWAIT);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) {
    log.endings += got == 0 ? 1 : 0;
    return lose(connection, log, got < 0);
  }
  const auto now = Clock::now();
  connection.received.append(buffer, static_cast<std::size_t>(got));
  while (auto answer = take_answer(connection.received)) {
    Sent& sent = log.sent[connection.under_way.front()];
    connection.under_way.pop_front();
    sent.status = answer->status;
    sent.answer = std::move(answer->body);
    sent.answered_at = now;
    sent.stamp_after = stamp();
    ++answered_;
    if (answer->header("Connection") == "close") connection.ending = true;
  }
}

void Load::lose(Connection& connection, LoadLog& log, bool reset) {
  if (connection.fd < 0) return;
  ::close(connection.fd);
  connection.fd = -1;
  log.resets += reset ? 1 : 0;
}

}  // namespace holdfast::integration
