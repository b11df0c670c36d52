// LMDB's environment, transaction and cursor as objects that close themselves, with the file checked before it is
// mapped.
//
// Threads: an LmdbEnv is shared; a Transaction and what it gave belong to one thread at a time (MDB_NOTLS). One write
// transaction at a time: LMDB's own lock sees to it.
// Invariants: one environment a folder in a process, because closing any other descriptor of the lock file would drop
// LMDB's locks. Fully synchronous: never MDB_NOSYNC, MDB_NOMETASYNC, MDB_WRITEMAP, MDB_MAPASYNC. No MDB_DUPSORT, no
// nested transactions.
// Errors: opening throws StoreError; everything else gives LMDB's code (an errno when positive).
// Form of the file: LMDB 0.9 (data version 1); pages 0 and 1 are the meta pages that are checked here.
#pragma once

#include <lmdb.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <utility>

#include "engine/rows.h"
#include "storage/status.h"
#include "storage/store_directory.h"

namespace holdfast::storage {

struct LmdbOptions {
  std::uint64_t map_size = 0;  // 0: as much as the file holds and 64 GiB
  unsigned databases = 0;      // named ones
  bool read_only = false;
  bool create = false;  // else a missing or empty file is an error
};

// While it lives, the process opens no second environment on the folder.
class FolderClaim {
 public:
  explicit FolderClaim(const std::filesystem::path& folder);
  ~FolderClaim();
  FolderClaim(const FolderClaim&) = delete;
  FolderClaim& operator=(const FolderClaim&) = delete;

 private:
  std::pair<std::uint64_t, std::uint64_t> key_;  // device and inode
};

class LmdbEnv {
 public:
  LmdbEnv(const std::filesystem::path& folder, const LmdbOptions& options);
  LmdbEnv(const LmdbEnv&) = delete;
  LmdbEnv& operator=(const LmdbEnv&) = delete;

  MDB_env* get() const { return env_.get(); }
  // Of the data file, for pwrite and fstatvfs. Never to be closed.
  int fd() const;
  std::uint32_t page_bytes() const { return page_bytes_; }
  // Bytes of the file that LMDB has given to pages, free ones included, as of the last commit.
  std::uint64_t used_bytes() const;
  std::uint64_t map_bytes() const;
  // The unnamed database, made ready once for all threads; StoreError when it has other flags.
  MDB_dbi open_unnamed(unsigned flags);
  MDB_dbi unnamed() const { return unnamed_; }
  // Frees the reader slots of processes that are gone.
  void clear_stale_readers() const;

 private:
  struct Close {
    void operator()(MDB_env* env) const { mdb_env_close(env); }
  };
  const FolderClaim claim_;
  std::unique_ptr<MDB_env, Close> env_;
  std::uint32_t page_bytes_ = 0;
  MDB_dbi unnamed_ = 0;
};

// Throws StoreError when the file is no LMDB data file, its two meta pages contradict each other, or it is shorter than
// they say. Another process may be writing it. Reads it with a descriptor of its own, so nobody in this process may
// have it open.
void check_data_file(const std::filesystem::path& file);

class Transaction {
 public:
  Transaction() = default;
  ~Transaction() { abort(); }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  int begin_write(const LmdbEnv& env) { return mdb_txn_begin(env.get(), nullptr, 0, &transaction_); }
  int begin_read(const LmdbEnv& env) { return mdb_txn_begin(env.get(), nullptr, MDB_RDONLY, &transaction_); }
  // Ends the transaction, whatever it returns.
  int commit() {
    MDB_txn* ending = transaction_;
    transaction_ = nullptr;
    return mdb_txn_commit(ending);
  }
  void abort() {
    if (transaction_ != nullptr) mdb_txn_abort(transaction_);
    transaction_ = nullptr;
  }
  MDB_txn* get() const { return transaction_; }

 private:
  MDB_txn* transaction_ = nullptr;
};

// Closed before its transaction ends.
class Cursor {
 public:
  Cursor() = default;
  ~Cursor() { close(); }
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;

  int open(const Transaction& transaction, MDB_dbi database) {
    return mdb_cursor_open(transaction.get(), database, &cursor_);
  }
  int get(MDB_val& key, MDB_val& value, MDB_cursor_op operation) {
    return mdb_cursor_get(cursor_, &key, &value, operation);
  }
  int put(MDB_val& key, MDB_val& value, unsigned flags) { return mdb_cursor_put(cursor_, &key, &value, flags); }
  void close() {
    if (cursor_ != nullptr) mdb_cursor_close(cursor_);
    cursor_ = nullptr;
  }

 private:
  MDB_cursor* cursor_ = nullptr;
};

inline MDB_val to_val(engine::BytesView bytes) {
  return {bytes.size(), const_cast<std::byte*>(bytes.data())};
}
inline MDB_val to_val(const std::uint64_t& key) {
  return {sizeof key, const_cast<std::uint64_t*>(&key)};
}
inline engine::BytesView to_bytes(const MDB_val& value) {
  return {static_cast<const std::byte*>(value.mv_data), value.mv_size};
}

}  // namespace holdfast::storage
