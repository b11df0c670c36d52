// What a desk does by itself: approvals of which nobody heard after a restart, holds that have run out, and forgetting.
#include <algorithm>

#include "net/desk.h"

namespace holdfast::net {
namespace {

using engine::Key128;

std::string_view as_text(const Key128& key) {
  return {reinterpret_cast<const char*>(&key), sizeof key};
}

}  // namespace

// Somebody asks again: from now on the answer is known to have been given.
void Desk::confirm(Key128 message) {
  if (unconfirmed_.empty()) return;
  const auto found = unconfirmed_.find(std::string(as_text(message)));
  if (found == unconfirmed_.end()) return;
  journal_.mark_sent(found->second.sequence);
  unconfirmed_.erase(found);
  counters_.unconfirmed_holds.set(unconfirmed_.size());
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
    flight->home = loop_;
    counters_.late_approvals_undone.add();
    expired_.pop_back();
    pass(*flight, owner_of(*flight), Step::decide);
  }
}

// Enough each time to keep up with the highest rate; little enough not to hold up the loop.
constexpr std::size_t kMost = 2000;

void Desk::forget_old(engine::Instant now, engine::Instant old_at, std::chrono::hours horizon) {
  last_now_ = now;
  shard_.messages.expire(old_at - horizon, kMost);
  shard_.ledger.expire(old_at, kMost);
}

// Each as a command of its own, which is journaled like any other. What is refused now is found again.
void Desk::expire_holds(engine::Instant now, const engine::HoldPeriods& periods) {
  run_out_.clear();
  shard_.ledger.find_run_out(now, periods, kMost, [this](const engine::Authorization& authorization) {
    engine::Advise expire;
    expire.card = authorization.card;
    expire.kind = engine::AdviceKind::expire;
    expire.processor = authorization.processor;
    expire.authorization = authorization.key;
    run_out_.push_back(expire);
  });
  for (const engine::Advise& expire : run_out_) {
    Flight* flight = take();
    if (flight == nullptr) return;
    flight->deadline = SteadyTime::max();
    flight->now = now;
    flight->command = expire;
    launch(*flight);
  }
}

}  // namespace holdfast::net
