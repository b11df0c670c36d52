#include "net/http_input.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

namespace holdfast::net {

void HttpInput::move_to(char* place, HttpFraming& framing) {
  const char* from = bytes_.get() + begin_;
  framing.moved(from, place);
  std::memmove(place, from, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
}

void HttpInput::reallocate(std::size_t capacity, HttpFraming& framing) {
  auto larger = std::make_unique_for_overwrite<char[]>(capacity);
  move_to(larger.get(), framing);
  bytes_ = std::move(larger);
  capacity_ = capacity;
}

std::span<char> HttpInput::room(std::size_t request_bytes, HttpFraming& framing) {
  if (empty()) {
    clear();
    if (capacity_ > initial_bytes_) reallocate(initial_bytes_, framing);
  } else if (begin_ != 0) {
    move_to(bytes_.get(), framing);
  }
  if (end_ == capacity_) reallocate(std::min(capacity_ * 2, std::max(request_bytes, capacity_)), framing);
  // The initial size holds the largest head, and of a longer request there are bytes to come.
  assert(end_ < capacity_);
  return {bytes_.get() + end_, capacity_ - end_};
}

}  // namespace holdfast::net
