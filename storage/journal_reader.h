// Reads the journal record by record and checks each: for recovery, checkpoints, `verify` and `inspect`.
//
// Threads: a JournalReader belongs to one thread; any number of them may read while the journal is written.
// Invariants: a visited record has passed its checksum, follows the record before it in sequence, and its chain links
// to that record's. A walk stops at the first that does not, and says which and why. Cost: a walk renews its read
// transaction every kRecordsPerSnapshot records, so that it does not hold up the reuse of pages; a record that becomes
// durable during a walk may be visited by it.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "storage/frame.h"

namespace holdfast::storage {

class LmdbEnv;

struct JournalRecord {
  Sequence sequence = 0;
  unsigned lane = 0;
  Sequence settled = 0;  // all records up to here were answered or compensated when this one was committed
  Chain chain{};
  BytesView payload;  // valid during the visit only
};

struct JournalDamage {
  Sequence sequence = 0;  // the record that cannot be trusted
  std::string what;
};

// Throws StoreError when the environment is not the journal of this store.
void check_origin(const LmdbEnv& env, const StoreId& store);

class JournalReader {
 public:
  static constexpr std::size_t kRecordsPerSnapshot = 1024;

  // Opens the journal of a store that this process does not have open; another process may. Throws StoreError when
  // there is none, or it is truncated or foreign.
  explicit JournalReader(const std::filesystem::path& store);
  // Reads through an environment that is open already (LmdbJournal::reader()).
  explicit JournalReader(std::shared_ptr<const LmdbEnv> env);
  ~JournalReader();
  JournalReader(const JournalReader&) = delete;
  JournalReader& operator=(const JournalReader&) = delete;

  // The last durable sequence, 0 when there is none; damage when the file contradicts itself about it.
  std::optional<JournalDamage> last(Sequence& sequence) const;

  // Visits the records in [after + 1, up_to], in order; `visit` gives false to stop. `chain_after` is the chain of
  // record `after` as the caller knows it (a checkpoint does); without it the journal's own is taken. It is damage when
  // a record up to `up_to` is missing, unless `up_to` is kAll.
  static constexpr Sequence kAll = ~Sequence{0};
  std::optional<JournalDamage> walk(Sequence after, std::optional<Chain> chain_after, Sequence up_to,
                                    const std::function<bool(const JournalRecord&)>& visit) const;

  // Calls `visit` with one record, checked against the one before it.
  std::optional<JournalDamage> read(Sequence sequence, const std::function<void(const JournalRecord&)>& visit) const;

 private:
  struct Walk;
  std::optional<JournalDamage> walk_snapshot(Walk& walk) const;

  std::shared_ptr<const LmdbEnv> env_;
  std::unique_ptr<FrameCodec> codec_;
};

}  // namespace holdfast::storage
