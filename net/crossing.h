// The ways between event loops: a bounded lock-free queue for each ordered pair of loops, and one wake-up a batch.
//
// Threads: send(from, ...) on loop `from` only, receive(to, ...) on loop `to` only.
// Invariants: what one loop sends another arrives in order. A way grows by chunks when its receiver lags and is as long
// as the flights under way at most; in steady state its chunks go round and nothing is allocated. Ownership: carries
// pointers; the flight belongs to whoever received it last.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

namespace holdfast::net {

struct Flight;

enum class Step : std::uint8_t { claim, decide, settle, land, recycle, disown };

class Crossing {
 public:
  // wakers[k] makes loop k call receive(k); called from any loop.
  explicit Crossing(std::vector<std::function<void()>> wakers)
      : loops_(static_cast<unsigned>(wakers.size())),
        ways_(loops_ * loops_),
        wakers_(std::move(wakers)),
        asleep_(loops_),
        handled_(loops_) {
    for (auto& flag : asleep_)
      flag.store(true, std::memory_order_relaxed);
  }

  void send(unsigned from, unsigned to, Flight& flight, Step step) {
    ways_[from * loops_ + to].push({&flight, step});
    // seq_cst with receive(): either the receiver sees the item, or we see that it went to sleep.
    if (asleep_[to].exchange(false, std::memory_order_seq_cst)) wakers_[to]();
  }

  // Calls take(flight, step) for all that has arrived.
  template <class Take>
  void receive(unsigned to, Take&& take) {
    asleep_[to].store(true, std::memory_order_seq_cst);
    for (unsigned from = 0; from < loops_; ++from) {
      Way& way = ways_[from * loops_ + to];
      while (const auto item = way.pop())
        take(*item->flight, item->step);
    }
  }

  // Homes count here, for the owner of the card, the durable records that they have answered or begun to withdraw.
  std::atomic<std::uint64_t>& handled(unsigned owner) { return handled_[owner].count; }

 private:
  struct Item {
    Flight* flight = nullptr;
    Step step = Step::claim;
  };
  struct Chunk {
    static constexpr std::size_t kItems = 255;
    std::array<Item, kItems> items;
    std::atomic<std::size_t> filled{0};
    std::atomic<Chunk*> next{nullptr};
  };

  // One sender, one receiver: a chain of chunks that the one fills and the other empties.
  class Way {
   public:
    Way() : tail_(new Chunk), head_(tail_) {}
    ~Way() {
      while (head_ != nullptr)
        delete std::exchange(head_, head_->next.load(std::memory_order_relaxed));
      delete spare_.load(std::memory_order_relaxed);
    }
    Way(const Way&) = delete;
    Way& operator=(const Way&) = delete;

    void push(Item item) {
      std::size_t filled = tail_->filled.load(std::memory_order_relaxed);
      if (filled == Chunk::kItems) {
        Chunk* chunk = spare_.exchange(nullptr, std::memory_order_acquire);
        if (chunk == nullptr) chunk = new Chunk;
        tail_->next.store(chunk, std::memory_order_seq_cst);  // pairs with pop()
        tail_ = chunk;
        filled = 0;
      }
      tail_->items[filled] = item;
      tail_->filled.store(filled + 1, std::memory_order_seq_cst);  // pairs with pop(), and orders with asleep_
    }

    std::optional<Item> pop() {
      if (taken_ == Chunk::kItems) {
        Chunk* next = head_->next.load(std::memory_order_seq_cst);
        if (next == nullptr) return std::nullopt;
        Chunk* empty = std::exchange(head_, next);
        taken_ = 0;
        empty->filled.store(0, std::memory_order_relaxed);
        empty->next.store(nullptr, std::memory_order_relaxed);
        delete spare_.exchange(empty, std::memory_order_acq_rel);
      }
      if (taken_ == head_->filled.load(std::memory_order_seq_cst)) return std::nullopt;
      return head_->items[taken_++];
    }

   private:
    alignas(64) Chunk* tail_;  // the sender's
    alignas(64) Chunk* head_;  // the receiver's
    std::size_t taken_ = 0;
    alignas(64) std::atomic<Chunk*> spare_{nullptr};
  };

  struct alignas(64) Handled {
    std::atomic<std::uint64_t> count{0};
  };
  const unsigned loops_;
  std::vector<Way> ways_;
  std::vector<std::function<void()>> wakers_;
  std::vector<std::atomic<bool>> asleep_;
  std::vector<Handled> handled_;
};

}  // namespace holdfast::net
