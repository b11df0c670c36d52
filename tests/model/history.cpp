#include "tests/model/history.h"

#include <algorithm>
#include <chrono>
#include <set>

namespace holdfast::model {

using engine::AdviceKind;
using engine::Advise;
using engine::Authorize;
using engine::Instant;
using engine::kNoNode;
using engine::Limit;
using engine::Minor;
using engine::NodeIndex;
using engine::NodeStatus;
using engine::WindowKind;
using engine::ZoneRules;

namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::sys_days;
using std::chrono::year;

constexpr std::size_t kBudgetsMost = 12;
constexpr std::size_t kCardsMost = 10;
constexpr std::size_t kRecent = 12;

std::string_view interned(const std::string& text) {
  static std::set<std::string> all;
  return *all.insert(text).first;
}

// The last winter of 2025 to the first of 2027, by the rule of the second Sunday in March and the first in November.
ZoneRules new_york() {
  const auto at = [](int y, int m, int d, int hour) { return Instant{sys_days{year{y} / m / d}} + hours{hour}; };
  return {"America/New_York",
          -18000,
          {{at(2026, 3, 8, 7), -14400}, {at(2026, 11, 1, 6), -18000}, {at(2027, 3, 14, 7), -14400}}};
}

// Half an hour off the others, and its day begins while clocks change.
ZoneRules lord_howe() {
  const auto at = [](int y, int m, int d, int hour) { return Instant{sys_days{year{y} / m / d}} + hours{hour}; };
  return {"Australia/Lord_Howe",
          39600,
          {{at(2026, 4, 4, 15), 37800}, {at(2026, 10, 3, 15) + milliseconds(1'800'000), 39600}}};
}

const Instant kStart = Instant{sys_days{year{2026} / 3 / 6}} + hours{20};

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  std::vector<Step> play(std::size_t steps) {
    add(engine::DefineZone{new_york()});
    add(engine::DefineZone{lord_howe()});
    for (std::uint64_t budgets = pick(kBudgetsMost + 1); budgets > 0; --budgets)
      create_budget();
    for (std::uint64_t cards = 2 + pick(3); cards > 0; --cards)
      create_card();
    while (steps_.size() < steps) {
      pass_time();
      one_step();
    }
    return std::move(steps_);
  }

 private:
  // What an authorization or a message about it is sent again for.
  struct Sent {
    std::size_t step = 0;
    NodeIndex card = kNoNode;
    engine::AuthorizationRequest request;
  };
  struct Place {
    engine::NodeSettings settings;
    std::size_t depth = 0;
  };

  std::uint64_t pick(std::uint64_t below) { return random_() % below; }
  bool one_in(std::uint64_t chances) { return pick(chances) == 0; }
  template <class Values>
  auto one_of(const Values& values) {
    return *(std::begin(values) + static_cast<std::ptrdiff_t>(pick(std::size(values))));
  }

  Step& add(engine::Command command) {
    Step step;
    step.number = steps_.size() + 1;
    step.now = now_;
    step.command = std::move(command);
    steps_.push_back(std::move(step));
    return steps_.back();
  }

  // ---- Time

  // Mostly some seconds; sometimes over the ends of windows, or to just before, at and after one; sometimes back.
  void pass_time() {
    const std::uint64_t dice = pick(1000);
    if (dice < 300) return;
    if (dice < 800) {
      now_ += milliseconds(pick(4'000));
    } else if (dice < 900) {
      now_ += milliseconds(pick(200'000));
    } else if (dice < 930) {
      now_ += milliseconds(pick(20'000'000));
    } else if (dice < 950) {
      constexpr WindowKind kFixed[] = {WindowKind::hour, WindowKind::hour, WindowKind::day, WindowKind::day,
                                       WindowKind::week};
      go_to(engine::window_at(one_of(kFixed), now_, one_of(zones_), engine::Weekday::monday).end);
    } else if (dice < 958) {
      wait_for_breaker();
    } else if (dice < 961) {
      const auto part = milliseconds(one_of(kRolling) * 1000 / 60);
      go_to(now_ - now_.time_since_epoch() % part + part);
    } else if (dice < 965) {
      now_ += hours(pick(60));
    } else if (dice < 967) {
      now_ += hours(24 * 7 + pick(48));
    } else if (dice == 967 && one_in(5)) {
      go_to(engine::window_at(one_in(3) ? WindowKind::year : WindowKind::month, now_, one_of(zones_), {}).end);
    } else if (dice < 985) {
      now_ -= milliseconds(pick(one_in(10) ? 100'000'000 : 600'000));
    }
  }
  // To where what the breaker of the last card saw is just too old, or its cooldown ends; and then the same again.
  void wait_for_breaker() {
    const auto card = sent_.empty() ? cards_.end() : cards_.find(sent_.back().card);
    if (card == cards_.end()) return;
    const engine::LoopBreaker& breaker = card->second.settings.loop_breaker;
    now_ += std::chrono::seconds(one_in(3) ? breaker.cooldown_seconds : breaker.seconds);
    if (one_in(4)) now_ += milliseconds(static_cast<std::int64_t>(pick(3)) - 1);
    same_again_ = true;
  }
  void go_to(Instant at) { now_ = at + milliseconds(static_cast<std::int64_t>(pick(3)) - 1); }

  // ---- Nodes

  Limit limit(bool is_card) {
    Limit limit;
    limit.form = one_in(4) ? Limit::Form::count : Limit::Form::amount;
    const bool is_count = limit.form == Limit::Form::count;
    limit.window = static_cast<WindowKind>(is_count ? 1 + pick(7) : pick(8));
    const std::int64_t width = limit.window == WindowKind::authorization ? 1 : 1 + static_cast<std::int64_t>(pick(6));
    limit.value = is_count ? width * static_cast<std::int64_t>(pick(5)) : width * static_cast<std::int64_t>(pick(400));
    if (limit.window == WindowKind::lifetime) limit.value *= 20;
    if (!is_card) limit.value *= 3;
    if (limit.window == WindowKind::rolling) limit.rolling_seconds = static_cast<std::uint32_t>(one_of(kRolling));
    if (one_in(4)) limit.categories.push_back({5000, 5100});
    if (one_in(8)) limit.categories.push_back({6011, 6011});
    return limit;
  }

  engine::Controls controls(bool is_card) {
    engine::Controls controls;
    if (one_in(20)) controls.allowed_categories = {{5000, 5999}, {6011, 6011}};
    if (one_in(16)) controls.blocked_categories = {{5411, 5411}};
    if (one_in(25)) controls.allowed_countries = {{840}, {250}};
    if (one_in(16)) controls.blocked_countries = {{276}};
    if (one_in(25)) controls.allowed_merchants = {"m_0", "m_1", ""};
    if (one_in(16)) controls.blocked_merchants = {"m_3"};
    controls.cash = !one_in(12);
    if (!is_card) return controls;
    controls.partial_approval = !one_in(4);
    controls.merchant_lock = one_in(10);
    constexpr engine::CheckPolicy kPolicies[] = {engine::CheckPolicy::ignore, engine::CheckPolicy::decline_on_mismatch,
                                                 engine::CheckPolicy::require_match};
    if (one_in(8)) controls.cvc = kPolicies[pick(3) % (one_in(5) ? 3 : 2)];
    if (one_in(8)) controls.expiry = kPolicies[pick(2)];
    if (one_in(8)) controls.address = kPolicies[pick(2)];
    return controls;
  }

  engine::LoopBreaker breaker() {
    engine::LoopBreaker breaker;
    breaker.declines = static_cast<std::uint16_t>(one_in(4) ? 0 : 2 + pick(4));
    breaker.repeats = static_cast<std::uint16_t>(one_in(4) ? 0 : 2 + pick(4));
    breaker.seconds = static_cast<std::uint32_t>(one_of(kBreakerSeconds));
    breaker.cooldown_seconds = static_cast<std::uint32_t>(one_of(kBreakerSeconds));
    return breaker.present() ? breaker : engine::LoopBreaker{};
  }

  // What may change, but for the calendar and the place.
  void set_rules(engine::NodeSettings& settings, bool is_card) {
    settings.label = "node " + std::to_string(pick(100));
    if (one_in(3) || settings.limits.empty()) {
      settings.limits.clear();
      for (std::uint64_t n = one_in(10) ? 8 : pick(4); n > 0; --n)
        settings.limits.push_back(limit(is_card));
    } else if (one_in(2)) {
      for (Limit& each : settings.limits)
        each.value += static_cast<std::int64_t>(pick(100)) - std::min<std::int64_t>(each.value, 50);
      std::rotate(settings.limits.begin(), settings.limits.begin() + 1, settings.limits.end());
    } else if (settings.limits.size() < engine::kLimitsMax) {
      settings.limits.insert(settings.limits.begin(), limit(is_card));
    }
    settings.controls = controls(is_card);
    settings.refunds_restore = one_in(3);
    if (!is_card) return;
    settings.max_authorizations = static_cast<std::uint32_t>(one_in(20) ? 1 + pick(8) : 0);
    settings.loop_breaker = one_in(3) ? breaker() : settings.loop_breaker;
    settings.expires_at.reset();
    if (one_in(40)) settings.expires_at = now_ + milliseconds(pick(40'000'000));
  }

  NodeIndex some_budget() {
    if (budgets_.empty() || one_in(5)) return kNoNode;
    return std::next(budgets_.begin(), static_cast<std::ptrdiff_t>(pick(budgets_.size())))->first;
  }
  NodeIndex some_card() { return std::next(cards_.begin(), static_cast<std::ptrdiff_t>(pick(cards_.size())))->first; }

  Place new_place(NodeIndex parent) {
    Place place;
    place.settings.parent = parent;
    set_calendar(place.settings);
    return place;
  }

  // Without a zone of its own, a node has that of the budget above, wherever it is moved.
  void set_calendar(engine::NodeSettings& settings) {
    settings.week_start = static_cast<engine::Weekday>(pick(7));
    settings.time_zone = one_in(3) ? std::string() : one_of(zones_).name;
  }

  engine::NodeIdentity identity(NodeIndex node) {
    engine::NodeIdentity identity;
    identity.id = {0x0190'0000'0000'0000ULL + node, node};
    identity.created_at = now_;
    identity.currency = {840};
    return identity;
  }

  void create_budget() {
    NodeIndex parent = some_budget();
    // Deep trees: mostly below the last one.
    if (!budgets_.empty() && !one_in(3)) parent = budgets_.rbegin()->first;
    const std::size_t depth = parent == kNoNode ? 1 : budgets_.at(parent).depth + 1;
    if (depth > engine::kBudgetDepthMax) parent = kNoNode;
    const auto node = static_cast<NodeIndex>(engine::kBudgetBit | (budgets_.size() + 1));
    Place place = new_place(parent);
    place.depth = parent == kNoNode ? 1 : depth;
    if (one_in(2)) set_rules(place.settings, false);
    budgets_[node] = place;
    add(engine::CreateNode{node, identity(node), place.settings});
  }

  void create_card() {
    const auto node = static_cast<NodeIndex>(++cards_made_);
    Place place = new_place(some_budget());
    set_rules(place.settings, true);
    engine::CreateNode create{node, identity(node), place.settings};
    if (one_in(20)) {
      create.identity.expiry_month = static_cast<std::uint8_t>(3 + pick(3));
      create.identity.expiry_year = 2026;
    }
    cards_[node] = place;
    if (cards_.size() > kCardsMost) cards_.erase(cards_.begin());
    add(create);
  }

  void change() {
    const bool is_card = budgets_.empty() || !one_in(3);
    const NodeIndex node =
        is_card ? some_card() : std::next(budgets_.begin(), static_cast<std::ptrdiff_t>(pick(budgets_.size())))->first;
    Place& place = is_card ? cards_.at(node) : budgets_.at(node);
    if (one_in(2)) set_rules(place.settings, is_card);
    if (one_in(4)) set_calendar(place.settings);
    if (is_card && one_in(2)) place.settings.parent = some_budget();
    add(engine::ChangeNode{node, place.settings});
  }

  void set_status() {
    const bool is_card = budgets_.empty() || !one_in(4);
    const NodeIndex node = is_card ? some_card() : some_budget();
    if (node == kNoNode) return;
    if (!frozen_.empty() && !one_in(4)) {
      add(engine::SetNodeStatus{*frozen_.begin(), NodeStatus::active});
      frozen_.erase(frozen_.begin());
    } else if (is_card && one_in(6)) {
      add(engine::SetNodeStatus{node, NodeStatus::closed});
    } else {
      add(engine::SetNodeStatus{node, NodeStatus::frozen});
      frozen_.insert(node);
    }
  }

  // ---- Requests and what follows

  engine::Merchant merchant() {
    constexpr engine::CategoryCode kCategories[] = {5411, 5050, 5050, 5734, 6011, engine::kNoCategory};
    constexpr std::uint16_t kCountries[] = {840, 840, 250, 276, 0};
    const std::uint64_t number = pick(6);
    engine::Merchant merchant;
    merchant.id = number == 5 ? std::string_view{} : interned("m_" + std::to_string(number % 4));
    merchant.name = "Shop";
    merchant.category = one_of(kCategories);
    merchant.country = {one_of(kCountries)};
    return merchant;
  }

  Minor small_amount() {
    constexpr Minor kUsual[] = {1, 5, 10, 20, 50, 100, 250};
    return one_in(3) ? static_cast<Minor>(pick(300)) : one_of(kUsual);
  }

  engine::AuthorizationRequest request() {
    engine::AuthorizationRequest request;
    request.processor = one_in(2) ? engine::Processor::native : engine::Processor::stripe;
    request.authorization_id = interned("a-" + std::to_string(steps_.size()));
    request.amount = one_in(25) ? 0 : small_amount();
    request.currency = {static_cast<std::uint16_t>(one_in(60) ? 978 : 840)};
    if (one_in(20)) request.cash_amount = std::min<Minor>(request.amount, small_amount());
    request.partial_approval = one_in(5);
    request.merchant = merchant();
    if (one_in(10)) request.verification.cvc = static_cast<engine::Check>(pick(3));
    if (one_in(10)) request.verification.postal_code = static_cast<engine::Check>(pick(3));
    if (one_in(200)) request.amount = std::numeric_limits<Minor>::max() - static_cast<Minor>(pick(3));
    return request;
  }

  const Sent& some_sent() {
    const std::size_t recent = one_in(8) ? sent_.size() : std::min(sent_.size(), kRecent);
    return sent_[sent_.size() - 1 - pick(recent)];
  }

  void authorize() {
    Sent sent{steps_.size() + 1, one_in(300) ? kNoNode : some_card(), request()};
    if (!sent_.empty() && (same_again_ || one_in(4))) {  // as software does that is stuck
      const Sent& last = sent_.back();
      sent.card = last.card;
      sent.request.amount = last.request.amount;
      sent.request.merchant = last.request.merchant;
    }
    if (!sent_.empty() && one_in(6)) {
      const Sent& earlier = some_sent();
      sent.request.authorization_id = earlier.request.authorization_id;
      sent.request.processor = earlier.request.processor;
      sent.request.incremental = !one_in(4);
      if (!one_in(12)) sent.card = earlier.card;
    }
    sent_.push_back(sent);
    add(Authorize{sent.card, sent.request}).asks_first = one_in(4);
  }

  void withdraw() {
    if (sent_.empty()) return;
    const Sent& sent = sent_[sent_.size() - 1 - pick(std::min<std::size_t>(sent_.size(), 5))];
    Step& step = add(engine::Withdraw{sent.card, sent.request.processor, sent.request.authorization_id, 0, {}, {}});
    step.withdraws = one_in(10) ? 0 : sent.step;
  }

  void advise() {
    if (sent_.empty()) return;
    const Sent& sent = some_sent();
    Advise advice;
    advice.card = sent.card == kNoNode ? some_card() : sent.card;
    advice.processor = sent.request.processor;
    advice.authorization_id = sent.request.authorization_id;
    constexpr AdviceKind kKinds[] = {AdviceKind::capture,         AdviceKind::capture, AdviceKind::capture,
                                     AdviceKind::reverse,         AdviceKind::reverse, AdviceKind::expire,
                                     AdviceKind::set_hold,        AdviceKind::refund,  AdviceKind::refund,
                                     AdviceKind::refund_reversal, AdviceKind::post,    AdviceKind::adopt,
                                     AdviceKind::disown};
    advice.kind = one_of(kKinds);
    const bool needs_amount =
        advice.kind == AdviceKind::set_hold || advice.kind == AdviceKind::adopt || advice.kind == AdviceKind::post;
    advice.amount = !needs_amount && one_in(3) ? engine::kAll : one_in(10) ? 0 : small_amount();
    advice.final = one_in(2);
    advice.merchant = merchant();
    if (one_in(2)) advice.told = now_ - milliseconds(pick(one_in(3) ? 10'000'000 : 3'000));
    if (one_in(20)) advice.authorization_id = interned("x-" + std::to_string(steps_.size()));
    Step& step = add(advice);
    step.by_key = advice.kind == AdviceKind::expire && one_in(2);
  }

  void one_step() {
    if (same_again_) {
      authorize();
      same_again_ = false;
      return;
    }
    const std::uint64_t dice = pick(1000);
    if (dice < 12) return create_card();
    if (dice < 14 && budgets_.size() < kBudgetsMost) return create_budget();
    if (dice < 40) return change();
    if (dice < 60) return set_status();
    if (dice < 90) return withdraw();
    if (dice < 95) {
      add(engine::NoteEvent{"some.event", "a-1"});
      return;
    }
    if (dice < 350) return advise();
    authorize();
  }

  static constexpr std::int64_t kRolling[] = {60, 61, 100, 3600, 86'400, 7 * 86'400 + 1, 31 * 86'400};
  static constexpr std::int64_t kBreakerSeconds[] = {1, 2, 10, 60, 600, 7200};

  std::mt19937_64 random_;
  Instant now_ = kStart;
  std::vector<ZoneRules> zones_{engine::utc(), new_york(), lord_howe()};
  std::map<NodeIndex, Place> cards_;
  std::map<NodeIndex, Place> budgets_;
  std::size_t cards_made_ = 0;
  std::set<NodeIndex> frozen_;
  bool same_again_ = false;
  std::vector<Sent> sent_;
  std::vector<Step> steps_;
};

}  // namespace

std::vector<Step> random_history(std::uint64_t seed, std::size_t steps) {
  return Generator(seed).play(steps);
}

}  // namespace holdfast::model
