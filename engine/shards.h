// The whole state, divided among the event loops: whole trees to their owners, message keys to their homes.
//
// Threads: construction, load() and replay() on one thread, and what engine/replay.h says; afterwards shard k belongs
// to loop k, and what is shared follows the rules of its own type. Invariants: which shard owns a card or a message
// depends on its number or key and on the count of shards only; the state of each tree, and so state_hash(), does not
// depend on the count at all.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/directory.h"
#include "engine/ledger.h"
#include "engine/messages.h"
#include "engine/rows.h"

namespace holdfast::engine {

struct StoredKey {
  std::uint8_t role = 0;
  std::string label;
  std::array<std::byte, 32> digest{};
  Instant created_at;
  NodeIndex node = kNoNode;  // that it is bound to
};

// A recorded outcome that applying the command again does not give: the record or the program is wrong.
struct ReplayFault {
  Sequence sequence = 0;
  std::string what;
};

class Shards {
 public:
  // `readers`: threads besides the owners that will read published state. `cards_expected` sizes the directory.
  Shards(unsigned count, std::array<std::byte, 16> seed, unsigned readers, std::size_t cards_expected = 1 << 20);

  struct Shard {
    Ledger ledger;
    Messages messages;
  };
  unsigned count() const { return static_cast<unsigned>(shards_.size()); }
  Shard& operator[](unsigned number) { return *shards_[number]; }
  const Shard& operator[](unsigned number) const { return *shards_[number]; }
  // Loop 0 for whole trees: budgets, and cards that are or were in one. May change from another loop to 0 at any time;
  // on the loop that it named until then, the card's slot says so first (NodeSlot::placement).
  unsigned owner_of(NodeIndex node) const;
  // The loop on which a reader on loop `asking` finds the card's authorizations, or else the next to ask on: when that
  // is `asking` itself they are there.
  unsigned keeper_of(NodeIndex card, unsigned asking) const;
  // Cards whose authorizations are on no loop, because one has given them away and loop 0 has not taken them yet.
  // Loop 0 counts down, so what it reads there of a card that is counted no more is complete.
  std::atomic<unsigned>& cards_between_loops() { return cards_between_loops_; }
  unsigned home_of(Key128 message) const { return static_cast<unsigned>(message.hi >> 32) % count(); }

  Nodes& nodes() { return nodes_; }
  const Nodes& nodes() const { return nodes_; }
  ZoneTable& zones() { return zones_; }
  Epochs& epochs() { return epochs_; }
  Directory& directory() { return directory_; }
  const KeyHasher& hasher() const { return hasher_; }
  // Keys by their id: changed by loop 0 only.
  std::map<Key128, StoredKey>& keys() { return keys_; }

  // The names under which cards and budgets are found.
  Key128 card_name(Key128 card_id) const;
  Key128 budget_name(Key128 budget_id) const;
  Key128 processor_card_name(std::string_view endpoint, std::string_view card) const;
  // Enters a node's id, number and processor binding; false, and nothing entered, when its number or binding is taken.
  bool enter_names(NodeIndex node, const NodeIdentity& identity) { return enter_names(node, names_of(node, identity)); }

  // Applies a command on the loop that owns what it changes: the node's owner, loop 0 for keys; zones on any. The names
  // of a node have been entered.
  Outcome apply(const Command& command, Instant now);

  // Applies a record read from the journal, compares its outcome and remembers its message. Damaged bytes are a fault,
  // not an abort.
  std::optional<ReplayFault> replay(Sequence sequence, BytesView bytes);
  // The two halves of replay(), which touch nothing of each other: apply and compare; enter the final answer that the
  // record gives its message.
  std::optional<ReplayFault> reapply(Sequence sequence, const Record& record);
  void remember(const Record& record);
  // Bring near what they will use, so that they need not wait for it: for reapply() what is found by its key or number
  // and, when that is there, the card's profile; for remember() the place in the index.
  void expect_slots(const Record& record) const;
  void expect_profile(const Record& record) const;
  void expect_message(const Record& record) const;
  // Everything from a checkpoint but messages older than the horizon at `now`, or at the newest row's time if that is
  // earlier: a clock that is ahead drops none. Each table on a thread of its own. Forgotten authorizations too: the
  // records behind the checkpoint may have been decided when they were not yet. False when a row is not readable.
  bool load(const RowSource& rows, Instant now, std::chrono::hours horizon);

  // Time of the newest record that was loaded or replayed; the epoch when there is none.
  Instant newest() const { return newest_; }

  // Hash of all balances, cards and authorizations not forgotten at `as_of`: the same for the same history, whatever
  // the count of shards.
  Key128 state_hash(Instant as_of) const;

 private:
  // In the order in which they are entered: a number or a binding that is taken leaves the id out.
  using Names = std::array<Key128, 3>;
  static constexpr Key128 kNoName{0, 0};

  static std::uint32_t mix(std::uint32_t value) {
    value *= 0x9E37'79B1U;
    return value ^ (value >> 15);
  }
  Names names_of(NodeIndex node, const NodeIdentity& identity) const;
  bool enter_names(NodeIndex node, const Names& names);
  bool find_newest(const RowSource& rows);
  bool load_shared(const RowSource& rows);
  bool load_nodes(const RowSource& rows);
  bool load_authorizations(const RowSource& rows);
  bool load_messages(const RowSource& rows, Instant oldest);
  bool contradicts(const Record& record) const;
  bool cannot_have_parent(NodeIndex node, NodeIndex parent) const;
  void bring_into_tree(const ChangeNode& command);

  const KeyHasher hasher_;
  Epochs epochs_;
  Nodes nodes_;
  ZoneTable zones_;
  Directory directory_;
  std::map<Key128, StoredKey> keys_;
  Instant newest_;
  std::atomic<unsigned> cards_between_loops_{0};
  std::vector<std::unique_ptr<Shard>> shards_;
};

}  // namespace holdfast::engine
