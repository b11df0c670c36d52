// A desk as the owner of nodes: decides and changes, hands records to the journal and hears what became durable; and
// hands a card over to the loop of the trees when it joins one.
#include <algorithm>

#include "engine/record.h"
#include "net/desk.h"
#include "net/desk_answers.h"

namespace holdfast::net {

using engine::JournalHealth;
using engine::Placement;
using engine::Reason;

// ---- 5, 6. Decide and hand to the journal, on the owner

void Desk::decide(Flight& flight) {
  if (!is_here(flight)) return;
  if (flight.dry_run) {
    flight.outcome = shard_.ledger.evaluate(std::get<engine::Authorize>(flight.command), flight.now);
    return pass(flight, flight.home, Step::settle);
  }
  if (!journal_.has_room(loop_) || !waiting_for_room_.empty()) {
    counters_.journal_full.add();
    if (flight.withdrawing) {
      waiting_for_room_.push_back(&flight);
      return;
    }
    flight.refusal = Reason::overloaded;
    return pass(flight, flight.home, Step::settle);
  }
  apply(flight);
}

void Desk::apply(Flight& flight) {
  if (flight.withdrawing) {
    const engine::Command withdrawal = flight.withdrawal;
    return append(flight, {flight.now, flight.message, withdrawal, shards_.apply(withdrawal, flight.now), {}});
  }
  if (flight.plan != nullptr && !flight.plan->prepare(flight.command, loop_)) {
    flight.rejected = true;
    return pass(flight, flight.home, Step::settle);
  }
  flight.outcome = shards_.apply(flight.command, flight.now);
  if (flight.plan != nullptr) flight.composed = flight.plan->compose(flight.outcome);
  append(flight, {flight.now, flight.message, flight.command, flight.outcome, flight.composed});
}

void Desk::append(Flight& flight, const engine::Record& record) {
  const auto bytes = engine::encode(record, record_);
  if (bytes.empty()) std::abort();  // every field was bounded when it came in
  journal_.append(loop_, bytes);
  ++appended_;
  flight.decided_on = loop_;
  if (lane_last_ == nullptr) {
    lane_first_ = &flight;
  } else {
    lane_last_->next_in_lane = &flight;
  }
  lane_last_ = &flight;
  if (turn_ends_) return;
  turn_ends_ = true;
  // Runs after all handlers that are ready now: one submit for what they append together.
  boost::asio::post(context_, [this] { end_turn(); });
}

void Desk::end_turn() {
  turn_ends_ = false;
  journal_.submit(loop_);
}

// ---- 7. What became durable

void Desk::on_journal() {
  while (const auto run = journal_.next_durable(loop_)) {
    report_settled();
    reported_ += run->count;
    reported_through_ = run->first_sequence + run->count - 1;
    for (std::uint64_t i = 0; i < run->count; ++i) {
      Flight& flight = *lane_first_;
      lane_first_ = flight.next_in_lane;
      if (lane_first_ == nullptr) lane_last_ = nullptr;
      flight.next_in_lane = nullptr;
      flight.sequence = run->first_sequence + i;
      if (!flight.withdrawing) shard_.ledger.note_sequence(flight.command, flight.sequence);
      pass(flight, flight.home, Step::settle);
    }
  }
  report_settled();
  append_waiting();
  give_away_cards();
  if (!expired_.empty()) withdraw_expired();
  if (journal_.health() == JournalHealth::failed) fail_all();
}

// Only when all that was reported has been handled by its homes may the journal count it as settled.
void Desk::report_settled() {
  if (reported_through_ == 0 || crossing_.handled(loop_).load(std::memory_order_acquire) != reported_) return;
  journal_.settle(loop_, reported_through_);
}

void Desk::append_waiting() {
  while (!waiting_for_room_.empty() && journal_.has_room(loop_)) {
    Flight& flight = *waiting_for_room_.front();
    waiting_for_room_.erase(waiting_for_room_.begin());
    if (is_here(flight)) apply(flight);
  }
}

// ---- A card joins a tree

// Whether this loop goes on with the flight now. A card that joins a tree goes to loop 0, once and for all: its owner
// takes nothing more for it, waits until all that it has appended is durable, so that the order of the card's records
// in the journal stays that of its decisions, and sends its authorizations along with the command. What comes to loop 0
// for the card before that is parked.
bool Desk::is_here(Flight& flight) {
  const unsigned owner = owner_of(flight);
  if (owner != loop_) {
    pass(flight, owner, Step::decide);
    return false;
  }
  const engine::NodeIndex node = engine::node_of(flight.command);
  engine::NodeSlot* slot = engine::is_budget(node) ? nullptr : shards_.nodes().cards.find(node);
  if (slot == nullptr || shards_.count() == 1) return true;
  const Placement placement = slot->placement.load(std::memory_order_relaxed);
  if (placement == Placement::leaving || placement == Placement::moving) {
    if (!flight.handed_over) {
      parked_.push_back(&flight);
      return false;
    }
    take_over(flight, *slot);
    return false;
  }
  const auto* change = std::get_if<engine::ChangeNode>(&flight.command);
  if (change == nullptr || change->settings.parent == engine::kNoNode || loop_ == 0) return true;
  slot->placement.store(Placement::leaving, std::memory_order_release);
  leaving_.push_back({&flight, appended_});
  give_away_cards();
  return false;
}

// On the loop that owned the card.
void Desk::give_away_cards() {
  while (!leaving_.empty() && leaving_.front().after <= reported_) {
    Flight& flight = *leaving_.front().flight;
    leaving_.erase(leaving_.begin());
    const engine::NodeIndex card = engine::node_of(flight.command);
    shards_.cards_between_loops().fetch_add(1, std::memory_order_release);  // pairs with the search of an authorization
    flight.moved = shard_.ledger.give_away(card);
    shards_.nodes().cards.find(card)->placement.store(Placement::moving, std::memory_order_release);
    flight.handed_over = true;
    pass(flight, 0, Step::decide);
  }
}

// On the loop of the trees.
void Desk::take_over(Flight& flight, engine::NodeSlot& slot) {
  const engine::NodeIndex card = engine::node_of(flight.command);
  shard_.ledger.take_over(std::move(flight.moved));
  flight.moved.clear();
  slot.placement.store(Placement::in_tree, std::memory_order_release);
  shards_.cards_between_loops().fetch_sub(1, std::memory_order_relaxed);
  std::vector<Flight*> waiting{&flight};
  std::erase_if(parked_, [&](Flight* parked) {
    if (engine::node_of(parked->command) != card) return false;
    waiting.push_back(parked);
    return true;
  });
  for (Flight* each : waiting)
    decide(*each);
}

}  // namespace holdfast::net
