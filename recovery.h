// From what is on disk to the state in memory: checkpoint, journal behind it, and what an interrupted run left
// unsettled.
//
// Threads: one, before any event loop runs.
// Invariants: afterwards the shards are the state after the journal's last record; an approval that was never sent has
// been withdrawn by a journaled record, and one of which nobody can know is reported to be withdrawn later; a decline
// that left at a deadline is its message's answer, also when nothing else of the message is left. Errors:
// damage, or a record that does not give its recorded outcome, is a storage::StoreError: a daemon must not serve from a
// state that it cannot account for.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "engine/shards.h"
#include "net/desk.h"
#include "storage/journal.h"
#include "storage/late_answers.h"
#include "storage/sent_marks.h"
#include "storage/state_store.h"

namespace holdfast {

struct Recovered {
  std::uint64_t cards = 0;
  std::uint64_t replayed = 0;   // journal records behind the checkpoint
  std::uint64_t withdrawn = 0;  // approvals that were never sent
  std::uint64_t late = 0;       // declines that left at a deadline, and of which the journal said nothing or otherwise
  std::vector<net::UnconfirmedApproval> unconfirmed;
};

// Appends to the journal, before the loops run, and waits until it is durable.
class JournalWriter {
 public:
  explicit JournalWriter(storage::LmdbJournal& journal) : journal_(journal) {}
  // Applies the command, appends its record and enters its message's answer.
  void write(engine::Shards& shards, const engine::MessageRef& message, const engine::Command& command,
             engine::Instant now);
  // Waits until all that was written is durable. Throws StoreError when the journal fails.
  void flush();

 private:
  void take_durable();

  static constexpr std::chrono::seconds kSpaceWait{5};

  storage::LmdbJournal& journal_;
  std::uint64_t appended_ = 0;
  std::uint64_t durable_ = 0;
};

// The journal has been started.
Recovered recover(engine::Shards& shards, const storage::StateStore& state, storage::LmdbJournal& journal,
                  const storage::SentMarks& marks, storage::SharedLateAnswers& late_answers, JournalWriter& writer,
                  engine::Instant now, std::chrono::hours duplicate_horizon);

}  // namespace holdfast
