// The journal's calls, as rules for the fault shim.
//
// How the journal commits: data pages (pwrite or writev), a sync of the file (fdatasync), the meta page (a pwrite that
// is a sync of its own).
#pragma once

#include "tests/integration/daemon_process.h"

namespace holdfast::integration {

inline constexpr std::string_view kJournalFile = "journal/data.mdb";
inline constexpr std::uint64_t kMetaPages = 8192;

inline faults::Rule data_sync(faults::Action action, std::uint64_t first = 1, std::uint64_t count = faults::kAlways) {
  faults::Rule rule;
  rule.operations = faults::kFdatasync;
  rule.action = action;
  rule.first = first;
  rule.count = count;
  return rule;
}

inline faults::Rule meta_write(faults::Action action, std::uint64_t first = 1, std::uint64_t count = faults::kAlways) {
  faults::Rule rule = data_sync(action, first, count);
  rule.operations = faults::kPwrite;
  rule.offset_below = kMetaPages;
  return rule;
}

// Data pages and zeros ahead of them.
inline faults::Rule page_write(faults::Action action, std::uint64_t first = 1, std::uint64_t count = faults::kAlways) {
  faults::Rule rule = data_sync(action, first, count);
  rule.operations = faults::kAnyWrite;
  rule.offset_from = kMetaPages;
  return rule;
}

// Armed as long as it lives.
class ArmedRule {
 public:
  ArmedRule(DaemonProcess& daemon, const faults::Rule& rule, std::string_view path = kJournalFile)
      : control_(daemon.faults()), number_(control_->add(rule, path)) {}
  ~ArmedRule() { disarm(); }
  ArmedRule(const ArmedRule&) = delete;
  ArmedRule& operator=(const ArmedRule&) = delete;

  // What it holds goes on.
  void disarm() {
    if (armed_) control_->remove(number_);
    armed_ = false;
  }
  std::uint64_t hit() const { return control_->hit(number_); }
  std::uint64_t passed() const { return control_->passed(number_); }
  bool reached() const {
    return eventually([this] { return hit() > 0; });
  }

 private:
  const std::shared_ptr<faults::FaultControl> control_;  // outlives the daemon if it must
  const int number_;
  bool armed_ = true;
};

}  // namespace holdfast::integration
