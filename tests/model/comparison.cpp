#include "tests/model/comparison.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <sstream>

#include "engine/breaker.h"
#include "engine/fold.h"
#include "engine/record.h"
#include "engine/row_codec.h"
#include "engine/shards.h"
#include "tests/model/rows.h"

namespace holdfast::model {

using engine::AdviceOutcome;
using engine::Advise;
using engine::Authorize;
using engine::Bytes;
using engine::Command;
using engine::Decision;
using engine::Instant;
using engine::Minor;
using engine::NodeIndex;
using engine::Outcome;
using engine::Shards;

namespace {

constexpr std::array<std::byte, 16> kSeed{std::byte{7}, std::byte{1}, std::byte{4}};
constexpr std::chrono::hours kHorizon{7 * 24};
constexpr std::size_t kStepsBetweenChecks = 40;
constexpr std::size_t kCardsExpected = 1024;
// Longer than all that is forgotten, and than a clock of a history goes back.
constexpr std::chrono::hours kLongAgo{3 * 24};

std::string text_of(const Sum& sum) {
  std::ostringstream out;
  out << sum.held << " held, " << sum.posted << " posted, " << sum.count << " times";
  return out.str();
}

Sum sum_of(const engine::Tally& tally) {
  return {tally.held, tally.posted, tally.count};
}

template <class T>
std::string differs(const std::string& what, const T& engine, const T& model) {
  std::ostringstream out;
  out << what << ": engine " << engine << ", model " << model;
  return out.str();
}

// What the engine shows of one node, next to the model.
class NodeCheck {
 public:
  NodeCheck(const Shards& shards, const Model& model, NodeIndex node, Instant now)
      : shards_(shards), model_(model), index_(node), node_(model.nodes().at(node)), now_(now) {}

  std::string difference() const {
    const engine::NodeProfile* profile = shards_.nodes().profile(index_);
    if (profile == nullptr) return "node " + std::to_string(index_) + " is not there";
    std::string text = of_profile(*profile);
    if (text.empty()) text = of_usage();
    if (text.empty() && profile->counters != nullptr) text = of_counters(*profile);
    return text.empty() ? text : "node " + std::to_string(index_) + ": " + text;
  }

 private:
  std::string of_profile(const engine::NodeProfile& profile) const {
    if (profile.status != node_.status) {
      return differs("status", static_cast<int>(profile.status), static_cast<int>(node_.status));
    }
    if (profile.version != node_.version) return differs("version", profile.version, node_.version);
    if (profile.settings != node_.settings) return "settings";
    const engine::NodeBalance balance = shards_.nodes().find(index_)->balance.load();
    if (balance.approvals != node_.approvals) return differs("approvals", balance.approvals, node_.approvals);
    if (balance.usage.rolled_at != node_.last_change) {
      return differs("last change", describe(balance.usage.rolled_at), describe(node_.last_change));
    }
    return {};
  }

  std::string of_usage() const {
    const engine::Ledger::Path path = shards_[shards_.owner_of(index_)].ledger.path_of(index_, now_);
    const auto nodes = model_.path_of(index_);
    const Instant at = model_.time_of(nodes, now_);
    if (path.length != nodes.size()) return differs("depth", path.length, nodes.size());
    if (path.now != at) return differs("time", describe(path.now), describe(at));
    const engine::PathNode& node = path.nodes[0];
    for (std::size_t i = 0; i < engine::kUsageWindows; ++i) {
      const engine::WindowKind kind = engine::usage_kind(i);
      const Sum expected = model_.window_of(index_, kind, at);
      if (const Sum sum = sum_of(node.usage.tally(i)); sum != expected) {
        return differs(std::string(window_name(kind)), text_of(sum), text_of(expected));
      }
    }
    for (std::size_t i = 0; i < node_.settings.limits.size(); ++i) {
      if (node_.settings.limits[i].window == engine::WindowKind::authorization) continue;
      const Sum expected = model_.limit_of(index_, i, at);
      if (const Sum sum = sum_of(node.tally_of(i, at)); sum != expected) {
        return differs("limit " + std::to_string(i), text_of(sum), text_of(expected));
      }
    }
    return {};
  }

  std::string of_counters(const engine::NodeProfile& profile) const {
    const auto words = profile.counters->load();
    const engine::ConstWords all(words);
    if (profile.layout.merchant_lock != engine::CounterLayout::kNone) {
      const auto lock = all.subspan(profile.layout.merchant_lock);
      if (engine::is_locked(lock) != node_.locked_to.has_value()) return "merchant lock";
      if (node_.locked_to && engine::locked_merchant(lock) != *node_.locked_to) return "merchant locked to";
    }
    if (profile.layout.breaker == engine::CounterLayout::kNone) return {};
    const auto breaker = all.subspan(profile.layout.breaker);
    const auto& expected = node_.breaker.trips;
    if (engine::trips_of(breaker) != expected.size()) {
      return differs("trips", std::size_t{engine::trips_of(breaker)}, expected.size());
    }
    const auto trips = engine::last_trips(breaker);
    for (std::size_t i = 0; i < trips.size(); ++i) {
      const Trip trip{trips[i].at, trips[i].until, static_cast<int>(trips[i].cause)};
      if (trip != expected[expected.size() - 1 - i]) return "trip " + std::to_string(i);
    }
    return {};
  }

  const Shards& shards_;
  const Model& model_;
  NodeIndex index_;
  const Node& node_;
  Instant now_;
};

std::string authorization_difference(const Shards& shards, const Model& model, const Name& name, Instant now) {
  const auto& [card, processor, id] = name;
  const engine::Ledger& ledger = shards[shards.owner_of(card)].ledger;
  const engine::Authorization* found = ledger.find(ledger.authorization_key(processor, id), card);
  if (found != nullptr && engine::forgotten(*found, now)) found = nullptr;
  const Authorization* expected = model.find(name, now);
  const std::string text = "authorization " + id + " of " + std::to_string(card) + ": ";
  if ((found == nullptr) != (expected == nullptr)) {
    return text +
           (found == nullptr ? "forgotten" : "not forgotten, " + std::string(authorization_status_name(found->status)));
  }
  if (found == nullptr) return {};
  if (found->held != expected->held) return differs(text + "held", found->held, expected->held);
  if (found->captured != expected->captured) return differs(text + "captured", found->captured, expected->captured);
  if (found->refunded != expected->refunded) return differs(text + "refunded", found->refunded, expected->refunded);
  if (found->approved != expected->approved) return differs(text + "approved", found->approved, expected->approved);
  if (found->status != expected->status) {
    return differs(text + "status", authorization_status_name(found->status),
                   authorization_status_name(expected->status));
  }
  if (found->reason != expected->reason) {
    return differs(text + "reason", reason_name(found->reason), reason_name(expected->reason));
  }
  if (found->decided_at != expected->decided_at) return text + "time";
  if (found->told != expected->told) return text + "told";
  return {};
}

std::string state_difference(const Shards& shards, const Model& model, Instant now) {
  for (const auto& [index, node] : model.nodes()) {
    if (std::string text = NodeCheck(shards, model, index, now).difference(); !text.empty()) return text;
  }
  for (const auto& [name, authorization] : model.authorizations()) {
    if (std::string text = authorization_difference(shards, model, name, now); !text.empty()) return text;
  }
  return {};
}

class Play {
 public:
  Play(const Comparison& comparison, Coverage& coverage)
      : comparison_(comparison),
        coverage_(coverage),
        shards_(comparison.shards, kSeed, 0, kCardsExpected),
        model_(comparison.bend) {}

  std::optional<Difference> run(const std::vector<Step>& steps) {
    for (const Step& step : steps) {
      newest_ = std::max(newest_, step.now);
      std::string text = one(step);
      if (text.empty() && step.number % kStepsBetweenChecks == 0) {
        for (unsigned i = 0; i < shards_.count(); ++i)
          shards_[i].ledger.expire(newest_ - kLongAgo, 100);
        text = state_difference(shards_, model_, step.now);
      }
      if (!text.empty()) return Difference{step.number, text};
      last_now_ = step.now;
    }
    std::string text = state_difference(shards_, model_, last_now_);
    if (text.empty() && comparison_.whole) text = replay_difference();
    if (text.empty() && comparison_.whole) text = checkpoint_difference();
    return text.empty() ? std::nullopt : std::optional(Difference{0, text});
  }

 private:
  std::string one(const Step& step) {
    Command command = step.command;
    engine::MessageRef message{"test", message_id(step.number), step.number};
    if (auto* withdraw = std::get_if<engine::Withdraw>(&command); withdraw != nullptr && step.withdraws != 0) {
      const auto decided = decisions_.find(step.withdraws);
      if (decided == decisions_.end()) return {};
      withdraw->amount = decided->second.approved_amount;
      withdraw->charged_at = decided->second.decided_at;
      withdraw->authorized_at = decided->second.authorized_at;
      decisions_.erase(decided);
      message = {"test", message_id(step.withdraws), step.withdraws};
    }
    if (!model_.allows(command, step.now) || counts_past_the_end(command)) return {};
    if (const auto* authorize = std::get_if<Authorize>(&command); authorize != nullptr && step.asks_first) {
      const Outcome asked = shards_[shards_.owner_of(authorize->card)].ledger.evaluate(*authorize, step.now);
      const Outcome expected = model_.decide(authorize->card, authorize->request, step.now);
      if (asked != expected) return outcomes_differ("dry run of ", command, asked, expected);
    }
    const Outcome expected = model_.apply(command, step.now);
    name_key(command, step.by_key);
    if (const auto* create = std::get_if<engine::CreateNode>(&command)) {
      shards_.enter_names(create->node, create->identity);
    }
    const Outcome outcome = shards_.apply(command, step.now);
    keep({step.now, message, command, outcome, {}}, step.number);
    coverage_.add(command, outcome);
    if (const auto* decision = std::get_if<Decision>(&outcome)) decisions_[step.number] = *decision;
    return outcome == expected ? std::string() : outcomes_differ("", command, outcome, expected);
  }

  // Amounts near the end of 64 bits are asked for where something was used already, so that they are declined.
  bool counts_past_the_end(const Command& command) const {
    const auto* authorize = std::get_if<Authorize>(&command);
    if (authorize == nullptr || authorize->request.amount < std::numeric_limits<Minor>::max() / 2) return false;
    if (authorize->request.partial_approval || authorize->card == engine::kNoNode) return true;
    constexpr Minor kEnough = 4;
    return model_.window_of(authorize->card, engine::WindowKind::lifetime, last_now_).used() < kEnough;
  }

  // The model knows authorizations by their names only.
  void name_key(Command& command, bool by_key) const {
    auto* advise = std::get_if<Advise>(&command);
    if (advise == nullptr) return;
    advise->authorization = shards_[0].ledger.authorization_key(advise->processor, advise->authorization_id);
    if (by_key) advise->authorization_id = {};
  }

  static std::string outcomes_differ(const std::string& before, const Command& command, const Outcome& engine,
                                     const Outcome& model) {
    return before + describe(command) + "\n  engine: " + describe(engine) + "\n  model:  " + describe(model);
  }

  std::string_view message_id(std::size_t step) { return message_ids_[step] = "msg-" + std::to_string(step); }

  void keep(const engine::Record& record, std::size_t step) {
    if (!comparison_.whole) return;
    const auto bytes = engine::encode(record, buffer_);
    journal_.emplace_back(bytes.begin(), bytes.end());
    steps_.push_back(step);
    if (bytes.empty()) unwritten_ = describe(record.command);
  }

  // ---- The journal

  std::string same_state(const Shards& other, const std::string& how) const {
    if (const std::string text = state_difference(other, model_, last_now_); !text.empty()) return how + ": " + text;
    if (other.state_hash(newest_) == shards_.state_hash(newest_)) return {};
    return how + ": the state's hash, " + row_difference(other);
  }

  // Which row makes the hashes differ.
  std::string row_difference(const Shards& other) const {
    const auto row_of = [](const Shards& shards, const Name& name) {
      const auto& [card, processor, id] = name;
      const engine::Ledger& ledger = shards[shards.owner_of(card)].ledger;
      const engine::Authorization* found = ledger.find(ledger.authorization_key(processor, id), card);
      return found == nullptr ? Bytes{} : engine::authorization_row(*found, ledger.details(*found));
    };
    const auto without_sequence = [](const Bytes& row) {
      return row.empty() ? row : Bytes(row.begin() + engine::kSequenceBytes, row.end());
    };
    for (const auto& [name, authorization] : model_.authorizations()) {
      const Bytes here = row_of(shards_, name);
      const Bytes there = row_of(other, name);
      if (without_sequence(here) == without_sequence(there)) continue;
      return "authorization " + std::get<2>(name) + " of " + std::to_string(std::get<0>(name)) +
             (here.empty() || there.empty() ? " is not there" : "");
    }
    return "of a node or of what is not there any more";
  }

  std::string replay_from(Shards& shards, std::size_t first, const std::string& how) const {
    for (std::size_t i = first; i < journal_.size(); ++i) {
      if (const auto fault = shards.replay(i + 1, journal_[i])) return how + ": " + fault_text(*fault);
    }
    return same_state(shards, how);
  }

  std::string fault_text(const engine::ReplayFault& fault) const {
    const auto record = engine::decode(journal_[fault.sequence - 1]);
    return "record " + std::to_string(fault.sequence) + ": " + fault.what +
           (record ? "\n  " + describe(record->now) + " " + describe(record->command) +
                         "\n  recorded: " + describe(record->outcome)
                   : "");
  }

  std::string replay_difference() const {
    if (!unwritten_.empty()) return "no record of " + unwritten_;
    Shards shards(1 + (comparison_.shards + journal_.size()) % 4, kSeed, 0, kCardsExpected);
    return replay_from(shards, 0, "replayed");
  }

  // Changes are taken out at places all along, and at some of them the rows are loaded and the rest is replayed behind.
  // The places go with the steps, so that leaving others out does not move them.
  std::string checkpoint_difference() const {
    MemoryRows rows;
    engine::Fold fold(rows, kSeed, kHorizon);
    constexpr std::size_t kRecordsBetween = 60;
    constexpr std::size_t kTakenBetween = 8;
    Instant newest;  // so far: what comes later may be by a clock that has gone back
    for (std::size_t i = 0; i < journal_.size(); ++i) {
      newest = std::max(newest, engine::decode(journal_[i])->now);
      if (const auto fault = fold.apply(i + 1, journal_[i])) return "folded: " + fault_text(*fault);
      const bool is_last = i + 1 == journal_.size();
      const std::size_t dice = std::mt19937(static_cast<unsigned>(steps_[i]))();
      if (!is_last && dice % kRecordsBetween != 0) continue;
      rows.apply(fold.take_changes(newest - kLongAgo));
      if (!is_last && dice / kRecordsBetween % kTakenBetween != 0) continue;
      const std::string how = is_last ? "checkpointed" : "checkpointed at step " + std::to_string(steps_[i]);
      Shards shards(1 + static_cast<unsigned>(dice % 4), kSeed, 0, kCardsExpected);
      if (!shards.load(rows, newest_, kHorizon)) return how + ": not readable";
      if (std::string text = replay_from(shards, i + 1, how); !text.empty()) return text;
    }
    return {};
  }

  const Comparison& comparison_;
  Coverage& coverage_;
  Shards shards_;
  Model model_;
  std::map<std::size_t, Decision> decisions_;
  std::map<std::size_t, std::string> message_ids_;
  std::vector<Bytes> journal_;
  std::vector<std::size_t> steps_;  // of each record
  std::vector<std::byte> buffer_ = std::vector<std::byte>(engine::kRecordBytesMax);
  std::string unwritten_;
  Instant newest_;
  Instant last_now_;
};

}  // namespace

std::optional<Difference> compare(const std::vector<Step>& steps, const Comparison& comparison, Coverage& coverage) {
  return Play(comparison, coverage).run(steps);
}

// First the tail behind the step that differs, then ever smaller pieces from anywhere.
std::vector<Step> cut_down(std::vector<Step> steps, const Comparison& comparison) {
  Coverage unused;
  std::size_t tries = 400;
  for (std::size_t piece = steps.size(); piece >= 1 && tries > 0; piece /= 2) {
    for (std::size_t from = 0; from < steps.size() && tries > 0; --tries) {
      const auto difference = compare(steps, comparison, unused);
      if (!difference) return steps;
      if (difference->step != 0) {
        std::erase_if(steps, [&](const Step& step) { return step.number > difference->step; });
      }
      std::vector<Step> fewer = steps;
      const std::size_t to = std::min(from + piece, fewer.size());
      fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(std::min(from, to)),
                  fewer.begin() + static_cast<std::ptrdiff_t>(to));
      if (compare(fewer, comparison, unused)) {
        steps = std::move(fewer);
      } else {
        from += piece;
      }
    }
  }
  return steps;
}

// ---- Coverage

void Coverage::add(const Command& command, const Outcome& outcome) {
  if (const auto* decision = std::get_if<Decision>(&outcome)) {
    const auto& request = std::get<Authorize>(command).request;
    ++reasons[static_cast<std::size_t>(decision->reason)];
    if (decision->tripped) ++others["tripped"];
    if (decision->approved() && request.amount == 0) ++others["verification approved"];
    if (decision->approved() && decision->approved_amount < request.amount) ++others["partial approval"];
    if (decision->approved() && decision->authorized_at != decision->decided_at) ++others["increment approved"];
    if (decision->retry_after != engine::kNoInstant) ++others["retry after"];
    if (!decision->approved() && decision->would_approve > 0) ++others["would approve"];
    if (engine::is_budget(decision->declined_by.node)) ++others["declined by a budget"];
  }
  if (const auto* withdrawn = std::get_if<engine::WithdrawOutcome>(&outcome)) {
    ++others[withdrawn->released > 0 ? "withdrawn" : "withdrawn, nothing held"];
  }
  const auto* advised = std::get_if<AdviceOutcome>(&outcome);
  if (advised == nullptr) return;
  ++advice[static_cast<std::size_t>(std::get<Advise>(command).kind)];
  constexpr const char* kFlags[] = {"forced",     "over-capture", "overtaken", "unknown",
                                    "correction", "created",      "over limit"};
  for (std::size_t i = 0; i < std::size(kFlags); ++i) {
    if ((advised->flags >> i & 1) != 0) ++others[kFlags[i]];
  }
  ++others[std::string("then ") + std::string(authorization_status_name(advised->status))];
  if (advised->released < 0) ++others["hold raised"];
}

void Coverage::add(const Coverage& other) {
  for (std::size_t i = 0; i < reasons.size(); ++i)
    reasons[i] += other.reasons[i];
  for (std::size_t i = 0; i < advice.size(); ++i)
    advice[i] += other.advice[i];
  for (const auto& [name, count] : other.others)
    others[name] += count;
}

std::string Coverage::text() const {
  std::ostringstream out;
  for (std::size_t i = 0; i < reasons.size(); ++i) {
    const auto reason = static_cast<engine::Reason>(i);
    if (reasons[i] != 0) out << reasons[i] << ' ' << (i == 0 ? "approved" : reason_name(reason)) << '\n';
  }
  for (std::size_t i = 0; i < advice.size(); ++i)
    out << advice[i] << ' ' << advice_name(static_cast<engine::AdviceKind>(i)) << '\n';
  for (const auto& [name, count] : others)
    out << count << ' ' << name << '\n';
  return out.str();
}

}  // namespace holdfast::model
