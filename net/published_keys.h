// The API keys in force, readable from every loop without waiting; a change is in force everywhere when publish()
// returns.
//
// Threads: with() on any loop under its own participant number; publish() on loop 0.
// Ownership: the old ring is freed when no loop can still be reading it.
#pragma once

#include <atomic>

#include "engine/epoch.h"
#include "net/access.h"

namespace holdfast::net {

class PublishedKeys {
 public:
  explicit PublishedKeys(engine::Epochs& epochs) : epochs_(epochs), ring_(new const KeyRing()) {}
  ~PublishedKeys() { delete ring_.load(std::memory_order_relaxed); }
  PublishedKeys(const PublishedKeys&) = delete;
  PublishedKeys& operator=(const PublishedKeys&) = delete;

  // Calls read(const KeyRing&); references into the ring must not leave the call.
  template <class Read>
  auto with(unsigned loop, Read&& read) const {
    const auto guard = epochs_.pin(loop);
    return read(*ring_.load(std::memory_order_acquire));  // pairs with the release in publish()
  }

  void publish(KeyRing ring) {
    epochs_.retire(0, ring_.exchange(new const KeyRing(std::move(ring)), std::memory_order_acq_rel));
  }

 private:
  engine::Epochs& epochs_;
  std::atomic<const KeyRing*> ring_;
};

}  // namespace holdfast::net
