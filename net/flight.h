// One request on its way: from the loop that received it to the home of its message, to the owner of its card, through
// the journal, and back. A flight is the only thing that crosses between loops.
//
// Threads: a flight's members are grouped by the loop that may touch them. The request part is written by the origin
// before launch and only read afterwards; `answer` is written by the home before it sends the flight back and read by
// the origin after. Ownership: flights belong to the pool of their origin and return to it when they are answered and
// nothing of them is under way any more.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/command.h"
#include "engine/ledger.h"
#include "engine/messages.h"
#include "net/exchange.h"

namespace holdfast::net {

struct Flight;

// How a flight ended.
struct Answer {
  enum class Kind : std::uint8_t {
    decided,      // `outcome` of the command, durable; or of the message that this one repeats
    late,         // the deadline passed first: a deadline_exceeded decline, and final
    refused,      // not accepted, nothing kept: decision.reason is overloaded or storage_unavailable
    conflict,     // the message's id was used before with other content
    in_progress,  // a command that is not an authorization, repeated while the first is under way
    rejected,     // prepare() said no; whatever it noted in the flight's context says why
  };
  Kind kind = Kind::refused;
  bool repeated = false;                     // answered from an earlier message
  engine::Decision decision;                 // of authorizations, for every kind but conflict, in_progress and rejected
  engine::NodeIndex card = engine::kNoNode;  // that the command was about
  std::string stored;                        // the text that compose() gave, of a command that is not an authorization
};

// Who launched the flight and sends the reply.
class FlightOwner {
 public:
  virtual ~FlightOwner() = default;
  // On the origin's loop, once per flight.
  virtual void landed(Flight& flight, const Answer& answer) = 0;
  // On the origin's loop, after landed(), when nothing of the flight is under way any more: its plan is not used again.
  virtual void released(Flight&) {}
};

// Commands other than authorizations: what has to happen on the owner's loop around the change.
class CommandPlan {
 public:
  virtual ~CommandPlan() = default;
  // On the owner's loop, before the change: completes `command` from the state as it is there. False to reject it.
  virtual bool prepare(engine::Command& command, unsigned loop) = 0;
  // On the owner's loop, after the change: the text to keep with the message for those who repeat it ("" for none).
  virtual std::string_view compose(const engine::Outcome& outcome) = 0;
};

// Membership in a FlightList.
struct FlightLinks {
  Flight* earlier = nullptr;
  Flight* later = nullptr;
  bool listed = false;
};

struct Flight {
  static constexpr std::size_t kTextBytes = 1024;

  // Request part.
  unsigned origin = 0;
  std::size_t number = 0;  // its own among the flights of all loops
  FlightOwner* owner = nullptr;
  Exchange* exchange = nullptr;
  void* context = nullptr;  // FlightOwner's own
  CommandPlan* plan = nullptr;
  SteadyTime first_byte;
  SteadyTime deadline;  // the answer has to have left by then
  engine::Instant now;  // the one clock read of the request
  engine::MessageRef message;
  engine::Key128 key{0, 0};  // of the message; zeros without one
  engine::Command command;
  bool dry_run = false;
  bool is_authorization = false;
  std::string_view note;              // FlightOwner's own, in `text`
  std::array<char, kTextBytes> text;  // what the views above point into
  std::size_t text_used = 0;

  unsigned home = 0;

  // Home part.
  engine::Message* entry = nullptr;
  Flight* waiters = nullptr;  // repeats of the same message, and their chain
  Flight* next_waiter = nullptr;
  FlightLinks at_home;
  bool answered = false;
  bool under_way = false;       // its command is with the owner or the journal
  bool late = false;            // the deadline passed before the decision was durable; noted in LateAnswers
  engine::Withdraw withdrawal;  // of what this flight decided, while `withdrawing`
  bool withdrawing = false;
  std::uint8_t withdrawal_counts = 1;  // records that are handled when the withdrawal is durable

  // Owner part.
  engine::Outcome outcome;
  engine::Sequence sequence = 0;
  unsigned decided_on = 0;   // whose lane has the record
  bool handed_over = false;  // the card and what is in `moved` go to the loop of the trees with it
  std::vector<engine::Ledger::Moved> moved;
  engine::Reason refusal = engine::Reason::none;
  bool rejected = false;
  std::string composed;
  Flight* next_in_lane = nullptr;  // appended after this one

  // Back at the origin.
  Answer answer;
  FlightLinks at_origin;
  bool gave_up = false;   // the origin answered by itself because the home did not; noted in LateAnswers
  bool disowned = false;  // and has told the home that its answer was not sent
  Flight* next_free = nullptr;

  // A copy of `text` that lives as long as the flight; empty data when there is no room left.
  std::string_view keep(std::string_view source) {
    if (source.size() > kTextBytes - text_used) return {};
    char* place = text.data() + text_used;
    source.copy(place, source.size());
    text_used += source.size();
    return {place, source.size()};
  }
};

// Flights in order of arrival, linked through one of their own members; each is in a list at most once.
template <FlightLinks Flight::*Links>
class FlightList {
 public:
  bool empty() const { return first_ == nullptr; }
  Flight* first() const { return first_; }
  void push_back(Flight& flight) {
    FlightLinks& links = flight.*Links;
    links = {last_, nullptr, true};
    (last_ == nullptr ? first_ : (last_->*Links).later) = &flight;
    last_ = &flight;
  }
  // Nothing happens to a flight that is not listed.
  void erase(Flight& flight) {
    FlightLinks& links = flight.*Links;
    if (!links.listed) return;
    (links.earlier == nullptr ? first_ : (links.earlier->*Links).later) = links.later;
    (links.later == nullptr ? last_ : (links.later->*Links).earlier) = links.earlier;
    links = {};
  }
  // `visit` may erase the flight that it is given, and no other.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (Flight* flight = first_; flight != nullptr;) {
      Flight* later = (flight->*Links).later;
      visit(*flight);
      flight = later;
    }
  }
  template <class Matches>
  Flight* find(Matches&& matches) const {
    Flight* flight = first_;
    while (flight != nullptr && !matches(*flight))
      flight = (flight->*Links).later;
    return flight;
  }

 private:
  Flight* first_ = nullptr;
  Flight* last_ = nullptr;
};

}  // namespace holdfast::net
