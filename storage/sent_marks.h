// Which approvals' answers may have left the process: a ring of marks in shared memory that outlives a kill.
//
// Threads: mark() from any thread; everything else before the event loops run.
// Invariants: a mark is in the page cache when mark() returns, so a killed process loses none; a power failure may. A
// slot is used again only after the record that had it was settled: the journal keeps the unsettled records fewer than
// capacity().
// Form: magic:u64 boot:16 bytes capacity:u64 settled:u64, padded to 64 bytes, then capacity slots:u64; slot[sequence %
// capacity] = sequence. Native byte order: the file never leaves its machine.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>

#include "engine/journal.h"

namespace holdfast::storage {

using BootId = std::array<std::byte, 16>;
// Changes with each start of the machine. Throws StoreError when the system does not tell.
BootId read_boot_id();

enum class SentKnowledge : std::uint8_t {
  settled = 0,  // answered or compensated before the process ended
  maybe_sent,   // its answer may have reached the processor
  never_sent,   // no byte of its answer left
  unknown,      // the machine went down: a mark may have been lost
};

class SentMarks {
 public:
  static constexpr std::uint64_t kCapacityDefault = 65'536;

  // Takes the marks that an earlier run left, or makes an empty file. `capacity` is a power of two; an existing file
  // keeps its own until reset(). A file that is no such ring counts as lost: everything unmarked is then unknown.
  explicit SentMarks(const std::filesystem::path& file, std::uint64_t capacity = kCapacityDefault,
                     const BootId& boot = read_boot_id());
  ~SentMarks();
  SentMarks(const SentMarks&) = delete;
  SentMarks& operator=(const SentMarks&) = delete;

  void mark(engine::Sequence sequence);

  // What is known of a durable record, given how far the last durable record says that the store was settled.
  SentKnowledge knowledge(engine::Sequence sequence, engine::Sequence settled) const;
  // Starts an empty ring for this run, with the wanted capacity, which remembers that everything up to `settled` is.
  // Only after recovery has dealt with those records: the old marks are gone afterwards.
  void reset(engine::Sequence settled);

  // As given to the last reset(), by this process or an earlier one.
  engine::Sequence settled() const;
  std::uint64_t capacity() const { return capacity_; }

 private:
  struct Header;
  bool take_existing();
  void make_empty(const BootId& boot, engine::Sequence settled);
  void map(int fd, std::uint64_t capacity);
  void unmap();
  std::atomic_ref<std::uint64_t> slot(engine::Sequence sequence) const;

  std::filesystem::path file_;
  std::uint64_t capacity_wanted_;
  BootId boot_;
  std::uint64_t capacity_ = 0;
  bool same_boot_ = false;
  Header* header_ = nullptr;
  std::uint64_t* slots_ = nullptr;
};

}  // namespace holdfast::storage
