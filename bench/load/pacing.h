// When requests are meant to be sent, and what their latency is counted from.
//
// A closed loop sends when the answer before has come, so a server that stops also stops being asked, and its stall
// counts as one slow request. An open loop has a moment for every request, whatever the server does; counted from that
// moment (corrected), a stall of a second is in the latency of every request that was due in it. Counted from the
// sending (uncorrected), it is not: both are kept, side by side.
//
// Threads: an object belongs to one thread. Units: nanoseconds of one monotonic clock, which the caller reads.
#pragma once

#include <cstdint>

#include "bench/load/histogram.h"

namespace holdfast::load {

using Nanos = std::int64_t;
inline constexpr Nanos kSecond = 1'000'000'000;

// The moments of an open loop: one every 1/rate seconds, from `start` until `end`, which is not one of them. One of
// `workers` that share the rate has every workers-th of them.
class Schedule {
 public:
  Schedule() = default;  // nothing is due
  Schedule(Nanos start, Nanos end, double rate, unsigned worker = 0, unsigned workers = 1);

  // The next moment, which take() moves on from. There is none when it is end() or later.
  Nanos next() const { return next_; }
  bool over() const { return next_ >= end_; }
  bool due(Nanos now) const { return !over() && next_ <= now; }
  Nanos take();

 private:
  Nanos moment(std::uint64_t number) const;

  Nanos start_ = 0;
  Nanos end_ = 0;
  double interval_ = 0;
  unsigned worker_ = 0;
  unsigned workers_ = 1;
  std::uint64_t taken_ = 0;
  Nanos next_ = 0;
};

// What became of one request in time.
struct Timing {
  Nanos intended = 0;  // open loop: its moment; closed loop: when it was sent
  Nanos possible = 0;  // since when it could have been sent: its moment came and a connection was free
  Nanos sent = 0;
  Nanos answered = 0;
};

struct Latencies {
  Histogram corrected;    // from the intended moment
  Histogram uncorrected;  // from the sending
  Histogram lateness;     // the generator's own: from when it could have sent until it did

  void add(const Timing& timing);
  void merge(const Latencies& other);
};

}  // namespace holdfast::load
