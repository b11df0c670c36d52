#include "engine/large_memory.h"

#include <sys/mman.h>

#include <cstdint>
#include <new>

namespace holdfast::engine {
namespace {

// Of the usual machines. Where they are larger, only such arrays get them as contain whole ones.
constexpr std::size_t kHugePageBytes = std::size_t{2} << 20;

std::size_t mapped_bytes(std::size_t bytes) {
  return bytes < kHugePageBytes ? bytes : (bytes + kHugePageBytes - 1) / kHugePageBytes * kHugePageBytes;
}

void* map(std::size_t bytes) {
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return memory;
}

void unmap(void* memory, std::size_t bytes) {
  if (bytes != 0) ::munmap(memory, bytes);
}

}  // namespace

// Not from the heap, whose free memory is neither zero nor in huge pages.
void* allocate_large(std::size_t bytes) {
  if (bytes < kHugePageBytes) return map(bytes);
  // One huge page more than needed, so that there is a boundary to begin at.
  const std::size_t size = mapped_bytes(bytes);
  auto* const found = static_cast<std::byte*>(map(size + kHugePageBytes));
  const std::size_t skipped = -reinterpret_cast<std::uintptr_t>(found) % kHugePageBytes;
  std::byte* const memory = found + skipped;
  unmap(found, skipped);
  unmap(memory + size, kHugePageBytes - skipped);
  ::madvise(memory, size, MADV_HUGEPAGE);
  return memory;
}

void LargeRelease::operator()(void* memory) const {
  unmap(memory, mapped_bytes(bytes));
}

}  // namespace holdfast::engine
