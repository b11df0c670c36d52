// Makes the disk misbehave for one process, at a chosen call, and its wall clock tell another time: the controlling
// side of fault_shim.cpp.
//
// The process under test loads the shim (libholdfast_faults.so), by LD_PRELOAD or because it is linked with it, and
// finds its rules in one of three ways:
//   HOLDFAST_FAULTS=<file>        a control file made by FaultControl, shared with it while the process runs
//   HOLDFAST_FAULT_RULES=<text>   fixed rules for scripts, "rule;rule", each "op=fdatasync,path=journal/,first=3,..."
//                                 with the names op, path, from, below, first, count, error, short, delay_us, kill,
//                                 hold
//   FaultControl::attach()        a process that is linked with the shim controls itself
// Without any of them every call goes straight to the kernel.
//
// A call matches a rule when its operation is one of the rule's, the path of its descriptor (as /proc/self/fd tells)
// contains the rule's text, and its file offset is in [offset_from, offset_below). Calls `first` to `first + count - 1`
// of those that match are hit, counted from when the rule was armed; the first armed rule that hits a call decides it.
//
// How to tell the journal's calls apart (path "journal/data.mdb"): data pages are pwrite or writev at 8192 and above,
// the data sync is fdatasync, the meta page is a pwrite below 8192 (on a descriptor opened with O_DSYNC, so it is a
// sync of its own), zeros written ahead are pwritev2.
//
// The wall clock (CLOCK_REALTIME, of clock_gettime) is moved by an offset that may change at any time; all other clocks
// stay.
//
// Threads: any. Units: bytes, microseconds; of the clock nanoseconds.
#pragma once

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace holdfast::faults {

enum Operation : std::uint32_t {
  kFdatasync = 1,
  kFsync = 2,
  kMsync = 4,  // has no descriptor: matches only rules without a path
  kWrite = 8,
  kWritev = 16,
  kPwrite = 32,
  kPwritev = 64,
  kPwritev2 = 128,
  kAnySync = kFdatasync | kFsync | kMsync,
  kAnyWrite = kWrite | kWritev | kPwrite | kPwritev | kPwritev2,
};

enum class Action : std::uint32_t {
  pass = 0,     // only counted
  fail,         // returns -1 with `error`, the call is not made
  fail_after,   // makes the call, then returns -1 with `error`
  short_write,  // writes half of the bytes and returns their number
  delay,        // waits `delay_us`, then makes the call
  hold,         // waits until release(), then makes the call
  kill,         // SIGKILL instead of the call
  skip,         // returns success, the call is not made: a disk that lies. Only for syncs
};

struct Rule {
  Operation operations = Operation{0};
  char path[128] = {};
  std::uint64_t offset_from = 0;
  std::uint64_t offset_below = ~std::uint64_t{0};
  std::uint64_t first = 1;
  std::uint64_t count = 1;
  Action action = Action::pass;
  std::int32_t error = 0;
  std::uint64_t delay_us = 0;
};

// What both sides share: 16 rules.
struct Slot {
  Rule rule;
  std::atomic<std::uint32_t> armed;     // the rule above is complete
  std::atomic<std::uint32_t> released;  // futex that held calls wait on
  std::atomic<std::uint64_t> matched;   // calls
  std::atomic<std::uint64_t> hit;       // of these
  std::atomic<std::uint64_t> passed;    // matching calls that were made and succeeded
};
struct Block {
  static constexpr std::uint64_t kMagic = 0x31544C5541464648;  // "HFFAULT1"
  static constexpr int kSlots = 16;
  std::uint64_t magic;
  std::atomic<std::uint32_t> armed;  // number of armed slots, so that calls are cheap without any
  std::atomic<std::int64_t> clock_offset_ns;
  Slot slots[kSlots];
};

inline constexpr std::uint64_t kAlways = ~std::uint64_t{0};

}  // namespace holdfast::faults

// Of the shim: takes the rules from this block from now on; nullptr for none. Weak, so that a process that controls
// another one need not be linked with the shim.
extern "C" __attribute__((weak)) void holdfast_faults_attach(holdfast::faults::Block* block);

namespace holdfast::faults {

class FaultControl {
 public:
  explicit FaultControl(std::string file) : file_(std::move(file)) {
    const int fd = ::open(file_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || ::ftruncate(fd, sizeof(Block)) != 0) give_up("making the control file");
    void* mapped = ::mmap(nullptr, sizeof(Block), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ::close(fd);
    if (mapped == MAP_FAILED) give_up("mapping the control file");
    block_ = static_cast<Block*>(mapped);
    block_->magic = Block::kMagic;
  }
  ~FaultControl() {
    clear();
    if (attached_) holdfast_faults_attach(nullptr);
    ::munmap(block_, sizeof(Block));
    ::unlink(file_.c_str());
  }
  FaultControl(const FaultControl&) = delete;
  FaultControl& operator=(const FaultControl&) = delete;

  // For the environment of the process under test: HOLDFAST_FAULTS=file().
  const std::string& file() const { return file_; }
  // This process is the one under test.
  void attach() {
    if (holdfast_faults_attach == nullptr) give_up("this process is not linked with the shim");
    holdfast_faults_attach(block_);
    attached_ = true;
  }

  // Arms a rule and gives its number.
  int add(Rule rule, std::string_view path) {
    for (int number = 0; number < Block::kSlots; ++number) {
      Slot& slot = block_->slots[number];
      if (slot.armed.load() != 0) continue;
      std::memset(rule.path, 0, sizeof rule.path);
      std::memcpy(rule.path, path.data(), std::min(path.size(), sizeof rule.path - 1));
      slot.rule = rule;
      slot.released = 0;
      slot.matched = 0;
      slot.hit = 0;
      slot.passed = 0;
      slot.armed.store(1);
      block_->armed.fetch_add(1);
      return number;
    }
    give_up("all rules are in use");
  }
  // Disarms a rule; calls that it holds go on.
  void remove(int number) {
    release(number);
    if (block_->slots[number].armed.exchange(0) != 0) block_->armed.fetch_sub(1);
  }
  void clear() {
    for (int number = 0; number < Block::kSlots; ++number)
      remove(number);
  }
  void release(int number) {
    std::atomic<std::uint32_t>& released = block_->slots[number].released;
    released.store(1);
    ::syscall(SYS_futex, &released, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
  }

  // The wall clock says `now` at this moment, and goes on from there.
  void set_clock(std::chrono::sys_time<std::chrono::nanoseconds> now) {
    block_->clock_offset_ns.store((now - std::chrono::system_clock::now()).count());
  }

  std::uint64_t matched(int number) const { return block_->slots[number].matched.load(); }
  std::uint64_t hit(int number) const { return block_->slots[number].hit.load(); }
  std::uint64_t passed(int number) const { return block_->slots[number].passed.load(); }

 private:
  [[noreturn]] static void give_up(const char* what) {
    std::fprintf(stderr, "fault control: %s: %s\n", what, std::strerror(errno));
    std::abort();
  }
  const std::string file_;
  Block* block_ = nullptr;
  bool attached_ = false;
};

}  // namespace holdfast::faults
