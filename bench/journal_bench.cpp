// What a durable record costs: commits of the journal by batch size, in a file written with zeros ahead and in one that
// grows, next to the floor, an append of the same bytes to a plain file and fdatasync.
//
// The variants are interleaved: each iteration of a row runs one commit of every variant, so that a disk that is slow
// for a second is slow for all. Columns: median time in us of each variant, the ratio to the floor, and bytes that
// reached the block layer a record (write_bytes of /proc/self/io, for the prewritten journal). Run on the disk that the
// store will be on: TMPDIR=/that/disk journal_bench
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "storage/doorbell.h"
#include "storage/journal.h"

namespace {

using namespace holdfast::storage;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kRecordBytes = 200;
constexpr std::size_t kBatchMax = 1'024;
constexpr std::uint64_t kMiB = 1 << 20;

std::uint64_t bytes_to_device() {
  std::ifstream io("/proc/self/io");
  std::string name;
  for (std::uint64_t value = 0; io >> name >> value;) {
    if (name == "write_bytes:") return value;
  }
  return 0;
}

class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "holdfast_bench_XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = name;
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

JournalOptions options(std::uint64_t preallocate_bytes) {
  JournalOptions options;
  options.map_size = 16'384 * kMiB;
  options.preallocate_bytes = preallocate_bytes;
  options.minimum_free_bytes = 0;
  options.commit_spacing = std::chrono::microseconds(0);
  return options;
}

// Appends a batch and waits until all of it is durable.
class JournalVariant {
 public:
  JournalVariant(const std::filesystem::path& path, std::uint64_t preallocate_bytes)
      : directory_(path), marks_(sent_marks_file(path)), journal_(directory_, marks_, options(preallocate_bytes)) {
    journal_.set_waker(0, [this] {
      woken_.store(true);
      bell_.ring();
    });
    journal_.start();
    journal_.recovered();
  }

  void commit(std::size_t records, const std::vector<std::byte>& record) {
    for (std::size_t i = 0; i < records; ++i)
      journal_.append(0, record);
    journal_.submit(0);
    for (std::uint64_t durable = 0; durable < records;) {
      bell_.sleep(std::chrono::seconds(1), [this] { return woken_.load(); });
      woken_.store(false);
      while (const auto run = journal_.next_durable(0)) {
        durable += run->count;
        journal_.settle(0, run->first_sequence + run->count - 1);
      }
    }
  }
  // The commit alone, without the two wake-ups around it.
  double last_commit_us() {
    const double sum = static_cast<double>(journal_.metrics().commit_us.sum());
    const double last = sum - commit_us_before_;
    commit_us_before_ = sum;
    return last;
  }

 private:
  StoreDirectory directory_;
  SentMarks marks_;
  LmdbJournal journal_;
  Doorbell bell_;
  std::atomic<bool> woken_{false};
  double commit_us_before_ = 0;
};

// A plain file: zeros first when `prewritten_bytes` is not 0, then appends, starting over at its end.
class FileVariant {
 public:
  FileVariant(const std::filesystem::path& path, std::uint64_t prewritten_bytes)
      : fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)), prewritten_bytes_(prewritten_bytes) {
    const std::vector<char> zeros(kMiB);
    for (std::uint64_t at = 0; at < prewritten_bytes; at += kMiB)
      write(zeros.data(), kMiB, at);
    if (::fdatasync(fd_) != 0) throw std::runtime_error("fdatasync");
  }
  ~FileVariant() { ::close(fd_); }
  FileVariant(const FileVariant&) = delete;
  FileVariant& operator=(const FileVariant&) = delete;

  void commit(std::size_t records, const std::vector<std::byte>& record) {
    block_.clear();
    for (std::size_t i = 0; i < records; ++i)
      block_.insert(block_.end(), record.begin(), record.end());
    if (prewritten_bytes_ != 0 && at_ + block_.size() > prewritten_bytes_) at_ = 0;
    write(block_.data(), block_.size(), at_);
    at_ += block_.size();
    if (::fdatasync(fd_) != 0) throw std::runtime_error("fdatasync");
  }

 private:
  void write(const void* bytes, std::size_t size, std::uint64_t at) {
    if (::pwrite(fd_, bytes, size, static_cast<off_t>(at)) != static_cast<ssize_t>(size))
      throw std::runtime_error("pwrite");
  }
  const int fd_;
  const std::uint64_t prewritten_bytes_;
  std::uint64_t at_ = 0;
  std::vector<std::byte> block_;
};

struct Variants {
  TempFolder folder;
  JournalVariant prewritten{folder.path() / "prewritten", 64 * kMiB};
  JournalVariant growing{folder.path() / "growing", 0};
  FileVariant file_prewritten{folder.path() / "file_prewritten", 64 * kMiB};
  FileVariant file_growing{folder.path() / "file_growing", 0};
};

double median(std::vector<double>& values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

template <class Act>
double microseconds(Act act) {
  const auto begin = Clock::now();
  act();
  return std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
}

void Commit(benchmark::State& state) {
  static Variants variants;
  const auto records = static_cast<std::size_t>(state.range(0));
  const std::vector<std::byte> record(kRecordBytes, std::byte{0x5A});
  std::vector<double> answer;  // append to known-durable, both wake-ups included
  std::vector<double> prewritten;
  std::vector<double> growing;
  std::vector<double> file;
  std::vector<double> file_growing;
  std::uint64_t device_bytes = 0;
  variants.prewritten.last_commit_us();
  variants.growing.last_commit_us();
  for (auto _ : state) {
    const std::uint64_t before = bytes_to_device();
    answer.push_back(microseconds([&] { variants.prewritten.commit(records, record); }));
    device_bytes += bytes_to_device() - before;
    prewritten.push_back(variants.prewritten.last_commit_us());
    variants.growing.commit(records, record);
    growing.push_back(variants.growing.last_commit_us());
    file.push_back(microseconds([&] { variants.file_prewritten.commit(records, record); }));
    file_growing.push_back(microseconds([&] { variants.file_growing.commit(records, record); }));
    state.SetIterationTime(prewritten.back() / 1e6);
  }
  const double floor = median(file);
  state.counters["journal_us"] = median(prewritten);
  state.counters["answer_us"] = median(answer);
  state.counters["growing_us"] = median(growing);
  state.counters["file_us"] = floor;
  state.counters["file_growing_us"] = median(file_growing);
  state.counters["to_floor"] = median(prewritten) / floor;
  state.counters["device_bytes_per_record"] =
      static_cast<double>(device_bytes) / static_cast<double>(state.iterations() * state.range(0));
}
BENCHMARK(Commit)->Arg(1)->Arg(16)->Arg(64)->Arg(128)->Arg(kBatchMax)->UseManualTime()->Unit(benchmark::kMicrosecond);

}  // namespace
