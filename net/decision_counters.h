// What the decision routes count, an instance per loop and endpoint.
//
// Threads: written by the loop only; read by the metrics from another thread.
// Units: decision times in microseconds from the first byte of a request to its answer being handed to the socket.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>

#include "engine/reason.h"
#include "net/desk_counters.h"
#include "net/flight.h"
#include "net/processors/signature.h"

namespace holdfast::net {

// Upper bounds of the buckets of decision_seconds, in microseconds; the last bucket has none.
inline constexpr std::array<std::uint64_t, 16> kDecisionBucketsUs = {
    100,   250,    500,    750,    1'000,   1'500,   2'000,     3'000,
    5'000, 10'000, 25'000, 50'000, 100'000, 250'000, 1'000'000, 2'000'000};

struct DecisionCounters {
  std::array<Counter, engine::kReasons> by_reason;  // none: approved in full or in part
  Counter duplicates;
  Counter conflicts;
  Counter deadline_exceeded;
  Counter malformed;
  Counter other_events;
  std::array<Counter, kSignatureResults> signatures;
  std::array<Counter, kDecisionBucketsUs.size() + 1> seconds_buckets;
  Counter seconds_sum_us;

  void count(const Answer& answer, SteadyTime first_byte) {
    if (answer.kind == Answer::Kind::conflict) {
      conflicts.add();
      return;
    }
    if (answer.repeated) duplicates.add();
    if (answer.kind == Answer::Kind::late) deadline_exceeded.add();
    by_reason[static_cast<std::size_t>(answer.decision.reason)].add();
    const auto took =
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - first_byte);
    const auto micros = static_cast<std::uint64_t>(took.count());
    std::size_t bucket = 0;
    while (bucket < kDecisionBucketsUs.size() && micros > kDecisionBucketsUs[bucket])
      ++bucket;
    seconds_buckets[bucket].add();
    seconds_sum_us.add(micros);
  }
};

}  // namespace holdfast::net
