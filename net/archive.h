// Reading old journal records for people: a port to whoever keeps them, away from the event loops.
//
// Threads: read() on any loop; `done` is called on the archive's own thread. An event loop never waits for a disk.
#pragma once

#include <functional>
#include <vector>

#include "engine/journal.h"
#include "engine/rows.h"

namespace holdfast::net {

class Archive {
 public:
  virtual ~Archive() = default;
  // The payloads of these records, in the same order; empty where a record cannot be read any more.
  virtual void read(std::vector<engine::Sequence> sequences, std::function<void(std::vector<engine::Bytes>)> done) = 0;
};

}  // namespace holdfast::net
