#include "net/metrics.h"

#include <unistd.h>

#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <vector>

namespace holdfast::net {
namespace {

std::string number_text(double value) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  return {digits.data(), end};
}

}  // namespace

void MetricsText::begin(std::string_view name, std::string_view help, std::string_view type) {
  name_ = name;
  text_.append("# HELP ").append(name).append(" ").append(help);
  text_.append("\n# TYPE ").append(name).append(" ").append(type).append("\n");
}

void MetricsText::counter(std::string_view name, std::string_view help) {
  begin(name, help, "counter");
}
void MetricsText::gauge(std::string_view name, std::string_view help) {
  begin(name, help, "gauge");
}
void MetricsText::histogram(std::string_view name, std::string_view help) {
  begin(name, help, "histogram");
}

void MetricsText::line(std::string_view suffix, Labels labels, std::string_view bound, std::string_view value) {
  text_.append(name_).append(suffix);
  char separator = '{';
  const auto label = [&](std::string_view name, std::string_view text) {
    text_ += separator;
    separator = ',';
    text_.append(name).append("=\"").append(text).append("\"");
  };
  for (const auto& [name, text] : labels)
    label(name, text);
  if (!bound.empty()) label("le", bound);
  if (separator == ',') text_ += '}';
  text_.append(" ").append(value).append("\n");
}

void MetricsText::sample(std::uint64_t value, Labels labels) {
  line("", labels, "", std::to_string(value));
}
void MetricsText::sample(double value, Labels labels) {
  line("", labels, "", number_text(value));
}

void MetricsText::buckets(std::span<const std::uint64_t> bounds, std::span<const std::uint64_t> counts, double sum,
                          double unit, Labels labels) {
  std::uint64_t cumulated = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    cumulated += counts[i];
    const std::string bound = i < bounds.size() ? number_text(static_cast<double>(bounds[i]) * unit) : "+Inf";
    line("_bucket", labels, bound, std::to_string(cumulated));
  }
  line("_sum", labels, "", number_text(sum));
  line("_count", labels, "", std::to_string(cumulated));
}

void append_process_metrics(MetricsText& out) {
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
  std::ifstream stat("/proc/self/stat");
  std::string line;
  std::getline(stat, line);
  // The second field is the program's name in brackets and may hold anything: count from behind it.
  std::istringstream fields(line.substr(std::min(line.size(), line.rfind(')') + 1)));
  std::vector<std::string> values{std::istream_iterator<std::string>(fields), std::istream_iterator<std::string>()};
  const auto field = [&](std::size_t number) {  // as proc(5) numbers them
    return number - 3 < values.size() ? std::strtod(values[number - 3].c_str(), nullptr) : 0.0;
  };
  double boot = 0;
  std::ifstream system("/proc/stat");
  for (std::string key; system >> key;) {
    if (key == "btime") system >> boot;
  }
  out.counter("process_cpu_seconds_total", "User and system CPU time in seconds");
  out.sample((field(14) + field(15)) / ticks);
  out.gauge("process_start_time_seconds", "Start of the process since the epoch in seconds");
  out.sample(boot + field(22) / ticks);
  out.gauge("process_virtual_memory_bytes", "Virtual memory size in bytes");
  out.sample(field(23));
  out.gauge("process_resident_memory_bytes", "Resident memory size in bytes");
  out.sample(field(24) * page);
  std::error_code error;
  const auto files = std::distance(std::filesystem::directory_iterator("/proc/self/fd", error), {});
  out.gauge("process_open_fds", "Open file descriptors");
  out.sample(static_cast<double>(files));
  out.gauge("process_max_fds", "Most open file descriptors");
  out.sample(static_cast<double>(sysconf(_SC_OPEN_MAX)));
}

}  // namespace holdfast::net
