#include "storage/store_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include "storage/descriptor.h"
#include "storage/layout.h"

namespace holdfast::storage {
namespace {

// store.id := magic:8 format:u32 complete:u32 id:16 hash_seed:16 issuing_secret:32 checksum:u32, the last a CRC-32C of
// what stands before it. `complete` is 0 while journal and state are being made.
struct IdFile {
  std::array<char, 8> magic;
  std::uint32_t format;
  std::uint32_t complete;
  StoreId id;
  std::array<std::byte, 16> hash_seed;
  std::array<std::byte, 32> issuing_secret;
  std::uint32_t checksum;
};
static_assert(sizeof(IdFile) == 84);
constexpr std::array<char, 8> kIdMagic = {'H', 'O', 'L', 'D', 'F', 'A', 'S', 'T'};

struct FileSystem {
  std::uint64_t magic;
  const char* name;
};
constexpr FileSystem kUnsafe[] = {
    {0x6969, "NFS"},       {0x517B, "SMB"},        {0xFF534D42, "CIFS"},
    {0xFE534D42, "SMB2"},  {0x01021997, "9P"},     {0x65735546, "FUSE"},
    {0x5346414F, "AFS"},   {0x6B414653, "AFS"},    {0x73757245, "Coda"},
    {0x00C36400, "Ceph"},  {0x0BD00BD0, "Lustre"}, {0x564C, "NCP"},
    {0x7461636F, "OCFS2"}, {0x01161970, "GFS2"},   {0x786F4256, "VirtualBox folder"},
};

std::filesystem::path id_file(const std::filesystem::path& store) {
  return store / "store.id";
}

std::uint32_t checksum_of(const IdFile& file) {
  return crc32c(0, std::as_bytes(std::span(&file, 1)).first(offsetof(IdFile, checksum)));
}

void sync_folder(const std::filesystem::path& folder) {
  const Descriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0 || ::fsync(fd.get()) != 0) refuse_errno(folder, "cannot be synced");
}

void write_id(const std::filesystem::path& store, IdFile file) {
  file.checksum = checksum_of(file);
  const std::filesystem::path fresh = store / "store.id.new";
  {
    const Descriptor fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (fd.get() < 0) refuse_errno(fresh, "cannot be made");
    if (::write(fd.get(), &file, sizeof file) != sizeof file || ::fsync(fd.get()) != 0) {
      refuse_errno(fresh, "cannot be written");
    }
  }
  if (::rename(fresh.c_str(), id_file(store).c_str()) != 0) refuse_errno(id_file(store), "cannot be replaced");
  sync_folder(store);
}

// nullopt when there is no such file.
std::optional<IdFile> read_id(const std::filesystem::path& store) {
  const std::filesystem::path path = id_file(store);
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) {
    if (errno == ENOENT) return std::nullopt;
    refuse_errno(path, "cannot be opened");
  }
  // One byte more, to see whether the file is longer.
  std::array<std::byte, sizeof(IdFile) + 1> bytes{};
  const ssize_t got = ::read(fd.get(), bytes.data(), bytes.size());
  IdFile file{};
  std::memcpy(&file, bytes.data(), sizeof file);
  if (got < 12 || file.magic != kIdMagic) refuse(path, "is not a Holdfast store's identity");
  if (file.format != kStoreFormat) {
    refuse(path, "the store has format " + std::to_string(file.format) + ", this release reads format " +
                     std::to_string(kStoreFormat) + " only");
  }
  if (got != static_cast<ssize_t>(sizeof file) || file.checksum != checksum_of(file) || file.complete > 1) {
    refuse(path, "is damaged; restore it from a backup");
  }
  return file;
}

template <std::size_t n>
void fill_random(std::array<std::byte, n>& bytes) {
  if (::getrandom(bytes.data(), n, 0) != static_cast<ssize_t>(n)) refuse_errno("getrandom", "no random bytes");
}

IdFile make_id() {
  IdFile file{};
  file.magic = kIdMagic;
  file.format = kStoreFormat;
  fill_random(file.id);
  fill_random(file.hash_seed);
  fill_random(file.issuing_secret);
  return file;
}

StoreIdentity identity_of(const IdFile& file) {
  return {file.id, file.hash_seed, file.issuing_secret};
}

void make_folder(const std::filesystem::path& path) {
  std::error_code error;
  const auto parent = path.parent_path();
  if (!parent.empty()) std::filesystem::create_directories(parent, error);
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) refuse_errno(path, "cannot be made");
}

void refuse_unsafe_file_system(const std::filesystem::path& path) {
  struct statfs found {};
  if (::statfs(path.c_str(), &found) != 0) refuse_errno(path, "cannot be read");
  const char* name = unsafe_file_system(static_cast<std::uint64_t>(found.f_type));
  if (name == nullptr) return;
  refuse(path, std::string("is on a file system (") + name + ") whose locks and syncs cannot be relied on");
}

}  // namespace

void refuse(const std::filesystem::path& path, const std::string& why) {
  throw StoreError(path.string() + ": " + why);
}

void refuse_errno(const std::filesystem::path& path, const std::string& what) {
  refuse(path, what + ": " + std::strerror(errno));
}

const char* unsafe_file_system(std::uint64_t magic) {
  for (const FileSystem& known : kUnsafe) {
    if (known.magic == (magic & 0xFFFFFFFF)) return known.name;
  }
  return nullptr;
}

std::filesystem::path journal_folder(const std::filesystem::path& store) {
  return store / "journal";
}

std::filesystem::path state_folder(const std::filesystem::path& store) {
  return store / "state";
}

std::filesystem::path sent_marks_file(const std::filesystem::path& store) {
  return store / "sent.marks";
}

StoreDirectory::StoreDirectory(const std::filesystem::path& path) : path_(path) {
  make_folder(path_);
  refuse_unsafe_file_system(path_);
  lock();
  try {
    open_identity();
  } catch (...) {
    ::close(lock_fd_);
    throw;
  }
}

StoreDirectory::~StoreDirectory() {
  ::close(lock_fd_);
}

void StoreDirectory::lock() {
  const std::filesystem::path file = path_ / "lock";
  lock_fd_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_fd_ < 0) refuse_errno(file, "cannot be opened");
  std::array<char, 24> pid{};
  if (::flock(lock_fd_, LOCK_EX | LOCK_NB) != 0) {
    const ssize_t got = ::pread(lock_fd_, pid.data(), pid.size() - 1, 0);
    const std::string_view text(pid.data());
    const std::string_view digits = text.substr(0, text.find_first_not_of("0123456789"));
    ::close(lock_fd_);
    refuse(path_, got > 0 && !digits.empty() ? "is in use by process " + std::string(digits)
                                             : std::string("is in use by another process"));
  }
  const std::string own = std::to_string(::getpid()) + "\n";
  // Only for the message above: whether it could be written does not matter.
  if (::ftruncate(lock_fd_, 0) == 0 && ::pwrite(lock_fd_, own.data(), own.size(), 0) < 0) return;
}

// store.id is written first, as incomplete: a start that was interrupted while it made the store begins again, and a
// store that was ever complete is never taken for one of those.
void StoreDirectory::open_identity() {
  std::optional<IdFile> file = read_id(path_);
  if (!file) {
    for (const auto& folder : {journal_folder(path_), state_folder(path_)}) {
      if (std::filesystem::exists(folder))
        refuse(folder, "is there, but store.id is missing; restore it from a backup");
    }
    file = make_id();
    write_id(path_, *file);
  }
  if (file->complete == 0) {
    for (const auto& folder : {journal_folder(path_), state_folder(path_)})
      std::filesystem::remove_all(folder);
    make_journal(journal_folder(path_), file->id);
    make_state(state_folder(path_), file->id);
    sync_folder(journal_folder(path_));
    sync_folder(state_folder(path_));
    sync_folder(path_);
    file->complete = 1;
    write_id(path_, *file);
    created_ = true;
  }
  identity_ = identity_of(*file);
}

StoreIdentity StoreDirectory::read_identity(const std::filesystem::path& path) {
  const std::optional<IdFile> file = read_id(path);
  if (!file || file->complete == 0) refuse(path, "is not a Holdfast store");
  return identity_of(*file);
}

}  // namespace holdfast::storage
