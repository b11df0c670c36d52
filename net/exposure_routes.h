// What a tree can spend at most: GET and POST /api/v1/exposure.
//
// Threads: belong to one event loop; the tree is read on the loop that owns it, at one moment.
// Invariants: nothing is changed, whatever cards are thought of.
// Limits: the answer names kExposureNodesMax nodes; what it says of each counts all that is below it. A call thinks of
// kWhatIfMax kinds of cards.
// Source: semantics, "Exposure".
#pragma once

#include <cstddef>

#include "net/loop_context.h"
#include "net/router.h"

namespace holdfast::net {

inline constexpr std::size_t kExposureNodesMax = 1000;
inline constexpr std::size_t kWhatIfMax = 20;
inline constexpr std::int64_t kWhatIfCountMax = 1'000'000;

class ExposureRoutes final {
 public:
  explicit ExposureRoutes(LoopContext& context) : context_(context) {}
  void add_to(Router& router);

 private:
  void get(const Call& call);
  void post(const Call& call);

  LoopContext& context_;
};

}  // namespace holdfast::net
