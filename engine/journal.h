// The journal as the engine's owner loops see it: append, learn later what became durable. A port: it names no store.
//
// Threads: a lane belongs to one event loop, and only that loop calls the members that take its number. health(),
// expected_wait() and sequence() may be called from any thread. The waker is called on the journal's own thread.
// Invariants: records of a lane become durable in the order in which they were appended, without gaps; sequences start
// at 1 and have no gaps over all lanes. A record is either reported durable or not reported at all: nothing may be
// concluded from silence (a commit may take long, and after a failure its outcome is unknown).
// Units: sequences count records.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

namespace holdfast::engine {

using Sequence = std::uint64_t;

// The next `count` records of a lane, in the order of their appends, are durable; they have the sequences
// [first_sequence, first_sequence + count).
struct DurableRun {
  Sequence first_sequence = 0;
  std::uint64_t count = 0;
};

enum class JournalHealth : std::uint8_t {
  ready = 0,
  out_of_space,  // disk or map is (nearly) full: nothing new may be appended; recovers when space returns
  failed,        // a commit or sync failed: final for this process
};

inline constexpr std::size_t kRecordBytesMax = 64 * 1024;

class Journal {
 public:
  virtual ~Journal() = default;

  // Whether the lane takes one more record of any size. Once true it stays true until this loop appends.
  virtual bool has_room(unsigned lane) const = 0;
  // Queues a copy of the record. The lane has room; health() may be anything: a record that cannot be committed now is
  // kept, in order, until it can.
  virtual void append(unsigned lane, std::span<const std::byte> record) = 0;
  // Tells the writer that this loop's turn is over: called once after one or more appends.
  virtual void submit(unsigned lane) = 0;
  // The next run of records that became durable and was not reported yet.
  virtual std::optional<DurableRun> next_durable(unsigned lane) = 0;
  // Called after each commit that covered records of the lane, and once when the journal fails. Set before any append.
  virtual void set_waker(unsigned lane, std::function<void()> waker) = 0;

  // Notes, before the first byte is written to a socket, that an approval's answer may leave from now on. Survives a
  // kill of the process (not a power failure) without a system call. Recovery asks for it.
  virtual void mark_sent(Sequence sequence) = 0;
  // All durable runs reported to the lane up to this sequence have been answered or compensated.
  virtual void settle(unsigned lane, Sequence up_to) = 0;

  virtual JournalHealth health() const = 0;
  // How long a record appended now is expected to wait for its commit, from the queue's length and recent commits.
  virtual std::chrono::microseconds expected_wait() const = 0;
  // The last durable sequence; 0 when there is none.
  virtual Sequence sequence() const = 0;
};

}  // namespace holdfast::engine
