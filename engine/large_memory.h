// Tables that are large and used in no order: their memory, and bringing it near before it is used.
//
// Threads: pure functions.
// Ownership: a LargeArray owns memory, not objects: whoever puts objects there ends them, or need not.
#pragma once

#include <cstddef>
#include <memory>

namespace holdfast::engine {

struct LargeRelease {
  std::size_t bytes = 0;
  void operator()(void* memory) const;
};
template <class T>
using LargeArray = std::unique_ptr<T[], LargeRelease>;

// Zeroed, and nothing is spent on what is never touched. In huge pages where the system gives them: an access in no
// order to hundreds of megabytes costs a walk through the page tables, and each page a fault at first. What is filled
// in order has neither to fear and is better off on the heap, as some virtual machines are slow to give huge pages.
// Throws std::bad_alloc.
void* allocate_large(std::size_t bytes);

template <class T>
LargeArray<T> make_large(std::size_t count) {
  const std::size_t bytes = count * sizeof(T);
  return LargeArray<T>(static_cast<T*>(allocate_large(bytes)), LargeRelease{bytes});
}

// Starts to bring the object's cache lines near; some work later they are there. Nothing happens when there is none.
template <class T>
void prefetch(const T* object) {
  if (object == nullptr) return;
  constexpr std::size_t kLine = 64;
  const char* const bytes = reinterpret_cast<const char*>(object);
  for (std::size_t at = 0; at < sizeof(T); at += kLine)
    __builtin_prefetch(bytes + at);
}

}  // namespace holdfast::engine
