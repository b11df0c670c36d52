// Folds what the journal has made durable into the state store, so that a restart replays little.
//
// Threads: start(), stop() and request() from one thread; metrics from any. The Fold is called on the checkpointer's
// own thread only, from start() to stop(). Invariants: records reach the Fold once each, in order. What it gives back
// is written with the sequence that it covers, in transactions of bounded size. The journal never waits for a
// checkpoint: it is read in short snapshots. Errors: a full disk or map keeps the changes and tries again at the next
// run; damage in the journal, or any other error, stops folding for this process and is told by failure().
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/journal.h"
#include "engine/rows.h"
#include "storage/journal.h"
#include "storage/state_store.h"

namespace holdfast::storage {

// A second copy of the state, by the engine's rules, that knows which rows the records since the last checkpoint
// touched.
class Fold {
 public:
  virtual ~Fold() = default;
  // Applies a journal record; the bytes are valid during the call only. Text when the record contradicts the state:
  // folding then ends for good.
  virtual std::optional<std::string> apply(Sequence sequence, BytesView record) = 0;
  // How many rows the next take_changes() gives, or a bound for it; not counting those that it removes for their age,
  // which lie together in few pages and are not many more.
  virtual std::size_t touched_rows() const = 0;
  // The rows changed since the last call as they are now, in any order, each once. They are in the store before the
  // next record is applied.
  virtual std::vector<engine::RowChange> take_changes() = 0;
};

class Checkpointer {
 public:
  struct Options {
    std::chrono::milliseconds interval{60'000};  // between two runs
    // This many unfolded start a run early, so that a restart need not replay more than these and what comes during the
    // run. It is several transactions' worth: more would not make the folding of a record cheaper.
    std::uint64_t records = 250'000;
    std::size_t rows_max = 2'048;      // in one transaction, give or take one record's rows
    std::size_t records_max = 65'536;  // likewise
  };

  Checkpointer(const LmdbJournal& journal, StateStore& state, Fold& fold, Options options);
  ~Checkpointer();
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  void start();
  // Finishes the transaction under way, and with `to_the_end` folds all that is durable. Idempotent.
  void stop(bool to_the_end = false);
  // Starts a run now.
  void request();

  Sequence folded() const { return folded_.load(std::memory_order_acquire); }
  std::chrono::microseconds last_duration() const {
    return std::chrono::microseconds(last_duration_us_.load(std::memory_order_relaxed));
  }
  std::uint64_t runs() const { return runs_.load(std::memory_order_acquire); }
  // Why folding has ended; nullopt while it goes on.
  std::optional<std::string> failure() const;

 private:
  void loop();
  void run();
  bool fold_some(const JournalReader& reader, Sequence target);
  bool write();
  void fail(std::string why);

  const LmdbJournal& journal_;
  StateStore& state_;
  Fold& fold_;
  const Options options_;

  // The checkpointer's thread only: how far the Fold is, and what it gave that is not written yet.
  Folded reached_;
  std::vector<engine::RowChange> unwritten_;
  bool write_pending_ = false;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool requested_ = false;
  bool stopping_ = false;
  bool to_the_end_ = false;
  std::optional<std::string> failure_;

  std::atomic<Sequence> folded_{0};
  std::atomic<std::int64_t> last_duration_us_{0};
  std::atomic<std::uint64_t> runs_{0};
  std::thread thread_;
};

}  // namespace holdfast::storage
