// Replays the journal behind a checkpoint, in batches: while one takes effect, the next is read.
//
// Threads: push() and finish() on one thread, while nothing else uses the shards. The batch under way is applied on a
// second and its messages are remembered on a third. Invariants: records are applied in the order in which they are
// given. Until finish() the last ones have not been.
#pragma once

#include <future>
#include <optional>
#include <vector>

#include "engine/command.h"
#include "engine/shards.h"

namespace holdfast::engine {

class Replay {
 public:
  explicit Replay(Shards& shards);

  // A fault may be that of a record that was given before. Nothing follows a fault.
  std::optional<ReplayFault> push(Sequence sequence, BytesView bytes);
  std::optional<ReplayFault> finish();

 private:
  struct Entry {
    Sequence sequence = 0;
    Record record;  // views the batch's bytes
  };
  struct Batch {
    Bytes bytes;
    std::size_t bytes_used = 0;
    std::vector<Entry> entries;
  };
  static constexpr std::size_t kRecords = 2'048;
  static constexpr std::size_t kBytes = std::size_t{1} << 20;
  static_assert(kBytes >= kRecordBytesMax);

  std::optional<ReplayFault> next_batch();
  // On the batch under way.
  std::optional<ReplayFault> reapply();
  void remember();

  Shards& shards_;
  Batch reading_;
  Batch under_way_;
  // Last, because their destructors wait for what uses the others.
  std::future<std::optional<ReplayFault>> reapplied_;
  std::future<void> remembered_;
};

}  // namespace holdfast::engine
