#include "logging.h"

#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <string>

#include "net/problem.h"

namespace holdfast {
namespace {

constexpr std::size_t kQueueLines = 8192;
config::LogFormat format = config::LogFormat::json;

spdlog::level::level_enum spdlog_level(config::LogLevel level) {
  switch (level) {
    case config::LogLevel::debug:
      return spdlog::level::debug;
    case config::LogLevel::info:
      return spdlog::level::info;
    case config::LogLevel::warning:
      return spdlog::level::warn;
    case config::LogLevel::error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

// What stands behind time and level: members of the JSON object, or key=value pairs. Values are quoted as JSON strings
// in both.
std::string fields_text(std::string_view event, LogFields fields) {
  const bool json = format == config::LogFormat::json;
  std::string text;
  const auto add = [&](std::string_view name, std::string_view value) {
    if (json) {
      text += ',';
      net::append_json_string(text, name);
      text += ':';
    } else {
      text.append(" ").append(name).append("=");
    }
    net::append_json_string(text, value);
  };
  add("event", event);
  for (const auto& [name, value] : fields)
    add(name, value);
  return text;
}

}  // namespace

void start_log(const config::LogOptions& options) {
  format = options.format;
  spdlog::init_thread_pool(kQueueLines, 1);
  auto logger = spdlog::create_async_nb<spdlog::sinks::stderr_sink_mt>("holdfast");
  logger->set_pattern(format == config::LogFormat::json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l"%v})"
                                                        : "time=%Y-%m-%dT%H:%M:%S.%eZ level=%l%v",
                      spdlog::pattern_time_type::utc);
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(logger);
  set_log_level(options.level);
}

void set_log_level(config::LogLevel level) {
  spdlog::set_level(spdlog_level(level));
}

void stop_log() {
  // What the log's thread writes with goes after that thread.
  const auto logger = spdlog::default_logger();
  spdlog::shutdown();
}

void log(config::LogLevel level, std::string_view event, LogFields fields) {
  if (!spdlog::default_logger_raw()->should_log(spdlog_level(level))) return;
  spdlog::default_logger_raw()->log(spdlog_level(level), fields_text(event, fields));
}

std::uint64_t log_lines_dropped() {
  const auto pool = spdlog::thread_pool();
  return pool == nullptr ? 0 : pool->overrun_counter();
}

}  // namespace holdfast
