// Stands between a process and the system calls that write and sync files, and fails the ones that its rules name; and
// between it and the wall clock. How it is loaded and told what to do: fault_control.h. The calls that it lets through
// go to the kernel directly.
#include <signal.h>
#include <sys/uio.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <new>

#include "tests/faults/fault_control.h"

namespace {

using holdfast::faults::Action;
using holdfast::faults::Block;
using holdfast::faults::Operation;
using holdfast::faults::Rule;
using holdfast::faults::Slot;

std::atomic<Block*> current{nullptr};

struct Call {
  Operation operation;
  int fd;  // -1: none
  std::uint64_t offset;
};

bool path_matches(const Call& call, const char* wanted, char (&path)[PATH_MAX]) {
  if (wanted[0] == '\0') return true;
  if (call.fd < 0) return false;
  if (path[0] == '\0') {
    char link[64];
    std::snprintf(link, sizeof link, "/proc/self/fd/%d", call.fd);
    const ssize_t size = ::readlink(link, path, sizeof path - 1);
    path[size < 0 ? 0 : size] = '\0';
  }
  return std::strstr(path, wanted) != nullptr;
}

struct Verdict {
  Slot* matched[Block::kSlots] = {};  // whose count of successful calls goes up
  int matches = 0;
  Slot* decides = nullptr;
};

Verdict judge(Block* block, const Call& call) {
  Verdict verdict;
  char path[PATH_MAX];
  path[0] = '\0';
  for (Slot& slot : block->slots) {
    if (slot.armed.load() == 0) continue;
    const Rule& rule = slot.rule;
    if ((rule.operations & call.operation) == 0 || !path_matches(call, rule.path, path)) continue;
    if (call.offset < rule.offset_from || call.offset >= rule.offset_below) continue;
    verdict.matched[verdict.matches++] = &slot;
    const std::uint64_t number = slot.matched.fetch_add(1) + 1;
    if (verdict.decides != nullptr || number < rule.first || number - rule.first >= rule.count) continue;
    slot.hit.fetch_add(1);
    if (rule.action != Action::pass) verdict.decides = &slot;
  }
  return verdict;
}

void wait_for(std::uint64_t delay_us) {
  const timespec delay{static_cast<time_t>(delay_us / 1'000'000), static_cast<long>(delay_us % 1'000'000 * 1000)};
  ::nanosleep(&delay, nullptr);
}

void wait_for_release(Slot& slot) {
  while (slot.released.load() == 0)
    ::syscall(SYS_futex, &slot.released, FUTEX_WAIT, 0, nullptr, nullptr, 0);
}

// `make(short)` makes the call, with half of its bytes when `short`.
template <class Make>
long guarded(const Call& call, Make make) {
  Block* block = current.load(std::memory_order_acquire);
  if (block == nullptr || block->armed.load(std::memory_order_relaxed) == 0) return make(false);
  const int errno_before = errno;
  const Verdict verdict = judge(block, call);
  const Action action = verdict.decides == nullptr ? Action::pass : verdict.decides->rule.action;
  errno = errno_before;
  switch (action) {
    case Action::kill:
      ::kill(::getpid(), SIGKILL);
      break;
    case Action::fail:
      errno = verdict.decides->rule.error;
      return -1;
    case Action::skip:
      return 0;
    case Action::delay:
      wait_for(verdict.decides->rule.delay_us);
      break;
    case Action::hold:
      wait_for_release(*verdict.decides);
      break;
    case Action::pass:
    case Action::fail_after:
    case Action::short_write:
      break;
  }
  const long result = make(action == Action::short_write);
  if (action == Action::fail_after) {
    errno = verdict.decides->rule.error;
    return -1;
  }
  if (result >= 0) {
    for (int i = 0; i < verdict.matches; ++i)
      verdict.matched[i]->passed.fetch_add(1);
  }
  return result;
}

void shift(timespec& time, std::int64_t by_ns) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  const std::int64_t nanoseconds = time.tv_sec * kSecond + time.tv_nsec + by_ns;
  time.tv_sec = static_cast<time_t>(nanoseconds / kSecond);
  time.tv_nsec = static_cast<long>(nanoseconds % kSecond);
}

std::uint64_t position(int fd) {
  const int errno_before = errno;
  const off_t at = ::lseek(fd, 0, SEEK_CUR);
  errno = errno_before;
  return at < 0 ? 0 : static_cast<std::uint64_t>(at);
}

// The first half of a vector's bytes: whole pieces, and at least one byte of the first.
long short_vector(long number, int fd, const iovec* pieces, off_t offset, int flags) {
  iovec piece = pieces[0];
  piece.iov_len = std::max<std::size_t>(piece.iov_len / 2, 1);
  if (number == SYS_writev) return ::syscall(number, fd, &piece, 1);
  return ::syscall(number, fd, &piece, 1, offset, 0, flags);
}

void number_into(std::string_view text, std::uint64_t& value) {
  std::from_chars(text.data(), text.data() + text.size(), value);
}

Operation operation_named(std::string_view name) {
  constexpr std::pair<std::string_view, Operation> kNames[] = {
      {"fdatasync", holdfast::faults::kFdatasync}, {"fsync", holdfast::faults::kFsync},
      {"msync", holdfast::faults::kMsync},         {"write", holdfast::faults::kWrite},
      {"writev", holdfast::faults::kWritev},       {"pwrite", holdfast::faults::kPwrite},
      {"pwritev", holdfast::faults::kPwritev},     {"pwritev2", holdfast::faults::kPwritev2},
      {"sync", holdfast::faults::kAnySync},        {"anywrite", holdfast::faults::kAnyWrite}};
  for (const auto& [known, operation] : kNames) {
    if (known == name) return operation;
  }
  std::fprintf(stderr, "fault shim: no such operation: %.*s\n", static_cast<int>(name.size()), name.data());
  std::abort();
}

void set_member(Rule& rule, std::string_view name, std::string_view value) {
  std::uint64_t number = 0;
  number_into(value, number);
  if (name == "op") rule.operations = operation_named(value);
  if (name == "path") std::memcpy(rule.path, value.data(), std::min(value.size(), sizeof rule.path - 1));
  if (name == "from") rule.offset_from = number;
  if (name == "below") rule.offset_below = number;
  if (name == "first") rule.first = number;
  if (name == "count") rule.count = number;
  if (name == "kill") rule.action = Action::kill;
  if (name == "hold") rule.action = Action::hold;
  if (name == "short") rule.action = Action::short_write;
  if (name == "error") {
    rule.action = Action::fail;
    rule.error = static_cast<std::int32_t>(number);
  }
  if (name == "delay_us") {
    rule.action = Action::delay;
    rule.delay_us = number;
  }
}

template <class Visit>
void split(std::string_view text, char at, Visit visit) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(at), text.size());
    if (end != 0) visit(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

void take_rules_from_text(std::string_view text) {
  static Block block;
  block.magic = Block::kMagic;
  int number = 0;
  split(text, ';', [&number](std::string_view part) {
    if (number == Block::kSlots) return;
    Slot& slot = block.slots[number++];
    slot.rule = Rule{};
    split(part, ',', [&slot](std::string_view member) {
      const std::size_t equals = std::min(member.find('='), member.size());
      set_member(slot.rule, member.substr(0, equals), member.substr(std::min(equals + 1, member.size())));
    });
    slot.armed.store(1);
    block.armed.fetch_add(1);
  });
  current.store(&block, std::memory_order_release);
}

__attribute__((constructor)) void take_rules_from_environment() {
  if (const char* rules = std::getenv("HOLDFAST_FAULT_RULES")) return take_rules_from_text(rules);
  const char* file = std::getenv("HOLDFAST_FAULTS");
  if (file == nullptr) return;
  const int fd = ::open(file, O_RDWR | O_CLOEXEC);
  void* mapped = fd < 0 ? MAP_FAILED : ::mmap(nullptr, sizeof(Block), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (fd >= 0) ::close(fd);
  if (mapped == MAP_FAILED || static_cast<Block*>(mapped)->magic != Block::kMagic) {
    std::fprintf(stderr, "fault shim: %s is not a control file\n", file);
    std::abort();
  }
  current.store(static_cast<Block*>(mapped), std::memory_order_release);
}

}  // namespace

extern "C" {

__attribute__((visibility("default"))) void holdfast_faults_attach(Block* block) {
  current.store(block, std::memory_order_release);
}

__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const int result = static_cast<int>(::syscall(SYS_clock_gettime, clock, time));
  const Block* block = current.load(std::memory_order_acquire);
  if (result == 0 && clock == CLOCK_REALTIME && block != nullptr) shift(*time, block->clock_offset_ns.load());
  return result;
}

__attribute__((visibility("default"))) int fdatasync(int fd) {
  return static_cast<int>(
      guarded({holdfast::faults::kFdatasync, fd, 0}, [fd](bool) { return ::syscall(SYS_fdatasync, fd); }));
}

__attribute__((visibility("default"))) int fsync(int fd) {
  return static_cast<int>(guarded({holdfast::faults::kFsync, fd, 0}, [fd](bool) { return ::syscall(SYS_fsync, fd); }));
}

__attribute__((visibility("default"))) int msync(void* address, std::size_t size, int flags) {
  return static_cast<int>(
      guarded({holdfast::faults::kMsync, -1, 0}, [&](bool) { return ::syscall(SYS_msync, address, size, flags); }));
}

__attribute__((visibility("default"))) ssize_t write(int fd, const void* bytes, std::size_t size) {
  return guarded({holdfast::faults::kWrite, fd, 0},
                 [&](bool half) { return ::syscall(SYS_write, fd, bytes, half ? size / 2 : size); });
}

__attribute__((visibility("default"))) ssize_t writev(int fd, const iovec* pieces, int count) {
  Block* block = current.load(std::memory_order_acquire);
  const bool watched = block != nullptr && block->armed.load(std::memory_order_relaxed) != 0;
  return guarded({holdfast::faults::kWritev, fd, watched ? position(fd) : 0}, [&](bool half) {
    return half ? short_vector(SYS_writev, fd, pieces, 0, 0) : ::syscall(SYS_writev, fd, pieces, count);
  });
}

__attribute__((visibility("default"))) ssize_t pwrite(int fd, const void* bytes, std::size_t size, off_t offset) {
  return guarded({holdfast::faults::kPwrite, fd, static_cast<std::uint64_t>(offset)},
                 [&](bool half) { return ::syscall(SYS_pwrite64, fd, bytes, half ? size / 2 : size, offset); });
}

__attribute__((visibility("default"))) ssize_t pwrite64(int fd, const void* bytes, std::size_t size, off64_t offset) {
  return pwrite(fd, bytes, size, offset);
}

__attribute__((visibility("default"))) ssize_t pwritev(int fd, const iovec* pieces, int count, off_t offset) {
  return guarded({holdfast::faults::kPwritev, fd, static_cast<std::uint64_t>(offset)}, [&](bool half) {
    return half ? short_vector(SYS_pwritev, fd, pieces, offset, 0)
                : ::syscall(SYS_pwritev, fd, pieces, count, offset, 0);
  });
}

__attribute__((visibility("default"))) ssize_t pwritev64(int fd, const iovec* pieces, int count, off64_t offset) {
  return pwritev(fd, pieces, count, offset);
}

__attribute__((visibility("default"))) ssize_t pwritev2(int fd, const iovec* pieces, int count, off_t offset,
                                                        int flags) {
  return guarded({holdfast::faults::kPwritev2, fd, static_cast<std::uint64_t>(offset)}, [&](bool half) {
    return half ? short_vector(SYS_pwritev2, fd, pieces, offset, flags)
                : ::syscall(SYS_pwritev2, fd, pieces, count, offset, 0, flags);
  });
}

__attribute__((visibility("default"))) ssize_t pwritev64v2(int fd, const iovec* pieces, int count, off64_t offset,
                                                           int flags) {
  return pwritev2(fd, pieces, count, offset, flags);
}
}
