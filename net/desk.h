// The decision path of one event loop, steps 5 to 8 and D of the path: claim the message, decide on the owner, journal,
// settle, answer; or answer at the deadline and undo what comes too late.
//
// Threads: a desk belongs to its loop; desks meet only through Crossing and the journal.
// Invariants: a message has one final answer, chosen by its home loop, which every delivery of it gets; no approval is
// sent before the commit that covers it has returned, nor after a deadline_exceeded answer to the same message; an
// approval that was not sent to anybody is withdrawn by a journaled record; a late decline is noted before it leaves,
// until the journal has it. Ownership: the desk owns the flights that
// it hands out.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/journal.h"
#include "engine/late_answers.h"
#include "engine/shards.h"
#include "net/crossing.h"
#include "net/desk_counters.h"
#include "net/flight.h"

namespace holdfast::net {

// An approval found in the journal at start-up of which nobody knows whether it reached anybody.
struct UnconfirmedApproval {
  std::string endpoint;
  std::string message_id;
  std::uint64_t content = 0;
  engine::NodeIndex card = engine::kNoNode;
  engine::Processor processor = engine::Processor::native;
  std::string authorization_id;
  engine::Minor amount = 0;
  engine::Instant charged_at;
  engine::Instant authorized_at;
  engine::Sequence sequence = 0;
  engine::Instant withdrawn_at;  // once it is
};

class Desk {
 public:
  // Of `late_answers` it uses a slot for each of its flights, from loop * flights_max on.
  Desk(unsigned loop, std::size_t flights_max, engine::Shards& shards, engine::Journal& journal,
       engine::LateAnswers& late_answers, Crossing& crossing, boost::asio::io_context& context, DeskCounters& counters);

  // An empty flight with its origin set; null when all are under way (the answer is `overloaded`).
  Flight* take();
  void give_back(Flight& flight);
  // Step 5 on: everything in the request part is set. The owner's landed() is called once, perhaps before this returns.
  void launch(Flight& flight);

  // Tells the journal how far all has been answered or undone. Other loops' homes may finish after this loop has heard
  // of its last commit: call it a few times a second.
  void report_settled();

  // The crossing's waker and the journal's waker of this loop end here.
  void on_crossing();
  void on_journal();

  // Before the first launch: takes approvals that are withdrawn unless they are heard of again in `unconfirmed_after`.
  void adopt(std::vector<UnconfirmedApproval> approvals, std::chrono::seconds unconfirmed_after);
  // Drops what is to be forgotten by `old_at` (see engine/forgetting.h), some at a time; call it a few times a second.
  void forget_old(engine::Instant now, engine::Instant old_at, std::chrono::hours horizon);
  // Gives back the holds that have run out, some at a time; call it a few times a second.
  void expire_holds(engine::Instant now, const engine::HoldPeriods& periods);
  // Flights that are not back in the pool.
  std::size_t under_way() const { return flights_.size() - free_count_; }

 private:
  void step(Flight& flight, Step next);
  void pass(Flight& flight, unsigned loop, Step next);
  unsigned choose_home(const Flight& flight) const;
  unsigned owner_of(const Flight& flight) const;

  // On the home.
  void claim(Flight& flight);
  bool claim_known(Flight& flight, engine::Message& entry);
  void confirm(engine::Key128 message);
  engine::Reason admission(const Flight& flight) const;
  void settle(Flight& flight);
  void settle_late(Flight& flight);
  bool too_late(const Flight& leader) const;
  void note_handled(const Flight& flight, std::uint64_t records);
  void conclude(Flight& leader, const Answer& answer);
  void send_answer(Flight& flight, const Answer& answer);
  void withdraw(Flight& flight);
  void withdraw_undecided(Flight& flight);
  void finished(Flight& flight);
  void disown(Flight& flight);

  // On the owner (desk_owner.cpp).
  bool is_here(Flight& flight);
  void give_away_cards();
  void take_over(Flight& flight, engine::NodeSlot& slot);
  void decide(Flight& flight);
  void apply(Flight& flight);
  void append(Flight& flight, const engine::Record& record);
  void append_waiting();
  void end_turn();

  // On the origin.
  void land(Flight& flight);
  void recycle(Flight& flight);

  // The deadline (desk_deadline.cpp).
  void arm_timer(SteadyTime at);
  void on_deadline();
  void give_up_on_others(SteadyTime now);
  void note_late(const Flight& flight);
  void fail_all();
  void expire_unconfirmed(UnconfirmedApproval approval);
  void withdraw_expired();

  const unsigned loop_;
  engine::Shards& shards_;
  engine::Shards::Shard& shard_;
  engine::Journal& journal_;
  engine::LateAnswers& late_answers_;
  Crossing& crossing_;
  boost::asio::io_context& context_;
  DeskCounters& counters_;

  std::vector<std::unique_ptr<Flight>> flights_;
  Flight* free_ = nullptr;
  std::size_t free_count_ = 0;

  FlightList<&Flight::at_home> unanswered_;  // as a home
  FlightList<&Flight::at_origin> away_;      // as an origin: claimed by another loop, not landed yet
  boost::asio::steady_timer deadline_timer_;
  SteadyTime armed_for_ = SteadyTime::max();

  Flight* lane_first_ = nullptr;  // appended and not yet durable, in order
  Flight* lane_last_ = nullptr;
  std::vector<Flight*> waiting_for_room_;  // withdrawals, which must not be lost
  struct Leaving {
    Flight* flight = nullptr;
    std::uint64_t after = 0;  // goes when so many records of this lane are durable
  };
  std::vector<Leaving> leaving_;
  std::vector<Flight*> parked_;  // for cards that are on their way to this loop, in the order of arrival
  std::vector<std::byte> record_;
  bool turn_ends_ = false;
  std::uint64_t appended_ = 0;  // records of this lane
  std::uint64_t reported_ = 0;  // records that the journal reported durable to this lane
  engine::Sequence reported_through_ = 0;

  std::vector<UnconfirmedApproval> expired_;                          // to be withdrawn
  std::unordered_map<std::string, UnconfirmedApproval> unconfirmed_;  // by message key
  boost::asio::steady_timer unconfirmed_timer_;
  engine::Instant last_now_{};           // of forget_old()
  std::vector<engine::Advise> run_out_;  // of expire_holds(), reused
};

}  // namespace holdfast::net
