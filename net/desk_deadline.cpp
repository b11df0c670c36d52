// A desk at the deadline: answers what is not durable in time, and gives up on homes that are held up.
#include <algorithm>

#include "engine/record.h"
#include "net/desk.h"
#include "net/desk_answers.h"

namespace holdfast::net {
namespace {

constexpr std::chrono::milliseconds kTick{5};

}  // namespace

// ---- D. The deadline, on the home

// Endpoints have their own deadlines, so the lists are not in their order. They are looked through when the earliest
// deadline passes, at most every 5 ms, which the margin that origins keep before a deadline covers.
void Desk::arm_timer(SteadyTime at) {
  if (at >= armed_for_) return;
  armed_for_ = at;
  deadline_timer_.expires_at(at);  // a wait for a later time ends with an error and does nothing
  deadline_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) on_deadline();
  });
}

void Desk::on_deadline() {
  const SteadyTime now = std::chrono::steady_clock::now();
  while (Flight* flight = unanswered_.find([&](const Flight& each) { return each.deadline <= now; })) {
    // Whichever delivery is late decides for all: they get the same answer.
    Flight* leader = flight;
    if (!flight->under_way) leader = static_cast<Flight*>(shard_.messages.find(flight->key)->under_way);
    leader->late = true;
    note_late(*leader);
    conclude(*leader, late_answer(leader->now));
  }
  give_up_on_others(now);
  SteadyTime earliest = SteadyTime::max();
  const auto look = [&](const Flight& flight) { earliest = std::min(earliest, flight.deadline); };
  unanswered_.for_each(look);
  away_.for_each(look);
  armed_for_ = SteadyTime::max();
  if (earliest != SteadyTime::max()) arm_timer(std::max(earliest, now + kTick));
}

// The journal failed: what is under way has an unknown outcome and is never sent as an approval.
void Desk::fail_all() {
  while (Flight* flight = unanswered_.first()) {
    flight->late = true;
    send_answer(*flight, refusal(engine::Reason::storage_unavailable, flight->now));
  }
}

// A home that has not answered in time is held up: its deliveries are declined here. What it decides is undone, see
// disown().
void Desk::give_up_on_others(SteadyTime now) {
  constexpr auto kGrace = std::chrono::milliseconds(10);
  away_.for_each([&](Flight& flight) {
    if (flight.deadline + kGrace > now) return;
    away_.erase(flight);
    flight.gave_up = true;
    note_late(flight);
    flight.owner->landed(flight, late_answer(flight.now));
  });
}

// Before the decline leaves, so that a kill does not let a retry be decided anew. A home and an origin that gave up on
// it may do so at once: they note the same.
void Desk::note_late(const Flight& flight) {
  if (!flight.is_authorization || flight.dry_run) return;
  const engine::Command command = undecided(flight);
  const engine::Record record{flight.now, flight.message, command, engine::WithdrawOutcome{0, flight.now}, {}};
  late_answers_.note(flight.number, engine::encode(record, record_));
}

}  // namespace holdfast::net
