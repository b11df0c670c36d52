#include "storage/sent_marks.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

#include "storage/store_directory.h"

namespace holdfast::storage {
namespace {

constexpr std::uint64_t kMarksMagic = 0x314B524D544E4553;  // "SENTMRK1"

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

struct SentMarks::Header {
  std::uint64_t magic;
  BootId boot;
  std::uint64_t capacity;
  std::uint64_t settled;
  std::uint64_t reserved[3];
};

BootId read_boot_id() {
  constexpr const char* kFile = "/proc/sys/kernel/random/boot_id";
  std::string text;
  std::ifstream(kFile) >> text;
  BootId boot{};
  std::size_t digits = 0;
  for (const char c : text) {
    const int digit = hex_digit(c);
    if (digit < 0) continue;
    if (digits == 2 * boot.size()) break;
    boot[digits / 2] = (boot[digits / 2] << 4) | std::byte{static_cast<unsigned char>(digit)};
    ++digits;
  }
  if (digits != 2 * boot.size()) throw StoreError(std::string(kFile) + ": cannot be read");
  return boot;
}

SentMarks::SentMarks(const std::filesystem::path& file, std::uint64_t capacity, const BootId& boot)
    : file_(file), capacity_wanted_(capacity), boot_(boot) {
  static_assert(sizeof(Header) == 64);
  if (!std::has_single_bit(capacity)) throw StoreError("the capacity of the sent marks is not a power of two");
  if (!take_existing()) make_empty(BootId{}, 0);
}

SentMarks::~SentMarks() {
  unmap();
}

bool SentMarks::take_existing() {
  const int fd = ::open(file_.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) {
    if (errno != ENOENT) refuse_errno(file_, "cannot be opened");
    return false;
  }
  struct stat found {};
  Header header{};
  const bool read = ::fstat(fd, &found) == 0 && ::pread(fd, &header, sizeof header, 0) == sizeof header;
  const bool sound =
      read && header.magic == kMarksMagic && std::has_single_bit(header.capacity) &&
      header.capacity <= (std::uint64_t{1} << 32) &&
      static_cast<std::uint64_t>(found.st_size) == sizeof header + header.capacity * sizeof(std::uint64_t);
  if (sound) {
    map(fd, header.capacity);
    same_boot_ = header.boot == boot_;
  }
  ::close(fd);
  return sound;
}

// Under another name first, so that a kill in between leaves the old ring or the new one.
void SentMarks::make_empty(const BootId& boot, engine::Sequence settled) {
  const std::filesystem::path fresh = file_.string() + ".new";
  const int fd = ::open(fresh.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) refuse_errno(fresh, "cannot be made");
  const std::uint64_t bytes = sizeof(Header) + capacity_wanted_ * sizeof(std::uint64_t);
  // The blocks are taken now: a write to a mapped hole on a full disk would be a SIGBUS.
  const int code = ::posix_fallocate(fd, 0, static_cast<off_t>(bytes));
  if (code != 0) {
    ::close(fd);
    errno = code;
    refuse_errno(fresh, "no room");
  }
  const Header header{kMarksMagic, boot, capacity_wanted_, settled, {}};
  // Synced, so that `settled` can be trusted after a power failure; the marks themselves are not.
  if (::pwrite(fd, &header, sizeof header, 0) != sizeof header || ::fsync(fd) != 0) {
    ::close(fd);
    refuse_errno(fresh, "cannot be written");
  }
  unmap();
  map(fd, capacity_wanted_);
  ::close(fd);
  if (::rename(fresh.c_str(), file_.c_str()) != 0) refuse_errno(file_, "cannot be replaced");
}

void SentMarks::map(int fd, std::uint64_t capacity) {
  const std::size_t bytes = sizeof(Header) + capacity * sizeof(std::uint64_t);
  void* mapped = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
  if (mapped == MAP_FAILED) refuse_errno(file_, "cannot be mapped");
  header_ = static_cast<Header*>(mapped);
  slots_ = reinterpret_cast<std::uint64_t*>(header_ + 1);
  capacity_ = capacity;
}

void SentMarks::unmap() {
  if (header_ != nullptr) ::munmap(header_, sizeof(Header) + capacity_ * sizeof(std::uint64_t));
  header_ = nullptr;
}

std::atomic_ref<std::uint64_t> SentMarks::slot(engine::Sequence sequence) const {
  return std::atomic_ref<std::uint64_t>(slots_[sequence & (capacity_ - 1)]);
}

void SentMarks::mark(engine::Sequence sequence) {
  // Release: whatever the caller wrote before is ordered, and the compiler moves the store past no later system call.
  slot(sequence).store(sequence, std::memory_order_release);
}

SentKnowledge SentMarks::knowledge(engine::Sequence sequence, engine::Sequence settled) const {
  if (sequence <= settled || sequence <= header_->settled) return SentKnowledge::settled;
  const std::uint64_t marked = slot(sequence).load(std::memory_order_relaxed);
  if (marked == sequence) return SentKnowledge::maybe_sent;
  // No number that belongs here: the file is damaged.
  if (marked % capacity_ != sequence % capacity_ && marked != 0) return SentKnowledge::unknown;
  // A later record has the slot, and gets it only when this one was settled.
  if (marked > sequence) return SentKnowledge::settled;
  return same_boot_ ? SentKnowledge::never_sent : SentKnowledge::unknown;
}

void SentMarks::reset(engine::Sequence settled) {
  make_empty(boot_, settled);
  same_boot_ = true;
}

engine::Sequence SentMarks::settled() const {
  return header_->settled;
}

}  // namespace holdfast::storage
