// Epochs: when an object that was replaced behind an atomic pointer may be freed.
//
// Threads: each participant number belongs to one thread at a time, which alone calls pin(), retire(), collect()
// and pending() with it. pin() and unpin are wait-free.
// Invariants: an object is freed only when no participant has been pinned since before it was retired. A
// participant that stays pinned delays the freeing of what is retired meanwhile, and nothing else.
// Ownership: retire() takes the object; the destructor frees what is left, when nobody is pinned any more.
// Use: a reader pins, loads the pointer (acquire), reads, unpins. A writer exchanges the pointer and then retires
// the old object: after retire() no new reader may be able to reach it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace holdfast::engine {

class Epochs {
 public:
  // While it lives, nothing that its participant can reach is freed. Guards of one participant may nest.
  class [[nodiscard]] Guard {
   public:
    Guard(Guard&& other) noexcept : epochs_(std::exchange(other.epochs_, nullptr)), participant_(other.participant_) {}
    Guard& operator=(Guard&&) = delete;
    ~Guard() {
      if (epochs_ != nullptr) epochs_->unpin(participant_);
    }

   private:
    friend class Epochs;
    Guard(Epochs& epochs, unsigned participant) : epochs_(&epochs), participant_(participant) {}
    Epochs* epochs_;
    unsigned participant_;
  };

  // Participants are numbered from 0.
  explicit Epochs(unsigned participants);
  ~Epochs();
  Epochs(const Epochs&) = delete;
  Epochs& operator=(const Epochs&) = delete;

  Guard pin(unsigned participant);

  // Frees `old` with delete once no reader can see it; every kCollectEvery-th call collects.
  template <class T>
  void retire(unsigned owner, const T* old) {
    retire(owner, old, [](const void* object) { delete static_cast<const T*>(object); });
  }
  // Frees what this owner retired and no pinned participant can still see.
  void collect(unsigned owner);
  // Objects that this owner retired and that are not freed yet.
  std::size_t pending(unsigned owner) const { return participants_[owner].retired.size(); }

  static constexpr unsigned kCollectEvery = 32;

 private:
  using Deleter = void (*)(const void*);
  struct Retired {
    std::uint64_t epoch;  // may be visible to participants pinned in this epoch or before
    const void* object;
    Deleter free;
  };
  struct alignas(64) Participant {
    std::atomic<std::uint64_t> pinned{kNotPinned};
    unsigned depth = 0;  // the participant's thread only, as all below
    unsigned since_collect = 0;
    std::vector<Retired> retired;  // ascending by epoch
  };
  static constexpr std::uint64_t kNotPinned = ~std::uint64_t{0};

  void unpin(unsigned participant);
  void retire(unsigned owner, const void* old, Deleter free);
  std::uint64_t oldest_pinned();

  std::atomic<std::uint64_t> epoch_{0};
  std::vector<Participant> participants_;
};

}  // namespace holdfast::engine
