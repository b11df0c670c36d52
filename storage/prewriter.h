// Writes zeros into a journal's file ahead of LMDB, so that its commits neither grow the file nor meet a full disk.
//
// Threads: ensure() and advance() from any thread; one at a time gets to write.
// Invariants: zeros are only written behind end(), and LMDB only writes before it: the journal starts a transaction
// only when end() is further away than the transaction can grow. Never beyond the map. Why zeros and not fallocate:
// blocks that are allocated but unwritten cost a commit a metadata update each. Sync: none of its own. The zeros go out
// with the journal's next sync, because a second sync of the same descriptor could take the report of a failed write
// away from the journal's.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include "storage/status.h"

namespace holdfast::storage {

class Prewriter {
 public:
  static constexpr std::uint64_t kChunkBytes = 256 * 1024;

  // `file_bytes` of the file are there already. `ahead_bytes` 0: writes nothing, and ensure() always succeeds.
  Prewriter(int fd, std::uint64_t file_bytes, std::uint64_t map_bytes, std::uint64_t ahead_bytes);

  // Zeros up to `bytes` at least, or to the end of the map. Needed now.
  Status ensure(std::uint64_t bytes);
  // One chunk more, whatever is there.
  Status advance(std::uint64_t used_bytes);
  // True when there is room for a whole chunk, or the map's end, in what is wanted ahead of `used_bytes`.
  bool wants(std::uint64_t used_bytes) const;

  std::uint64_t end() const { return end_.load(std::memory_order_acquire); }
  bool off() const { return ahead_bytes_ == 0; }

 private:
  std::uint64_t wanted_end(std::uint64_t used_bytes) const;
  Status write_until(std::uint64_t bytes);

  const int fd_;
  const std::uint64_t map_bytes_;
  const std::uint64_t ahead_bytes_;
  std::mutex mutex_;
  std::atomic<std::uint64_t> end_;
};

}  // namespace holdfast::storage
