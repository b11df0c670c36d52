// The folder that holds everything a daemon keeps, owned by one process at a time.
//
// Threads: opened and closed by one thread; const members from any.
// Layout: lock (held with flock, carries the owner's pid), store.id, journal/ and state/ (an LMDB environment each),
// sent.marks.
// Invariants: while a StoreDirectory lives, no other process has one on the same folder. store.id, once complete, means
// that journal and state were made for this store: a missing or emptied one is damage and never quietly made anew.
// Errors: everything that stands in the way of a start is a StoreError whose text names the path and what to do.
// Secrets: the issuing secret and the hash seed are in store.id only, mode 0600.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>

#include "storage/frame.h"

namespace holdfast::storage {

// Start-up cannot go on, or stored state is damaged. Never thrown on the commit path.
class StoreError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};
// "PATH: WHY", or "PATH: WHAT: the system's word for errno".
[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& why);
[[noreturn]] void refuse_errno(const std::filesystem::path& path, const std::string& what);

// Of records and rows. 1 had cards only, without budgets and without what follows a decision; 2 did not keep from when
// on a window counts.
inline constexpr std::uint32_t kStoreFormat = 3;

struct StoreIdentity {
  StoreId id{};
  std::array<std::byte, 16> hash_seed{};       // of in-memory tables: keeps their order from being guessed
  std::array<std::byte, 32> issuing_secret{};  // card numbers are derived from it
};

class StoreDirectory {
 public:
  // Makes the folder and an empty store when there is none, else takes the one that is there.
  explicit StoreDirectory(const std::filesystem::path& path);
  ~StoreDirectory();
  StoreDirectory(const StoreDirectory&) = delete;
  StoreDirectory& operator=(const StoreDirectory&) = delete;

  // The identity of a store that another process may have open: for inspection. Takes no lock.
  static StoreIdentity read_identity(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  const StoreIdentity& identity() const { return identity_; }
  // True when this object made the store.
  bool created() const { return created_; }

 private:
  void lock();
  void open_identity();

  std::filesystem::path path_;
  int lock_fd_ = -1;
  StoreIdentity identity_;
  bool created_ = false;
};

std::filesystem::path journal_folder(const std::filesystem::path& store);
std::filesystem::path state_folder(const std::filesystem::path& store);
std::filesystem::path sent_marks_file(const std::filesystem::path& store);

// The name of a network or user-space file system by the number that statfs gives it, on which neither locks nor syncs
// can be relied on; nullptr for any other.
const char* unsafe_file_system(std::uint64_t magic);

}  // namespace holdfast::storage
