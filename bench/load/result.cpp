#include "bench/load/result.h"

#include <fmt/format.h>

namespace holdfast::load {

std::string bottleneck_of(const Findings& findings, const Options& options) {
  const double lateness_ms = static_cast<double>(findings.latencies.lateness.percentile(99)) / 1e6;
  const double latency_ms = static_cast<double>(findings.latencies.corrected.percentile(99)) / 1e6;
  if (lateness_ms > options.lateness_share_max * latency_ms) {
    return fmt::format(
        "it sent late by {:.3f} ms at the 99th percentile, more than {:.0f} % of the latency of {:.3f} ms", lateness_ms,
        options.lateness_share_max * 100, latency_ms);
  }
  if (findings.busy_share > options.busy_share_max) {
    return fmt::format("a thread of it used a processor, or waited for one, {:.0f} % of the time; {:.0f} % are allowed",
                       findings.busy_share * 100, options.busy_share_max * 100);
  }
  return {};
}

std::vector<std::string> RunResult::failures() const {
  std::vector<std::string> failures;
  std::uint64_t answers = 0;
  for (const Stretch& stretch : stretches) {
    const Findings& findings = stretch.findings;
    answers += findings.counts.in_time;
    if (findings.counts.refused > 0)
      failures.push_back(
          fmt::format("{} requests were refused, the first with {}", findings.counts.refused, findings.first_refusal));
    if (findings.counts.repeats_differing > 0)
      failures.push_back(
          fmt::format("{} repeats got another answer: {}", findings.counts.repeats_differing, findings.first_repeat));
  }
  if (answers == 0) failures.emplace_back("nothing was answered while it was measured");
  for (const std::string& difference : money.differences)
    failures.push_back("the money does not agree: " + difference);
  return failures;
}

std::string RunResult::bottleneck() const {
  for (const Stretch& stretch : stretches) {
    if (!stretch.bottleneck.empty()) return stretch.bottleneck;
  }
  return {};
}

int exit_status(const RunResult& result) {
  if (!result.failures().empty()) return kExitFailed;
  return result.bottleneck().empty() ? kExitOk : kExitBottleneck;
}

}  // namespace holdfast::load
