#include "storage/state_store.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>

#include "storage/layout.h"
#include "storage/lmdb_env.h"

namespace holdfast::storage {
namespace {

constexpr std::size_t kChecksumBytes = sizeof(std::uint32_t);
// The file is kept this much longer than what is used, so that its length proves that nothing was cut off: LMDB does
// not write a page that a transaction took and gave back, even when it is the last.
constexpr std::uint64_t kSpareBytes = std::uint64_t{16} << 20;

BytesView bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

[[noreturn]] void damaged(const char* database, const std::string& what) {
  throw StoreError(std::string("state store, table ") + database + ": " + what);
}

void must(int code, const char* database) {
  if (code != 0) damaged(database, std::string("cannot be read: ") + mdb_strerror(code));
}

// The value behind its checksum.
BytesView checked(const char* database, BytesView key, BytesView row) {
  if (row.size() < kChecksumBytes) damaged(database, "a row is too short");
  std::uint32_t checksum = 0;
  std::memcpy(&checksum, row.data(), sizeof checksum);
  const BytesView value = row.subspan(kChecksumBytes);
  if (checksum != row_checksum(database, key, value)) damaged(database, "a row's checksum does not match");
  return value;
}

int put_row(Transaction& transaction, MDB_dbi dbi, const char* database, BytesView key, BytesView value) {
  const std::uint32_t checksum = row_checksum(database, key, value);
  MDB_val place = to_val(key);
  MDB_val row{kChecksumBytes + value.size(), nullptr};
  const int code = mdb_put(transaction.get(), dbi, &place, &row, MDB_RESERVE);
  if (code != 0) return code;
  auto* into = static_cast<std::byte*>(row.mv_data);
  std::memcpy(into, &checksum, sizeof checksum);
  if (!value.empty()) std::memcpy(into + kChecksumBytes, value.data(), value.size());
  return 0;
}

int remove_row(Transaction& transaction, MDB_dbi dbi, BytesView key) {
  MDB_val place = to_val(key);
  const int code = mdb_del(transaction.get(), dbi, &place, nullptr);
  return code == MDB_NOTFOUND ? 0 : code;
}

}  // namespace

// A transaction for one call, or the one that a read-only store has for all.
class StateStore::Reading {
 public:
  Reading(const StateStore& store, const char* database) : store_(store) {
    if (store_.snapshot_ == nullptr) must(own_.begin_read(*store_.env_), database);
  }
  const Transaction& transaction() const { return store_.snapshot_ == nullptr ? own_ : *store_.snapshot_; }
  MDB_txn* get() const { return transaction().get(); }

 private:
  const StateStore& store_;
  Transaction own_;
};

StateStore::StateStore(const StoreDirectory& directory, Options options)
    : StateStore(directory.path(), directory.identity().id, false, options) {}

StateStore::StateStore(const std::filesystem::path& store, const StoreId& id, bool read_only, Options options)
    : env_(std::make_unique<LmdbEnv>(
          state_folder(store),
          LmdbOptions{.map_size = options.map_size, .databases = engine::kTables + 1, .read_only = read_only})) {
  Transaction transaction;
  must(transaction.begin_read(*env_), kMetaName);
  must(mdb_dbi_open(transaction.get(), kMetaName, 0, &meta_), kMetaName);
  for (int table = 0; table < engine::kTables; ++table) {
    const char* name = table_name(static_cast<engine::Table>(table));
    must(mdb_dbi_open(transaction.get(), name, 0, &tables_[table]), name);
  }
  MDB_val key = to_val(bytes_of(kStoreKey));
  MDB_val value{};
  must(mdb_get(transaction.get(), meta_, &key, &value), kMetaName);
  const BytesView stored = checked(kMetaName, bytes_of(kStoreKey), to_bytes(value));
  if (stored.size() != id.size() || std::memcmp(stored.data(), id.data(), id.size()) != 0) {
    damaged(kMetaName, "belongs to another store");
  }
  // Committed, because the handles would be closed by an abort.
  must(transaction.commit(), kMetaName);
  if (read_only) {
    snapshot_ = std::make_unique<Transaction>();
    must(snapshot_->begin_read(*env_), kMetaName);
  }
  folded();
}

StateStore::~StateStore() = default;

std::unique_ptr<StateStore> StateStore::open_read_only(const std::filesystem::path& store) {
  const StoreIdentity identity = StoreDirectory::read_identity(store);
  return std::unique_ptr<StateStore>(new StateStore(store, identity.id, true, Options{.map_size = 0}));
}

Status StateStore::make_room(std::uint64_t bytes) {
  const std::uint64_t wanted = env_->used_bytes() + bytes;
  struct stat found {};
  if (::fstat(env_->fd(), &found) != 0) return {errno, "looking at the state store's file"};
  if (static_cast<std::uint64_t>(found.st_size) >= wanted) return {};
  const std::uint64_t size = wanted + kSpareBytes;
  if (::ftruncate(env_->fd(), static_cast<off_t>(size)) != 0) return {errno, "lengthening the state store's file"};
  if (::fdatasync(env_->fd()) != 0) {
    failed_.store(true, std::memory_order_relaxed);
    return {errno == ENOSPC ? EIO : errno, "syncing the state store's length"};
  }
  return {};
}

Status StateStore::apply(std::span<const engine::RowChange> sorted, Sequence folded, const Chain& chain) {
  if (failed_.load(std::memory_order_relaxed)) return {EIO, "the state store failed before"};
  std::uint64_t bytes = 0;
  for (const auto& change : sorted)
    bytes += change.key.size() + (change.value ? change.value->size() : 0);
  // A row may take a leaf, its share of two branch pages and a page each for what was freed.
  const std::uint64_t rows = sorted.size() + 1;
  if (const Status status = make_room(2 * bytes + 4 * rows * env_->page_bytes()); !status.ok()) return status;

  Transaction transaction;
  int code = transaction.begin_write(*env_);
  for (auto change = sorted.begin(); code == 0 && change != sorted.end(); ++change) {
    const MDB_dbi dbi = tables_[static_cast<std::size_t>(change->table)];
    code = change->value ? put_row(transaction, dbi, table_name(change->table), change->key, *change->value)
                         : remove_row(transaction, dbi, change->key);
  }
  if (code == 0) {
    std::array<std::byte, sizeof(Sequence) + sizeof(Chain)> row{};
    std::memcpy(row.data(), &folded, sizeof folded);
    std::memcpy(&row[sizeof folded], chain.data(), chain.size());
    code = put_row(transaction, meta_, kMetaName, bytes_of(kFoldedKey), row);
  }
  if (code != 0) transaction.abort();
  if (code == 0) code = transaction.commit();
  const Status status(code, "writing a checkpoint");
  if (status.ok()) return status;
  // LMDB goes on after a failed sync; nothing may be built on what that sync was about. A meta page that could not be
  // written makes LMDB refuse the next transaction, so that a full disk there does not look like one that can be waited
  // for.
  if (!status.out_of_space() || transaction.begin_write(*env_) != 0) failed_.store(true, std::memory_order_relaxed);
  return status;
}

Folded StateStore::folded() const {
  const Reading transaction(*this, kMetaName);
  MDB_val key = to_val(bytes_of(kFoldedKey));
  MDB_val value{};
  must(mdb_get(transaction.get(), meta_, &key, &value), kMetaName);
  const BytesView row = checked(kMetaName, bytes_of(kFoldedKey), to_bytes(value));
  Folded folded;
  if (row.size() != sizeof folded.sequence + sizeof folded.chain) damaged(kMetaName, "a row has the wrong length");
  std::memcpy(&folded.sequence, row.data(), sizeof folded.sequence);
  std::memcpy(folded.chain.data(), &row[sizeof folded.sequence], sizeof folded.chain);
  return folded;
}

std::uint64_t StateStore::rows(engine::Table table) const {
  const Reading transaction(*this, table_name(table));
  MDB_stat stat{};
  must(mdb_stat(transaction.get(), tables_[static_cast<std::size_t>(table)], &stat), table_name(table));
  return stat.ms_entries;
}

std::optional<engine::Bytes> StateStore::last_key(engine::Table table) const {
  const char* name = table_name(table);
  const Reading transaction(*this, name);
  Cursor cursor;
  must(cursor.open(transaction.transaction(), tables_[static_cast<std::size_t>(table)]), name);
  MDB_val key{};
  MDB_val row{};
  const int code = cursor.get(key, row, MDB_LAST);
  if (code == MDB_NOTFOUND) return std::nullopt;
  must(code, name);
  checked(name, to_bytes(key), to_bytes(row));
  return engine::Bytes(to_bytes(key).begin(), to_bytes(key).end());
}

std::optional<engine::Bytes> StateStore::get(engine::Table table, BytesView key) const {
  const char* name = table_name(table);
  const Reading transaction(*this, name);
  MDB_val place = to_val(key);
  MDB_val row{};
  const int code = mdb_get(transaction.get(), tables_[static_cast<std::size_t>(table)], &place, &row);
  if (code == MDB_NOTFOUND) return std::nullopt;
  must(code, name);
  const BytesView value = checked(name, key, to_bytes(row));
  return engine::Bytes(value.begin(), value.end());
}

void StateStore::scan(engine::Table table, BytesView from,
                      const std::function<bool(BytesView key, BytesView value)>& visit) const {
  const char* name = table_name(table);
  const Reading transaction(*this, name);
  Cursor cursor;
  must(cursor.open(transaction.transaction(), tables_[static_cast<std::size_t>(table)]), name);
  MDB_val key = to_val(from);
  MDB_val row{};
  int code = cursor.get(key, row, from.empty() ? MDB_FIRST : MDB_SET_RANGE);
  while (code == 0 && visit(to_bytes(key), checked(name, to_bytes(key), to_bytes(row)))) {
    code = cursor.get(key, row, MDB_NEXT);
  }
  if (code != MDB_NOTFOUND) must(code, name);
}

void StateStore::for_each(engine::Table table, const std::function<void(BytesView key, BytesView value)>& visit) const {
  const char* name = table_name(table);
  const MDB_dbi dbi = tables_[static_cast<std::size_t>(table)];
  const Reading transaction(*this, name);
  Cursor cursor;
  MDB_stat stat{};
  must(mdb_stat(transaction.get(), dbi, &stat), name);
  must(cursor.open(transaction.transaction(), dbi), name);
  std::uint64_t visited = 0;
  engine::Bytes before;
  MDB_val key{};
  MDB_val row{};
  int code = cursor.get(key, row, MDB_FIRST);
  for (; code == 0; code = cursor.get(key, row, MDB_NEXT)) {
    const BytesView place = to_bytes(key);
    const BytesView value = checked(name, place, to_bytes(row));
    if (visited != 0 && !std::lexicographical_compare(before.begin(), before.end(), place.begin(), place.end())) {
      damaged(name, "its rows are out of order");
    }
    before.assign(place.begin(), place.end());
    ++visited;
    visit(place, value);
  }
  if (code != MDB_NOTFOUND) must(code, name);
  // A damaged branch page can hide rows; the table's own count is kept elsewhere.
  if (visited != stat.ms_entries) {
    damaged(name, "has " + std::to_string(visited) + " rows of " + std::to_string(stat.ms_entries));
  }
}

}  // namespace holdfast::storage
