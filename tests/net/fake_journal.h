// A journal in memory whose commits happen when the test says so, and late answers in memory.
//
// Threads: the test's.
// Invariants: as engine::Journal's; a record is durable only after a commit() that follows its append().
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "engine/journal.h"
#include "engine/late_answers.h"
#include "engine/rows.h"

namespace holdfast::net {

class FakeJournal final : public engine::Journal {
 public:
  // `earlier`: records that were there before.
  explicit FakeJournal(unsigned lanes, engine::Sequence earlier = 0) : lanes_(lanes), earlier_(earlier) {}

  // Makes all that was appended durable, in the order of the appends, and wakes the lanes. False when there is nothing.
  bool commit() {
    if (pending_.empty()) return false;
    std::vector<bool> woken(lanes_.size());
    for (Pending& pending : pending_) {
      durable_.push_back(std::move(pending.record));
      lanes_[pending.lane].runs.push_back({earlier_ + durable_.size(), 1});
      woken[pending.lane] = true;
    }
    pending_.clear();
    for (std::size_t lane = 0; lane < woken.size(); ++lane) {
      if (woken[lane]) lanes_[lane].waker();
    }
    return true;
  }
  std::size_t pending() const { return pending_.size(); }
  // Record i has the sequence i + 1, or so many more as there were before.
  const std::vector<engine::Bytes>& durable() const { return durable_; }

  // What the desks said of it.
  const std::vector<engine::Sequence>& marked() const { return marked_; }
  engine::Sequence settled(unsigned lane) const { return lanes_[lane].settled; }

  void set_expected_wait(std::chrono::microseconds wait) { expected_wait_ = wait; }
  void wake(unsigned lane) { lanes_[lane].waker(); }
  void set_health(engine::JournalHealth health) { health_ = health; }
  void set_room(bool room) { room_ = room; }

  bool has_room(unsigned) const override { return room_; }
  void append(unsigned lane, std::span<const std::byte> record) override {
    pending_.push_back({lane, engine::Bytes(record.begin(), record.end())});
  }
  void submit(unsigned) override {}
  std::optional<engine::DurableRun> next_durable(unsigned lane) override {
    auto& runs = lanes_[lane].runs;
    if (runs.empty()) return std::nullopt;
    const engine::DurableRun run = runs.front();
    runs.pop_front();
    return run;
  }
  void set_waker(unsigned lane, std::function<void()> waker) override { lanes_[lane].waker = std::move(waker); }
  void mark_sent(engine::Sequence sequence) override { marked_.push_back(sequence); }
  void settle(unsigned lane, engine::Sequence up_to) override { lanes_[lane].settled = up_to; }
  engine::JournalHealth health() const override { return health_; }
  std::chrono::microseconds expected_wait() const override { return expected_wait_; }
  engine::Sequence sequence() const override { return earlier_ + durable_.size(); }

 private:
  struct Pending {
    unsigned lane;
    engine::Bytes record;
  };
  struct Lane {
    std::deque<engine::DurableRun> runs;
    std::function<void()> waker;
    engine::Sequence settled = 0;
  };
  std::vector<Lane> lanes_;
  const engine::Sequence earlier_;
  std::vector<Pending> pending_;
  std::vector<engine::Bytes> durable_;
  engine::JournalHealth health_ = engine::JournalHealth::ready;
  bool room_ = true;
  std::vector<engine::Sequence> marked_;
  std::chrono::microseconds expected_wait_{0};
};

// Notes in memory, by slot.
class FakeLateAnswers final : public engine::LateAnswers {
 public:
  void note(std::size_t slot, std::span<const std::byte> record) override {
    noted_[slot].assign(record.begin(), record.end());
  }
  void clear(std::size_t slot) override { noted_.erase(slot); }
  const std::map<std::size_t, engine::Bytes>& noted() const { return noted_; }

 private:
  std::map<std::size_t, engine::Bytes> noted_;
};

}  // namespace holdfast::net
