// The journal on LMDB: one thread commits what all event loops append, many records a transaction.
//
// Threads: see engine/journal.h. start(), stop() and recovered() from the thread that owns the object; metrics(),
// status and reader() from any. Invariants: a DurableRun is published only after the commit that covers it, with both
// its syncs, has returned. A sequence is never used twice. After the first failed commit no other is ever tried: the
// outcome of that one is not known, and LMDB itself would go on. Exception: a full disk or map that LMDB reports before
// it has written a meta page leaves the file as it was. The batch is then kept and tried again, from its first page,
// when there is room; order is preserved and nothing is dropped. Ownership: holds the environment of the store's
// journal folder; the StoreDirectory and SentMarks must outlive it.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/journal.h"
#include "storage/doorbell.h"
#include "storage/frame.h"
#include "storage/histogram.h"
#include "storage/lane.h"
#include "storage/sent_marks.h"
#include "storage/status.h"
#include "storage/store_directory.h"

namespace holdfast::storage {

class JournalReader;
class LmdbEnv;
class Prewriter;
class Transaction;

struct JournalOptions {
  unsigned lanes = 1;                                // event loops; 1 to 256
  std::size_t lane_bytes = std::size_t{8} << 20;     // queue of each, in bytes
  std::size_t queue_records = 32'768;                // all queues together, in records not yet taken as durable
  std::uint64_t map_size = std::uint64_t{64} << 30;  // most the file may grow to
  std::uint64_t preallocate_bytes = std::uint64_t{64} << 20;    // zeros written ahead; 0: the file grows as it is used
  std::chrono::microseconds commit_spacing{100};                // most between two commits under load
  std::size_t batch_records_max = 4'096;                        // in one transaction
  std::size_t batch_bytes_max = std::size_t{4} << 20;           // likewise
  std::uint64_t minimum_free_bytes = std::uint64_t{256} << 20;  // of the file system, below it: out_of_space
  double map_used_max = 0.85;                                   // of map_size, from there on: out_of_space
  std::chrono::milliseconds space_interval{100};  // between two looks at the space, or tries of a kept batch
};

// Where a test gets in between. Empty members do nothing.
struct JournalSeams {
  std::function<void(Sequence last)> before_publish;  // on the writer, between a commit and its publication
  std::function<std::uint64_t()> free_bytes;          // instead of asking the file system
};

// The least SentMarks capacity for a queue: as many records again may be durable and unsettled.
constexpr std::uint64_t sent_marks_capacity(std::size_t queue_records) {
  return std::max<std::uint64_t>(1024, std::bit_ceil(std::uint64_t{2} * queue_records));
}

struct JournalMetrics {
  Histogram commit_us;      // time of a commit, from its first put to the return of the last sync
  Histogram batch_records;  // in a commit
  std::atomic<std::uint64_t> records{0};
  std::atomic<std::uint64_t> payload_bytes{0};
  std::atomic<std::uint64_t> commits{0};
  std::atomic<std::uint64_t> retries{0};           // of a kept batch
  std::atomic<std::uint64_t> prewritten_bytes{0};  // zeros, by this process
};

class LmdbJournal final : public engine::Journal {
 public:
  // Opens the journal and finds its end. Throws StoreError when it is damaged, truncated or not this store's.
  LmdbJournal(const StoreDirectory& directory, SentMarks& marks, JournalOptions options, JournalSeams seams = {});
  // Stops.
  ~LmdbJournal() override;
  LmdbJournal(const LmdbJournal&) = delete;
  LmdbJournal& operator=(const LmdbJournal&) = delete;

  // Prewrites and starts the writer; wakers are set before. Until then the journal can only be read.
  void start();
  // Commits what was submitted, if it can be, publishes it, and joins. Loops append nothing any more. Idempotent.
  void stop();
  // Recovery has dealt with every record that was on disk at the start, and what it appended is durable: from now on
  // they count as settled. Resets the sent marks. Call once, before the loops run; until then nothing new is settled.
  void recovered();
  // The same for a run that had approvals unconfirmed, when they have been dealt with: the marks stay as they are. The
  // loops may run.
  void recovered_late() { recovered_.store(true, std::memory_order_release); }

  bool has_room(unsigned lane) const override;
  void append(unsigned lane, std::span<const std::byte> record) override;
  void submit(unsigned lane) override;
  std::optional<engine::DurableRun> next_durable(unsigned lane) override;
  void set_waker(unsigned lane, std::function<void()> waker) override;
  void mark_sent(Sequence sequence) override { marks_.mark(sequence); }
  void settle(unsigned lane, Sequence up_to) override;
  engine::JournalHealth health() const override;
  std::chrono::microseconds expected_wait() const override;
  Sequence sequence() const override { return durable_.load(std::memory_order_acquire); }

  // As found at the start: the last durable sequence, and up to where everything had been settled.
  Sequence sequence_at_open() const { return at_open_; }
  Sequence settled_at_open() const { return settled_at_open_; }

  // Reads the same environment; use one a thread. The journal must outlive it.
  std::unique_ptr<JournalReader> reader() const;

  const JournalMetrics& metrics() const { return metrics_; }
  std::uint64_t queued_records() const;
  // Of map_size.
  double used_ratio() const;
  // What failed, once health() is failed; else what stands in the way, or empty.
  std::string failure() const;

 private:
  struct Lane;
  struct Entry {
    std::span<const std::byte> record;
    unsigned lane = 0;
  };
  enum Condition : std::uint32_t {
    kFailed = 1,
    kDiskLow = 2,       // fewer free bytes than the minimum
    kMapHigh = 4,       // more of the map used than allowed
    kPrewriteFull = 8,  // zeros could not be written ahead
    kBatchKept = 16,    // a batch waits for space
  };

  // Writer.
  void write_loop();
  void gather();
  void gather_from(unsigned lane);
  Status commit();
  Status put_all(Transaction& transaction);
  void publish();
  bool retry_later(const Status& status);
  void pace();
  bool work_waits() const;
  void fail(const std::string& why);

  // Watcher: space, zeros ahead, stale readers.
  void watch_loop();
  void look_at_space();
  bool prewrite_ahead();
  void set_condition(Condition condition, bool on);

  Sequence settled_now() const;
  bool unsettled_fit() const;
  std::uint64_t growth_max() const;
  void find_end(const StoreId& store);

  const JournalOptions options_;
  const JournalSeams seams_;
  SentMarks& marks_;
  std::shared_ptr<LmdbEnv> env_;
  unsigned records_dbi_ = 0;
  std::unique_ptr<Prewriter> prewriter_;
  std::vector<std::unique_ptr<Lane>> lanes_;

  // The writer's own.
  FrameCodec codec_;
  Chain chain_{};        // of the last durable record
  Chain batch_chain_{};  // of the last record of the batch
  std::vector<Entry> batch_;
  std::size_t batch_bytes_ = 0;
  unsigned first_lane_ = 0;  // of the next batch: takes turns
  double batch_average_ = 0;
  std::chrono::steady_clock::time_point last_commit_end_{};

  Sequence at_open_ = 0;
  Sequence settled_at_open_ = 0;
  alignas(kCacheLine) std::atomic<Sequence> durable_{0};
  std::atomic<std::uint32_t> conditions_{0};
  std::atomic<bool> recovered_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<int> prewrite_error_{0};              // found by the watcher, acted on by the writer
  std::atomic<std::int64_t> commit_started_ns_{0};  // of the commit under way, 0 between commits
  std::atomic<std::int64_t> commit_average_ns_{0};
  std::atomic<std::uint64_t> used_bytes_{0};
  mutable std::atomic<Sequence> settled_seen_{0};  // some earlier settled_now(), to look at first
  Doorbell writer_bell_;                           // records, or the end
  Doorbell retry_bell_;                            // the end, while a batch is kept
  Doorbell watcher_bell_;                          // zeros wanted, or the end

  mutable std::mutex failure_mutex_;
  std::string failure_;
  JournalMetrics metrics_;
  std::thread writer_;
  std::thread watcher_;
};

}  // namespace holdfast::storage
