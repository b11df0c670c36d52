// What an HTTP server counts: connections, requests, bytes, and every limit each time it is hit.
//
// Threads: written by the server's loop only, read by any thread. Values only grow, except connections_open. A reader
// sees each counter as of some moment, not all of them as of the same one.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace holdfast::net {

enum class HttpCount : std::uint8_t {
  connections_open = 0,  // a gauge
  connections_accepted,
  connections_refused,  // answered 503 because connections_max were open
  accept_failed,        // no descriptor or no memory: accepting paused
  requests,             // given to the handler
  bytes_received,
  bytes_sent,
  writes,             // system calls that sent them
  bad_framing,        // 4xx, 505: refused by the framing rules, none of the limits below
  header_too_large,   // 431
  too_many_headers,   // 431
  body_too_large,     // 413
  pipeline_full,      // reading stopped: pipeline_depth_max requests unanswered
  unsent_full,        // reading stopped: the peer does not take its answers
  header_timeout,     // 408
  body_timeout,       // 408
  idle_timeout,       // closed
  write_timeout,      // cut
  linger_timeout,     // cut
  peer_disconnected,  // with answers outstanding
};
inline constexpr std::size_t kHttpCounts = 20;

// Name for metrics and logs: as in the enumeration.
std::string_view http_count_name(HttpCount count);

class HttpCounters {
 public:
  HttpCounters() = default;
  HttpCounters(const HttpCounters&) = delete;
  HttpCounters& operator=(const HttpCounters&) = delete;

  // One writer, so a load and a store suffice; relaxed, since a counter publishes nothing but itself.
  void add(HttpCount count, std::uint64_t n = 1) {
    std::atomic<std::uint64_t>& value = values_[static_cast<std::size_t>(count)];
    value.store(value.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void subtract(HttpCount count) { add(count, ~std::uint64_t{0}); }
  std::uint64_t value(HttpCount count) const {
    return values_[static_cast<std::size_t>(count)].load(std::memory_order_relaxed);
  }

 private:
  alignas(64) std::array<std::atomic<std::uint64_t>, kHttpCounts> values_{};
};

}  // namespace holdfast::net
