#include "tests/net/allocation_count.h"

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

// By thread, so that what a test's own client allocates does not count; atomic, so that the compiler, which knows
// that operator new changes nothing, looks again.
thread_local std::atomic<std::uint64_t> allocations = 0;

#ifdef __has_feature
#define HOLDFAST_TSAN __has_feature(thread_sanitizer)
#else
#define HOLDFAST_TSAN 0
#endif

#if !HOLDFAST_TSAN
void* counted(std::size_t size) {
  ++allocations;
  if (void* place = std::malloc(size == 0 ? 1 : size)) return place;  // NOLINT: this is the allocator
  throw std::bad_alloc();
}
#endif

}  // namespace

#if HOLDFAST_TSAN
// ThreadSanitizer brings an operator new that cannot be replaced, but tells of what it hands out.
extern "C" int __sanitizer_install_malloc_and_free_hooks(  // NOLINT: its name
    void (*malloc_hook)(const volatile void*, std::size_t), void (*free_hook)(const volatile void*));
namespace {
const int installed = __sanitizer_install_malloc_and_free_hooks(
    [](const volatile void*, std::size_t) { ++allocations; }, [](const volatile void*) {});
}  // namespace
#else
void* operator new(std::size_t size) {
  return counted(size);
}
void* operator new[](std::size_t size) {
  return counted(size);
}
// These too: AddressSanitizer has its own, which must not meet the operator delete below.
void* operator new(std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
  ++allocations;
  return std::malloc(size == 0 ? 1 : size);  // NOLINT: this is the allocator
}
void* operator new[](std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
  ++allocations;
  return std::malloc(size == 0 ? 1 : size);  // NOLINT: this is the allocator
}
void operator delete(void* place) noexcept {
  std::free(place);
}  // NOLINT
void operator delete[](void* place) noexcept {
  std::free(place);
}  // NOLINT
void operator delete(void* place, std::size_t /*size*/) noexcept {
  std::free(place);
}  // NOLINT
void operator delete[](void* place, std::size_t /*size*/) noexcept {
  std::free(place);
}  // NOLINT
#endif

namespace holdfast::net {

std::uint64_t allocations_of_this_thread() {
  return allocations;
}

}  // namespace holdfast::net
