#include "storage/journal.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <utility>

#include "storage/journal_reader.h"
#include "storage/lmdb_env.h"
#include "storage/prewriter.h"

namespace holdfast::storage {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kForever = std::chrono::hours(1);
constexpr int kLooksBetweenReaderChecks = 50;
constexpr double kAverageWeight = 1.0 / 8;
// From this many records a commit on, commits keep their full distance.
constexpr double kFullLoadRecords = 8;

std::int64_t to_ns(Clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

[[noreturn]] void contradiction(const char* what) {
  std::fprintf(stderr, "holdfast: contradiction in the journal: %s\n", what);
  std::abort();
}

// Signals are for the main thread; an interrupted sync would count as a failed one.
template <class Body>
std::thread start_thread(const char* name, Body body) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread([name, body] {
    pthread_setname_np(pthread_self(), name);
    // Sleeps of 100 us are meant: the default slack would add half as much again.
    prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
    body();
  });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

}  // namespace

struct LmdbJournal::Lane {
  Lane(std::size_t bytes, std::size_t records) : ring(bytes), runs(records), records_max(records) {}

  LaneRing ring;
  // Never full: it has a place for every record that was appended and not yet taken.
  ValueRing<engine::DurableRun> runs;
  const std::size_t records_max;
  std::function<void()> waker;

  // The loop's own; `appended` is also read by others, for the length of the queue.
  alignas(kCacheLine) std::atomic<std::uint64_t> appended{0};
  std::uint64_t taken = 0;
  std::atomic<Sequence> settled{0};

  // The writer's own; the atomics are also read by loops that look for room.
  alignas(kCacheLine) std::uint64_t gathered = 0;  // position in the ring behind the batch
  std::atomic<Sequence> last_run_end{0};           // the lane's last durable record
  std::atomic<Sequence> settled_before{0};         // known settled when the oldest run that may not be was published
};

LmdbJournal::LmdbJournal(const StoreDirectory& directory, SentMarks& marks, JournalOptions options, JournalSeams seams)
    : options_(options), seams_(std::move(seams)), marks_(marks) {
  if (options_.lanes < 1 || options_.lanes > 256) throw StoreError("the journal takes 1 to 256 lanes");
  if (options_.queue_records < options_.lanes) throw StoreError("the journal's queue has no record for each lane");
  if (options_.batch_records_max < 1) throw StoreError("a batch of the journal has at least one record");
  env_ = std::make_shared<LmdbEnv>(journal_folder(directory.path()), LmdbOptions{.map_size = options_.map_size});
  records_dbi_ = env_->open_unnamed(MDB_INTEGERKEY);
  find_end(directory.identity().id);
  used_bytes_.store(env_->used_bytes(), std::memory_order_relaxed);
  struct stat found {};
  if (::fstat(env_->fd(), &found) != 0) throw StoreError("the journal's file cannot be looked at");
  prewriter_ = std::make_unique<Prewriter>(env_->fd(), static_cast<std::uint64_t>(found.st_size), env_->map_bytes(),
                                           options_.preallocate_bytes);
  for (unsigned lane = 0; lane < options_.lanes; ++lane) {
    lanes_.push_back(std::make_unique<Lane>(options_.lane_bytes, options_.queue_records / options_.lanes));
  }
  batch_.reserve(options_.batch_records_max);
  look_at_space();
}

LmdbJournal::~LmdbJournal() {
  stop();
}

// The last record tells where to go on, so it must be sound and linked, and truly be the last.
void LmdbJournal::find_end(const StoreId& store) {
  check_origin(*env_, store);
  const JournalReader reader(env_);
  Sequence last = 0;
  auto damage = reader.last(last);
  chain_ = codec_.first_chain(store);
  if (!damage && last > 0) {
    damage = reader.read(last, [this](const JournalRecord& record) {
      chain_ = record.chain;
      settled_at_open_ = record.settled;
    });
  }
  if (damage) throw StoreError("journal, record " + std::to_string(damage->sequence) + ": " + damage->what);
  at_open_ = last;
  settled_at_open_ = std::max(settled_at_open_, std::min(marks_.settled(), last));
  durable_.store(last, std::memory_order_relaxed);
}

void LmdbJournal::start() {
  if (writer_.joinable()) return;
  const Status status = prewriter_->ensure(used_bytes_.load(std::memory_order_relaxed) + options_.preallocate_bytes);
  if (!status.ok() && !status.out_of_space()) throw StoreError(status.text());
  set_condition(kPrewriteFull, !status.ok());
  if (!prewriter_->off() && ::fdatasync(env_->fd()) != 0) throw StoreError("the journal's file cannot be synced");
  // Nobody reads the zeros again, so they need no memory.
  ::posix_fadvise(env_->fd(), static_cast<off_t>(env_->used_bytes()), 0, POSIX_FADV_DONTNEED);
  metrics_.prewritten_bytes.store(prewriter_->end(), std::memory_order_relaxed);
  writer_ = start_thread("journal", [this] { write_loop(); });
  watcher_ = start_thread("journal-space", [this] { watch_loop(); });
}

void LmdbJournal::stop() {
  // Sequentially consistent, as any work a bell announces.
  stopping_.store(true, std::memory_order_seq_cst);
  for (Doorbell* bell : {&writer_bell_, &retry_bell_, &watcher_bell_})
    bell->ring();
  if (writer_.joinable()) writer_.join();
  if (watcher_.joinable()) watcher_.join();
}

void LmdbJournal::recovered() {
  marks_.reset(sequence());
  if (marks_.capacity() < sent_marks_capacity(options_.queue_records)) {
    throw StoreError("the sent marks are too few for the journal's queue");
  }
  recovered_.store(true, std::memory_order_release);
}

// --- The loops' side ---

bool LmdbJournal::has_room(unsigned lane) const {
  const Lane& own = *lanes_[lane];
  return own.appended.load(std::memory_order_relaxed) - own.taken < own.records_max && own.ring.has_room() &&
         unsettled_fit();
}

// Half of the sent marks' ring is for records that are durable and unsettled, the other half for those that the queues
// may still hold. A lane whose room was seen just before the first half filled up may add one record more.
bool LmdbJournal::unsettled_fit() const {
  if (!recovered_.load(std::memory_order_acquire)) return true;
  const std::uint64_t unsettled_max = marks_.capacity() / 2 - options_.lanes;
  // The settled end is read first: it can then only be too low for the durable one, never too high.
  const Sequence seen = settled_seen_.load(std::memory_order_acquire);
  if (sequence() - seen <= unsettled_max) return true;
  const Sequence settled = settled_now();
  settled_seen_.store(settled, std::memory_order_release);
  return sequence() - settled <= unsettled_max;
}

void LmdbJournal::append(unsigned lane, std::span<const std::byte> record) {
  Lane& own = *lanes_[lane];
  if (record.size() > engine::kRecordBytesMax || !own.ring.has_room())
    contradiction("a record was appended without room");
  own.ring.push(record);
  own.appended.store(own.appended.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

void LmdbJournal::submit(unsigned lane) {
  lanes_[lane]->ring.publish();
  writer_bell_.ring();
}

std::optional<engine::DurableRun> LmdbJournal::next_durable(unsigned lane) {
  Lane& own = *lanes_[lane];
  const auto run = own.runs.pop();
  if (run) own.taken += run->count;
  return run;
}

void LmdbJournal::set_waker(unsigned lane, std::function<void()> waker) {
  lanes_[lane]->waker = std::move(waker);
}

void LmdbJournal::settle(unsigned lane, Sequence up_to) {
  Lane& own = *lanes_[lane];
  // Release: pairs with settled_now(), so that a record that counts as settled was answered before.
  if (up_to > own.settled.load(std::memory_order_relaxed)) own.settled.store(up_to, std::memory_order_release);
}

// A lane whose last durable record is settled does not hold the others back. The durable end is read first: a run that
// is published meanwhile lies behind it.
Sequence LmdbJournal::settled_now() const {
  if (!recovered_.load(std::memory_order_acquire)) return settled_at_open_;
  Sequence settled = sequence();
  for (const auto& lane : lanes_) {
    const Sequence lane_settled = lane->settled.load(std::memory_order_acquire);
    if (lane_settled >= lane->last_run_end.load(std::memory_order_acquire)) continue;  // pairs with publish()
    settled = std::min(settled, std::max(lane_settled, lane->settled_before.load(std::memory_order_relaxed)));
  }
  return settled;
}

engine::JournalHealth LmdbJournal::health() const {
  const std::uint32_t conditions = conditions_.load(std::memory_order_acquire);
  if ((conditions & kFailed) != 0) return engine::JournalHealth::failed;
  return conditions != 0 ? engine::JournalHealth::out_of_space : engine::JournalHealth::ready;
}

// The commit under way, then one for each batch that the queue fills. A commit that takes longer than usual is expected
// to take as long again.
std::chrono::microseconds LmdbJournal::expected_wait() const {
  const std::int64_t average = commit_average_ns_.load(std::memory_order_relaxed);
  const std::int64_t started = commit_started_ns_.load(std::memory_order_relaxed);
  // What commits took before is no reason to refuse what an idle journal would take at once: with nothing accepted, no
  // commit would ever show that the disk is fast again.
  if (started == 0 && queued_records() == 0) return std::chrono::microseconds(0);
  std::int64_t wait = 0;
  if (started != 0) wait = std::max(average, to_ns(Clock::now()) - started);
  const auto batches = static_cast<std::int64_t>(queued_records() / options_.batch_records_max) + 1;
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::nanoseconds(wait + batches * average));
}

std::unique_ptr<JournalReader> LmdbJournal::reader() const {
  return std::make_unique<JournalReader>(env_);
}

std::uint64_t LmdbJournal::queued_records() const {
  const std::uint64_t committed = metrics_.records.load(std::memory_order_relaxed);
  std::uint64_t appended = 0;
  for (const auto& lane : lanes_)
    appended += lane->appended.load(std::memory_order_relaxed);
  return appended > committed ? appended - committed : 0;
}

double LmdbJournal::used_ratio() const {
  return static_cast<double>(used_bytes_.load(std::memory_order_relaxed)) / static_cast<double>(options_.map_size);
}

std::string LmdbJournal::failure() const {
  const std::uint32_t conditions = conditions_.load(std::memory_order_acquire);
  if ((conditions & (kFailed | kBatchKept)) != 0) {
    const std::lock_guard lock(failure_mutex_);
    return failure_;
  }
  if ((conditions & kPrewriteFull) != 0) return "the file system has no room for the journal to go on";
  if ((conditions & kDiskLow) != 0) return "the file system has less free space than the configured minimum";
  if ((conditions & kMapHigh) != 0) return "the journal has used up its share of the configured map size";
  return "";
}

// --- The writer ---

void LmdbJournal::write_loop() {
  for (;;) {
    // Read before the lanes: what was submitted before the stop is seen.
    const bool stopping = stopping_.load(std::memory_order_seq_cst);
    if (const int code = prewrite_error_.load(std::memory_order_acquire); code != 0) {
      return fail(Status(code, "writing zeros ahead of the journal").text());
    }
    if (batch_.empty()) gather();
    if (batch_.empty()) {
      if (stopping) return;
      writer_bell_.sleep(kForever, [this] { return work_waits(); });
      continue;
    }
    const Status status = commit();
    if (status.ok()) {
      publish();
      pace();
    } else if (!status.out_of_space()) {
      return fail(status.text() + ", after record " + std::to_string(sequence()));
    } else if (!retry_later(status)) {
      return;
    }
  }
}

bool LmdbJournal::work_waits() const {
  if (stopping_.load(std::memory_order_seq_cst) || prewrite_error_.load(std::memory_order_seq_cst) != 0) return true;
  return std::any_of(lanes_.begin(), lanes_.end(), [](const auto& lane) { return lane->ring.peek(lane->gathered); });
}

void LmdbJournal::gather() {
  for (unsigned i = 0; i < options_.lanes; ++i)
    gather_from((first_lane_ + i) % options_.lanes);
  first_lane_ = (first_lane_ + 1) % options_.lanes;
}

void LmdbJournal::gather_from(unsigned lane) {
  Lane& from = *lanes_[lane];
  while (batch_.size() < options_.batch_records_max) {
    const auto item = from.ring.peek(from.gathered);
    if (!item) return;
    const std::size_t bytes = frame_bytes(item->record.size());
    if (!batch_.empty() && batch_bytes_ + bytes > options_.batch_bytes_max) return;
    batch_.push_back({item->record, lane});
    batch_bytes_ += bytes;
    from.gathered = item->next;
  }
}

// The most that the file can grow by in the transaction: a leaf page is at least half full, a record on pages of its
// own wastes less than one; the rest covers branch pages and LMDB's list of free pages.
std::uint64_t LmdbJournal::growth_max() const {
  return 4 * std::uint64_t{batch_bytes_} + 64 * batch_.size() + (std::uint64_t{4} << 20);
}

Status LmdbJournal::commit() {
  const auto begin = Clock::now();
  commit_started_ns_.store(to_ns(begin), std::memory_order_relaxed);
  Status status = prewriter_->ensure(used_bytes_.load(std::memory_order_relaxed) + growth_max());
  if (!status.ok()) return status;

  Transaction transaction;
  if (const int code = transaction.begin_write(*env_); code != 0) return {code, "beginning a transaction"};
  status = put_all(transaction);
  if (!status.ok()) return status;
  if (const int code = transaction.commit(); code != 0) {
    status = Status(code, "committing to the journal");
    // A meta page that could not be written makes LMDB refuse the next transaction: then the outcome is not known, and
    // there is nothing to try again.
    Transaction probe;
    if (status.out_of_space() && probe.begin_write(*env_) != 0) return {MDB_PANIC, "writing the journal's meta page"};
    return status;
  }

  last_commit_end_ = Clock::now();
  commit_started_ns_.store(0, std::memory_order_relaxed);
  const std::int64_t took = (last_commit_end_ - begin).count();
  const std::int64_t average = commit_average_ns_.load(std::memory_order_relaxed);
  commit_average_ns_.store(average == 0 ? took : average + (took - average) / 8, std::memory_order_relaxed);
  metrics_.commit_us.record(static_cast<std::uint64_t>(took / 1000));
  used_bytes_.store(env_->used_bytes(), std::memory_order_relaxed);
  if (!prewriter_->off() && env_->used_bytes() > prewriter_->end()) contradiction("LMDB wrote behind the zeros");
  return {};
}

Status LmdbJournal::put_all(Transaction& transaction) {
  Cursor cursor;
  if (const int code = cursor.open(transaction, records_dbi_); code != 0) return {code, "opening a cursor"};
  const Sequence settled = settled_now();
  Sequence sequence = durable_.load(std::memory_order_relaxed);
  batch_chain_ = chain_;
  for (const Entry& entry : batch_) {
    ++sequence;
    MDB_val key = to_val(sequence);
    MDB_val value{frame_bytes(entry.record.size()), nullptr};
    if (const int code = cursor.put(key, value, MDB_APPEND | MDB_RESERVE); code != 0) return {code, "adding a record"};
    const std::span into(static_cast<std::byte*>(value.mv_data), value.mv_size);
    batch_chain_ =
        codec_.encode(batch_chain_, sequence, static_cast<std::uint8_t>(entry.lane), settled, entry.record, into);
  }
  return {};
}

// The batch holds the records of a lane side by side, so each lane gets one run.
void LmdbJournal::publish() {
  const Sequence before = durable_.load(std::memory_order_relaxed);
  const Sequence last = before + batch_.size();
  if (seams_.before_publish) seams_.before_publish(last);

  std::uint64_t bytes = 0;
  for (const Entry& entry : batch_)
    bytes += entry.record.size();
  const auto each_run = [this, before](auto&& visit) {
    for (std::size_t at = 0; at < batch_.size();) {
      std::size_t end = at;
      while (end < batch_.size() && batch_[end].lane == batch_[at].lane)
        ++end;
      visit(*lanes_[batch_[at].lane], before + at + 1, end - at);
      at = end;
    }
  };
  each_run([](Lane& lane, Sequence first, std::uint64_t count) {
    const Sequence end_before = lane.last_run_end.load(std::memory_order_relaxed);
    if (lane.settled.load(std::memory_order_acquire) >= end_before) {
      lane.settled_before.store(first - 1, std::memory_order_relaxed);
    }
    // Release: pairs with settled_now(), which then sees settled_before as well.
    lane.last_run_end.store(first + count - 1, std::memory_order_release);
  });
  chain_ = batch_chain_;
  metrics_.batch_records.record(batch_.size());
  metrics_.records.fetch_add(batch_.size(), std::memory_order_relaxed);
  metrics_.payload_bytes.fetch_add(bytes, std::memory_order_relaxed);
  metrics_.commits.fetch_add(1, std::memory_order_relaxed);
  // Release: whoever sees the sequence sees the lanes' last_run_end, and may read the record.
  durable_.store(last, std::memory_order_release);
  each_run([](Lane& lane, Sequence first, std::uint64_t count) {
    if (!lane.runs.push({first, count})) contradiction("more durable runs than records");
    lane.ring.release(lane.gathered);
  });
  set_condition(kBatchKept, false);
  batch_average_ += (static_cast<double>(batch_.size()) - batch_average_) * kAverageWeight;
  each_run([](Lane& lane, Sequence, std::uint64_t) {
    if (lane.waker) lane.waker();
  });
  batch_.clear();
  batch_bytes_ = 0;
  if (prewriter_->wants(used_bytes_.load(std::memory_order_relaxed))) watcher_bell_.ring();
}

// False when the journal is to end with the batch undone: it was never reported, and is not on disk.
bool LmdbJournal::retry_later(const Status& status) {
  {
    const std::lock_guard lock(failure_mutex_);
    failure_ = status.text();
  }
  set_condition(kBatchKept, true);
  if (stopping_.load(std::memory_order_seq_cst)) return false;
  commit_started_ns_.store(0, std::memory_order_relaxed);
  metrics_.retries.fetch_add(1, std::memory_order_relaxed);
  retry_bell_.sleep(options_.space_interval, [this] { return stopping_.load(std::memory_order_seq_cst); });
  return true;
}

// Under load, more records gather for the price of one commit when the next does not follow at once; a lone record
// never waits.
void LmdbJournal::pace() {
  const double load = std::clamp((batch_average_ - 1) / kFullLoadRecords, 0.0, 1.0);
  const auto wait = std::chrono::duration_cast<std::chrono::nanoseconds>(options_.commit_spacing * load);
  if (wait < std::chrono::microseconds(5)) return;
  const std::int64_t until = to_ns(last_commit_end_ + wait);
  const timespec deadline{until / 1'000'000'000, until % 1'000'000'000};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, nullptr);
}

void LmdbJournal::fail(const std::string& why) {
  {
    const std::lock_guard lock(failure_mutex_);
    failure_ = why;
  }
  set_condition(kFailed, true);
  for (const auto& lane : lanes_) {
    if (lane->waker) lane->waker();
  }
}

// --- The watcher ---

void LmdbJournal::watch_loop() {
  int looks = 0;
  auto next_look = Clock::now();
  while (!stopping_.load(std::memory_order_seq_cst) && health() != engine::JournalHealth::failed) {
    const bool wrote = prewrite_ahead();
    if (Clock::now() >= next_look) {
      look_at_space();
      if (++looks % kLooksBetweenReaderChecks == 0) env_->clear_stale_readers();
      next_look = Clock::now() + options_.space_interval;
    }
    const auto until_look = std::max<std::chrono::nanoseconds>(next_look - Clock::now(), std::chrono::nanoseconds(1));
    watcher_bell_.sleep(until_look, [this, wrote] {
      if (stopping_.load(std::memory_order_seq_cst)) return true;
      return wrote && prewriter_->wants(used_bytes_.load(std::memory_order_relaxed));
    });
  }
}

// False when it could not: another try has to wait.
bool LmdbJournal::prewrite_ahead() {
  Status status;
  if (prewriter_->wants(used_bytes_.load(std::memory_order_relaxed))) {
    const std::uint64_t before = prewriter_->end();
    status = prewriter_->advance(used_bytes_.load(std::memory_order_relaxed));
    metrics_.prewritten_bytes.fetch_add(prewriter_->end() - before, std::memory_order_relaxed);
  }
  if (status.ok() || status.out_of_space()) {
    set_condition(kPrewriteFull, !status.ok());
    return status.ok();
  }
  // The writer ends the journal, so that nothing is published after the end.
  prewrite_error_.store(status.code(), std::memory_order_seq_cst);
  writer_bell_.ring();
  return false;
}

void LmdbJournal::look_at_space() {
  std::uint64_t free = ~std::uint64_t{0};
  struct statvfs found {};
  if (seams_.free_bytes) {
    free = seams_.free_bytes();
  } else if (::fstatvfs(env_->fd(), &found) == 0) {
    free = std::uint64_t{found.f_bavail} * found.f_frsize;
  }
  set_condition(kDiskLow, free < options_.minimum_free_bytes);
  set_condition(kMapHigh, used_ratio() > options_.map_used_max);
}

void LmdbJournal::set_condition(Condition condition, bool on) {
  // Release: pairs with health() and failure().
  if (on) {
    conditions_.fetch_or(condition, std::memory_order_release);
  } else if ((conditions_.load(std::memory_order_relaxed) & condition) != 0) {
    conditions_.fetch_and(~std::uint32_t{condition}, std::memory_order_release);
  }
}

}  // namespace holdfast::storage
