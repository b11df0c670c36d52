// Whether what the users of one card were told could have happened one after the other, each request at an instant
// between its sending and its answer, on a card that approves what fits under one lifetime limit.
//
// Threads: pure functions.
// Invariants: the search is complete: without an order it has looked at all of them, and when it gives up it says so.
// Units: minor units; instants of any one clock, in nanoseconds.
// Source: J. M. Wing, C. Gong, "Testing and verifying concurrent objects", 1993; the memory of what was tried already:
// G. Lowe, "Testing for linearizability", 2017. The law of the card: semantics, "What each message does".
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace holdfast::integration {

inline constexpr std::int64_t kAllOfIt = -1;

struct CardOperation {
  enum class Kind {
    authorize,  // approved when held + posted + amount <= limit
    increment,  // likewise, on an authorization that holds something
    capture,    // posted += amount, held -= amount; when final, the rest is released too
    reverse,    // held -= min(amount, held)
    post,       // posted += amount
  };
  Kind kind = Kind::authorize;
  std::size_t authorization = 0;  // number of it
  std::int64_t amount = 0;        // of a capture or reversal also kAllOfIt
  bool partial = false;           // of an authorize: less than the amount would do
  bool final = true;              // of a capture
  std::int64_t invoked = 0;       // before the first byte was sent
  std::int64_t returned = 0;      // after the last byte of the answer
  // The answer.
  bool refused = false;              // of what follows an authorization: nothing was held any more
  std::int64_t approved = 0;         // of an authorize or increment; 0: declined
  std::optional<std::int64_t> room;  // of a decline, when it told: what would have been approved
  std::int64_t released = 0;         // of a capture or reversal: taken off what is held
};

struct CardHistory {
  std::int64_t limit = 0;
  std::vector<CardOperation> operations;
};

struct Linearity {
  enum class Verdict { linearizable, not_linearizable, given_up };
  Verdict verdict = Verdict::given_up;
  std::vector<std::size_t> order;  // the operations' numbers, in an order that explains the answers
  std::size_t longest = 0;         // operations of the longest order that explains those in it
  std::size_t states = 0;          // that were looked at
};
Linearity check_linearity(const CardHistory& history);

}  // namespace holdfast::integration
