#include "storage/checkpointer.h"

#include <pthread.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "storage/journal_reader.h"

namespace holdfast::storage {
namespace {

using Clock = std::chrono::steady_clock;

// How often the number of unfolded records is looked at.
constexpr std::chrono::milliseconds kLookInterval{250};

bool by_table_and_key(const engine::RowChange& left, const engine::RowChange& right) {
  if (left.table != right.table) return left.table < right.table;
  return left.key < right.key;
}

}  // namespace

Checkpointer::Checkpointer(const LmdbJournal& journal, StateStore& state, Fold& fold, Options options)
    : journal_(journal), state_(state), fold_(fold), options_(options), reached_(state.folded()) {
  folded_.store(reached_.sequence, std::memory_order_relaxed);
}

Checkpointer::~Checkpointer() {
  stop();
}

void Checkpointer::start() {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "checkpoint");
    loop();
  });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Checkpointer::stop(bool to_the_end) {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    to_the_end_ = to_the_end;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Checkpointer::request() {
  {
    const std::lock_guard lock(mutex_);
    requested_ = true;
  }
  wake_.notify_all();
}

std::optional<std::string> Checkpointer::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

void Checkpointer::loop() {
  auto next_run = Clock::now() + options_.interval;
  for (;;) {
    bool last_run = false;
    {
      std::unique_lock lock(mutex_);
      const auto due = [&] { return stopping_ || requested_; };
      if (!due()) wake_.wait_until(lock, std::min(next_run, Clock::now() + kLookInterval), due);
      const bool many = journal_.sequence() - folded() >= options_.records;
      if (!due() && !many && Clock::now() < next_run) continue;
      if (stopping_ && !to_the_end_) return;
      last_run = stopping_;
      requested_ = false;
    }
    const auto begin = Clock::now();
    run();
    next_run = Clock::now() + options_.interval;
    last_duration_us_.store(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin).count(),
                            std::memory_order_relaxed);
    runs_.fetch_add(1, std::memory_order_release);
    if (last_run || failure()) return;
  }
}

// Up to what was durable when the run began, so that a run ends under any load.
void Checkpointer::run() {
  const auto reader = journal_.reader();
  const Sequence target = journal_.sequence();
  while (reached_.sequence < target || write_pending_) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_ && !to_the_end_) return;
    }
    if (!write_pending_ && !fold_some(*reader, target)) return;
    if (!write()) return;
  }
}

bool Checkpointer::fold_some(const JournalReader& reader, Sequence target) {
  std::optional<std::string> fault;
  std::size_t records = 0;
  const auto damage = reader.walk(reached_.sequence, reached_.chain, target, [&](const JournalRecord& record) {
    fault = fold_.apply(record.sequence, record.payload);
    if (fault) return false;
    reached_ = {record.sequence, record.chain};
    return ++records < options_.records_max && fold_.touched_rows() < options_.rows_max;
  });
  if (fault) return fail("journal, record " + std::to_string(reached_.sequence + 1) + ": " + *fault), false;
  if (damage) return fail("journal, record " + std::to_string(damage->sequence) + ": " + damage->what), false;
  unwritten_ = fold_.take_changes();
  std::sort(unwritten_.begin(), unwritten_.end(), by_table_and_key);
  write_pending_ = true;
  return true;
}

bool Checkpointer::write() {
  const Status status = state_.apply(unwritten_, reached_.sequence, reached_.chain);
  if (!status.ok()) {
    if (!status.out_of_space() || state_.failed()) fail("state store: " + status.text());
    return false;
  }
  folded_.store(reached_.sequence, std::memory_order_release);
  unwritten_.clear();
  write_pending_ = false;
  return true;
}

void Checkpointer::fail(std::string why) {
  const std::lock_guard lock(mutex_);
  failure_ = std::move(why);
}

}  // namespace holdfast::storage
