// The balances and authorizations of the nodes that one event loop owns, and every change to them.
//
// Threads: all members belong to the owning loop, except what NodeTable lets others read.
// Invariants: an approval is charged to the card and all its ancestors or to none; held and posted of a node are the
// sums over its authorizations and postings; the result of each call depends on the state and the arguments only, so
// the same commands give the same state, whatever loop applies them. Errors: a command that names what is not there is
// an inside contradiction (the caller has looked it up) and aborts; an authorization on an unknown card is not: it is
// declined. Source: semantics, "What each message does".
#pragma once

#include <algorithm>
#include <array>
#include <unordered_map>
#include <vector>

#include "engine/command.h"
#include "engine/decide.h"
#include "engine/epoch.h"
#include "engine/hash_index.h"
#include "engine/node_table.h"
#include "engine/slots.h"
#include "engine/zone_table.h"

namespace holdfast::engine {

struct Authorization {
  Key128 key{0, 0};  // of (processor, authorization id); with the card it names the authorization
  NodeIndex card = kNoNode;
  std::uint32_t older = HashIndex::kNone;  // slots of the card's neighbours in order of age
  std::uint32_t newer = HashIndex::kNone;
  std::uint32_t next = HashIndex::kNone;  // slot that was entered next in this ledger
  Instant decided_at = kNoInstant;        // of the first request, or of what it began with instead
  Minor approved = 0;                     // sum of what was approved
  Minor held = 0;
  Minor captured = 0;
  Minor refunded = 0;
  Sequence sequence = 0;  // of the first record; 0 until it is durable
  // The first charge. All of them, with this one, stand in Details when there are several.
  Instant charged_at = kNoInstant;
  NodeIndex budget = kNoNode;
  CategoryCode category = kNoCategory;
  Processor processor = Processor::native;
  AuthorizationStatus status = AuthorizationStatus::pending;
  Reason reason = Reason::none;  // of the first request
  Instant told = kNoInstant;     // the latest time that its processor gave, or that we added to it
};

// What came after the first request of an authorization.
struct FollowUp {
  // again: a request of the same id after the first was declined. From `advice` on: AdviceKind.
  enum class Kind : std::uint8_t { incremental = 0, withdrawn = 1, again = 2, advice = 16 };
  Kind kind = Kind::incremental;
  Reason reason = Reason::none;
  std::uint8_t flags = 0;               // of an AdviceOutcome
  std::uint16_t restored = 0;           // of a refund: the nodes of its path whose posted it lowered, a bit each
  NodeIndex budget = kNoNode;           // of a refund: where that path goes on above the card
  CategoryCode category = kNoCategory;  // of a refund
  Minor amount = 0;                     // approved, released, posted, or given back
  Minor rest = 0;                       // of a refund: what no reversal has undone; of a reversal: what awaits one
  Instant at;
  friend bool operator==(const FollowUp&, const FollowUp&) = default;

  static Kind of(AdviceKind advice) {
    return static_cast<Kind>(static_cast<unsigned>(Kind::advice) + static_cast<unsigned>(advice));
  }
  bool is(AdviceKind advice) const { return kind == of(advice); }
};

// One approval's part of what is held.
struct Charge {
  Minor held = 0;
  Instant at;
  NodeIndex budget = kNoNode;  // of the card at that time
  CategoryCode category = kNoCategory;
  friend bool operator==(const Charge&, const Charge&) = default;
};

struct Details {
  std::vector<FollowUp> follow_ups;
  std::vector<Charge> charges;  // oldest first; empty while there is one at most
};

// How long an authorization is remembered that holds nothing any more. Part of what records mean: it cannot change
// without changing what a replay gives.
inline constexpr std::chrono::hours kForgetAfter{7 * 24};
bool forgotten(const Authorization& authorization, Instant now);
// Its memory is freed only so much later: a clock that was ahead for a while must not free what records that come
// after, with the right time, still know.
inline constexpr std::chrono::hours kForgetMargin{24};

// After how long what is still held is given back: see hold_ends_at().
struct HoldPeriods {
  std::chrono::hours usual{7 * 24};
  std::chrono::hours travel{31 * 24};  // lodging, car rental, cruises
};
bool is_travel(CategoryCode category);
// When the timer expires the authorization, counted from its first charge.
Instant hold_ends_at(const Authorization& authorization, const HoldPeriods& periods);

class Ledger {
 public:
  // `participant`: this loop's number in `epochs`.
  Ledger(Nodes& nodes, ZoneTable& zones, Epochs& epochs, unsigned participant, const KeyHasher& hasher);

  NodeOutcome apply(const CreateNode& command, Instant now);
  NodeOutcome apply(const ChangeNode& command, Instant now);
  NodeOutcome apply(const SetNodeStatus& command, Instant now);
  Decision apply(const Authorize& command, Instant now);
  WithdrawOutcome apply(const Withdraw& command, Instant now);
  AdviceOutcome apply(const Advise& command, Instant now);

  // The decision that apply() would give; changes nothing.
  Decision evaluate(const Authorize& command, Instant now) const;

  // An id belongs to one card: the same id on two cards is two authorizations, which may have two owners.
  Key128 authorization_key(Processor processor, std::string_view id) const;
  const Authorization* find(Key128 key, NodeIndex card) const;
  // One that this ledger has for the id on whatever card; one that was approved before one that was declined.
  const Authorization* find_any(Key128 key) const;
  // Null when nothing came after the first request.
  const Details* details(const Authorization& authorization) const;
  // The card's authorizations, newest first: the newest, and the next older one of one.
  const Authorization* newest_of(NodeIndex card) const;
  const Authorization* older_than(const Authorization& authorization) const;
  // The sequence of the record that the authorization began with, once it is known. Nothing for other commands.
  void note_sequence(const Command& command, Sequence sequence);
  // Budgets and cards whose parent this budget is, in no order. Of the ledger that owns the trees.
  const std::vector<NodeIndex>& children_of(NodeIndex budget) const;
  // The path of a card or budget from itself to the root, rolled to `now`, or to the last change of one of its nodes.
  struct Path {
    std::array<PathNode, kPathMax> nodes;
    std::size_t length = 0;
    Instant now;
    std::span<const PathNode> view() const { return {nodes.data(), length}; }
  };
  Path path_of(NodeIndex index, Instant now) const;

  // For restart and checkpoint: puts back what was there, authorizations in the order of their age.
  void restore(NodeIndex node, const NodeProfile& stored, const NodeBalance& balance,
               const std::vector<std::uint64_t>& counters);
  void restore(const Authorization& authorization, Details details);
  // Makes the lists of the cards' authorizations when all were restored, and before any other change.
  void link_restored();
  // So many authorizations are about to be restored, and soon this one.
  void expect(std::size_t authorizations) { index_.reserve(authorizations); }
  void expect(Key128 key) const { index_.prefetch(hash_of(key)); }

  // A card goes from one ledger to another: its authorizations, oldest first.
  struct Moved {
    Authorization authorization;
    Details details;
  };
  std::vector<Moved> give_away(NodeIndex card);
  void take_over(std::vector<Moved> authorizations);

  // Frees the memory of forgotten authorizations; looks at `most` at the most.
  void expire(Instant now, std::size_t most);
  // Looks at the next `most` authorizations, round and round, and calls due(authorization) for those whose hold has run
  // out; due() must not change the ledger.
  template <class Due>
  void find_run_out(Instant now, const HoldPeriods& periods, std::size_t most, Due&& due);
  std::size_t authorizations() const { return authorizations_.in_use(); }
  // All authorizations, in no order.
  template <class Visit>
  void for_each(Visit&& visit) const;

 private:
  static std::uint32_t hash_of(Key128 key) { return static_cast<std::uint32_t>(key.lo); }

  // Nodes.
  NodeSlot& existing(NodeIndex node) const;
  std::uint32_t publish(NodeSlot& slot, NodeProfile profile);
  static void renew_counters(const NodeProfile& old, NodeProfile& changed, Instant now);
  const ZoneRules& zone_of(NodeIndex node) const;
  void note_parent(NodeIndex node, NodeIndex before, NodeIndex after);
  Path path_through(NodeIndex index, NodeIndex budget, Instant now) const;
  Path load_path(NodeIndex index, NodeIndex budget) const;
  void append_node(Path& path, NodeIndex index) const;
  void store(const Path& path);
  static void add_to_node(PathNode& node, const Tally& change, Instant charged_at, CategoryCode category, Instant now);
  static void add_to_path(Path& path, const Tally& change, Instant charged_at, CategoryCode category);

  // Authorizations.
  std::uint32_t slot_of(Key128 key, NodeIndex card) const;
  std::uint32_t add_authorization(Key128 key, NodeIndex card);
  void link_to_card(std::uint32_t slot);
  void append_by_age(std::uint32_t slot);
  void remove(std::uint32_t slot);
  void unname(std::uint32_t slot);
  std::uint32_t remembered(Key128 key, NodeIndex card, Instant now) const;

  // Decisions.
  bool note_to_breaker(const Path& path, const AuthorizationRequest& request, Decision& decision);
  void count_approval(const Path& path, const AuthorizationRequest& request);
  void settle_decision(const Authorize& command, const Path& path, Decision& decision);
  void enter_first(std::uint32_t slot, const Authorize& command, NodeIndex budget, Decision& decision);
  void add_charge(std::uint32_t slot, const Charge& charge);
  static Charge first_charge(const Authorization& authorization);
  std::vector<Charge> take_back(std::uint32_t slot, const Withdraw& command);
  void note(std::uint32_t slot, FollowUp::Kind kind, const Decision& decision);

  // Lifecycle (lifecycle.cpp).
  struct PlannedChange;
  struct Plan;
  static bool is_overtaken(const Authorization& authorization, Instant told);
  void tell_state(Plan& plan) const;
  void begin_authorization(Plan& plan, const Advise& command);
  void make_plan(Plan& plan, const Advise& command);
  void carry_out(Plan& plan, NodeIndex card, Instant now);
  void take_from_charges(Plan& plan, Minor amount, bool newest_first, bool posts);
  void capture(Plan& plan, Minor amount, bool final);
  void post_now(Plan& plan, Minor amount);
  void release(Plan& plan, Minor amount, AuthorizationStatus when_empty);
  void disown(Plan& plan);
  void begin_anew(Plan& plan);
  void set_hold(Plan& plan, Minor amount);
  void adopt(Plan& plan, Minor amount);
  void refund(Plan& plan, Minor amount);
  Minor reversed_early(Plan& plan, Minor refunded);
  void reverse_refund(Plan& plan, Minor amount, bool may_be_early);

  Nodes& nodes_;
  ZoneTable& zones_;
  Epochs& epochs_;
  const unsigned participant_;
  const KeyHasher& hasher_;
  Slots<Authorization> authorizations_;
  HashIndex index_;
  std::unordered_map<std::uint32_t, Details> details_;
  std::unordered_map<NodeIndex, std::vector<NodeIndex>> children_;
  std::uint32_t first_by_age_ = HashIndex::kNone;
  std::uint32_t last_by_age_ = HashIndex::kNone;
  std::uint32_t next_looked_at_ = 0;  // of find_run_out()
};

template <class Visit>
void Ledger::for_each(Visit&& visit) const {
  for (std::uint32_t slot = 0; slot < authorizations_.end(); ++slot) {
    if (authorizations_[slot].key != Key128{0, 0}) visit(authorizations_[slot]);
  }
}

template <class Due>
void Ledger::find_run_out(Instant now, const HoldPeriods& periods, std::size_t most, Due&& due) {
  const std::uint32_t end = authorizations_.end();
  for (std::size_t i = 0; i < std::min<std::size_t>(most, end); ++i) {
    if (next_looked_at_ >= end) next_looked_at_ = 0;
    const Authorization& authorization = authorizations_[next_looked_at_++];
    if (authorization.key == Key128{0, 0} || authorization.status != AuthorizationStatus::pending) continue;
    if (now >= hold_ends_at(authorization, periods)) due(authorization);
  }
}

}  // namespace holdfast::engine
