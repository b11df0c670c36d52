// A store in a folder of its own, and event loops' stand-ins that append to its journal.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/journal.h"
#include "storage/journal_reader.h"
#include "storage/sent_marks.h"
#include "storage/store_directory.h"

namespace holdfast::storage::test {

inline constexpr auto kDeadline = std::chrono::seconds(30);

class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "holdfast_storage_XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = name;
  }
  ~TempFolder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path store() const { return path_ / "data"; }

 private:
  std::filesystem::path path_;
};

inline BytesView bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

inline std::string text_of(BytesView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Looks again at short intervals, for conditions that nothing announces.
template <class Condition>
bool holds_in_time(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock(mutex);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    never.wait_for(lock, std::chrono::microseconds(500));
  }
  return true;
}

// Small sizes: no test needs the 64 MiB of zeros.
inline JournalOptions small_options(unsigned lanes = 1) {
  JournalOptions options;
  options.lanes = lanes;
  options.lane_bytes = 512 * 1024;
  options.queue_records = 2'048;
  options.map_size = std::uint64_t{64} << 20;
  options.preallocate_bytes = 1 << 20;
  options.minimum_free_bytes = 0;
  options.space_interval = std::chrono::milliseconds(2);
  options.commit_spacing = std::chrono::microseconds(0);
  return options;
}

// Everything that a daemon has open of a store.
struct OpenStore {
  explicit OpenStore(const std::filesystem::path& path, const JournalOptions& options = small_options(),
                     JournalSeams seams = {})
      : directory(path),
        marks(sent_marks_file(path), sent_marks_capacity(options.queue_records)),
        journal(directory, marks, options, std::move(seams)) {}

  StoreDirectory directory;
  SentMarks marks;
  LmdbJournal journal;
};

// What one event loop does with its lane.
class Loop {
 public:
  Loop(LmdbJournal& journal, unsigned lane) : journal_(journal), lane_(lane) {
    journal_.set_waker(lane, [this] {
      const std::lock_guard lock(mutex_);
      ++wakes_;
      woken_.notify_all();
    });
  }

  void append(std::string_view record) {
    ASSERT_TRUE(journal_.has_room(lane_));
    journal_.append(lane_, bytes_of(record));
    appended_.emplace_back(record);
  }
  void submit() { journal_.submit(lane_); }

  // Appends records of one size, as the lane has room, until the condition holds. False when the deadline passed first.
  template <class Condition>
  bool append_until(std::size_t bytes, Condition condition) {
    return holds_in_time([&] {
      for (int i = 0; i < 20 && !condition() && journal_.has_room(lane_); ++i) {
        append(std::string(bytes, static_cast<char>('a' + appended_.size() % 26)));
        submit();
      }
      take();
      if (!durable_.empty()) journal_.settle(lane_, durable_.back());
      return condition();
    });
  }

  // Takes the runs that are there and notes which sequence each record got.
  void take() {
    while (const auto run = journal_.next_durable(lane_)) {
      EXPECT_GT(run->count, 0U);
      EXPECT_LE(run->first_sequence + run->count - 1, journal_.sequence());
      ++runs_;
      for (std::uint64_t i = 0; i < run->count; ++i)
        durable_.push_back(run->first_sequence + i);
    }
  }
  // False when the deadline passed first.
  bool take_until(std::size_t records) {
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    std::unique_lock lock(mutex_);
    for (;;) {
      const std::uint64_t seen = wakes_;
      lock.unlock();
      take();
      if (durable_.size() >= records) return true;
      lock.lock();
      if (!woken_.wait_until(lock, deadline, [&] { return wakes_ != seen; })) return false;
    }
  }
  std::uint64_t wakes() {
    const std::lock_guard lock(mutex_);
    return wakes_;
  }

  const std::vector<std::string>& appended() const { return appended_; }
  // The sequence of the n-th appended record, as far as known.
  const std::vector<Sequence>& durable() const { return durable_; }
  std::uint64_t runs() const { return runs_; }

 private:
  LmdbJournal& journal_;
  const unsigned lane_;
  std::vector<std::string> appended_;
  std::vector<Sequence> durable_;
  std::uint64_t runs_ = 0;
  std::mutex mutex_;
  std::condition_variable woken_;
  std::uint64_t wakes_ = 0;
};

struct StoredRecord {
  unsigned lane = 0;
  Sequence settled = 0;
  std::string payload;
};

// All records from 1 on; fails the test when the journal is damaged.
inline std::vector<StoredRecord> read_all(const JournalReader& reader) {
  std::vector<StoredRecord> records;
  const auto damage = reader.walk(0, std::nullopt, JournalReader::kAll, [&records](const JournalRecord& record) {
    EXPECT_EQ(record.sequence, records.size() + 1);
    records.push_back({record.lane, record.settled, text_of(record.payload)});
    return true;
  });
  EXPECT_FALSE(damage) << damage->sequence << ": " << damage->what;
  return records;
}

inline std::vector<StoredRecord> read_all(const std::filesystem::path& store) {
  return read_all(JournalReader(store));
}

inline std::string file_bytes(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_file(const std::filesystem::path& file, std::string_view bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

template <class Act>
std::string refusal(Act act) {
  try {
    act();
  } catch (const StoreError& error) {
    return error.what();
  }
  return "";
}

}  // namespace holdfast::storage::test
