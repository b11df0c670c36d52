// The balances and authorizations of the trees that one event loop owns, and every change to them.
//
// Threads: all members belong to the owning loop, except what NodeTable lets others read.
// Invariants: an approval is charged to the card and all its ancestors or to none; held and posted of a node are the
// sums over its authorizations; the result of each call depends on the state and the arguments only, so the same
// commands give the same state, whatever loop applies them. Errors: a command that names what is not there is an inside
// contradiction (the caller has looked it up) and aborts; an authorization on an unknown card is not: it is declined.
#pragma once

#include <unordered_map>
#include <vector>

#include "engine/node_table.h"
#include "engine/command.h"
#include "engine/decide.h"
#include "engine/epoch.h"
#include "engine/hash_index.h"
#include "engine/slots.h"
#include "engine/zone_table.h"

namespace holdfast::engine {

enum class AuthorizationStatus : std::uint8_t { pending = 0, closed = 1, reversed = 2, expired = 3, declined = 4 };
std::string_view authorization_status_name(AuthorizationStatus status);

struct Authorization {
  Key128 key{0, 0};  // of (processor, authorization id); with the card it names the authorization
  NodeIndex card = kNoNode;
  std::uint32_t older = HashIndex::kNone;  // slots of the card's neighbours in order of age
  std::uint32_t newer = HashIndex::kNone;
  std::uint32_t next = HashIndex::kNone;  // slot that was entered next in this ledger
  Instant decided_at = kNoInstant;        // of the first request
  Minor approved = 0;                     // sum of what was approved
  Minor held = 0;
  Minor captured = 0;
  Minor refunded = 0;
  Sequence sequence = 0;  // of the first request's record; 0 until it is durable
  Processor processor = Processor::native;
  AuthorizationStatus status = AuthorizationStatus::pending;
  Reason reason = Reason::none;  // of the first request
};

// What came after the first request of an authorization.
struct FollowUp {
  // again: a request of the same id after the first was declined.
  enum class Kind : std::uint8_t { incremental = 0, withdrawn = 1, again = 2 };
  Kind kind = Kind::incremental;
  Reason reason = Reason::none;
  Minor amount = 0;  // approved, or released
  Instant at;
  friend bool operator==(const FollowUp&, const FollowUp&) = default;
};

// How long an authorization is remembered that holds nothing any more. Part of what records mean: it cannot change
// without changing what a replay gives.
inline constexpr std::chrono::hours kForgetAfter{7 * 24};
bool forgotten(const Authorization& authorization, Instant now);
// Its memory is freed only so much later: a clock that was ahead for a while must not free what records that come
// after, with the right time, still know.
inline constexpr std::chrono::hours kForgetMargin{24};

class Ledger {
 public:
  // `participant`: this loop's number in `epochs`.
  Ledger(NodeTable& cards, ZoneTable& zones, Epochs& epochs, unsigned participant, const KeyHasher& hasher);

  NodeOutcome apply(const CreateNode& command, Instant now);
  NodeOutcome apply(const ChangeNode& command, Instant now);
  NodeOutcome apply(const SetNodeStatus& command, Instant now);
  Decision apply(const Authorize& command, Instant now);
  WithdrawOutcome apply(const Withdraw& command, Instant now);

  // The decision that apply() would give; changes nothing.
  Decision evaluate(const Authorize& command, Instant now) const;

  // An id belongs to one card: the same id on two cards is two authorizations, which may have two owners.
  Key128 authorization_key(Processor processor, std::string_view id) const;
  const Authorization* find(Key128 key, NodeIndex card) const;
  // One that this ledger has for the id on whatever card; one that was approved before one that was declined.
  const Authorization* find_any(Key128 key) const;
  const std::vector<FollowUp>* follow_ups(const Authorization& authorization) const;
  // The card's authorizations, newest first: the newest, and the next older one of one.
  const Authorization* newest_of(NodeIndex card) const;
  const Authorization* older_than(const Authorization& authorization) const;
  // The sequence of the first request's record, once it is known.
  void note_sequence(const Authorize& command, Sequence sequence);

  // For restart and checkpoint: puts back what was there, authorizations in the order of their age.
  void restore(NodeIndex card, const NodeProfile& profile, const NodeBalance& balance);
  void restore(const Authorization& authorization, std::vector<FollowUp> follow_ups);
  // Makes the lists of the cards' authorizations when all were restored, and before any other change.
  void link_restored();
  // So many authorizations are about to be restored, and soon this one.
  void expect(std::size_t authorizations) { index_.reserve(authorizations); }
  void expect(Key128 key) const { index_.prefetch(hash_of(key)); }
  // Frees the memory of forgotten authorizations; looks at `most` at the most.
  void expire(Instant now, std::size_t most);
  std::size_t authorizations() const { return authorizations_.in_use(); }
  // All authorizations, in no order.
  template <class Visit>
  void for_each(Visit&& visit) const;

 private:
  static std::uint32_t hash_of(Key128 key) { return static_cast<std::uint32_t>(key.lo); }

  struct Path {
    const NodeProfile* card = nullptr;
    std::array<PathNode, kPathMax> nodes;
    std::size_t length = 0;
    Instant now;  // raised to the last change of every node
    std::span<const PathNode> view() const { return {nodes.data(), length}; }
  };

  Path path_of(NodeIndex card, Instant now) const;
  void store(const Path& path, bool approved);
  NodeSlot& existing(NodeIndex card);
  NodeOutcome publish(NodeSlot& slot, NodeProfile profile);
  std::uint32_t slot_of(Key128 key, NodeIndex card) const;
  std::uint32_t add_authorization(Key128 key, NodeIndex card);
  void link_to_card(std::uint32_t slot);
  void append_by_age(std::uint32_t slot);
  void remove(std::uint32_t slot);
  void unname(std::uint32_t slot);
  std::uint32_t remembered(Key128 key, NodeIndex card, Instant now);
  void settle_decision(const Authorize& command, Decision& decision);
  static void enter_first(Authorization& authorization, const Authorize& command, Decision& decision);
  void note(std::uint32_t slot, FollowUp::Kind kind, const Decision& decision);

  NodeTable& cards_;
  ZoneTable& zones_;
  Epochs& epochs_;
  const unsigned participant_;
  const KeyHasher& hasher_;
  Slots<Authorization> authorizations_;
  HashIndex index_;
  std::unordered_map<std::uint32_t, std::vector<FollowUp>> follow_ups_;
  std::uint32_t first_by_age_ = HashIndex::kNone;
  std::uint32_t last_by_age_ = HashIndex::kNone;
};

template <class Visit>
void Ledger::for_each(Visit&& visit) const {
  for (std::uint32_t slot = 0; slot < authorizations_.end(); ++slot) {
    if (authorizations_[slot].key != Key128{0, 0}) visit(authorizations_[slot]);
  }
}

}  // namespace holdfast::engine
