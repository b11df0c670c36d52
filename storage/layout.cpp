#include "storage/layout.h"

#include <array>
#include <cstring>
#include <string>
#include <string_view>

#include "storage/lmdb_env.h"

namespace holdfast::storage {
namespace {

constexpr std::uint64_t kMapBytes = 1 << 20;

BytesView bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

void must(int code, const std::filesystem::path& folder) {
  if (code != 0) throw StoreError(folder.string() + ": cannot be made: " + mdb_strerror(code));
}

void put_meta(Transaction& transaction, MDB_dbi meta, const char* name, BytesView value,
              const std::filesystem::path& folder) {
  engine::Bytes row(sizeof(std::uint32_t) + value.size());
  const std::uint32_t checksum = row_checksum(kMetaName, bytes_of(name), value);
  std::memcpy(row.data(), &checksum, sizeof checksum);
  std::memcpy(&row[sizeof checksum], value.data(), value.size());
  MDB_val key = to_val(bytes_of(name));
  MDB_val stored = to_val(row);
  must(mdb_put(transaction.get(), meta, &key, &stored, 0), folder);
}

void make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directory(folder, error);
  if (!error) std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  if (error) throw StoreError(folder.string() + ": cannot be made: " + error.message());
}

}  // namespace

const char* table_name(engine::Table table) {
  constexpr std::array<const char*, engine::kTables> kNames = {"cards", "authorizations", "messages", "zones", "keys"};
  return kNames[static_cast<std::size_t>(table)];
}

std::uint32_t row_checksum(const char* database, BytesView key, BytesView value) {
  const std::uint64_t key_bytes = key.size();
  std::uint32_t crc = crc32c(0, bytes_of(database));
  crc = crc32c(crc, std::as_bytes(std::span(&key_bytes, 1)));
  return crc32c(crc32c(crc, key), value);
}

void make_journal(const std::filesystem::path& folder, const StoreId& store) {
  make_folder(folder);
  const LmdbEnv env(folder, {.map_size = kMapBytes, .create = true});
  Transaction transaction;
  must(transaction.begin_write(env), folder);
  MDB_dbi records = 0;
  must(mdb_dbi_open(transaction.get(), nullptr, MDB_INTEGERKEY | MDB_CREATE, &records), folder);
  std::array<std::byte, frame_bytes(sizeof(StoreId))> origin{};
  FrameCodec().encode_origin(store, origin);
  const std::uint64_t sequence = 0;
  MDB_val key = to_val(sequence);
  MDB_val value = to_val(origin);
  must(mdb_put(transaction.get(), records, &key, &value, MDB_NOOVERWRITE), folder);
  must(transaction.commit(), folder);
}

void make_state(const std::filesystem::path& folder, const StoreId& store) {
  make_folder(folder);
  const LmdbEnv env(folder, {.map_size = kMapBytes, .databases = engine::kTables + 1, .create = true});
  Transaction transaction;
  must(transaction.begin_write(env), folder);
  MDB_dbi database = 0;
  for (int table = 0; table < engine::kTables; ++table) {
    must(mdb_dbi_open(transaction.get(), table_name(static_cast<engine::Table>(table)), MDB_CREATE, &database), folder);
  }
  must(mdb_dbi_open(transaction.get(), kMetaName, MDB_CREATE, &database), folder);
  std::array<std::byte, sizeof(Sequence) + sizeof(Chain)> folded{};
  const Chain chain = FrameCodec().first_chain(store);
  std::memcpy(&folded[sizeof(Sequence)], chain.data(), chain.size());
  put_meta(transaction, database, kStoreKey, store, folder);
  put_meta(transaction, database, kFoldedKey, folded, folder);
  must(transaction.commit(), folder);
}

}  // namespace holdfast::storage
