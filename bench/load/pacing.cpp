#include "bench/load/pacing.h"

#include <algorithm>

namespace holdfast::load {
namespace {

std::uint64_t length(Nanos from, Nanos to) {
  return static_cast<std::uint64_t>(std::max<Nanos>(0, to - from));
}

}  // namespace

Schedule::Schedule(Nanos start, Nanos end, double rate, unsigned worker, unsigned workers)
    : start_(start),
      end_(end),
      interval_(static_cast<double>(kSecond) / rate),
      worker_(worker),
      workers_(workers),
      next_(moment(0)) {}

// From the start each time: adding the interval again and again would add its rounding as often.
Nanos Schedule::moment(std::uint64_t number) const {
  const std::uint64_t of_all = number * workers_ + worker_;
  return start_ + static_cast<Nanos>(interval_ * static_cast<double>(of_all));
}

Nanos Schedule::take() {
  const Nanos taken = next_;
  next_ = moment(++taken_);
  return taken;
}

void Latencies::add(const Timing& timing) {
  corrected.add(length(timing.intended, timing.answered));
  uncorrected.add(length(timing.sent, timing.answered));
  lateness.add(length(timing.possible, timing.sent));
}

void Latencies::merge(const Latencies& other) {
  corrected.merge(other.corrected);
  uncorrected.merge(other.uncorrected);
  lateness.merge(other.lateness);
}

}  // namespace holdfast::load
