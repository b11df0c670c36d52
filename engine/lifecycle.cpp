// What happens to an authorization after the decision: each kind of advice is planned as changes to the nodes that its
// charges were charged to, and the plan is carried out at one instant.
//
// Source: semantics, "What each message does".
#include <algorithm>
#include <cstdlib>
#include <utility>

#include "engine/ledger.h"

namespace holdfast::engine {
namespace {

// Stands in a plan for the instant at which it is carried out.
constexpr Instant kAtDecision = Instant::max();
constexpr std::uint16_t kAllNodes = 0xFFFF;

AuthorizationStatus status_without_hold(const Authorization& authorization, AuthorizationStatus when_nothing_captured) {
  return authorization.captured == 0 ? when_nothing_captured : AuthorizationStatus::closed;
}

// The hold that a capture may use, or had used: otherwise it is a posting without one.
bool can_be_captured(const Authorization& authorization) {
  return authorization.status == AuthorizationStatus::pending ||
         (authorization.status == AuthorizationStatus::closed && authorization.captured > 0);
}

bool begins_an_authorization(const Advise& command) {
  switch (command.kind) {
    case AdviceKind::capture:
    case AdviceKind::post:
    case AdviceKind::refund:
      return true;
    case AdviceKind::adopt:
    case AdviceKind::set_hold:
      return command.amount > 0;
    default:
      return false;
  }
}

}  // namespace

// One change of a card and the budgets above it.
struct Ledger::PlannedChange {
  NodeIndex budget = kNoNode;
  Tally change;
  CategoryCode category = kNoCategory;
  Instant charged_at = kAtDecision;
  std::uint16_t nodes = kAllNodes;  // of the path, a bit each
};

struct Ledger::Plan {
  std::uint32_t slot = HashIndex::kNone;
  NodeIndex current_budget = kNoNode;
  AdviceOutcome outcome;
  FollowUp event;
  std::vector<PlannedChange> changes;
  bool is_first_charge = false;  // the hold begins with this: its instant is that of the decision
  Minor added_charge = 0;        // beside those that there are
};

std::string_view advice_name(AdviceKind kind) {
  constexpr std::string_view kNames[kAdviceKinds] = {"capture",         "reverse", "expire", "set_hold", "refund",
                                                     "refund_reversal", "post",    "adopt",  "disown"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::string_view authorization_status_name(AuthorizationStatus status) {
  switch (status) {
    case AuthorizationStatus::pending:
      return "pending";
    case AuthorizationStatus::closed:
      return "closed";
    case AuthorizationStatus::reversed:
      return "reversed";
    case AuthorizationStatus::expired:
      return "expired";
    case AuthorizationStatus::declined:
      return "declined";
  }
  return "";
}

NodeIndex node_of(const Command& command) {
  return std::visit(
      [](const auto& each) -> NodeIndex {
        if constexpr (requires { each.card; }) return each.card;
        if constexpr (requires { each.node; }) return each.node;
        return kNoNode;
      },
      command);
}

AdviceOutcome Ledger::apply(const Advise& command, Instant now) {
  Plan plan;
  plan.slot = remembered(command.authorization, command.card, now);
  const bool known = plan.slot != HashIndex::kNone;
  if (!known && !begins_an_authorization(command)) {
    plan.outcome.flags = AdviceOutcome::kUnknown;
    plan.outcome.decided_at = plan.outcome.authorized_at = now;
    return plan.outcome;
  }
  if (known && is_overtaken(authorizations_[plan.slot], command.told)) {
    plan.outcome.flags = AdviceOutcome::kOvertaken;
    plan.outcome.decided_at = now;
    tell_state(plan);
    return plan.outcome;
  }
  plan.current_budget = existing(command.card).profile.load(std::memory_order_relaxed)->settings.parent;
  if (!known) begin_authorization(plan, command);
  Authorization& authorization = authorizations_[plan.slot];
  if (command.told != kNoInstant) authorization.told = command.told;
  const Minor held_before = authorization.held;
  make_plan(plan, command);
  carry_out(plan, command.card, now);
  plan.outcome.released = held_before - authorization.held;
  plan.event.kind = FollowUp::of(command.kind);
  plan.event.flags = plan.outcome.flags;
  plan.event.at = plan.outcome.decided_at;
  details_[plan.slot].follow_ups.push_back(plan.event);
  tell_state(plan);
  return plan.outcome;
}

bool Ledger::is_overtaken(const Authorization& authorization, Instant told) {
  return told != kNoInstant && authorization.told != kNoInstant && told < authorization.told;
}

void Ledger::tell_state(Plan& plan) const {
  const Authorization& authorization = authorizations_[plan.slot];
  plan.outcome.status = authorization.status;
  plan.outcome.held = authorization.held;
  plan.outcome.captured = authorization.captured;
  plan.outcome.refunded = authorization.refunded;
  plan.outcome.authorized_at = authorization.decided_at;
}

void Ledger::begin_authorization(Plan& plan, const Advise& command) {
  plan.slot = add_authorization(command.authorization, command.card);
  link_to_card(plan.slot);
  Authorization& authorization = authorizations_[plan.slot];
  authorization.processor = command.processor;
  authorization.category = command.merchant.category;
  authorization.budget = plan.current_budget;
  authorization.status = AuthorizationStatus::closed;
  plan.outcome.flags |= AdviceOutcome::kCreated;
}

void Ledger::make_plan(Plan& plan, const Advise& command) {
  Authorization& authorization = authorizations_[plan.slot];
  const auto amount_or = [&](Minor all) { return command.amount == kAll ? std::max<Minor>(all, 0) : command.amount; };
  switch (command.kind) {
    case AdviceKind::capture:
      return capture(plan, amount_or(authorization.held), command.final);
    case AdviceKind::reverse:
      return release(plan, amount_or(authorization.held), AuthorizationStatus::reversed);
    case AdviceKind::expire:
      return release(plan, authorization.held, AuthorizationStatus::expired);
    case AdviceKind::set_hold:
      return set_hold(plan, amount_or(authorization.held));
    case AdviceKind::refund:
      return refund(plan, amount_or(authorization.captured - authorization.refunded));
    case AdviceKind::refund_reversal:
      return reverse_refund(plan, amount_or(authorization.refunded), command.processor != Processor::native);
    case AdviceKind::post:
      return post_now(plan, amount_or(0));
    case AdviceKind::adopt:
      return adopt(plan, amount_or(0));
    case AdviceKind::disown:
      return disown(plan);
  }
}

// At one instant: not before the last change of any node concerned, nor before the charge that it changes, which a
// declined request or a verification has too, though it changed no node.
void Ledger::carry_out(Plan& plan, NodeIndex card, Instant now) {
  for (const PlannedChange& each : plan.changes) {
    now = std::max(now, path_through(card, each.budget, now).now);
    if (each.charged_at != kAtDecision) now = std::max(now, each.charged_at);
  }
  plan.outcome.decided_at = now;
  Authorization& authorization = authorizations_[plan.slot];
  if (authorization.decided_at == kNoInstant) authorization.decided_at = now;
  if (authorization.charged_at == kNoInstant || plan.is_first_charge) authorization.charged_at = now;
  add_charge(plan.slot, {plan.added_charge, now, plan.current_budget, authorization.category});
  for (const PlannedChange& each : plan.changes) {
    Path path = path_through(card, each.budget, now);
    const Instant charged_at = each.charged_at == kAtDecision ? now : each.charged_at;
    for (std::size_t i = 0; i < path.length; ++i) {
      if ((each.nodes >> i & 1U) == 0) continue;
      add_to_node(path.nodes[i], each.change, charged_at, each.category, now);
    }
    store(path);
  }
  if (plan.changes.empty()) return;
  const Path path = path_of(card, now);
  if (is_over_limit(path.view(), path.now)) plan.outcome.flags |= AdviceOutcome::kOverLimit;
}

// Takes from what is held, charge by charge, and plans for each part what becomes of it.
void Ledger::take_from_charges(Plan& plan, Minor amount, bool newest_first, bool posts) {
  Authorization& authorization = authorizations_[plan.slot];
  authorization.held -= amount;
  const auto take = [&](Minor part, const Charge& from) {
    amount -= part;
    if (part == 0) return;
    plan.changes.push_back({from.budget, {-part, posts ? part : 0, 0}, from.category, from.at, kAllNodes});
  };
  const auto found = details_.find(plan.slot);
  if (found == details_.end() || found->second.charges.empty()) {
    return take(amount, first_charge(authorization));
  }
  auto& charges = found->second.charges;
  for (std::size_t i = 0; i < charges.size(); ++i) {
    Charge& charge = charges[newest_first ? charges.size() - 1 - i : i];
    const Minor part = std::min(amount, charge.held);
    charge.held -= part;
    take(part, charge);
  }
}

void Ledger::capture(Plan& plan, Minor amount, bool final) {
  Authorization& authorization = authorizations_[plan.slot];
  if (!can_be_captured(authorization)) return post_now(plan, amount);
  const Minor covered = std::min(amount, authorization.held);
  take_from_charges(plan, covered, false, true);
  if (amount > covered) {
    plan.outcome.flags |= AdviceOutcome::kOverCapture;
    plan.changes.push_back(
        {authorization.budget, {0, amount - covered, 0}, authorization.category, authorization.charged_at, kAllNodes});
  }
  if (final) take_from_charges(plan, authorization.held, true, false);
  authorization.captured = saturating_add(authorization.captured, amount);
  authorization.status = authorization.held == 0 ? AuthorizationStatus::closed : AuthorizationStatus::pending;
  plan.outcome.posted = plan.event.amount = amount;
}

// Never refused, whatever the card and its limits say.
void Ledger::post_now(Plan& plan, Minor amount) {
  Authorization& authorization = authorizations_[plan.slot];
  plan.outcome.flags |= AdviceOutcome::kForced;
  if (authorization.status == AuthorizationStatus::declined) begin_anew(plan);
  plan.changes.push_back({plan.current_budget, {0, amount, 0}, authorization.category, kAtDecision, kAllNodes});
  authorization.captured = saturating_add(authorization.captured, amount);
  if (authorization.status != AuthorizationStatus::pending) authorization.status = AuthorizationStatus::closed;
  plan.outcome.posted = plan.event.amount = amount;
}

// `when_empty`: the status when nothing is held any more and nothing was captured.
void Ledger::release(Plan& plan, Minor amount, AuthorizationStatus when_empty) {
  Authorization& authorization = authorizations_[plan.slot];
  if (authorization.status != AuthorizationStatus::pending) return;
  plan.event.amount = std::min(amount, authorization.held);
  take_from_charges(plan, plan.event.amount, true, false);
  if (authorization.held == 0) authorization.status = status_without_hold(authorization, when_empty);
}

// Also of what holds nothing: an approval of nothing does not stand either.
void Ledger::disown(Plan& plan) {
  Authorization& authorization = authorizations_[plan.slot];
  plan.outcome.flags |= AdviceOutcome::kCorrection;
  if (authorization.status == AuthorizationStatus::declined) return;
  plan.event.amount = authorization.held;
  take_from_charges(plan, authorization.held, true, false);
  authorization.status = status_without_hold(authorization, AuthorizationStatus::reversed);
}

void Ledger::set_hold(Plan& plan, Minor amount) {
  Authorization& authorization = authorizations_[plan.slot];
  const bool begins = authorization.status == AuthorizationStatus::declined || authorization.charged_at == kNoInstant;
  if (begins) return amount > 0 ? adopt(plan, amount) : void();
  plan.event.amount = amount;
  if (amount <= authorization.held) {
    take_from_charges(plan, authorization.held - amount, true, false);
  } else {
    const Minor more = amount - authorization.held;
    const auto found = details_.find(plan.slot);
    if (found != details_.end() && !found->second.charges.empty()) found->second.charges.front().held += more;
    authorization.held = amount;
    plan.changes.push_back(
        {authorization.budget, {more, 0, 0}, authorization.category, authorization.charged_at, kAllNodes});
  }
  authorization.status =
      amount > 0 ? AuthorizationStatus::pending : status_without_hold(authorization, AuthorizationStatus::reversed);
}

void Ledger::adopt(Plan& plan, Minor amount) {
  Authorization& authorization = authorizations_[plan.slot];
  plan.outcome.flags |= AdviceOutcome::kCorrection;
  plan.event.amount = amount;
  if (amount == 0) return;
  const bool begins = authorization.status == AuthorizationStatus::declined || authorization.charged_at == kNoInstant;
  if (begins) {
    begin_anew(plan);
    authorization.held = amount;
  } else {
    plan.added_charge = amount;
  }
  authorization.approved = saturating_add(authorization.approved, amount);
  authorization.status = AuthorizationStatus::pending;
  plan.changes.push_back({plan.current_budget, {amount, 0, 0}, authorization.category, kAtDecision, kAllNodes});
}

// What was declined charged nothing: the first charge is the one that comes now.
void Ledger::begin_anew(Plan& plan) {
  if (const auto found = details_.find(plan.slot); found != details_.end()) found->second.charges.clear();
  plan.is_first_charge = true;
  authorizations_[plan.slot].budget = plan.current_budget;
}

// What came before the refund that it reverses: so much of this refund is undone already.
Minor Ledger::reversed_early(Plan& plan, Minor refunded) {
  Minor early = 0;
  for (FollowUp& event : details_[plan.slot].follow_ups) {
    if (!event.is(AdviceKind::refund_reversal)) continue;
    const Minor part = std::min(refunded - early, event.rest);
    event.rest -= part;
    early += part;
  }
  return early;
}

void Ledger::refund(Plan& plan, Minor amount) {
  Authorization& authorization = authorizations_[plan.slot];
  plan.event.amount = amount;
  amount -= reversed_early(plan, amount);
  std::uint16_t restored = 0;
  const Path path = load_path(authorization.card, authorization.budget);
  for (std::size_t i = 0; i < path.length; ++i) {
    if (path.nodes[i].profile->settings.refunds_restore) restored |= static_cast<std::uint16_t>(1U << i);
  }
  if (restored != 0 && amount > 0) {
    plan.changes.push_back({authorization.budget, {0, -amount, 0}, authorization.category, kAtDecision, restored});
  }
  authorization.refunded = saturating_add(authorization.refunded, amount);
  plan.outcome.posted = -amount;
  plan.event.rest = amount;
  plan.event.restored = restored;
  plan.event.category = authorization.category;
  plan.event.budget = authorization.budget;
}

// `may_be_early`: the news of a processor may overtake that of the refund it is about.
void Ledger::reverse_refund(Plan& plan, Minor amount, bool may_be_early) {
  Authorization& authorization = authorizations_[plan.slot];
  Minor left = amount;
  auto& events = details_[plan.slot].follow_ups;
  for (auto event = events.rbegin(); event != events.rend() && left > 0; ++event) {
    if (!event->is(AdviceKind::refund) || event->rest == 0) continue;
    const Minor part = std::min(left, event->rest);
    left -= part;
    event->rest -= part;
    if (event->restored == 0) continue;
    plan.changes.push_back({event->budget, {0, part, 0}, event->category, event->at, event->restored});
  }
  plan.event.amount = plan.outcome.posted = amount - left;
  plan.event.rest = may_be_early ? left : 0;
  authorization.refunded -= amount - left;
}

}  // namespace holdfast::engine
