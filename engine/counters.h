// What a node counts beside the windows that every node has: limits that roll or are about some categories, the
// merchant that a card is locked to, and the state of its loop breaker. Nodes without such rules have none of it.
//
// Threads: own() and publish() on the node's owner; load() on any thread. The functions on words are pure.
// Invariants: the words hold exactly what layout_of() of the node's settings has room for; functions that read take the
// time and change nothing. A counter counts what was charged from its `since` on, so a release of what was charged
// before it was there leaves it as it is.
// Units: words; instants as milliseconds; amounts in minor units.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "engine/instant.h"
#include "engine/rules.h"
#include "engine/seqlock.h"

namespace holdfast::engine {

// A rolling window moves on by this part of its length.
inline constexpr std::int64_t kRollingParts = 60;

using Words = std::span<std::uint64_t>;
using ConstWords = std::span<const std::uint64_t>;

struct NodeSettings;

// Where in the words each thing begins; kNone when it is not there.
struct CounterLayout {
  static constexpr std::uint16_t kNone = 0xFFFF;
  std::array<std::uint16_t, kLimitsMax> limits;
  std::uint16_t merchant_lock = kNone;
  std::uint16_t breaker = kNone;
  std::uint16_t words = 0;
  friend bool operator==(const CounterLayout&, const CounterLayout&) = default;
};
CounterLayout layout_of(const NodeSettings& settings);
// A limit of `after` has a counter that no limit of `before` had: with another window, length or categories.
bool begins_counter(const NodeSettings& before, const NodeSettings& after);
// Fills `to`, of `after`'s layout, from the words of `before`. What begins counts from `since` on.
void carry_over(const NodeSettings& before, ConstWords from, const NodeSettings& after, Words to, Instant since);

class Counters {
 public:
  explicit Counters(std::size_t words) : own_(words), shared_(words) {}
  Words own() { return own_; }
  ConstWords own() const { return own_; }
  void publish() { shared_.store(own_); }
  std::vector<std::uint64_t> load() const { return shared_.load(); }

 private:
  std::vector<std::uint64_t> own_;
  SharedWords shared_;
};

// What a window holds, or what is added to it.
struct Tally {
  Minor held = 0;
  Minor posted = 0;
  std::int64_t count = 0;
  friend bool operator==(const Tally&, const Tally&) = default;

  // held + posted; saturates instead of overflowing.
  Minor used() const;
};

// Sum that stops at the ends of the range: what the network posts is never refused.
Minor saturating_add(Minor a, Minor b);
void add(Tally& to, const Tally& change);

// The limits' counters. `counter` begins at its place in the layout. `since`: from when on a
// fixed window of the limit's kind counts (Usage::since_of).
void start_counter(Words counter, Instant since);
Tally tally(const Limit& limit, ConstWords counter, Instant now, Instant since);
// Adds `change` to what was charged at `charged_at`, if the window of `now` still contains that.
void add(const Limit& limit, Words counter, const Tally& change, Instant charged_at, Instant now, Instant since);
// Of a rolling window: first instant at which no more than `most` of it is left, by amount or count as the limit has
// it; kNoInstant when that never comes by waiting.
Instant opens_at(const Limit& limit, ConstWords counter, Instant now, std::int64_t most);
// Of a rolling window: when the next part of it drops out; kNoInstant when it is empty.
Instant next_drop(const Limit& limit, ConstWords counter, Instant now);
std::size_t counter_words(const Limit& limit);

// The merchant lock. Merchant ids are at most kMerchantIdBytesMax bytes.
bool is_locked(ConstWords lock);
std::string_view locked_merchant(ConstWords lock);  // views the words
void lock_to(Words lock, std::string_view merchant);

// One part of a rolling window: the charges of a sixtieth of its length.
struct RollingPart {
  Instant drops_out_at;
  Tally tally;
};
std::vector<RollingPart> rolling_parts(const Limit& limit, ConstWords counter, Instant now);

}  // namespace holdfast::engine
