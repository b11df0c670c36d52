// The daemon: puts the parts together, runs them until it is told to stop, and takes them apart in order.
//
// Threads: serve() is the main thread; it runs the ops listener and the signals, and starts the others.
// Errors: the exit status. 0 after a drain; 1 when it could not start (with one line that says why); 74 when the store
// failed while running (EX_IOERR of sysexits.h).
#pragma once

#include <string>

namespace holdfast {

inline constexpr int kExitStart = 1;
inline constexpr int kExitStore = 74;

int serve(const std::string& config_path);

}  // namespace holdfast
