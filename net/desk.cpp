#include "net/desk.h"

#include <algorithm>

#include "engine/record.h"

namespace holdfast::net {
namespace {

using engine::JournalHealth;
using engine::Key128;
using engine::Reason;

constexpr Key128 kNoKey{0, 0};
constexpr std::chrono::milliseconds kTick{5};

std::string_view as_text(const Key128& key) {
  return {reinterpret_cast<const char*>(&key), sizeof key};
}

engine::NodeIndex card_of(const engine::Command& command) {
  return std::visit(
      [](const auto& each) -> engine::NodeIndex {
        if constexpr (requires { each.card; }) return each.card;
        return engine::kNoNode;
      },
      command);
}

Answer refusal(Reason reason, engine::Instant now) {
  Answer answer;
  answer.kind = Answer::Kind::refused;
  answer.decision.reason = reason;
  answer.decision.retryable = engine::Retryable::after;
  answer.decision.decided_at = now;
  return answer;
}

// The withdrawal of an authorization that there is no decision on.
engine::Withdraw undecided(const Flight& flight) {
  const auto& command = std::get<engine::Authorize>(flight.command);
  return {command.card, command.request.processor, command.request.authorization_id, 0, {}, {}};
}

Answer late_answer(engine::Instant now) {
  Answer answer;
  answer.kind = Answer::Kind::late;
  answer.decision = engine::deadline_decision(now);
  return answer;
}

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
  flight.note = {};
  flight.entry = nullptr;
  flight.waiters = flight.next_waiter = nullptr;
  flight.answered = flight.under_way = flight.late = false;
  flight.withdrawal_counts = 1;
  flight.outcome = std::monostate{};
  flight.sequence = 0;
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
  const unsigned home = home_of(flight);
  if (home != loop_) {
    away_.push_back(flight);
    arm_timer(flight.deadline);
  }
  pass(flight, home, Step::claim);
}

// ---- Between loops

// A command without a message needs nobody to remember it: its card's owner is its home.
unsigned Desk::home_of(const Flight& flight) const {
  return flight.key == kNoKey ? owner_of(flight) : shards_.home_of(flight.key);
}

unsigned Desk::owner_of(const Flight& flight) const {
  // Keys and zones belong to no tree: loop 0 keeps them, events stay where their message is.
  if (std::holds_alternative<engine::NoteEvent>(flight.command)) {
    return flight.key == kNoKey ? 0 : shards_.home_of(flight.key);
  }
  const engine::NodeIndex card = card_of(flight.command);
  const bool shared = !std::visit(
      [](const auto& each) {
        return requires {
          each.card;
        };
      },
      flight.command);
  return shared ? 0 : shards_.owner_of(card);
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

// Somebody asks again: from now on the answer is known to have been given.
void Desk::confirm(Key128 message) {
  if (unconfirmed_.empty()) return;
  const auto found = unconfirmed_.find(std::string(as_text(message)));
  if (found == unconfirmed_.end()) return;
  journal_.mark_sent(found->second.sequence);
  unconfirmed_.erase(found);
  counters_.unconfirmed_holds.set(unconfirmed_.size());
}

// Overload is refused early: what cannot be durable in the time that is left is not begun.
Reason Desk::admission(const Flight& flight) const {
  if (journal_.health() != JournalHealth::ready) return Reason::storage_unavailable;
  if (std::chrono::steady_clock::now() + journal_.expected_wait() > flight.deadline) return Reason::overloaded;
  return Reason::none;
}

// ---- 5, 6. Decide and hand to the journal, on the owner

void Desk::decide(Flight& flight) {
  if (flight.dry_run) {
    flight.outcome = shard_.ledger.evaluate(std::get<engine::Authorize>(flight.command), flight.now);
    return pass(flight, home_of(flight), Step::settle);
  }
  if (!journal_.has_room(loop_) || !waiting_for_room_.empty()) {
    counters_.journal_full.add();
    if (flight.withdrawing) {
      waiting_for_room_.push_back(&flight);
      return;
    }
    flight.refusal = Reason::overloaded;
    return pass(flight, home_of(flight), Step::settle);
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
    return pass(flight, home_of(flight), Step::settle);
  }
  flight.outcome = shards_.apply(flight.command, flight.now);
  if (flight.plan != nullptr) flight.composed = flight.plan->compose(flight.outcome);
  append(flight, {flight.now, flight.message, flight.command, flight.outcome, flight.composed});
}

void Desk::append(Flight& flight, const engine::Record& record) {
  const auto bytes = engine::encode(record, record_);
  if (bytes.empty()) std::abort();  // every field was bounded when it came in
  journal_.append(loop_, bytes);
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
      const auto* authorize = std::get_if<engine::Authorize>(&flight.command);
      if (authorize != nullptr && !flight.withdrawing) shard_.ledger.note_sequence(*authorize, flight.sequence);
      pass(flight, home_of(flight), Step::settle);
    }
  }
  report_settled();
  append_waiting();
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
    apply(flight);
  }
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
  answer.card = card_of(flight.command);
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
  if (flight.sequence != 0) crossing_.handled(owner_of(flight)).fetch_add(records, std::memory_order_release);
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
  shard_.messages.finish(*flight.entry, card_of(flight.command), engine::deadline_decision(flight.now), {});
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
    return flight.owner->landed(flight, flight.answer);
  }
  if (flight.answer.kind != Answer::Kind::decided || !flight.is_authorization) return;
  flight.disowned = true;
  pass(flight, home_of(flight), Step::disown);
}

void Desk::recycle(Flight& flight) {
  if (flight.origin != loop_) return pass(flight, flight.origin, Step::recycle);
  if (flight.disowned) {  // the home still needs it, and will send it back once more
    flight.disowned = false;
    return;
  }
  give_back(flight);
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
    send_answer(*flight, refusal(Reason::storage_unavailable, flight->now));
  }
}

// ---- After a restart

void Desk::adopt(std::vector<UnconfirmedApproval> approvals, std::chrono::seconds unconfirmed_after) {
  for (UnconfirmedApproval& approval : approvals) {
    const Key128 key = shard_.messages.key_of({approval.endpoint, approval.message_id, approval.content});
    unconfirmed_.emplace(as_text(key), std::move(approval));
  }
  counters_.unconfirmed_holds.set(unconfirmed_.size());
  if (unconfirmed_.empty()) return;
  unconfirmed_timer_.expires_after(unconfirmed_after);
  unconfirmed_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    for (auto& [key, approval] : unconfirmed_)
      expire_unconfirmed(std::move(approval));
    unconfirmed_.clear();
    counters_.unconfirmed_holds.set(0);
    withdraw_expired();
  });
}

// From now on a repeat of it is declined; the hold follows when there is a flight for it.
void Desk::expire_unconfirmed(UnconfirmedApproval approval) {
  approval.withdrawn_at = std::max(approval.charged_at, last_now_);
  const Key128 key = shard_.messages.key_of({approval.endpoint, approval.message_id, approval.content});
  if (engine::Message* entry = shard_.messages.find(key)) shard_.messages.withdraw(*entry, approval.withdrawn_at);
  expired_.push_back(std::move(approval));
}

// As many as there are flights to carry them; on_journal() comes back for the rest.
void Desk::withdraw_expired() {
  while (!expired_.empty()) {
    Flight* flight = take();
    if (flight == nullptr) return;
    const UnconfirmedApproval& approval = expired_.back();
    flight->now = approval.withdrawn_at;
    flight->message = {flight->keep(approval.endpoint), flight->keep(approval.message_id), approval.content};
    flight->key = shard_.messages.key_of(flight->message);
    flight->withdrawal = {approval.card,   approval.processor,  flight->keep(approval.authorization_id),
                          approval.amount, approval.charged_at, approval.authorized_at};
    flight->command = flight->withdrawal;
    flight->withdrawing = true;
    counters_.late_approvals_undone.add();
    expired_.pop_back();
    pass(*flight, owner_of(*flight), Step::decide);
  }
}

void Desk::forget_old(engine::Instant now, engine::Instant old_at, std::chrono::hours horizon) {
  // Enough each time to keep up with the highest rate; little enough not to hold up the loop.
  constexpr std::size_t kMost = 2000;
  last_now_ = now;
  shard_.messages.expire(old_at - horizon, kMost);
  shard_.ledger.expire(old_at, kMost);
}

}  // namespace holdfast::net
