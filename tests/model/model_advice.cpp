// What the messages after the decision do in the model.
#include <algorithm>

#include "tests/model/model.h"

namespace holdfast::model {

using engine::AdviceKind;
using engine::AdviceOutcome;
using engine::Advise;
using engine::AuthorizationStatus;
using engine::Instant;
using engine::kAll;
using engine::kNoInstant;
using engine::Limit;
using engine::Minor;
using engine::NodeIndex;
using engine::WindowKind;

namespace {

std::vector<NodeIndex> nodes_of(const Places& places) {
  std::vector<NodeIndex> nodes;
  for (const auto& place : places)
    nodes.push_back(place.first);
  return nodes;
}

// Of an authorization that nobody has heard of: whether the advice makes one.
bool makes_one(const Advise& command) {
  const bool moves_money =
      command.kind == AdviceKind::capture || command.kind == AdviceKind::post || command.kind == AdviceKind::refund;
  const bool holds_money = command.kind == AdviceKind::adopt || command.kind == AdviceKind::set_hold;
  return moves_money || (holds_money && command.amount > 0);
}

AuthorizationStatus without_hold(const Authorization& authorization, AuthorizationStatus when_nothing_captured) {
  return authorization.captured == 0 ? when_nothing_captured : AuthorizationStatus::closed;
}

AdviceOutcome with_state(AdviceOutcome outcome, const Authorization& authorization) {
  outcome.status = authorization.status;
  outcome.held = authorization.held;
  outcome.captured = authorization.captured;
  outcome.refunded = authorization.refunded;
  outcome.authorized_at = authorization.decided_at;
  return outcome;
}

}  // namespace

AdviceOutcome Model::advise(const Advise& command, Instant now) {
  const Name name{command.card, command.processor, std::string(command.authorization_id)};
  const Authorization* before = find(name, now);
  AdviceOutcome nothing;
  nothing.decided_at = nothing.authorized_at = now;
  if (before == nullptr && !makes_one(command)) {
    nothing.flags = AdviceOutcome::kUnknown;
    return nothing;
  }
  if (before != nullptr && command.told != kNoInstant && command.told < before->told) {
    nothing.flags = AdviceOutcome::kOvertaken;
    return with_state(nothing, *before);
  }
  if (before == nullptr) {
    Authorization created;
    created.category = command.merchant.category;
    created.status = AuthorizationStatus::closed;
    authorizations_[name] = created;
  }
  Authorization& authorization = authorizations_.at(name);
  if (command.told != kNoInstant) authorization.told = command.told;
  const Minor held_before = authorization.held;
  Advised advised{command, authorization};
  carry_out(advised);
  const Instant at = time_of(advised.changed, std::max(now, advised.not_before));
  for (const auto& change : advised.changes)
    change(at);
  touch(advised.changed, at);
  if (before == nullptr) {
    advised.outcome.flags |= AdviceOutcome::kCreated;
    authorization.decided_at = at;
    // What comes later and belongs to the beginning belongs here.
    if (authorization.charges.empty()) {
      authorization.charges.push_back(charge(path_of(command.card), at, authorization.category, {}));
    }
  }
  advised.outcome.released = held_before - authorization.held;
  advised.outcome.decided_at = at;
  if (!advised.changed.empty() && is_over_limit(command.card, at)) advised.outcome.flags |= AdviceOutcome::kOverLimit;
  return with_state(advised.outcome, authorization);
}

void Model::carry_out(Advised& advised) {
  const Authorization& authorization = advised.authorization;
  const auto amount_or = [&](Minor all) {
    return advised.command.amount == kAll ? std::max<Minor>(all, 0) : advised.command.amount;
  };
  switch (advised.command.kind) {
    case AdviceKind::capture:
      return capture(advised);
    case AdviceKind::reverse:
      return release(advised, amount_or(authorization.held), AuthorizationStatus::reversed);
    case AdviceKind::expire:
      return release(advised, authorization.held, AuthorizationStatus::expired);
    case AdviceKind::set_hold:
      return set_hold(advised, advised.command.amount);
    case AdviceKind::refund:
      return refund(advised, amount_or(authorization.captured - authorization.refunded));
    case AdviceKind::refund_reversal:
      return undo_refunds(advised, amount_or(authorization.refunded));
    case AdviceKind::post:
      return post(advised, advised.command.amount);
    case AdviceKind::adopt:
      return adopt(advised, advised.command.amount);
    case AdviceKind::disown:
      return disown(advised);
  }
}

void Model::plan_change(Advised& advised, const Charge& charge, Minor held, Minor posted) {
  for (const NodeIndex node : nodes_of(charge.places))
    advised.changed.push_back(node);
  if (bend_ != Bend::clock_goes_back) advised.not_before = std::max(advised.not_before, charge.at);
  advised.changes.push_back([this, charge, held, posted](Instant) { change_charge(charge, held, posted); });
}

// On the path that the card has now. `is_charge`: a hold of the authorization; otherwise a posting.
void Model::plan_charge_now(Advised& advised, const Sum& sum, bool is_charge) {
  std::vector<NodeIndex> path = path_of(advised.command.card);
  if (!is_charge && bend_ == Bend::forced_spares_budgets) path.resize(1);
  advised.changed.insert(advised.changed.end(), path.begin(), path.end());
  Authorization* authorization = &advised.authorization;
  advised.changes.push_back([=, this](Instant at) {
    const Charge made = charge(path, at, authorization->category, sum);
    if (is_charge) authorization->charges.push_back(made);
  });
}

// Takes `amount`, which is not more than is held, off the charges.
void Model::take(Advised& advised, Minor amount, bool oldest_first, bool to_posted) {
  Authorization& authorization = advised.authorization;
  if (to_posted ? bend_ == Bend::captured_from_newest : bend_ == Bend::released_from_oldest) {
    oldest_first = !oldest_first;
  }
  authorization.held -= amount;
  const std::size_t all = authorization.charges.size();
  for (std::size_t i = 0; i < all; ++i) {
    Charge& each = authorization.charges[oldest_first ? i : all - 1 - i];
    const Minor part = std::min(amount, each.held);
    if (part == 0) continue;
    amount -= part;
    each.held -= part;
    plan_change(advised, each, -part, to_posted ? part : 0);
  }
}

void Model::capture(Advised& advised) {
  Authorization& authorization = advised.authorization;
  const Minor amount = advised.command.amount == kAll ? authorization.held : advised.command.amount;
  const bool has_or_had_hold = authorization.status == AuthorizationStatus::pending ||
                               (authorization.status == AuthorizationStatus::closed && authorization.captured > 0);
  if (!has_or_had_hold) return post(advised, amount);
  const Minor covered = std::min(amount, authorization.held);
  take(advised, covered, true, true);
  if (amount > covered) {
    advised.outcome.flags |= AdviceOutcome::kOverCapture;
    plan_change(advised, authorization.charges.front(), 0, amount - covered);
  }
  if (advised.command.final) take(advised, authorization.held, false, false);
  authorization.captured += amount;
  authorization.status = authorization.held > 0 ? AuthorizationStatus::pending : AuthorizationStatus::closed;
  advised.outcome.posted = amount;
}

void Model::release(Advised& advised, Minor amount, AuthorizationStatus when_empty) {
  Authorization& authorization = advised.authorization;
  if (authorization.status != AuthorizationStatus::pending) return;
  take(advised, std::min(amount, authorization.held), false, false);
  if (authorization.held > 0) return;
  authorization.status = without_hold(authorization, when_empty);
  if (bend_ != Bend::count_given_back) return;
  for (const Charge& each : authorization.charges) {
    for (const auto& [node, entry] : each.places)
      nodes_.at(node).entries[entry].sum.count = 0;
  }
}

void Model::disown(Advised& advised) {
  Authorization& authorization = advised.authorization;
  advised.outcome.flags |= AdviceOutcome::kCorrection;
  if (authorization.status == AuthorizationStatus::declined) return;
  take(advised, authorization.held, false, false);
  authorization.status = without_hold(authorization, AuthorizationStatus::reversed);
}

void Model::set_hold(Advised& advised, Minor amount) {
  Authorization& authorization = advised.authorization;
  // Declined, or heard of for the first time: there is no hold to set.
  if (authorization.status == AuthorizationStatus::declined || authorization.charges.empty()) {
    if (amount > 0) adopt(advised, amount);
    return;
  }
  if (amount <= authorization.held) {
    take(advised, authorization.held - amount, false, false);
  } else {
    const Minor more = amount - authorization.held;
    authorization.held = amount;
    authorization.charges.front().held += more;
    plan_change(advised, authorization.charges.front(), more, 0);
  }
  authorization.status =
      amount > 0 ? AuthorizationStatus::pending : without_hold(authorization, AuthorizationStatus::reversed);
}

void Model::adopt(Advised& advised, Minor amount) {
  Authorization& authorization = advised.authorization;
  advised.outcome.flags |= AdviceOutcome::kCorrection;
  if (amount == 0) return;
  if (authorization.status == AuthorizationStatus::declined) authorization.charges.clear();
  authorization.approved += amount;
  authorization.held += amount;
  authorization.status = AuthorizationStatus::pending;
  plan_charge_now(advised, {amount, 0, 0}, true);
}

// Never refused, whatever the card and its limits say.
void Model::post(Advised& advised, Minor amount) {
  Authorization& authorization = advised.authorization;
  advised.outcome.flags |= AdviceOutcome::kForced;
  // What was declined charged nothing: this is the first charge.
  const bool is_first = authorization.status == AuthorizationStatus::declined;
  if (is_first) authorization.charges.clear();
  plan_charge_now(advised, {0, amount, 0}, is_first);
  authorization.captured += amount;
  if (authorization.status != AuthorizationStatus::pending) authorization.status = AuthorizationStatus::closed;
  advised.outcome.posted = amount;
}

// Money that comes back re-arms only those nodes that say so.
void Model::refund(Advised& advised, Minor amount) {
  Authorization& authorization = advised.authorization;
  const Minor undone = std::min(amount, authorization.reversed_early);
  authorization.reversed_early -= undone;
  amount -= undone;
  const auto path =
      authorization.charges.empty() ? path_of(advised.command.card) : nodes_of(authorization.charges.front().places);
  std::vector<NodeIndex> restoring;
  for (const NodeIndex node : path) {
    if (nodes_.at(node).settings.refunds_restore || bend_ == Bend::refund_restores_all) restoring.push_back(node);
  }
  authorization.refunded += amount;
  authorization.refunds.push_back({amount, engine::kNoInstant, path, {}});
  advised.outcome.posted = -amount;
  if (restoring.empty() || amount == 0) return;
  advised.changed.insert(advised.changed.end(), path.begin(), path.end());
  advised.changes.push_back([=, this, &authorization](Instant at) {
    authorization.refunds.back().at = at;
    authorization.refunds.back().places = charge(restoring, at, authorization.category, {0, -amount, 0}).places;
  });
}

// Undoes refunds, the newest first: each part goes back to just the nodes that its refund changed.
void Model::undo_refunds(Advised& advised, Minor amount) {
  Authorization& authorization = advised.authorization;
  for (auto each = authorization.refunds.rbegin(); each != authorization.refunds.rend() && amount > 0; ++each) {
    const Minor part = std::min(amount, each->rest);
    each->rest -= part;
    amount -= part;
    advised.outcome.posted += part;
    if (part == 0 || each->places.empty()) continue;
    advised.changed.insert(advised.changed.end(), each->path.begin(), each->path.end());
    advised.not_before = std::max(advised.not_before, each->at);
    advised.changes.push_back([this, places = each->places, part](Instant) {
      change_charge({0, {}, places}, 0, part);
    });
  }
  authorization.refunded -= advised.outcome.posted;
  if (advised.command.processor != engine::Processor::native) authorization.reversed_early += amount;
}

bool Model::is_over_limit(NodeIndex card, Instant now) const {
  const auto path = path_of(card);
  const Instant at = time_of(path, now);
  for (const NodeIndex node : path) {
    const auto& limits = nodes_.at(node).settings.limits;
    for (std::size_t i = 0; i < limits.size(); ++i) {
      const bool of_a_window = limits[i].form == Limit::Form::amount && limits[i].window != WindowKind::authorization;
      if (of_a_window && limit_of(node, i, at).used() > limits[i].value) return true;
    }
  }
  return false;
}

}  // namespace holdfast::model
