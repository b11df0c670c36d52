#include "engine/decide.h"

#include <algorithm>
#include <limits>

#include "engine/breaker.h"

namespace holdfast::engine {
namespace {

template <class Entry, class Value, class Matches>
bool refused(const std::vector<Entry>& allowed, const std::vector<Entry>& blocked, const Value& value,
             Matches matches) {
  const auto hit = [&](const Entry& entry) { return matches(entry, value); };
  if (std::any_of(blocked.begin(), blocked.end(), hit)) return true;
  return !allowed.empty() && std::none_of(allowed.begin(), allowed.end(), hit);
}

bool merchant_refused(const PathNode& node, const Merchant& merchant) {
  const NodeProfile& profile = *node.profile;
  if (profile.layout.merchant_lock != CounterLayout::kNone) {
    const ConstWords lock = node.counters.subspan(profile.layout.merchant_lock);
    if (is_locked(lock) && locked_merchant(lock) != merchant.id) return true;
  }
  const Controls& controls = profile.settings.controls;
  return refused(controls.allowed_merchants, controls.blocked_merchants, merchant.id,
                 [](const std::string& entry, std::string_view id) { return entry == id; });
}

// Semantics, "Controls": cash means these categories, or a cash part of the amount.
bool is_cash(const AuthorizationRequest& request) {
  constexpr CategoryCode kCashCategories[] = {6010, 6011, 4829, 6051};
  return request.cash_amount > 0 || std::find(std::begin(kCashCategories), std::end(kCashCategories),
                                              request.merchant.category) != std::end(kCashCategories);
}

bool category_refused(const Controls& controls, const AuthorizationRequest& request) {
  if (!controls.cash && is_cash(request)) return true;
  return refused(controls.allowed_categories, controls.blocked_categories, request.merchant.category,
                 [](CategoryRange range, CategoryCode code) { return range.first <= code && code <= range.last; });
}

bool country_refused(const Controls& controls, Country country) {
  return refused(controls.allowed_countries, controls.blocked_countries, country,
                 [](Country entry, Country value) { return entry == value; });
}

bool check_fails(CheckPolicy policy, Check check) {
  switch (policy) {
    case CheckPolicy::ignore:
      return false;
    case CheckPolicy::decline_on_mismatch:
      return check == Check::mismatch;
    case CheckPolicy::require_match:
      return check != Check::match;
  }
  return false;
}

bool verification_failed(const Controls& controls, const Verification& verification) {
  return check_fails(controls.cvc, verification.cvc) || check_fails(controls.expiry, verification.expiry) ||
         check_fails(controls.address, verification.address_line) ||
         check_fails(controls.address, verification.postal_code);
}

// The first node of the path for which the check fails, if there is one, is the one that declines.
template <class Fails>
bool declined_by_node(Decision& decision, std::span<const PathNode> path, Reason reason, Retryable retryable,
                      Fails&& fails) {
  const auto node = std::find_if(path.begin(), path.end(), fails);
  if (node == path.end()) return false;
  decision.reason = reason;
  decision.retryable = retryable;
  decision.declined_by.node = node->index;
  return true;
}

bool declined_by_breaker(Decision& decision, const PathNode& card, Instant now) {
  if (card.profile->layout.breaker == CounterLayout::kNone) return false;
  const Instant until = breaker_declines_until(card.counters.subspan(card.profile->layout.breaker), now);
  if (until == kNoInstant) return false;
  decision.reason = Reason::loop_breaker;
  decision.retryable = Retryable::after;
  decision.declined_by.node = card.index;
  decision.retry_after = until;
  return true;
}

// Checks 2 to 10: everything that does not depend on the amount. True: one has declined.
bool check_controls(Decision& decision, std::span<const PathNode> path, const AuthorizationRequest& request,
                    Instant now) {
  const auto card = path.first(1);
  const auto has_status = [](NodeStatus status) {
    return [status](const PathNode& node) { return node.profile->status == status; };
  };
  const auto fails = [&](std::span<const PathNode> nodes, Reason reason, auto&& check) {
    const bool changeable = reason == Reason::card_frozen || reason == Reason::verification_failed;
    return declined_by_node(decision, nodes, reason, changeable ? Retryable::with_change : Retryable::never, check);
  };
  return fails(path, Reason::card_closed, has_status(NodeStatus::closed)) ||
         fails(card, Reason::card_expired,
               [&](const PathNode& node) {
                 const auto expiry = expiry_of(node.profile->identity, node.profile->settings);
                 return expiry && now >= *expiry;
               }) ||
         fails(path, Reason::card_frozen, has_status(NodeStatus::frozen)) ||
         fails(card, Reason::currency_mismatch,
               [&](const PathNode& node) { return request.currency != node.profile->identity.currency; }) ||
         fails(card, Reason::verification_failed,
               [&](const PathNode& node) {
                 return verification_failed(node.profile->settings.controls, request.verification);
               }) ||
         fails(path, Reason::merchant_not_allowed,
               [&](const PathNode& node) { return merchant_refused(node, request.merchant); }) ||
         fails(path, Reason::category_not_allowed,
               [&](const PathNode& node) { return category_refused(node.profile->settings.controls, request); }) ||
         fails(path, Reason::country_not_allowed,
               [&](const PathNode& node) {
                 return country_refused(node.profile->settings.controls, request.merchant.country);
               }) ||
         declined_by_breaker(decision, path.front(), now);
}

// What one limit says of a request.
struct LimitCheck {
  Reason reason = Reason::none;
  Minor room = kUnlimited;  // most that this limit would let pass; 0 when a count is used up
};

LimitCheck check_amount(Minor limit, Minor used, bool is_card, Minor amount) {
  const Minor room = room_under(limit, used);
  if (amount <= room) return {Reason::none, room};
  return {is_card ? Reason::card_limit : Reason::budget_limit, room};
}

LimitCheck check_limit(const PathNode& node, std::size_t index, bool is_card, Minor amount, Instant now) {
  const Limit& limit = node.profile->settings.limits[index];
  if (limit.window == WindowKind::authorization) {
    return {amount > limit.value ? Reason::authorization_limit : Reason::none, limit.value};
  }
  const Tally tally = node.tally_of(index, now);
  if (limit.form == Limit::Form::count) {
    return tally.count >= limit.value ? LimitCheck{Reason::count_limit, 0} : LimitCheck{};
  }
  return check_amount(limit.value, tally.used(), is_card, amount);
}

// The checks 11 to 14 over all nodes of the path, gathered.
struct LimitsVerdict {
  Reason reason = Reason::none;  // the smallest, and with it the first limit that gave it, card before ancestors
  DeclinedBy declined_by;
  Minor room = kUnlimited;
  bool count_used_up = false;
  bool waiting_helps = true;  // every limit that failed is one that a later window opens
  bool lifetime_limit = false;
  Instant opens_at = kNoInstant;  // when the last of the windows that failed opens
};

void add_failure(LimitsVerdict& verdict, Reason reason, DeclinedBy by, bool lifetime) {
  if (verdict.reason != Reason::none && reason >= verdict.reason) return;
  verdict.reason = reason;
  verdict.declined_by = by;
  verdict.lifetime_limit = lifetime;
}

// When the limit lets the amount pass if nothing else is charged meanwhile; kNoInstant when waiting does not help.
Instant limit_opens_at(const PathNode& node, std::size_t index, Minor amount, Instant now) {
  const Limit& limit = node.profile->settings.limits[index];
  const std::int64_t needed = limit.form == Limit::Form::count ? 1 : amount;
  if (limit.window == WindowKind::lifetime || limit.window == WindowKind::authorization || needed > limit.value) {
    return kNoInstant;
  }
  if (limit.window != WindowKind::rolling) return window_at(limit.window, now, *node.zone, node.week_start()).end;
  return opens_at(limit, node.counter_of(index), now, limit.value - needed);
}

void check_limit_of(LimitsVerdict& verdict, const PathNode& node, std::size_t index, bool is_card,
                    const AuthorizationRequest& request, Instant now) {
  const Limit& limit = node.profile->settings.limits[index];
  if (!limit.concerns(request.merchant.category)) return;
  const LimitCheck check = check_limit(node, index, is_card, request.amount, now);
  verdict.room = std::min(verdict.room, check.room);
  if (check.reason == Reason::none) return;
  if (check.reason == Reason::count_limit) verdict.count_used_up = true;
  add_failure(verdict, check.reason, {node.index, static_cast<std::int8_t>(index)},
              limit.window == WindowKind::lifetime);
  const Instant opens = limit_opens_at(node, index, request.amount, now);
  if (opens == kNoInstant) verdict.waiting_helps = false;
  verdict.opens_at = std::max(verdict.opens_at, opens);
}

LimitsVerdict check_limits(std::span<const PathNode> path, const AuthorizationRequest& request, Instant now) {
  LimitsVerdict verdict;
  for (const PathNode& node : path) {
    const bool is_card = &node == path.data();
    // Even a node without limits cannot count past 64 bits: its balance is an unwritten lifetime limit.
    const Minor used = node.usage.tally(usage_index(WindowKind::lifetime)).used();
    const LimitCheck countable = check_amount(kUnlimited, used, is_card, request.amount);
    verdict.room = std::min(verdict.room, countable.room);
    if (countable.reason != Reason::none) {
      add_failure(verdict, countable.reason, {node.index, -1}, true);
      verdict.waiting_helps = false;
    }
    for (std::size_t i = 0; i < node.profile->settings.limits.size(); ++i)
      check_limit_of(verdict, node, i, is_card, request, now);
  }
  return verdict;
}

void decline_by_limit(Decision& decision, const LimitsVerdict& verdict) {
  decision.reason = verdict.reason;
  decision.retryable = verdict.waiting_helps ? Retryable::after : Retryable::with_change;
  decision.declined_by = verdict.declined_by;
  decision.lifetime_limit = verdict.lifetime_limit;
  decision.would_approve = verdict.count_used_up ? 0 : verdict.room;
  if (verdict.waiting_helps) decision.retry_after = verdict.opens_at;
}

void approve(Decision& decision, Minor amount) {
  decision.approved_amount = amount;
  decision.held = amount;
}

}  // namespace

ConstWords PathNode::counter_of(std::size_t limit) const {
  return counters.subspan(profile->layout.limits[limit], counter_words(profile->settings.limits[limit]));
}

Tally PathNode::tally_of(std::size_t limit, Instant now) const {
  const Limit& rules = profile->settings.limits[limit];
  if (rules.has_counter()) return tally(rules, counter_of(limit), now, usage.since_of(rules.window));
  return usage.tally(usage_index(rules.window));
}

bool is_over_limit(std::span<const PathNode> path, Instant now) {
  return std::any_of(path.begin(), path.end(), [now](const PathNode& node) {
    const auto& limits = node.profile->settings.limits;
    for (std::size_t i = 0; i < limits.size(); ++i) {
      if (limits[i].form != Limit::Form::amount || limits[i].window == WindowKind::authorization) continue;
      if (node.tally_of(i, now).used() > limits[i].value) return true;
    }
    return false;
  });
}

Decision decide(std::span<const PathNode> path, const AuthorizationRequest& request, Instant now) {
  Decision decision;
  decision.decided_at = now;
  decision.authorized_at = now;
  if (path.empty()) {
    decision.reason = Reason::card_not_found;
    return decision;
  }
  if (check_controls(decision, path, request, now)) return decision;
  if (request.amount == 0) return decision;  // a verification: approved, holds nothing, counts nothing
  const LimitsVerdict verdict = check_limits(path, request, now);
  if (verdict.reason == Reason::none) {
    approve(decision, request.amount);
    return decision;
  }
  const bool partial = request.partial_approval && path.front().profile->settings.controls.partial_approval;
  // A partial approval covers at least the cash that the merchant has to hand over, and something.
  if (partial && !verdict.count_used_up && verdict.room >= std::max<Minor>(request.cash_amount, 1)) {
    approve(decision, verdict.room);
    return decision;
  }
  decline_by_limit(decision, verdict);
  return decision;
}

}  // namespace holdfast::engine
