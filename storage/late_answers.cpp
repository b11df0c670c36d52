#include "storage/late_answers.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "storage/descriptor.h"
#include "storage/store_directory.h"

namespace holdfast::storage {
namespace {

constexpr std::uint64_t kNotesMagic = 0x3153'4E41'4554'414C;  // "LATEANS1"
constexpr std::size_t kWords = SharedLateAnswers::kRecordBytesMax / sizeof(std::uint64_t);

}  // namespace

struct SharedLateAnswers::Header {
  std::uint64_t magic;
  StoreId store;
  std::uint64_t reserved[5];
};

struct SharedLateAnswers::Slot {
  std::uint64_t size;
  std::uint64_t words[kWords];
};

SharedLateAnswers::SharedLateAnswers(const std::filesystem::path& file, const StoreId& store, std::size_t slots)
    : file_(file) {
  static_assert(sizeof(Header) == 64 && sizeof(Slot) == 1024);
  const Descriptor fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  struct stat found {};
  if (fd.get() < 0 || ::fstat(fd.get(), &found) != 0) refuse_errno(file, "cannot be opened");
  // Everybody may make files in /dev/shm, also under this name.
  errno = EPERM;
  if (found.st_uid != ::geteuid() || (found.st_mode & 077) != 0) refuse_errno(file, "belongs to somebody else");
  Header header{};
  const bool ours = ::pread(fd.get(), &header, sizeof header, 0) == sizeof header && header.magic == kNotesMagic &&
                    header.store == store;
  if (!ours && ::ftruncate(fd.get(), 0) != 0) refuse_errno(file, "cannot be emptied");
  const std::size_t wanted = sizeof(Header) + slots * sizeof(Slot);
  bytes_ = ours ? std::max(wanted, static_cast<std::size_t>(found.st_size)) : wanted;
  // The memory is taken now: a store into a mapped hole would be a SIGBUS when there is none left.
  errno = ::posix_fallocate(fd.get(), 0, static_cast<off_t>(bytes_));
  if (errno != 0) refuse_errno(file, "no room");
  void* mapped = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd.get(), 0);
  if (mapped == MAP_FAILED) refuse_errno(file, "cannot be mapped");
  header_ = static_cast<Header*>(mapped);
  *header_ = {kNotesMagic, store, {}};
  slots_ = {reinterpret_cast<Slot*>(header_ + 1), (bytes_ - sizeof(Header)) / sizeof(Slot)};
}

SharedLateAnswers::~SharedLateAnswers() {
  if (left().empty()) ::unlink(file_.c_str());
  ::munmap(header_, bytes_);
}

void SharedLateAnswers::note(std::size_t slot, std::span<const std::byte> record) {
  if (record.size() > kRecordBytesMax) std::abort();  // every field was bounded when it came in
  Slot& into = slots_[slot];
  for (std::size_t done = 0; done < record.size(); done += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, record.data() + done, std::min(sizeof word, record.size() - done));
    std::atomic_ref(into.words[done / sizeof word]).store(word, std::memory_order_relaxed);
  }
  // Release: a kill that leaves the size leaves the words too (read by left() in the next process).
  std::atomic_ref(into.size).store(record.size(), std::memory_order_release);
}

void SharedLateAnswers::clear(std::size_t slot) {
  // Release: no later note() writes its words before this (whoever notes next was given the slot by whoever clears).
  std::atomic_ref(slots_[slot].size).store(0, std::memory_order_release);
}

std::vector<engine::Bytes> SharedLateAnswers::left() const {
  std::vector<engine::Bytes> records;
  for (const Slot& slot : slots_) {
    if (slot.size == 0 || slot.size > kRecordBytesMax) continue;
    const auto* bytes = reinterpret_cast<const std::byte*>(slot.words);
    records.emplace_back(bytes, bytes + slot.size);
  }
  return records;
}

void SharedLateAnswers::clear_all() {
  for (std::size_t slot = 0; slot < slots_.size(); ++slot)
    clear(slot);
}

std::filesystem::path late_answers_file(const std::filesystem::path& store) {
  struct stat found {};
  if (::stat(store.c_str(), &found) != 0) refuse_errno(store, "cannot be looked at");
  return "/dev/shm/holdfast-" + std::to_string(found.st_dev) + "-" + std::to_string(found.st_ino);
}

}  // namespace holdfast::storage
