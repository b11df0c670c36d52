// The ways between event loops: a bounded lock-free queue for each ordered pair of loops, and one wake-up a batch.
//
// Threads: send(from, ...) on loop `from` only, receive(to, ...) on loop `to` only.
// Invariants: what one loop sends another arrives in order. A queue never fills: every flight is at most twice on its
// way (its answer, and its return to the pool), and flights are bounded. Ownership: carries pointers; the flight
// belongs to whoever received it last.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <vector>

namespace holdfast::net {

struct Flight;

enum class Step : std::uint8_t { claim, decide, settle, land, recycle, disown };

class Crossing {
 public:
  // `flights_max`: most flights of all loops together. wakers[k] makes loop k call receive(k); called from any loop.
  Crossing(unsigned loops, std::size_t flights_max, std::vector<std::function<void()>> wakers)
      : loops_(loops), wakers_(std::move(wakers)), asleep_(loops), handled_(loops) {
    for (unsigned i = 0; i < loops * loops; ++i)
      ways_.push_back(std::make_unique<Way>(flights_max * 2 + 1));
    for (auto& flag : asleep_)
      flag.store(true, std::memory_order_relaxed);
  }

  void send(unsigned from, unsigned to, Flight& flight, Step step) {
    Way& way = *ways_[from * loops_ + to];
    const std::size_t tail = way.tail.load(std::memory_order_relaxed);
    const std::size_t next = (tail + 1) % way.items.size();
    if (next == way.head.load(std::memory_order_acquire)) std::abort();
    way.items[tail] = {&flight, step};
    // seq_cst with the exchange in receive(): either the receiver sees the item, or we see that it went to sleep.
    way.tail.store(next, std::memory_order_seq_cst);
    if (asleep_[to].exchange(false, std::memory_order_seq_cst)) wakers_[to]();
  }

  // Calls take(flight, step) for all that has arrived.
  template <class Take>
  void receive(unsigned to, Take&& take) {
    asleep_[to].store(true, std::memory_order_seq_cst);
    for (unsigned from = 0; from < loops_; ++from) {
      Way& way = *ways_[from * loops_ + to];
      std::size_t head = way.head.load(std::memory_order_relaxed);
      while (head != way.tail.load(std::memory_order_seq_cst)) {
        const Item item = way.items[head];
        head = (head + 1) % way.items.size();
        way.head.store(head, std::memory_order_release);
        take(*item.flight, item.step);
      }
    }
  }

  // Homes count here, for the owner of the card, the durable records that they have answered or begun to withdraw.
  std::atomic<std::uint64_t>& handled(unsigned owner) { return handled_[owner].count; }

 private:
  struct alignas(64) Handled {
    std::atomic<std::uint64_t> count{0};
  };
  struct Item {
    Flight* flight = nullptr;
    Step step = Step::claim;
  };
  struct Way {
    explicit Way(std::size_t size) : items(size) {}
    alignas(64) std::atomic<std::size_t> head{0};
    alignas(64) std::atomic<std::size_t> tail{0};
    std::vector<Item> items;
  };
  const unsigned loops_;
  std::vector<std::unique_ptr<Way>> ways_;
  std::vector<std::function<void()>> wakers_;
  std::vector<std::atomic<bool>> asleep_;
  std::vector<Handled> handled_;
};

}  // namespace holdfast::net
