// A file descriptor that is closed when its owner goes.
//
// Threads: belongs to one.
#pragma once

#include <unistd.h>

namespace holdfast::storage {

class Descriptor {
 public:
  // `fd` may be -1: nothing is owned then.
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace holdfast::storage
