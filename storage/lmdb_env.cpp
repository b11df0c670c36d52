#include "storage/lmdb_env.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "storage/descriptor.h"

namespace holdfast::storage {
namespace {

// What stands at the start of each meta page (LMDB 0.9 on a 64-bit machine): page header, then MDB_meta.
struct MetaPage {
  std::uint64_t page;
  std::uint16_t pad;
  std::uint16_t flags;
  std::uint32_t unused;
  std::uint32_t magic;
  std::uint32_t version;
  std::uint64_t address;
  std::uint64_t map_size;
  struct Tree {
    std::uint32_t pad;  // of the first tree, the free list: the page size
    std::uint16_t flags;
    std::uint16_t depth;
    std::uint64_t branch_pages;
    std::uint64_t leaf_pages;
    std::uint64_t overflow_pages;
    std::uint64_t entries;
    std::uint64_t root;
  } trees[2];
  std::uint64_t last_page;
  std::uint64_t transaction;
};
static_assert(sizeof(MetaPage) == 16 + 24 + 2 * 48 + 16);

constexpr std::uint16_t kMetaFlag = 0x08;
constexpr std::uint32_t kMetaMagic = 0xBEEFC0DE;
constexpr std::uint32_t kVersion = 1;
constexpr std::uint64_t kNoPage = ~std::uint64_t{0};

// Folders whose environment is open in this process.
std::mutex open_mutex;
std::set<std::pair<std::uint64_t, std::uint64_t>> open_folders;

std::optional<MetaPage> read_meta(int fd, off_t at) {
  MetaPage meta{};
  if (::pread(fd, &meta, sizeof meta, at) != static_cast<ssize_t>(sizeof meta)) return std::nullopt;
  return meta;
}

// LMDB writes transaction n to meta page n % 2, so the two are neighbours; both are 0 before the first.
bool transactions_agree(const MetaPage& even, const MetaPage& odd) {
  if (even.transaction == 0 && odd.transaction == 0) return true;
  if (even.transaction % 2 != 0 || odd.transaction % 2 != 1) return false;
  return even.transaction + 1 == odd.transaction || odd.transaction + 1 == even.transaction;
}

bool is_meta(const MetaPage& meta, std::uint64_t number) {
  const std::uint32_t page_bytes = meta.trees[0].pad;
  return meta.page == number && (meta.flags & kMetaFlag) != 0 && meta.magic == kMetaMagic && meta.version == kVersion &&
         page_bytes >= 512 && page_bytes <= 65536 && (page_bytes & (page_bytes - 1)) == 0;
}

// Asked of the newest only: after a meta page could not be written, LMDB leaves the new trees under the old number
// there.
bool trees_are_plausible(const MetaPage& meta) {
  return std::all_of(std::begin(meta.trees), std::end(meta.trees), [&meta](const MetaPage::Tree& tree) {
    if (tree.root == kNoPage) return tree.entries == 0;
    return tree.root >= 2 && tree.root <= meta.last_page && tree.entries != 0;
  });
}

// Empty when the file is sound as far as its meta pages tell.
std::string look_at(int fd) {
  const auto first = read_meta(fd, 0);
  if (!first) return "is truncated: it is smaller than a meta page";
  if (!is_meta(*first, 0)) return "is not an LMDB 0.9 data file, or its first meta page is damaged";
  const std::uint32_t page_bytes = first->trees[0].pad;
  const auto second = read_meta(fd, static_cast<off_t>(page_bytes));
  if (!second) return "is truncated: its second meta page is missing";
  if (!is_meta(*second, 1) || second->trees[0].pad != page_bytes) return "its second meta page is damaged";
  if (!transactions_agree(*first, *second)) return "its two meta pages contradict each other";
  struct stat found {};
  if (::fstat(fd, &found) != 0) return std::string("cannot be read: ") + std::strerror(errno);
  const auto bytes = static_cast<std::uint64_t>(found.st_size);
  const MetaPage& newest = second->transaction > first->transaction ? *second : *first;
  if (!trees_are_plausible(newest)) return "its newest meta page is damaged";
  if (newest.last_page < bytes / page_bytes) return "";
  return "is truncated: it holds " + std::to_string(bytes) + " bytes but uses page " +
         std::to_string(newest.last_page) + " of " + std::to_string(page_bytes) + " bytes";
}

std::uint64_t map_size_for(const std::filesystem::path& file, const LmdbOptions& options) {
  if (options.map_size != 0) return options.map_size;
  std::error_code error;
  const auto bytes = std::filesystem::file_size(file, error);
  return (error ? 0 : bytes) + (std::uint64_t{64} << 30);
}

}  // namespace

void check_data_file(const std::filesystem::path& file) {
  const Descriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) refuse_errno(file, "cannot be opened");
  // A commit between two reads can make sound pages contradict each other, though hardly ten times in a row.
  std::string problem;
  for (int attempt = 0; attempt < 10; ++attempt) {
    problem = look_at(fd.get());
    if (problem.empty()) return;
  }
  refuse(file, problem);
}

FolderClaim::FolderClaim(const std::filesystem::path& folder) {
  struct stat found {};
  if (::stat(folder.c_str(), &found) != 0) refuse_errno(folder, "cannot be read");
  key_ = {found.st_dev, found.st_ino};
  const std::lock_guard lock(open_mutex);
  if (!open_folders.insert(key_).second) refuse(folder, "is open in this process already");
}

FolderClaim::~FolderClaim() {
  const std::lock_guard lock(open_mutex);
  open_folders.erase(key_);
}

LmdbEnv::LmdbEnv(const std::filesystem::path& folder, const LmdbOptions& options) : claim_(folder) {
  const std::filesystem::path file = folder / "data.mdb";
  std::error_code error;
  if (!options.create || std::filesystem::exists(file, error)) check_data_file(file);
  MDB_env* env = nullptr;
  int code = mdb_env_create(&env);
  env_.reset(env);
  if (code == 0) code = mdb_env_set_mapsize(env, map_size_for(file, options));
  if (code == 0 && options.databases != 0) code = mdb_env_set_maxdbs(env, options.databases);
  const unsigned flags = MDB_NOTLS | (options.read_only ? unsigned{MDB_RDONLY} : 0U);
  if (code == 0) code = mdb_env_open(env, folder.c_str(), flags, 0600);
  if (code != 0) refuse(folder, std::string("cannot be opened: ") + mdb_strerror(code));
  MDB_stat stat{};
  mdb_env_stat(env, &stat);
  page_bytes_ = stat.ms_psize;
  clear_stale_readers();
}

MDB_dbi LmdbEnv::open_unnamed(unsigned flags) {
  Transaction transaction;
  unsigned found = 0;
  int code = transaction.begin_read(*this);
  if (code == 0) code = mdb_dbi_open(transaction.get(), nullptr, 0, &unnamed_);
  if (code == 0) code = mdb_dbi_flags(transaction.get(), unnamed_, &found);
  if (code != 0) throw StoreError(std::string("the journal's database cannot be opened: ") + mdb_strerror(code));
  if (found != flags) throw StoreError("the journal's database is not of the form that Holdfast writes");
  return unnamed_;
}

int LmdbEnv::fd() const {
  mdb_filehandle_t fd = -1;
  mdb_env_get_fd(env_.get(), &fd);
  return fd;
}

std::uint64_t LmdbEnv::used_bytes() const {
  MDB_envinfo info{};
  mdb_env_info(env_.get(), &info);
  return (info.me_last_pgno + 1) * page_bytes_;
}

std::uint64_t LmdbEnv::map_bytes() const {
  MDB_envinfo info{};
  mdb_env_info(env_.get(), &info);
  return info.me_mapsize;
}

void LmdbEnv::clear_stale_readers() const {
  int dead = 0;
  mdb_reader_check(env_.get(), &dead);
}

}  // namespace holdfast::storage
