// The daemon as a child process, and the folder in which it keeps its store, configuration and logs.
//
// Threads: make, stop and destroy them on one thread; the ports may be read from any.
// Invariants: a process ends with its object, and with the test process even when that is killed; ports are the
// system's choice, so that tests can run side by side.
// Ownership: a Sandbox outlives the daemons that ran in it and removes its folder, unless a test of it has failed.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/faults/fault_control.h"

namespace holdfast::integration {

inline constexpr std::string_view kAdminKey = "admin-key-of-the-tests-0001";
inline constexpr std::chrono::seconds kPatience{60};  // for what has to happen, on a busy machine

// Names and values; of the daemon's environment HOLDFAST_<SECTION>_<KEY>.
using Settings = std::map<std::string, std::string>;

// True when `condition` became true in time. Asks again every few milliseconds.
bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds patience = kPatience);

struct ExitedProcess {
  int status = -1;  // exit status; minus the signal that ended it
  std::string out;
  std::string error;
};
// Runs a program until it ends: its file and its words.
ExitedProcess run_command(const std::vector<std::string>& words, const Settings& environment = {});
// The binary with these words.
ExitedProcess run_holdfast(std::vector<std::string> words, const Settings& environment = {});

class Sandbox {
 public:
  explicit Sandbox(std::string config_text = "");
  ~Sandbox();
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  const std::filesystem::path& folder() const { return folder_; }
  std::filesystem::path store() const { return folder_ / "store"; }
  std::filesystem::path config_file() const { return folder_ / "holdfast.toml"; }
  std::filesystem::path out_file() const { return folder_ / "stdout"; }
  std::filesystem::path log_file() const { return folder_ / "stderr"; }
  std::string log() const;
  void write_config(std::string_view text) const { write_file("holdfast.toml", text); }
  // Gives the file's path.
  std::filesystem::path write_file(std::string_view name, std::string_view text) const;

  // The store is sound: `holdfast verify` says so. Its output otherwise.
  std::string verify() const;
  // A line of what `holdfast verify` prints: "records", "state_hash"; empty without one.
  std::string verified(std::string_view name) const;

 private:
  std::filesystem::path folder_;
};

// Starts on construction; wait_until_ready() or finish() comes next.
class DaemonProcess {
 public:
  enum class Faults { none, shim };
  explicit DaemonProcess(const Sandbox& sandbox, const Settings& settings = {}, Faults faults = Faults::none);
  ~DaemonProcess();
  DaemonProcess(const DaemonProcess&) = delete;
  DaemonProcess& operator=(const DaemonProcess&) = delete;

  // Reads the ports from the announcement. False when the process ended, or said nothing for too long.
  bool wait_until_ready(std::chrono::milliseconds patience = kPatience);
  std::uint16_t port() const { return port_; }
  std::uint16_t ops_port() const { return ops_port_; }
  const std::string& out() const { return out_; }
  pid_t pid() const { return pid_; }
  // Of its file operations; only with Faults::shim.
  const std::shared_ptr<faults::FaultControl>& faults() const { return faults_; }

  void signal(int number) const;
  // SIGKILL, and waits for the end.
  void kill();
  // SIGTERM, and the exit status.
  int terminate();
  // Waits for the end. The exit status; minus the signal that ended it; -1000 when it does not end.
  int finish(std::chrono::milliseconds patience = kPatience);
  bool running();

 private:
  void start(const Sandbox& sandbox, const Settings& settings);
  bool read_out(std::chrono::milliseconds patience);
  bool read_announcement();

  std::shared_ptr<faults::FaultControl> faults_;
  pid_t pid_ = -1;
  int out_fd_ = -1;
  int status_ = 0;
  std::filesystem::path out_file_;
  std::string out_;
  std::uint16_t port_ = 0;
  std::uint16_t ops_port_ = 0;
};

// A daemon that is ready; a failure to start ends the test with the daemon's log.
std::unique_ptr<DaemonProcess> start_daemon(const Sandbox& sandbox, const Settings& settings = {},
                                            DaemonProcess::Faults faults = DaemonProcess::Faults::none);

}  // namespace holdfast::integration
