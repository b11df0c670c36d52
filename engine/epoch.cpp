#include "engine/epoch.h"

#include <algorithm>
#include <cstdlib>

namespace holdfast::engine {

Epochs::Epochs(unsigned participants) : participants_(participants) {}

Epochs::~Epochs() {
  for (Participant& participant : participants_) {
    // A guard that outlives the epochs would read freed memory sooner or later: stop here, where the cause is near.
    if (participant.pinned.load(std::memory_order_acquire) != kNotPinned) std::abort();
    for (const Retired& retired : participant.retired)
      retired.free(retired.object);
  }
}

Epochs::Guard Epochs::pin(unsigned participant) {
  Participant& self = participants_[participant];
  if (self.depth++ == 0) {
    // Acquire: pairs with retire(). Whoever reads an epoch behind that of a retirement sees the new pointer, so it
    // needs no protection from that retirement.
    const std::uint64_t now = epoch_.load(std::memory_order_acquire);
    // A read-modify-write because of oldest_pinned(), which is one too: of two on the same word one reads the other.
    // Either that one sees this pin, or this one sees (acquire, pairs with its release) all that went before it,
    // the exchanged pointer included. A plain store could still be on its way while the pointer is loaded.
    self.pinned.exchange(now, std::memory_order_acq_rel);
  }
  return Guard(*this, participant);
}

void Epochs::unpin(unsigned participant) {
  Participant& self = participants_[participant];
  // Release: pairs with oldest_pinned(); what was read under the guard was read before the object is freed.
  if (--self.depth == 0) self.pinned.store(kNotPinned, std::memory_order_release);
}

void Epochs::retire(unsigned owner, const void* old, Deleter free) {
  Participant& self = participants_[owner];
  // Release: pairs with pin(). Acquire keeps the release sequence of earlier retirements by others complete.
  const std::uint64_t last_visible = epoch_.fetch_add(1, std::memory_order_acq_rel);
  self.retired.push_back({last_visible, old, free});
  if (++self.since_collect >= kCollectEvery) collect(owner);
}

void Epochs::collect(unsigned owner) {
  Participant& self = participants_[owner];
  self.since_collect = 0;
  if (self.retired.empty()) return;
  const std::uint64_t oldest = oldest_pinned();
  const auto visible = std::find_if(self.retired.begin(), self.retired.end(),
                                    [oldest](const Retired& retired) { return retired.epoch >= oldest; });
  for (auto it = self.retired.begin(); it != visible; ++it)
    it->free(it->object);
  self.retired.erase(self.retired.begin(), visible);
}

std::uint64_t Epochs::oldest_pinned() {
  std::uint64_t oldest = kNotPinned;
  for (Participant& participant : participants_) {
    // Adds nothing, but as a read-modify-write: see pin(). Acquire: pairs with unpin().
    oldest = std::min(oldest, participant.pinned.fetch_add(0, std::memory_order_acq_rel));
  }
  return oldest;
}

}  // namespace holdfast::engine
