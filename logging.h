// The daemon's log: lines of key=value or JSON on standard error, written by their own thread.
//
// Threads: log() from any thread; it never waits: when the queue is full the oldest line is dropped and counted.
// Invariants: nothing on the decision path logs per request. No card number, key or signature is ever an argument.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "config/options.h"

namespace holdfast {

void start_log(const config::LogOptions& options);
void set_log_level(config::LogLevel level);
// Writes what is queued and ends the log's thread.
void stop_log();

using LogFields = std::initializer_list<std::pair<std::string_view, std::string_view>>;
void log(config::LogLevel level, std::string_view event, LogFields fields = {});

std::uint64_t log_lines_dropped();

}  // namespace holdfast
