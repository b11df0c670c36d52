// Starts store_tool (store_tool.cpp) and reads what it prints.
#pragma once

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

namespace holdfast::storage::test {

class Child {
 public:
  // `environment` is "NAME=value" each, added to this process's own.
  explicit Child(std::vector<std::string> words, std::vector<std::string> environment = {}) {
    int out[2];
    if (::pipe(out) != 0) throw std::runtime_error("no pipe");
    words.insert(words.begin(), HOLDFAST_STORE_TOOL);
    std::vector<char*> arguments;
    for (std::string& word : words)
      arguments.push_back(word.data());
    arguments.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(out[1], STDOUT_FILENO);
      ::dup2(::open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
      ::close(out[0]);
      ::close(out[1]);
      for (std::string& variable : environment)
        ::putenv(variable.data());
      ::execv(HOLDFAST_STORE_TOOL, arguments.data());
      ::_exit(127);
    }
    ::close(out[1]);
    out_ = out[0];
  }
  ~Child() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      wait();
    }
    ::close(out_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void kill() { ::kill(pid_, SIGKILL); }
  // Adds what is there to the output; false at its end.
  bool read() {
    char buffer[65536];
    const ssize_t got = ::read(out_, buffer, sizeof buffer);
    if (got > 0) output_.append(buffer, static_cast<std::size_t>(got));
    return got > 0;
  }
  const std::string& output() const { return output_; }
  // The exit code, or minus the signal. Reads all output first.
  int finish() {
    while (read()) {
    }
    const int status = wait();
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  int wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return status;
  }
  pid_t pid_ = -1;
  int out_ = -1;
  std::string output_;
};

}  // namespace holdfast::storage::test
