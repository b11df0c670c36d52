// The checkpointed state: one table of rows per engine::Table, and how far the journal is folded into it.
//
// Threads: apply() from one thread; get(), for_each() and folded() from any, each in a read transaction of its own.
// Invariants: rows and the folded sequence change together or not at all, and are on disk when apply() returns. Each
// value carries a CRC-32C over table, key and value.
// Errors: apply() gives a Status. Reading a damaged row or table throws StoreError: wrong state must not be served.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>

#include "engine/rows.h"
#include "storage/frame.h"
#include "storage/status.h"
#include "storage/store_directory.h"

namespace holdfast::storage {

class LmdbEnv;
class Transaction;

struct Folded {
  Sequence sequence = 0;  // every record up to here is in the rows
  Chain chain{};          // of that record
};

class StateStore final : public engine::RowSource {
 public:
  struct Options {
    std::uint64_t map_size = std::uint64_t{64} << 30;
  };

  explicit StateStore(const StoreDirectory& directory) : StateStore(directory, Options{}) {}
  StateStore(const StoreDirectory& directory, Options options);
  ~StateStore() override;

  // For inspection, also while a daemon has the store open: everything is read as it was at this moment, by one thread,
  // and apply() is not to be called. Throws StoreError. Not for long: the daemon cannot reuse pages meanwhile.
  static std::unique_ptr<StateStore> open_read_only(const std::filesystem::path& store);

  // Applies the changes, sorted by table and key, in one transaction. The caller bounds their number: a few thousand
  // rows keep the transaction's pages in memory. A full disk or map leaves everything as it was and may be tried
  // again (Status::out_of_space()); after any other error nothing is written again in this process.
  Status apply(std::span<const engine::RowChange> sorted, Sequence folded, const Chain& chain);

  // An error other than a full disk or map ended writing.
  bool failed() const { return failed_.load(std::memory_order_relaxed); }
  Folded folded() const;
  std::uint64_t rows(engine::Table table) const override;
  std::optional<engine::Bytes> last_key(engine::Table table) const override;

  std::optional<engine::Bytes> get(engine::Table table, BytesView key) const override;
  void scan(engine::Table table, BytesView from,
            const std::function<bool(BytesView key, BytesView value)>& visit) const override;
  void for_each(engine::Table table, const std::function<void(BytesView key, BytesView value)>& visit) const override;

 private:
  class Reading;

  StateStore(const std::filesystem::path& store, const StoreId& id, bool read_only, Options options);
  Status make_room(std::uint64_t bytes);

  std::unique_ptr<LmdbEnv> env_;
  std::unique_ptr<Transaction> snapshot_;  // of a read-only store
  unsigned tables_[engine::kTables] = {};
  unsigned meta_ = 0;
  std::atomic<bool> failed_{false};
};

}  // namespace holdfast::storage
