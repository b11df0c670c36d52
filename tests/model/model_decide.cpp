// The decisions of the model: the checks in their order, and what a request leaves behind.
#include <algorithm>
#include <array>
#include <chrono>
#include <limits>

#include "tests/model/model.h"

namespace holdfast::model {

using engine::AuthorizationRequest;
using engine::AuthorizationStatus;
using engine::Decision;
using engine::Instant;
using engine::kNoInstant;
using engine::Limit;
using engine::Minor;
using engine::NodeIndex;
using engine::NodeStatus;
using engine::Reason;
using engine::Retryable;
using engine::WindowKind;

namespace {

constexpr Minor kMost = std::numeric_limits<Minor>::max();
constexpr std::size_t kRequestsLookedAt = 128;

template <class List, class Matches>
bool is_refused_by(const List& allowed, const List& blocked, Matches matches) {
  return std::any_of(blocked.begin(), blocked.end(), matches) ||
         (!allowed.empty() && std::none_of(allowed.begin(), allowed.end(), matches));
}

bool check_fails(engine::CheckPolicy policy, engine::Check check) {
  if (policy == engine::CheckPolicy::require_match) return check != engine::Check::match;
  return policy == engine::CheckPolicy::decline_on_mismatch && check == engine::Check::mismatch;
}

bool verification_fails(const engine::Controls& controls, const engine::Verification& given) {
  return check_fails(controls.cvc, given.cvc) || check_fails(controls.expiry, given.expiry) ||
         check_fails(controls.address, given.address_line) || check_fails(controls.address, given.postal_code);
}

bool merchant_refused(const Node& node, const AuthorizationRequest& request) {
  const auto& controls = node.settings.controls;
  const auto is_merchant = [&](const std::string& each) { return each == request.merchant.id; };
  return (node.locked_to && *node.locked_to != request.merchant.id) ||
         is_refused_by(controls.allowed_merchants, controls.blocked_merchants, is_merchant);
}

bool category_refused(const engine::Controls& controls, const AuthorizationRequest& request) {
  const int category = request.merchant.category;
  const bool is_cash =
      request.cash_amount > 0 || category == 6010 || category == 6011 || category == 4829 || category == 6051;
  if (is_cash && !controls.cash) return true;
  return is_refused_by(controls.allowed_categories, controls.blocked_categories,
                       [&](engine::CategoryRange each) { return category >= each.first && category <= each.last; });
}

bool country_refused(const engine::Controls& controls, const AuthorizationRequest& request) {
  return is_refused_by(controls.allowed_countries, controls.blocked_countries,
                       [&](engine::Country each) { return each == request.merchant.country; });
}

bool is_expired(const Node& card, Instant now) {
  const auto expiry = engine::expiry_of(card.identity, card.settings);
  return expiry && now >= *expiry;
}

Retryable retryable_after_control(Reason reason) {
  if (reason == Reason::loop_breaker) return Retryable::after;
  const bool changeable = reason == Reason::card_frozen || reason == Reason::verification_failed;
  return changeable ? Retryable::with_change : Retryable::never;
}

}  // namespace

// ---- Checks 1 to 10

bool Model::refuses(Reason reason, NodeIndex index, bool is_card, const AuthorizationRequest& request,
                    Instant now) const {
  const Node& node = nodes_.at(index);
  switch (reason) {
    case Reason::card_closed:
      return node.status == NodeStatus::closed;
    case Reason::card_expired:
      return is_card && is_expired(node, now);
    case Reason::card_frozen:
      return node.status == NodeStatus::frozen;
    case Reason::currency_mismatch:
      return is_card && request.currency != node.identity.currency;
    case Reason::verification_failed:
      return is_card && verification_fails(node.settings.controls, request.verification);
    case Reason::merchant_not_allowed:
      return merchant_refused(node, request);
    case Reason::category_not_allowed:
      return category_refused(node.settings.controls, request);
    case Reason::country_not_allowed:
      return country_refused(node.settings.controls, request);
    case Reason::loop_breaker:
      return is_card && node.breaker.tripped && now < node.breaker.until;
    default:
      return false;
  }
}

bool Model::declined_by_control(const std::vector<NodeIndex>& path, const AuthorizationRequest& request,
                                Decision& decision) const {
  for (int number = 2; number <= 10; ++number) {
    const auto reason = static_cast<Reason>(number);
    for (const NodeIndex node : path) {
      if (!refuses(reason, node, node == path.front(), request, decision.decided_at)) continue;
      decision.reason = reason;
      decision.retryable = retryable_after_control(reason);
      decision.declined_by.node = node;
      if (reason == Reason::loop_breaker) decision.retry_after = nodes_.at(node).breaker.until;
      return true;
    }
  }
  return false;
}

// ---- Checks 11 to 14

// Whether one more approval of `amount` fits under the limit, beside what is there.
bool Model::fits(const Limit& limit, const Sum& there, Minor amount) const {
  if (limit.form == Limit::Form::count) return there.count + 1 <= limit.value;
  if (bend_ == Bend::equal_declines) return amount < limit.value - there.used();
  return amount <= limit.value - there.used();
}

// When the limit lets the amount pass if nothing else is charged: at the end of the window, or when so much has dropped
// out of a rolling one that it fits. Never, when it would not fit even if nothing were there.
Instant Model::opens_at(NodeIndex node, std::size_t number, Minor amount, Instant now) const {
  const Limit& limit = nodes_.at(node).settings.limits[number];
  const bool never = limit.window == WindowKind::lifetime || limit.window == WindowKind::authorization ||
                     (limit.form == Limit::Form::count ? limit.value < 1 : limit.value < amount);
  if (never) return kNoInstant;
  if (limit.window != WindowKind::rolling) {
    return engine::window_at(limit.window, now, zone_of(node), nodes_.at(node).settings.week_start).end;
  }
  std::vector<Instant> drops;
  for (const Entry* entry : counted_by(node, number, now))
    drops.push_back(drops_out_at(limit, entry->at));
  std::sort(drops.begin(), drops.end());
  const auto opens = std::find_if(drops.begin(), drops.end(),
                                  [&](Instant at) { return fits(limit, limit_of(node, number, at), amount); });
  return opens == drops.end() ? kNoInstant : *opens;
}

void Model::ask_limit(NodeIndex node, std::size_t number, bool is_card, const AuthorizationRequest& request,
                      Instant now, Verdict& verdict) const {
  const Limit& limit = nodes_.at(node).settings.limits[number];
  if (!limit.concerns(request.merchant.category)) return;
  const bool is_count = limit.form == Limit::Form::count;
  const bool alone = limit.window == WindowKind::authorization;
  const Sum there = alone ? Sum{} : limit_of(node, number, now);
  if (!is_count) verdict.room = std::min(verdict.room, std::max<Minor>(limit.value - there.used(), 0));
  if (alone ? request.amount <= limit.value : fits(limit, there, request.amount)) return;
  const Reason reason = alone      ? Reason::authorization_limit
                        : is_count ? Reason::count_limit
                        : is_card  ? Reason::card_limit
                                   : Reason::budget_limit;
  const Instant opens = opens_at(node, number, request.amount, now);
  verdict.failures.push_back(
      {reason, {node, static_cast<std::int8_t>(number)}, limit.window == WindowKind::lifetime, opens});
}

Verdict Model::verdict_of(const std::vector<NodeIndex>& path, const AuthorizationRequest& request, Instant now) const {
  Verdict verdict;
  verdict.room = kMost;
  for (const NodeIndex node : path) {
    const bool is_card = node == path.front();
    // No node can count past 64 bits: a lifetime limit that nobody wrote.
    const Minor countable = kMost - std::max<Minor>(window_of(node, WindowKind::lifetime, now).used(), 0);
    verdict.room = std::min(verdict.room, countable);
    if (request.amount > countable) {
      verdict.failures.push_back({is_card ? Reason::card_limit : Reason::budget_limit, {node, -1}, true, kNoInstant});
    }
    for (std::size_t i = 0; i < nodes_.at(node).settings.limits.size(); ++i)
      ask_limit(node, i, is_card, request, now, verdict);
  }
  return verdict;
}

namespace {

// Waiting helps when it helps with all that failed; then until the last of them opens.
void decline(Decision& decision, const Verdict& verdict) {
  const auto first = std::min_element(verdict.failures.begin(), verdict.failures.end(),
                                      [](const auto& a, const auto& b) { return a.reason < b.reason; });
  decision.reason = first->reason;
  decision.declined_by = first->by;
  decision.lifetime_limit = first->lifetime;
  decision.would_approve = verdict.count_is_used_up() ? 0 : verdict.room;
  decision.retryable = Retryable::after;
  for (const auto& failure : verdict.failures) {
    if (failure.opens == kNoInstant) decision.retryable = Retryable::with_change;
    decision.retry_after = std::max(decision.retry_after, failure.opens);
  }
  if (decision.retryable == Retryable::with_change) decision.retry_after = kNoInstant;
}

}  // namespace

bool Verdict::count_is_used_up() const {
  return std::any_of(failures.begin(), failures.end(),
                     [](const Failure& each) { return each.reason == Reason::count_limit; });
}

Decision Model::decide(NodeIndex card, const AuthorizationRequest& request, Instant now) const {
  const auto path = path_of(card);
  Decision decision;
  decision.decided_at = decision.authorized_at = time_of(path, now);
  if (path.empty()) {
    decision.reason = Reason::card_not_found;
    return decision;
  }
  if (declined_by_control(path, request, decision) || request.amount == 0) return decision;
  const Verdict verdict = verdict_of(path, request, decision.decided_at);
  Minor approved = request.amount;
  if (!verdict.failures.empty()) {
    const bool partial = request.partial_approval && nodes_.at(card).settings.controls.partial_approval;
    const bool enough = verdict.room >= 1 && verdict.room >= request.cash_amount;
    if (!partial || !enough || verdict.count_is_used_up()) {
      decline(decision, verdict);
      return decision;
    }
    approved = verdict.room;
  }
  decision.approved_amount = decision.held = approved;
  return decision;
}

// ---- What a request leaves behind

Decision Model::authorize(const engine::Authorize& command, Instant now) {
  const auto path = path_of(command.card);
  Decision decision = decide(command.card, command.request, now);
  const bool breaker_saw = !path.empty() && tell_breaker(command.card, command.request, decision);
  enter_decision(command, path, decision);
  if (decision.approved_amount > 0) count_approval(command.card, command.request);
  if (decision.approved_amount > 0 || breaker_saw) touch(path, decision.decided_at);
  return decision;
}

// An id that is known and was not declined is added to; otherwise this is its first request.
void Model::enter_decision(const engine::Authorize& command, const std::vector<NodeIndex>& path, Decision& decision) {
  const Name name{command.card, command.request.processor, std::string(command.request.authorization_id)};
  const Authorization* before = find(name, decision.decided_at);
  const engine::CategoryCode category = command.request.merchant.category;
  const Sum sum{decision.approved_amount, 0, decision.approved_amount > 0 ? 1 : 0};
  const bool is_first = before == nullptr || before->status == AuthorizationStatus::declined;
  if (is_first) {
    Authorization first;
    first.decided_at = before == nullptr ? decision.decided_at : before->decided_at;
    if (before != nullptr) {
      first.captured = before->captured;
      first.refunded = before->refunded;
      first.told = before->told;
      first.refunds = before->refunds;
      first.reversed_early = before->reversed_early;
    }
    first.category = category;
    first.reason = decision.reason;
    first.status = !decision.approved()           ? AuthorizationStatus::declined
                   : decision.approved_amount > 0 ? AuthorizationStatus::pending
                                                  : AuthorizationStatus::closed;
    authorizations_[name] = first;
  }
  Authorization& authorization = authorizations_.at(name);
  if (!is_first && decision.approved_amount > 0) {
    const Instant second = std::chrono::floor<std::chrono::seconds>(decision.decided_at);
    authorization.told = std::max(authorization.told, second);
  }
  if (is_first || decision.approved_amount > 0) {
    authorization.charges.push_back(charge(path, decision.decided_at, category, sum));
    authorization.approved += decision.approved_amount;
    authorization.held += decision.approved_amount;
    if (authorization.held > 0) authorization.status = AuthorizationStatus::pending;
  }
  decision.held = authorization.held;
  decision.authorized_at = authorization.decided_at;
}

void Model::count_approval(NodeIndex index, const AuthorizationRequest& request) {
  for (const NodeIndex node : path_of(index))
    ++nodes_.at(node).approvals;
  Node& card = nodes_.at(index);
  if (card.settings.controls.merchant_lock && !card.locked_to) card.locked_to = std::string(request.merchant.id);
  if (card.settings.max_authorizations != 0 && card.approvals >= card.settings.max_authorizations) {
    card.status = NodeStatus::closed;
    ++card.version;
  }
}

// The breaker sees every request that it did not decline itself. While it is tripped and its cooldown has not ended,
// what other checks decline is no try of its half-open state, and what it sees is forgotten with the trip.
bool Model::tell_breaker(NodeIndex index, const AuthorizationRequest& request, Decision& decision) {
  Node& card = nodes_.at(index);
  const engine::LoopBreaker& rules = card.settings.loop_breaker;
  if (!rules.present() || decision.reason == Reason::loop_breaker) return false;
  Breaker& breaker = card.breaker;
  const Instant now = decision.decided_at;
  if (breaker.tripped && now < breaker.until) return false;
  const auto is_recent = [&](Instant at) {
    const Instant edge = now - std::chrono::seconds(rules.seconds);
    return bend_ == Bend::breaker_counts_edge ? at >= edge : at > edge;
  };
  int cause = -1;
  if (breaker.tripped) {
    if (!decision.approved()) cause = 2;
  } else {
    if (rules.repeats != 0) {
      breaker.requests.push_back({std::string(request.merchant.id), request.amount, now});
      const std::size_t all = breaker.requests.size();
      std::size_t same = 0;
      for (std::size_t i = all - std::min(all, kRequestsLookedAt); i < all; ++i) {
        const auto& each = breaker.requests[i];
        if (each.merchant == request.merchant.id && each.amount == request.amount && is_recent(each.at)) ++same;
      }
      if (same >= rules.repeats) cause = 1;
    }
    if (rules.declines != 0 && !decision.approved()) {
      breaker.declines.push_back(now);
      const auto& all = breaker.declines;
      if (all.size() >= rules.declines && is_recent(all[all.size() - rules.declines])) cause = 0;
    }
  }
  if (breaker.tripped || cause >= 0) {
    breaker.declines.clear();
    breaker.requests.clear();
    breaker.tripped = cause >= 0;
  }
  if (cause >= 0) {
    breaker.until = now + std::chrono::seconds(rules.cooldown_seconds);
    breaker.trips.push_back({now, breaker.until, cause});
    decision.tripped = true;
  }
  return true;
}

// The answer left without this decision: what it holds is given back, where it was charged.
engine::WithdrawOutcome Model::withdraw(const engine::Withdraw& command, Instant now) {
  if (!command.decided()) return {0, now};
  const Name name{command.card, command.processor, std::string(command.authorization_id)};
  Authorization& authorization = authorizations_.at(name);
  std::vector<NodeIndex> path = path_of(command.card);
  Minor rest = command.amount;
  Charge* last = nullptr;
  for (std::size_t i = authorization.charges.size(); i-- != 0;) {
    Charge& each = authorization.charges[i];
    if (each.at != command.charged_at) continue;
    if (last == nullptr) last = &each;
    const Minor part = std::min(rest, each.held);
    rest -= part;
    each.held -= part;
    change_charge(each, -part, 0);
  }
  path.clear();
  for (const auto& [node, entry] : (last != nullptr ? last : &authorization.charges.front())->places)
    path.push_back(node);
  engine::WithdrawOutcome outcome{command.amount - rest, time_of(path, now)};
  authorization.held -= outcome.released;
  const bool was_all =
      authorization.approved == command.amount && authorization.held == 0 && authorization.captured == 0;
  if (was_all && (command.amount > 0 || authorization.decided_at == command.charged_at)) {
    authorization.status = AuthorizationStatus::declined;
    authorization.reason = Reason::deadline_exceeded;
  }
  authorization.approved -= command.amount;
  if (outcome.released > 0) touch(path, outcome.decided_at);
  return outcome;
}

}  // namespace holdfast::model
