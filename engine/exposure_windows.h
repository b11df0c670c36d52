// What a limit lets pass in times to come: fixed windows one after the other, and rolling ones as they empty.
//
// Threads: plain values.
// Units: minor units or counts, whatever the limit has; sums stop at kUnlimited. Times are [from, to).
#pragma once

#include <algorithm>
#include <limits>
#include <queue>
#include <vector>

#include "engine/counters.h"
#include "engine/money.h"
#include "engine/rules.h"
#include "engine/zone.h"

namespace holdfast::engine {

// Of amounts that are not negative.
Minor saturating_times(Minor amount, Minor count);

// Where the windows of one kind begin within [now, until); the first is the one that is there already.
class WindowsAhead {
 public:
  WindowsAhead(WindowKind kind, const ZoneRules& zone, Weekday week_start, Instant now, Instant until);

  Instant first_end() const { return begins_.size() > 1 ? begins_[1] : Instant::max(); }
  Instant last_begin() const { return begins_.back(); }
  bool is_current(Instant at) const { return at < first_end(); }
  // How many of them meet [from, to).
  Minor meeting(Instant from, Instant to) const;

 private:
  std::vector<Instant> begins_;
};

// A rolling window as somebody meets it who takes, from `from` on, what there is as soon as it is there.
class RollingSpender {
 public:
  // `parts`: what is in the window already.
  RollingSpender(const Limit& limit, const std::vector<RollingPart>& parts, Instant from);
  // What has been taken by then. Once only.
  Minor spent_before(Instant to);

 private:
  struct Drop {
    Instant at;
    Minor amount = 0;
    bool own = false;
    bool operator<(const Drop& other) const { return at > other.at; }  // the earliest is the top of the queue
  };
  void spend(Instant at);
  void drop_next();

  const Minor value_;
  const std::chrono::milliseconds length_;
  const std::int64_t part_;  // milliseconds
  std::priority_queue<Drop> drops_;
  std::size_t foreign_ = 0;  // drops of what was there before
  Minor used_ = 0;
  Minor spent_ = 0;
};

}  // namespace holdfast::engine
