// The declines that left at a deadline, in shared memory that outlives a kill: what a restart must still journal.
//
// Threads: see engine/late_answers.h; left() and the rest before the event loops run, or after.
// Invariants: a slot is whole or empty at every moment, since its size is stored last and taken away first. The memory
// has no disk behind it: these stores happen when the disk stands still, and the page of a file that is being written
// back makes its writer wait for the device. So it lives in /dev/shm, and is lost with the machine, or with a container
// that has a /dev/shm of its own.
// Form: magic:u64 store id:16 bytes, padded to 64 bytes, then slots of 1024 bytes: size:u64 (0: empty) record. Native
// byte order: the memory never leaves its machine.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "engine/late_answers.h"
#include "engine/rows.h"
#include "storage/frame.h"

namespace holdfast::storage {

class SharedLateAnswers final : public engine::LateAnswers {
 public:
  static constexpr std::size_t kRecordBytesMax = 1024 - sizeof(std::uint64_t);

  // Takes what an earlier run of this store left, or makes room for `slots`. Throws StoreError when it cannot.
  SharedLateAnswers(const std::filesystem::path& file, const StoreId& store, std::size_t slots);
  // Removes the file when nothing is left in it.
  ~SharedLateAnswers() override;
  SharedLateAnswers(const SharedLateAnswers&) = delete;
  SharedLateAnswers& operator=(const SharedLateAnswers&) = delete;

  void note(std::size_t slot, std::span<const std::byte> record) override;
  void clear(std::size_t slot) override;

  // A copy of all that is noted.
  std::vector<engine::Bytes> left() const;
  void clear_all();

 private:
  struct Header;
  struct Slot;

  std::filesystem::path file_;
  std::size_t bytes_ = 0;
  Header* header_ = nullptr;
  std::span<Slot> slots_;
};

// A name for the store's folder that holds wherever it is mounted and moved: copies of a store do not share it.
std::filesystem::path late_answers_file(const std::filesystem::path& store);

}  // namespace holdfast::storage
