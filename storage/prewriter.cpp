#include "storage/prewriter.h"

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

namespace holdfast::storage {
namespace {

const std::vector<char> kZeros(Prewriter::kChunkBytes);

}  // namespace

Prewriter::Prewriter(int fd, std::uint64_t file_bytes, std::uint64_t map_bytes, std::uint64_t ahead_bytes)
    : fd_(fd), map_bytes_(map_bytes), ahead_bytes_(ahead_bytes), end_(file_bytes) {}

Status Prewriter::ensure(std::uint64_t bytes) {
  if (off() || end() >= std::min(bytes, map_bytes_)) return {};
  const std::lock_guard lock(mutex_);
  return write_until(std::min(bytes, map_bytes_));
}

std::uint64_t Prewriter::wanted_end(std::uint64_t used_bytes) const {
  return std::min(used_bytes + ahead_bytes_, map_bytes_);
}

bool Prewriter::wants(std::uint64_t used_bytes) const {
  const std::uint64_t wanted = wanted_end(used_bytes);
  return !off() && end() < wanted && (wanted - end() >= kChunkBytes || wanted == map_bytes_);
}

Status Prewriter::advance(std::uint64_t used_bytes) {
  const std::lock_guard lock(mutex_);
  return write_until(std::min(wanted_end(used_bytes), end() + kChunkBytes));
}

Status Prewriter::write_until(std::uint64_t bytes) {
  std::uint64_t at = end_.load(std::memory_order_relaxed);
  while (at < bytes) {
    // Up to the next whole chunk, so that chunks stay aligned whatever the file's first size was.
    const std::uint64_t stop = std::min(bytes, (at / kChunkBytes + 1) * kChunkBytes);
    const iovec piece{const_cast<char*>(kZeros.data()), stop - at};
    // pwritev2 and not pwrite, so that a trace tells zeros from LMDB's pages.
    const ssize_t written = ::pwritev2(fd_, &piece, 1, static_cast<off_t>(at), 0);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return {written == 0 ? ENOSPC : errno, "writing zeros ahead of the journal"};
    at += static_cast<std::uint64_t>(written);
    // Pairs with end(): whoever sees the new end may let LMDB write before it.
    end_.store(at, std::memory_order_release);
  }
  return {};
}

}  // namespace holdfast::storage
