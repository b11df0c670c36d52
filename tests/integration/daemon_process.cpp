#include "tests/integration/daemon_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace holdfast::integration {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void give_up(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

std::string read_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// The test's own environment without anything that would configure the daemon, and then `settings`.
std::vector<std::string> environment_with(const Settings& settings) {
  std::vector<std::string> variables;
  for (char** each = environ; *each != nullptr; ++each) {
    if (!std::string_view(*each).starts_with("HOLDFAST_")) variables.emplace_back(*each);
  }
  for (const auto& [name, value] : settings)
    variables.push_back(name + "=" + value);
  return variables;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts)
    pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// Between fork and exec only calls that are safe there.
pid_t spawn(std::vector<std::string> command, const Settings& settings, int out_fd, int error_fd) {
  std::vector<std::string> environment = environment_with(settings);
  const std::vector<char*> arguments = pointers_to(command);
  const std::vector<char*> variables = pointers_to(environment);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) give_up("fork");
  if (child != 0) return child;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(126);
  ::dup2(out_fd, STDOUT_FILENO);
  ::dup2(error_fd, STDERR_FILENO);
  ::execve(arguments.front(), arguments.data(), variables.data());
  ::_exit(127);
}

int status_of(int wait_status) {
  return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -WTERMSIG(wait_status);
}

Settings base_settings(const Sandbox& sandbox) {
  return {{"HOLDFAST_ADMIN_KEY", std::string(kAdminKey)},
          {"HOLDFAST_SERVER_LISTEN", "127.0.0.1:0"},
          {"HOLDFAST_SERVER_OPS_LISTEN", "127.0.0.1:0"},
          {"HOLDFAST_STORAGE_PATH", sandbox.store().string()},
          {"HOLDFAST_STORAGE_MAP_SIZE", "4GiB"},
          {"HOLDFAST_STORAGE_PREALLOCATE", "4MiB"},
          {"HOLDFAST_STORAGE_MINIMUM_FREE_SPACE", "16MiB"},
          // Long, so that a busy machine does not decide a test that is not about deadlines.
          {"HOLDFAST_API_DEADLINE_MS", "10000"}};
}

}  // namespace

bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds patience) {
  const auto end = Clock::now() + patience;
  while (!condition()) {
    if (Clock::now() > end) return false;
    ::poll(nullptr, 0, 2);
  }
  return true;
}

ExitedProcess run_holdfast(std::vector<std::string> words, const Settings& environment) {
  words.insert(words.begin(), HOLDFAST_BINARY);
  return run_command(words, environment);
}

ExitedProcess run_command(const std::vector<std::string>& words, const Settings& environment) {
  std::string files[2];
  int fds[2];
  for (int i = 0; i < 2; ++i) {
    std::filesystem::create_directories(HOLDFAST_TEST_FOLDER);
    files[i] = HOLDFAST_TEST_FOLDER "/output.XXXXXX";
    fds[i] = ::mkostemp(files[i].data(), O_CLOEXEC);
    if (fds[i] < 0) give_up(files[i]);
  }
  const pid_t pid = spawn(words, environment, fds[0], fds[1]);
  int status = 0;
  ::waitpid(pid, &status, 0);
  ExitedProcess exited{status_of(status), read_file(files[0]), read_file(files[1])};
  for (int i = 0; i < 2; ++i) {
    ::close(fds[i]);
    std::filesystem::remove(files[i]);
  }
  return exited;
}

Sandbox::Sandbox(std::string config_text) {
  std::filesystem::create_directories(HOLDFAST_TEST_FOLDER);
  std::string name = HOLDFAST_TEST_FOLDER "/test.XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) give_up(name);
  folder_ = name;
  write_config(config_text);
}

Sandbox::~Sandbox() {
  // A daemon that was killed leaves its late answers, which are memory.
  struct stat found {};
  if (::stat(store().c_str(), &found) == 0) {
    const std::string name = "holdfast-" + std::to_string(found.st_dev) + "-" + std::to_string(found.st_ino);
    ::unlink(("/dev/shm/" + name).c_str());
  }
  // A daemon that is killed has no exit status that would tell.
  for (const char* report : {"WARNING: ThreadSanitizer", "ERROR: AddressSanitizer", "runtime error: "}) {
    if (log().find(report) != std::string::npos) ADD_FAILURE() << report << " in " << log_file();
  }
  if (::testing::Test::HasFailure()) {
    std::fprintf(stderr, "kept: %s\n", folder_.c_str());
    return;
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string Sandbox::log() const {
  return read_file(log_file());
}

std::filesystem::path Sandbox::write_file(std::string_view name, std::string_view text) const {
  const auto file = folder_ / name;
  std::ofstream(file, std::ios::binary | std::ios::trunc) << text;
  return file;
}

std::string Sandbox::verify() const {
  const ExitedProcess verification = run_holdfast({"verify", store().string()});
  return verification.status == 0 ? "" : verification.out + verification.error + std::to_string(verification.status);
}

std::string Sandbox::verified(std::string_view name) const {
  std::istringstream lines(run_holdfast({"verify", store().string()}).out);
  std::string word;
  std::string value;
  while (lines >> word) {
    if (word != name) continue;
    lines >> value;
    break;
  }
  return value;
}

DaemonProcess::DaemonProcess(const Sandbox& sandbox, const Settings& settings, Faults faults) {
  Settings all = base_settings(sandbox);
  if (faults == Faults::shim) {
    static int number = 0;  // a control of an earlier daemon may still be there
    const auto file = sandbox.folder() / ("faults." + std::to_string(++number));
    faults_ = std::make_shared<holdfast::faults::FaultControl>(file.string());
    all["LD_PRELOAD"] = HOLDFAST_FAULTS_LIBRARY;
    all["HOLDFAST_FAULTS"] = faults_->file();
  }
  for (const auto& [name, value] : settings)
    all[name] = value;
  start(sandbox, all);
}

void DaemonProcess::start(const Sandbox& sandbox, const Settings& settings) {
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) give_up("pipe");
  const int log = ::open(sandbox.log_file().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log < 0) give_up(sandbox.log_file());
  out_file_ = sandbox.out_file();
  pid_ = spawn({HOLDFAST_BINARY, "serve", "--config", sandbox.config_file().string()}, settings, pipe[1], log);
  ::close(log);
  ::close(pipe[1]);
  out_fd_ = pipe[0];
}

DaemonProcess::~DaemonProcess() {
  kill();
  ::close(out_fd_);
}

// False at the end of the output, or when there was none in time.
bool DaemonProcess::read_out(std::chrono::milliseconds patience) {
  pollfd ready{out_fd_, POLLIN, 0};
  if (::poll(&ready, 1, static_cast<int>(patience.count())) <= 0) return false;
  char buffer[4096];
  const ssize_t got = ::read(out_fd_, buffer, sizeof buffer);
  if (got <= 0) return false;
  out_.append(buffer, static_cast<std::size_t>(got));
  // Beside the log, for tests that look through everything a daemon wrote.
  std::ofstream(out_file_, std::ios::binary | std::ios::app).write(buffer, got);
  return true;
}

bool DaemonProcess::wait_until_ready(std::chrono::milliseconds patience) {
  const auto end = Clock::now() + patience;
  while (!read_announcement()) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
    if (left.count() <= 0 || !read_out(left)) return false;
  }
  return true;
}

bool DaemonProcess::read_announcement() {
  const std::size_t line = out_.find("holdfast is ready");
  if (line == std::string::npos || out_.find('\n', line) == std::string::npos) return false;
  std::uint16_t* const ports[] = {&port_, &ops_port_};
  std::size_t at = line;
  for (std::uint16_t* port : ports) {
    constexpr std::string_view kBefore = "http://127.0.0.1:";
    at = out_.find(kBefore, at);
    if (at == std::string::npos) return false;
    at += kBefore.size();
    std::from_chars(out_.data() + at, out_.data() + out_.size(), *port);
  }
  return true;
}

void DaemonProcess::signal(int number) const {
  if (pid_ > 0) ::kill(pid_, number);
}

void DaemonProcess::kill() {
  signal(SIGKILL);
  finish();
}

int DaemonProcess::terminate() {
  signal(SIGTERM);
  return finish();
}

bool DaemonProcess::running() {
  if (pid_ <= 0) return false;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return true;
  status_ = status_of(status);
  pid_ = -1;
  return false;
}

int DaemonProcess::finish(std::chrono::milliseconds patience) {
  const auto end = Clock::now() + patience;
  while (Clock::now() < end && read_out(std::chrono::milliseconds(50)) && pid_ > 0) {
  }
  if (!eventually([this] { return !running(); }, patience)) return -1000;
  while (read_out(std::chrono::milliseconds(0))) {
  }
  return status_;
}

std::unique_ptr<DaemonProcess> start_daemon(const Sandbox& sandbox, const Settings& settings,
                                            DaemonProcess::Faults faults) {
  auto daemon = std::make_unique<DaemonProcess>(sandbox, settings, faults);
  if (!daemon->wait_until_ready()) throw std::runtime_error("the daemon did not start: " + sandbox.log());
  return daemon;
}

}  // namespace holdfast::integration
