// Health, metrics and version for operators: GET /livez, /readyz, /healthz, /metrics, /version.
//
// Threads: belongs to the loop of the ops listener, which is not an event loop of the decision path; what it reads from
// the others are counters and published values.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "net/event_loop.h"
#include "net/exchange.h"
#include "net/metrics.h"

namespace holdfast::net {

struct HealthCheck {
  std::string name;  // "store_writable"
  bool passed = true;
  std::string detail;  // why not; empty when passed
};

// What only the composition knows.
struct OpsSources {
  std::function<std::vector<HealthCheck>()> checks;  // of readiness, besides the loops' own
  std::function<void(MetricsText&)> metrics;         // of the store and the log
  std::function<std::string()> version;              // JSON
};

class OpsRoutes final : public RequestHandler {
 public:
  OpsRoutes(std::vector<const EventLoop*> loops, const engine::Shards& shards, OpsSources sources);
  void on_request(const Request& request, Exchange& exchange) override;

 private:
  void livez(Exchange& exchange) const;
  void readyz(Exchange& exchange) const;
  void metrics(Exchange& exchange) const;
  void decision_metrics(MetricsText& out) const;
  void loop_metrics(MetricsText& out) const;

  std::vector<const EventLoop*> loops_;
  const engine::Shards& shards_;
  OpsSources sources_;
};

}  // namespace holdfast::net
