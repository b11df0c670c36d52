#include "storage/journal_reader.h"

#include <cstring>
#include <string>

#include "engine/ascii.h"
#include "storage/lmdb_env.h"
#include "storage/store_directory.h"

namespace holdfast::storage {
namespace {

JournalDamage lmdb_error(Sequence sequence, int code) {
  return {sequence, std::string("cannot be read: ") + mdb_strerror(code)};
}

std::optional<Sequence> key_of(const MDB_val& key) {
  if (key.mv_size != sizeof(Sequence)) return std::nullopt;
  Sequence sequence = 0;
  std::memcpy(&sequence, key.mv_data, sizeof sequence);
  return sequence;
}

// Moves the cursor to exactly this record and decodes it.
std::optional<JournalDamage> seek(Cursor& cursor, Sequence sequence, Frame& frame, BytesView& bytes) {
  MDB_val key = to_val(sequence);
  MDB_val value{};
  const int code = cursor.get(key, value, MDB_SET_KEY);
  if (code == MDB_NOTFOUND) return JournalDamage{sequence, "is missing"};
  if (code != 0) return lmdb_error(sequence, code);
  bytes = to_bytes(value);
  const auto decoded = decode_frame(sequence, bytes);
  if (!decoded) return JournalDamage{sequence, "its checksum does not match"};
  frame = *decoded;
  return std::nullopt;
}

std::shared_ptr<const LmdbEnv> open_for_reading(const std::filesystem::path& store) {
  const StoreIdentity identity = StoreDirectory::read_identity(store);
  auto env = std::make_shared<LmdbEnv>(journal_folder(store), LmdbOptions{.read_only = true});
  env->open_unnamed(MDB_INTEGERKEY);
  check_origin(*env, identity.id);
  return env;
}

}  // namespace

void check_origin(const LmdbEnv& env, const StoreId& store) {
  Transaction transaction;
  Cursor cursor;
  int code = transaction.begin_read(env);
  if (code == 0) code = cursor.open(transaction, env.unnamed());
  if (code != 0) throw StoreError(std::string("the journal cannot be read: ") + mdb_strerror(code));
  Frame origin;
  BytesView bytes;
  const auto damage = seek(cursor, 0, origin, bytes);
  if (damage) throw StoreError("the journal's origin is damaged: " + damage->what);
  if (origin.payload.size() != store.size() || std::memcmp(origin.payload.data(), store.data(), store.size()) != 0) {
    throw StoreError("the journal does not belong to store " + engine::hex(store));
  }
}

struct JournalReader::Walk {
  Sequence reached;  // the last record visited, or the one that the walk starts after
  std::optional<Chain> chain;
  const Sequence up_to;
  const std::function<bool(const JournalRecord&)>& visit;
  bool done = false;
};

JournalReader::JournalReader(const std::filesystem::path& store) : JournalReader(open_for_reading(store)) {}

JournalReader::JournalReader(std::shared_ptr<const LmdbEnv> env)
    : env_(std::move(env)), codec_(std::make_unique<FrameCodec>()) {}

JournalReader::~JournalReader() = default;

// The number of entries stands in the meta page and the last key in a leaf: damage to either, or to a branch page on
// the way that cuts off the end, makes them disagree.
std::optional<JournalDamage> JournalReader::last(Sequence& sequence) const {
  Transaction transaction;
  Cursor cursor;
  MDB_stat stat{};
  MDB_val key{};
  MDB_val value{};
  int code = transaction.begin_read(*env_);
  if (code == 0) code = mdb_stat(transaction.get(), env_->unnamed(), &stat);
  if (code == 0) code = cursor.open(transaction, env_->unnamed());
  if (code == 0) code = cursor.get(key, value, MDB_LAST);
  if (code != 0) return lmdb_error(0, code);
  const auto found = key_of(key);
  if (!found || *found + 1 != stat.ms_entries) {
    return JournalDamage{stat.ms_entries, "the journal counts " + std::to_string(stat.ms_entries) +
                                              " entries but ends with " +
                                              (found ? std::to_string(*found) : std::string("a foreign key"))};
  }
  if (!decode_frame(*found, to_bytes(value))) return JournalDamage{*found, "its checksum does not match"};
  sequence = *found;
  return std::nullopt;
}

std::optional<JournalDamage> JournalReader::walk(Sequence after, std::optional<Chain> chain_after, Sequence up_to,
                                                 const std::function<bool(const JournalRecord&)>& visit) const {
  Walk walk{.reached = after, .chain = chain_after, .up_to = up_to, .visit = visit};
  while (!walk.done && walk.reached < up_to) {
    if (auto damage = walk_snapshot(walk)) return damage;
  }
  return std::nullopt;
}

std::optional<JournalDamage> JournalReader::walk_snapshot(Walk& walk) const {
  Transaction transaction;
  Cursor cursor;
  MDB_stat stat{};
  int code = transaction.begin_read(*env_);
  if (code == 0) code = mdb_stat(transaction.get(), env_->unnamed(), &stat);
  if (code == 0) code = cursor.open(transaction, env_->unnamed());
  if (code != 0) return lmdb_error(walk.reached, code);

  Frame frame;
  BytesView bytes;
  if (auto damage = seek(cursor, walk.reached, frame, bytes)) return damage;
  if (walk.chain && *walk.chain != frame.chain) {
    return JournalDamage{walk.reached, "is not the record that was seen or checkpointed before"};
  }
  walk.chain = frame.chain;

  for (std::size_t count = 0; count < kRecordsPerSnapshot && walk.reached < walk.up_to; ++count) {
    const Sequence expected = walk.reached + 1;
    MDB_val key{};
    MDB_val value{};
    code = cursor.get(key, value, MDB_NEXT);
    if (code == MDB_NOTFOUND) {
      if (walk.up_to != kAll || stat.ms_entries != expected) return JournalDamage{expected, "is missing"};
      walk.done = true;
      return std::nullopt;
    }
    if (code != 0) return lmdb_error(expected, code);
    const auto found = key_of(key);
    if (found != expected) {
      return JournalDamage{expected,
                           "is missing; next is " + (found ? std::to_string(*found) : std::string("a foreign key"))};
    }
    bytes = to_bytes(value);
    const auto decoded = decode_frame(expected, bytes);
    if (!decoded) return JournalDamage{expected, "its checksum does not match"};
    if (!codec_->follows(*walk.chain, expected, bytes)) {
      return JournalDamage{expected, "its chain does not link to the record before it"};
    }
    walk.reached = expected;
    walk.chain = decoded->chain;
    if (!walk.visit({expected, decoded->lane, decoded->settled, decoded->chain, decoded->payload})) {
      walk.done = true;
      return std::nullopt;
    }
  }
  return std::nullopt;
}

std::optional<JournalDamage> JournalReader::read(Sequence sequence,
                                                 const std::function<void(const JournalRecord&)>& visit) const {
  if (sequence == 0) return JournalDamage{0, "sequences start at 1"};
  return walk(sequence - 1, std::nullopt, sequence, [&visit](const JournalRecord& record) {
    visit(record);
    return true;
  });
}

}  // namespace holdfast::storage
