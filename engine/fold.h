// Folds journal records into the rows of a checkpoint: loads the rows that a record touches, applies the record as a
// restart would, and gives back what changed.
//
// Threads: one thread.
// Invariants: after take_changes() has been written, the rows are exactly the state after the last record applied,
// without some of what is forgotten by then; memory is bounded by the rows touched since the last take_changes().
// Errors: a record whose recorded outcome the rows
// do not give is a fault; the checkpoint must stop there.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "engine/command.h"
#include "engine/rows.h"
#include "engine/shards.h"

namespace holdfast::engine {

class Fold {
 public:
  // `horizon`: how long messages are kept.
  Fold(const RowSource& rows, std::array<std::byte, 16> seed, std::chrono::hours horizon);

  std::optional<ReplayFault> apply(Sequence sequence, BytesView bytes);
  std::size_t touched_rows() const;
  // Sorted by table and key. Starts anew afterwards. Removes what is forgotten at `old_at` (see engine/forgetting.h)
  // and by the records, kForgetMargin after that; about as many rows as were touched, so that the tables do not grow.
  std::vector<RowChange> take_changes(Instant old_at);

 private:
  // In the order of the rows' keys.
  struct TimedKey {
    Instant at;
    Key128 key;
    NodeIndex card = kNoNode;  // of authorizations
    friend auto operator<=>(const TimedKey&, const TimedKey&) = default;
  };

  bool load_touched(const Record& record);
  bool load_node(NodeIndex node);
  bool load_one(NodeIndex node);
  NodeIndex parent_of(NodeIndex node) const;
  bool load_authorization(Key128 key, Instant decided_at, NodeIndex card);
  bool load_message(const MessageRef& message, Instant decided_at, bool known);
  void remove_old(Instant old_at, std::vector<RowChange>& changes);
  template <class IsOld>
  void remove_before(const Bytes& end, Table table, Bytes& next, IsOld&& is_old, std::vector<RowChange>& changes);
  void start_anew();

  const RowSource& rows_;
  const std::array<std::byte, 16> seed_;
  const std::chrono::hours horizon_;
  Instant newest_;  // of the records applied
  // Where the search for old rows goes on: those that hold money stay, and are not to be looked at each time.
  Bytes next_authorization_;
  Bytes next_message_;
  std::unique_ptr<Shards> scratch_;
  // What was touched, in order of touching and perhaps more than once.
  std::vector<NodeIndex> nodes_;
  std::vector<TimedKey> authorizations_;
  // As they were when another of the same name took the place of each, which was forgotten.
  std::map<TimedKey, Bytes> replaced_;
  std::vector<TimedKey> messages_;
  std::vector<Key128> keys_;
  bool zones_changed_ = false;
};

}  // namespace holdfast::engine
