#include "engine/decide.h"

#include <algorithm>
#include <limits>
#include <optional>

namespace holdfast::engine {
namespace {

constexpr Minor kUnlimited = std::numeric_limits<Minor>::max();

template <class Entry, class Value, class Matches>
bool refused(const std::vector<Entry>& allowed, const std::vector<Entry>& blocked, const Value& value,
             Matches matches) {
  const auto hit = [&](const Entry& entry) { return matches(entry, value); };
  if (std::any_of(blocked.begin(), blocked.end(), hit)) return true;
  return !allowed.empty() && std::none_of(allowed.begin(), allowed.end(), hit);
}

bool merchant_refused(const Controls& controls, const Merchant& merchant) {
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

// A card without a verification policy refuses what the network says does not match.
bool verification_failed(const Verification& verification) {
  return verification.cvc == Check::mismatch || verification.expiry == Check::mismatch;
}

// Checks 1 to 10: everything that does not depend on the amount.
Reason check_card(const NodeProfile* card, const AuthorizationRequest& request, Instant now) {
  if (card == nullptr) return Reason::card_not_found;
  if (card->status == NodeStatus::closed) return Reason::card_closed;
  const auto expiry = expiry_of(card->identity, card->settings);
  if (expiry && now >= *expiry) return Reason::card_expired;
  if (card->status == NodeStatus::frozen) return Reason::card_frozen;
  if (request.currency != card->identity.currency) return Reason::currency_mismatch;
  if (verification_failed(request.verification)) return Reason::verification_failed;
  const Controls& controls = card->settings.controls;
  if (merchant_refused(controls, request.merchant)) return Reason::merchant_not_allowed;
  if (category_refused(controls, request)) return Reason::category_not_allowed;
  if (country_refused(controls, request.merchant.country)) return Reason::country_not_allowed;
  return Reason::none;
}

Retryable retryable_of(Reason reason) {
  switch (reason) {
    case Reason::card_frozen:
    case Reason::verification_failed:
      return Retryable::with_change;
    default:
      return Retryable::never;
  }
}

// What one limit says of a request.
struct LimitCheck {
  Reason reason = Reason::none;
  Minor room = kUnlimited;  // most that this limit would let pass; 0 when a count is used up
};

LimitCheck check_limit(const Limit& limit, const PathNode& node, bool is_card, Minor amount) {
  if (limit.window == WindowKind::authorization) {
    return {amount > limit.value ? Reason::authorization_limit : Reason::none, limit.value};
  }
  const std::size_t index = usage_index(limit.window);
  if (limit.form == Limit::Form::count) {
    const bool full = static_cast<std::int64_t>(node.usage.count[index]) >= limit.value;
    return full ? LimitCheck{Reason::count_limit, 0} : LimitCheck{};
  }
  // Usage may stand above the limit (it was lowered, or the network posted more) or below zero (refunds that restore):
  // what is left is never negative and never more than can be counted.
  const Minor left = checked_subtract(limit.value, node.usage.used(index)).value_or(kUnlimited);
  const Minor room = std::max<Minor>(left, 0);
  if (amount <= room) return {Reason::none, room};
  return {is_card ? Reason::card_limit : Reason::budget_limit, room};
}

// The checks 11 to 14 over all nodes of the path, gathered.
struct LimitsVerdict {
  Reason reason = Reason::none;  // the smallest, and with it the first limit that gave it, card before ancestors
  DeclinedBy declined_by;
  Minor room = kUnlimited;
  bool count_used_up = false;
  bool waiting_helps = true;  // every limit that failed is one that a later window opens
  bool lifetime_limit = false;
  Instant opens_at = kNoInstant;  // when the last of the windows that failed ends
};

void add_failure(LimitsVerdict& verdict, const LimitCheck& check, const Limit& limit, const PathNode& node,
                 std::int8_t index, const AuthorizationRequest& request, Instant now) {
  if (verdict.reason == Reason::none || check.reason < verdict.reason) {
    verdict.reason = check.reason;
    verdict.declined_by = {node.index, index};
    verdict.lifetime_limit = limit.window == WindowKind::lifetime;
  }
  const bool too_large_for_any_window = limit.form == Limit::Form::amount && request.amount > limit.value;
  const bool never_opens = limit.form == Limit::Form::count && limit.value == 0;
  if (limit.window == WindowKind::lifetime || limit.window == WindowKind::authorization || too_large_for_any_window ||
      never_opens) {
    verdict.waiting_helps = false;
    return;
  }
  verdict.opens_at = std::max(verdict.opens_at, window_at(limit.window, now, *node.zone, node.week_start).end);
}

// Even a node without limits cannot count past 64 bits: its balance is an unwritten lifetime limit.
LimitCheck check_countable(const PathNode& node, bool is_card, Minor amount) {
  constexpr Limit kCountable{Limit::Form::amount, WindowKind::lifetime, kUnlimited};
  return check_limit(kCountable, node, is_card, amount);
}

LimitsVerdict check_limits(std::span<const PathNode> path, const AuthorizationRequest& request, Instant now) {
  LimitsVerdict verdict;
  for (const PathNode& node : path) {
    const bool is_card = &node == path.data();
    const LimitCheck countable = check_countable(node, is_card, request.amount);
    verdict.room = std::min(verdict.room, countable.room);
    if (countable.reason != Reason::none) {
      add_failure(verdict, countable, {Limit::Form::amount, WindowKind::lifetime, kUnlimited}, node, -1, request, now);
    }
    for (std::size_t i = 0; i < node.limits->size(); ++i) {
      const Limit& limit = (*node.limits)[i];
      const LimitCheck check = check_limit(limit, node, is_card, request.amount);
      verdict.room = std::min(verdict.room, check.room);
      if (check.reason == Reason::none) continue;
      if (check.reason == Reason::count_limit) verdict.count_used_up = true;
      add_failure(verdict, check, limit, node, static_cast<std::int8_t>(i), request, now);
    }
  }
  return verdict;
}

void decline(Decision& decision, Reason reason, Retryable retryable) {
  decision.reason = reason;
  decision.retryable = retryable;
}

void decline_by_limit(Decision& decision, const LimitsVerdict& verdict) {
  decline(decision, verdict.reason, verdict.waiting_helps ? Retryable::after : Retryable::with_change);
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

Decision decide(const NodeProfile* card, std::span<const PathNode> path, const AuthorizationRequest& request,
                Instant now) {
  Decision decision;
  decision.decided_at = now;
  decision.authorized_at = now;
  if (const Reason reason = check_card(card, request, now); reason != Reason::none) {
    decline(decision, reason, retryable_of(reason));
    if (card != nullptr) decision.declined_by.node = path.front().index;
    return decision;
  }
  if (request.amount == 0) return decision;  // a verification: approved, holds nothing, counts nothing
  const LimitsVerdict verdict = check_limits(path, request, now);
  if (verdict.reason == Reason::none) {
    approve(decision, request.amount);
    return decision;
  }
  const bool partial = request.partial_approval && card->settings.controls.partial_approval;
  // A partial approval covers at least the cash that the merchant has to hand over, and something.
  if (partial && !verdict.count_used_up && verdict.room >= std::max<Minor>(request.cash_amount, 1)) {
    approve(decision, verdict.room);
    return decision;
  }
  decline_by_limit(decision, verdict);
  return decision;
}

}  // namespace holdfast::engine
