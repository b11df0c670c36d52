#include "bench/load/thread_usage.h"

#include <unistd.h>

#include <chrono>
#include <ctime>
#include <fstream>
#include <sstream>
#include <string>

namespace holdfast::load {

ThreadUsage usage_of_this_thread() {
  ThreadUsage usage;
  std::timespec time{};
  if (::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0) usage.running = time.tv_sec * kSecond + time.tv_nsec;
  std::ifstream file("/proc/thread-self/schedstat");
  Nanos running = 0;
  if (!(file >> running >> usage.waiting)) usage.waiting = 0;
  return usage;
}

// Fields 14 and 15 of its line, counted behind the name, which may hold spaces and parentheses.
std::optional<Nanos> processor_time_of(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(line.substr(name_end + 1));
  std::string skipped;
  for (int field = 3; field < 14; ++field)
    fields >> skipped;
  Nanos user = 0;
  Nanos system = 0;
  if (!(fields >> user >> system)) return std::nullopt;
  return (user + system) * (kSecond / ::sysconf(_SC_CLK_TCK));
}

Nanos steady_now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace holdfast::load
