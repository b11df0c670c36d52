// Random but reproducible histories of commands, and a small world to apply them in.
#pragma once

#include <array>
#include <random>
#include <string>
#include <vector>

#include "engine/record.h"
#include "engine/shards.h"

namespace holdfast::engine::testing {

inline constexpr std::array<std::byte, 16> kSeed{std::byte{1}, std::byte{2}, std::byte{3}};
inline const Instant kStart = std::chrono::sys_days{std::chrono::year{2026} / 3 / 27} + std::chrono::hours{22};

inline ZoneRules test_zone() {
  const Instant spring = std::chrono::sys_days{std::chrono::year{2026} / 3 / 29} + std::chrono::hours{1};
  const Instant autumn = std::chrono::sys_days{std::chrono::year{2026} / 10 / 25} + std::chrono::hours{1};
  return {"Europe/Berlin", 3600, {{spring, 7200}, {autumn, 3600}}};
}

// Records as a journal would hold them: bytes, in sequence order from 1.
using Journal = std::vector<Bytes>;

// Applies commands as the live path does and keeps their records.
class World {
 public:
  explicit World(unsigned shards) : shards_(shards, kSeed, 0, 1024) {}

  Outcome apply(const Command& command, const MessageRef& message, Instant now) {
    if (const auto* create = std::get_if<CreateNode>(&command)) shards_.enter_names(create->node, create->identity);
    const Outcome outcome = shards_.apply(command, now);
    std::array<std::byte, 4096> buffer;
    const auto bytes = encode({now, message, command, outcome, {}}, buffer);
    journal_.emplace_back(bytes.begin(), bytes.end());
    return outcome;
  }
  Shards& shards() { return shards_; }
  const Journal& journal() const { return journal_; }

 private:
  Shards shards_;
  Journal journal_;
};

// Plays a random history of `steps` commands: cards are made, changed, frozen, spent on, increments and withdrawals
// come in, time passes in jumps over hours and days and sometimes steps back.
class History {
 public:
  explicit History(std::uint64_t seed) : random_(seed) {}

  void play(World& world, int steps) {
    now_ = kStart;
    world.apply(DefineZone{test_zone()}, {}, now_);
    for (int step = 0; step < steps; ++step) {
      now_ += std::chrono::milliseconds(pick(20) == 0 ? pick(40'000'000) : pick(2'000));
      if (pick(50) == 0) now_ -= std::chrono::hours(pick(30));
      one_step(world, step);
    }
  }
  Instant now() const { return now_; }

 private:
  struct Sent {
    std::string message;
    std::string authorization;
    NodeIndex card;
    Decision decision;
  };

  std::uint64_t pick(std::uint64_t below) { return random_() % below; }

  void one_step(World& world, int step) {
    const auto dice = pick(100);
    if (cards_ == 0 || dice < 4) return create(world);
    const auto card = static_cast<NodeIndex>(1 + pick(cards_));
    if (dice < 8) return change(world, card);
    if (dice < 12) return set_status(world, card);
    if (dice < 16 && !sent_.empty()) return withdraw(world);
    authorize(world, card, step);
  }

  void create(World& world) {
    CreateNode command;
    command.node = world.shards().nodes().cards.allocate();
    command.identity.id = {0x0190'0000'0000'0000ULL + command.node, command.node};
    command.identity.created_at = now_;
    command.identity.currency = {840};
    command.settings = settings();
    world.apply(command, {}, now_);
    ++cards_;
  }

  NodeSettings settings() {
    NodeSettings settings;
    settings.label = "card " + std::to_string(pick(1000));
    if (pick(2) == 0) settings.time_zone = "Europe/Berlin";
    settings.week_start = static_cast<Weekday>(pick(7));
    for (auto n = pick(4); n > 0; --n) {
      const auto form = static_cast<Limit::Form>(pick(2));
      const auto window = static_cast<WindowKind>(form == Limit::Form::count ? 1 + pick(6) : pick(7));
      settings.limits.push_back(
          {form, window, static_cast<std::int64_t>(form == Limit::Form::count ? pick(20) : pick(9000))});
    }
    if (pick(4) == 0) settings.controls.blocked_categories = {{5000, 5100}};
    if (pick(6) == 0) settings.controls.allowed_countries = {{250}, {276}};
    if (pick(8) == 0) settings.controls.blocked_merchants = {"m_1"};
    return settings;
  }

  void change(World& world, NodeIndex card) { world.apply(ChangeNode{card, settings()}, {}, now_); }

  void set_status(World& world, NodeIndex card) {
    const auto* profile = world.shards().nodes().cards.find(card)->profile.load();
    if (profile->status == NodeStatus::closed) return;
    const auto status = pick(20) == 0 ? NodeStatus::closed : static_cast<NodeStatus>(pick(2));
    world.apply(SetNodeStatus{card, status}, {}, now_);
  }

  void authorize(World& world, NodeIndex card, int step) {
    Sent sent{"msg-" + std::to_string(step), "auth-" + std::to_string(step), card, {}};
    AuthorizationRequest request;
    if (!sent_.empty() && pick(8) == 0) {  // an increment of an earlier one
      const Sent& earlier = sent_[pick(sent_.size())];
      sent.authorization = earlier.authorization;
      sent.card = earlier.card;
      request.incremental = true;
    }
    request.authorization_id = sent.authorization;
    request.processor = Processor::stripe;
    request.amount = pick(30) == 0 ? 0 : static_cast<Minor>(pick(2000));
    request.currency = {static_cast<std::uint16_t>(pick(40) == 0 ? 978 : 840)};
    request.partial_approval = pick(5) == 0;
    const std::string merchant = "m_" + std::to_string(pick(4));
    request.merchant = {merchant, "Shop", static_cast<CategoryCode>(5000 + pick(300)), {250}};
    const Outcome outcome = world.apply(Authorize{sent.card, request}, {"test", sent.message, pick(1000)}, now_);
    sent.decision = std::get<Decision>(outcome);
    sent_.push_back(std::move(sent));
  }

  void withdraw(World& world) {
    if (pick(8) == 0) return withdraw_undecided(world);
    const std::size_t which = pick(sent_.size());
    const Sent sent = sent_[which];
    sent_.erase(sent_.begin() + static_cast<std::ptrdiff_t>(which));
    const Decision& decision = sent.decision;
    world.apply(Withdraw{sent.card, Processor::stripe, sent.authorization, decision.approved_amount,
                         decision.decided_at, decision.authorized_at},
                {"test", sent.message, 0}, now_);
  }

  void withdraw_undecided(World& world) {
    const std::string message = "lost-" + std::to_string(world.journal().size());
    const Sent& other = sent_[pick(sent_.size())];
    world.apply(Withdraw{other.card, Processor::stripe, pick(2) == 0 ? message : other.authorization, 0, {}, {}},
                {"test", message, pick(1000)}, now_);
  }

  std::mt19937_64 random_;
  Instant now_;
  std::uint64_t cards_ = 0;
  std::vector<Sent> sent_;
};

}  // namespace holdfast::engine::testing
