#include "net/desk.h"

#include <algorithm>

#include "net/desk_answers.h"

namespace holdfast::net {
namespace {

using engine::JournalHealth;
using engine::Key128;
using engine::Reason;

constexpr Key128 kNoKey{0, 0};

}  // namespace

Desk::Desk(unsigned loop, std::size_t flights_max, engine::Shards& shards, engine::Journal& journal,
           engine::LateAnswers& late_answers, Crossing& crossing, boost::asio::io_context& context,
           DeskCounters& counters)
    : loop_(loop),
      shards_(shards),
      shard_(shards[loop]),
      journal_(journal),
      late_answers_(late_answers),
      crossing_(crossing),
      context_(context),
      counters_(counters),
      deadline_timer_(context),
      record_(engine::kRecordBytesMax),
      unconfirmed_timer_(context) {
  flights_.reserve(flights_max);
}

// ---- The pool, on the origin

Flight* Desk::take() {
  if (free_ == nullptr) {
    if (flights_.size() == flights_.capacity()) {
      counters_.flights_exhausted.add();
      return nullptr;
    }
    flights_.push_back(std::make_unique<Flight>());
    flights_.back()->number = loop_ * flights_.capacity() + flights_.size() - 1;
    free_ = flights_.back().get();
    ++free_count_;
  }
  Flight* flight = free_;
  free_ = flight->next_free;
  --free_count_;
  flight->next_free = nullptr;
  flight->origin = loop_;
  return flight;
}

void Desk::give_back(Flight& flight) {
  if (flight.owner != nullptr) flight.owner->released(flight);
  if (flight.late || flight.gave_up) late_answers_.clear(flight.number);
  // Everything but the text, which needs no clearing and is most of it.
  flight.owner = nullptr;
  flight.exchange = nullptr;
  flight.context = nullptr;
  flight.plan = nullptr;
  flight.message = {};
  flight.key = kNoKey;
  flight.dry_run = flight.is_authorization = false;
  flight.text_used = 0;
  flight.note = {};
  flight.entry = nullptr;
  flight.waiters = flight.next_waiter = nullptr;
  flight.answered = flight.under_way = flight.late = false;
  flight.withdrawal_counts = 1;
  flight.outcome = std::monostate{};
  flight.sequence = 0;
  flight.decided_on = 0;
  flight.handed_over = false;
  flight.moved.clear();
  flight.refusal = Reason::none;
  flight.rejected = flight.withdrawing = false;
  flight.composed.clear();
  flight.answer = Answer{};
  flight.gave_up = flight.disowned = false;
  flight.next_free = free_;
  free_ = &flight;
  ++free_count_;
}

void Desk::launch(Flight& flight) {
  if (flight.message.present()) flight.key = shard_.messages.key_of(flight.message);
  flight.home = choose_home(flight);
  if (flight.home != loop_) {
    away_.push_back(flight);
    arm_timer(flight.deadline);
  }
  pass(flight, flight.home, Step::claim);
}

// ---- Between loops

// A command without a message needs nobody to remember it: its card's owner is its home.
unsigned Desk::choose_home(const Flight& flight) const {
  return flight.key == kNoKey ? owner_of(flight) : shards_.home_of(flight.key);
}

unsigned Desk::owner_of(const Flight& flight) const {
  // Events stay where their message is; keys and zones belong to no tree: loop 0 keeps them.
  if (std::holds_alternative<engine::NoteEvent>(flight.command)) {
    return flight.key == kNoKey ? 0 : shards_.home_of(flight.key);
  }
  // A card that is made in a tree is of that tree from the beginning.
  const auto* create = std::get_if<engine::CreateNode>(&flight.command);
  if (create != nullptr && create->settings.parent != engine::kNoNode) return 0;
  if (std::holds_alternative<engine::DefineZone>(flight.command) ||
      std::holds_alternative<engine::AddKey>(flight.command) ||
      std::holds_alternative<engine::RemoveKey>(flight.command)) {
    return 0;
  }
  return shards_.owner_of(engine::node_of(flight.command));
}

void Desk::pass(Flight& flight, unsigned loop, Step next) {
  if (loop == loop_) {
    step(flight, next);
  } else {
    crossing_.send(loop_, loop, flight, next);
  }
}

void Desk::step(Flight& flight, Step next) {
  switch (next) {
    case Step::claim:
      return claim(flight);
    case Step::decide:
      return decide(flight);
    case Step::settle:
      return settle(flight);
    case Step::land:
      return land(flight);
    case Step::recycle:
      return recycle(flight);
    case Step::disown:
      return disown(flight);
  }
}

void Desk::on_crossing() {
  crossing_.receive(loop_, [this](Flight& flight, Step next) { step(flight, next); });
}

// ---- 5. Claim the message, on its home

void Desk::claim(Flight& flight) {
  if (flight.key != kNoKey && !flight.dry_run) {
    engine::Message* entry = shard_.messages.find(flight.key);
    if (entry != nullptr && claim_known(flight, *entry)) return;
  }
  if (!flight.dry_run) {
    if (const Reason refused = admission(flight); refused != Reason::none) {
      send_answer(flight, refusal(refused, flight.now));
      return recycle(flight);
    }
  }
  if (flight.key != kNoKey && !flight.dry_run) {
    const std::uint8_t type = std::visit([](const auto& each) { return each.kType; }, flight.command);
    flight.entry = &shard_.messages.begin(flight.key, flight.message.content, type);
    flight.entry->under_way = &flight;
  }
  flight.under_way = true;
  unanswered_.push_back(flight);
  arm_timer(flight.deadline);
  pass(flight, owner_of(flight), Step::decide);
}

// True when the message's earlier delivery answers this one, now or soon.
bool Desk::claim_known(Flight& flight, engine::Message& entry) {
  if (entry.content != flight.message.content) {
    Answer answer;
    answer.kind = Answer::Kind::conflict;
    send_answer(flight, answer);
    recycle(flight);
    return true;
  }
  auto* leader = static_cast<Flight*>(entry.under_way);
  if (leader == nullptr) {
    confirm(flight.key);
    Answer answer;
    answer.kind = Answer::Kind::decided;
    answer.repeated = true;
    answer.decision = entry.decision;
    answer.card = entry.card;
    answer.stored = shard_.messages.answer_of(entry);
    entry.repeated = true;
    send_answer(flight, answer);
    recycle(flight);
    return true;
  }
  if (leader->late || !flight.is_authorization) {
    Answer answer = late_answer(leader->now);
    if (!leader->late) answer.kind = Answer::Kind::in_progress;
    send_answer(flight, answer);
    recycle(flight);
    return true;
  }
  flight.next_waiter = leader->waiters;
  leader->waiters = &flight;
  unanswered_.push_back(flight);
  arm_timer(flight.deadline);
  return true;
}

// Overload is refused early: what cannot be durable in the time that is left is not begun.
Reason Desk::admission(const Flight& flight) const {
  if (journal_.health() != JournalHealth::ready) return Reason::storage_unavailable;
  if (std::chrono::steady_clock::now() + journal_.expected_wait() > flight.deadline) return Reason::overloaded;
  return Reason::none;
}

// ---- 7, 8. Settle and answer, on the home

void Desk::settle(Flight& flight) {
  if (flight.withdrawing) {
    note_handled(flight, flight.withdrawal_counts);
    return finished(flight);
  }
  if (flight.refusal != Reason::none || flight.rejected) {
    Answer answer = refusal(flight.refusal, flight.now);
    if (flight.rejected) answer.kind = Answer::Kind::rejected;
    if (flight.late && flight.is_authorization && flight.entry != nullptr) return withdraw_undecided(flight);
    if (flight.entry != nullptr) shard_.messages.forget(*flight.entry);
    flight.entry = nullptr;
    conclude(flight, answer);
    return finished(flight);
  }
  Answer answer;
  answer.kind = Answer::Kind::decided;
  answer.card = engine::node_of(flight.command);
  answer.stored = flight.composed;
  answer.decision.decided_at = flight.now;
  if (const auto* decision = std::get_if<engine::Decision>(&flight.outcome)) answer.decision = *decision;
  if (flight.entry != nullptr) {
    shard_.messages.finish(*flight.entry, answer.card, answer.decision, flight.composed);
  }
  if (too_late(flight)) {  // the loop was held up: the timer, too, would have come by now
    flight.late = true;
    note_late(flight);
    conclude(flight, late_answer(flight.now));
  }
  if (flight.late) return settle_late(flight);
  note_handled(flight, 1);
  if (flight.is_authorization && !flight.dry_run && answer.decision.approved()) journal_.mark_sent(flight.sequence);
  conclude(flight, answer);
  finished(flight);
}

// Step D came first: the decline is out. Make it the message's answer for good, and give back what was held.
void Desk::settle_late(Flight& flight) {
  if (!flight.is_authorization || flight.dry_run) {
    note_handled(flight, 1);
    return finished(flight);
  }
  flight.withdrawal_counts = 2;  // its own record, and the one that it undoes: not handled before this is durable
  withdraw(flight);
}

bool Desk::too_late(const Flight& leader) const {
  if (!leader.is_authorization || leader.late) return false;
  SteadyTime earliest = leader.deadline;
  for (const Flight* waiter = leader.waiters; waiter != nullptr; waiter = waiter->next_waiter) {
    earliest = std::min(earliest, waiter->deadline);
  }
  return std::chrono::steady_clock::now() >= earliest;
}

// Before the answer leaves, so that its owner's count is never ahead of what recovery has to know.
void Desk::note_handled(const Flight& flight, std::uint64_t records) {
  if (flight.sequence != 0) crossing_.handled(flight.decided_on).fetch_add(records, std::memory_order_release);
}

void Desk::withdraw(Flight& flight) {
  const auto& command = std::get<engine::Authorize>(flight.command);
  const auto& decision = std::get<engine::Decision>(flight.outcome);
  if (decision.approved()) counters_.late_approvals_undone.add();
  if (flight.entry != nullptr) shard_.messages.withdraw(*flight.entry, flight.now);
  flight.withdrawal = {
      command.card,        command.request.processor, command.request.authorization_id, decision.approved_amount,
      decision.decided_at, decision.authorized_at};
  flight.withdrawing = true;
  flight.sequence = 0;
  pass(flight, owner_of(flight), Step::decide);
}

// Refused, and the decline is out: there is nothing to give back, and yet an answer to keep for good.
void Desk::withdraw_undecided(Flight& flight) {
  shard_.messages.finish(*flight.entry, engine::node_of(flight.command), engine::deadline_decision(flight.now), {});
  flight.withdrawal = undecided(flight);
  flight.withdrawing = true;
  pass(flight, owner_of(flight), Step::decide);
}

// The answer goes to every delivery of the message that has none yet.
void Desk::conclude(Flight& leader, const Answer& answer) {
  if (!leader.answered) send_answer(leader, answer);
  Flight* waiter = leader.waiters;
  leader.waiters = nullptr;
  if (waiter != nullptr && leader.entry != nullptr) leader.entry->repeated = true;
  while (waiter != nullptr) {
    Flight& each = *waiter;
    waiter = each.next_waiter;
    each.next_waiter = nullptr;
    Answer repeated = answer;
    repeated.repeated = answer.kind == Answer::Kind::decided;
    if (!each.answered) send_answer(each, repeated);
    pass(each, each.origin, Step::recycle);
  }
}

void Desk::send_answer(Flight& flight, const Answer& answer) {
  unanswered_.erase(flight);
  flight.answered = true;
  flight.answer = answer;
  pass(flight, flight.origin, Step::land);
}

// Nothing of the flight is under way any more.
void Desk::finished(Flight& flight) {
  if (flight.entry != nullptr && flight.entry->under_way == &flight) flight.entry->under_way = nullptr;
  flight.under_way = false;
  pass(flight, flight.origin, Step::recycle);
}

// The origin gave up on us and declined while our answer was on its way. If nobody else was told of the decision it is
// withdrawn; if somebody was, it stands: an approval that was sent never loses its hold.
void Desk::disown(Flight& flight) {
  const bool told_others = flight.entry == nullptr || flight.entry->repeated;
  if (flight.sequence == 0 || told_others) return finished(flight);
  withdraw(flight);
}

// ---- Back at the origin

void Desk::land(Flight& flight) {
  if (!flight.gave_up) {
    away_.erase(flight);
    if (flight.owner == nullptr) return;  // our own: nobody waits
    return flight.owner->landed(flight, flight.answer);
  }
  if (flight.answer.kind != Answer::Kind::decided || !flight.is_authorization) return;
  flight.disowned = true;
  pass(flight, flight.home, Step::disown);
}

void Desk::recycle(Flight& flight) {
  if (flight.origin != loop_) return pass(flight, flight.origin, Step::recycle);
  if (flight.disowned) {  // the home still needs it, and will send it back once more
    flight.disowned = false;
    return;
  }
  give_back(flight);
}

}  // namespace holdfast::net
