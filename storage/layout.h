// What a new store's two LMDB environments hold, and the names of their databases.
//
// Threads: pure functions and constants; making is done once, by the StoreDirectory.
// Layout of journal/: the unnamed database maps sequence:u64 (MDB_INTEGERKEY) to a frame (frame.h); sequence 0 is the
// origin. In the unnamed one, so that a commit rewrites no page of a database of databases.
// Layout of state/: a named database per engine::Table, key to (checksum:u32 value), and `meta` with
//   "store"  -> (checksum:u32 store id:16)
//   "folded" -> (checksum:u32 sequence:u64 chain:16)
#pragma once

#include <cstdint>
#include <filesystem>

#include "engine/rows.h"
#include "storage/frame.h"

namespace holdfast::storage {

inline constexpr const char* kMetaName = "meta";
inline constexpr const char* kStoreKey = "store";
inline constexpr const char* kFoldedKey = "folded";
const char* table_name(engine::Table table);

// Of a row of state/: over the database's name, the key and the value.
std::uint32_t row_checksum(const char* database, BytesView key, BytesView value);

// Make empty environments in folders that do not exist yet. Throw StoreError.
void make_journal(const std::filesystem::path& folder, const StoreId& store);
void make_state(const std::filesystem::path& folder, const StoreId& store);

}  // namespace holdfast::storage
