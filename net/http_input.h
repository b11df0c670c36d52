// What a connection has received and not yet answered for: one contiguous buffer, so that a request can be read in
// place.
//
// Threads: belongs to its connection.
// Invariants: what is held begins with the first byte of a request. At most the initial size is allocated, except while
// a longer request arrives: then the buffer doubles as the bytes come, up to the size of that request, and goes back to
// the initial size when it is empty. A peer cannot make it grow by announcing.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "net/http_framing.h"

namespace holdfast::net {

class HttpInput {
 public:
  explicit HttpInput(std::size_t initial_bytes)
      : initial_bytes_(initial_bytes),
        capacity_(initial_bytes),
        bytes_(std::make_unique_for_overwrite<char[]>(initial_bytes)) {}

  std::string_view view() const { return {bytes_.get() + begin_, end_ - begin_}; }
  bool empty() const { return begin_ == end_; }
  std::size_t capacity() const { return capacity_; }

  // The first `n` bytes are done with; they stay readable until the next room().
  void consume(std::size_t n) { begin_ += n; }
  void clear() { begin_ = end_ = 0; }

  // Where the next read goes, never empty; the bytes are taken over with commit(). `request_bytes` is the length of the
  // request at the front when its head is known, else 0. `framing`, whose views point in here, follows any move.
  std::span<char> room(std::size_t request_bytes, HttpFraming& framing);
  void commit(std::size_t n) { end_ += n; }

 private:
  void move_to(char* place, HttpFraming& framing);
  void reallocate(std::size_t capacity, HttpFraming& framing);

  std::size_t initial_bytes_;
  std::size_t capacity_;
  std::unique_ptr<char[]> bytes_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace holdfast::net
