#include "net/ops_routes.h"

#include <algorithm>

#include "net/problem.h"

namespace holdfast::net {
namespace {

// A loop that has not turned for so long does not live.
constexpr std::chrono::seconds kStall{2};

std::uint64_t sum_of(const std::vector<const EventLoop*>& loops, std::size_t endpoint,
                     const std::function<std::uint64_t(const DecisionCounters&)>& get) {
  std::uint64_t sum = 0;
  for (const EventLoop* loop : loops)
    sum += get(loop->endpoints()[endpoint]->counters);
  return sum;
}

}  // namespace

OpsRoutes::OpsRoutes(std::vector<const EventLoop*> loops, const engine::Shards& shards, OpsSources sources)
    : loops_(std::move(loops)), shards_(shards), sources_(std::move(sources)) {}

void OpsRoutes::on_request(const Request& request, Exchange& exchange) {
  const bool known = request.path == "/livez" || request.path == "/readyz" || request.path == "/healthz" ||
                     request.path == "/metrics" || request.path == "/version";
  if (!known) {
    return exchange.respond(404, kProblemContentType,
                            problem_json(404, "not_found", "Not found", "there is nothing at this path", request.id));
  }
  if (request.method != Method::get) {
    return exchange.respond(
        405, kProblemContentType,
        problem_json(405, "method_not_allowed", "Method not allowed", "only GET is allowed here", request.id),
        {{"Allow", "GET"}});
  }
  if (request.path == "/livez") return livez(exchange);
  if (request.path == "/metrics") return metrics(exchange);
  if (request.path == "/version") return exchange.respond(200, kJson, sources_.version());
  readyz(exchange);
}

void OpsRoutes::livez(Exchange& exchange) const {
  const SteadyTime now = std::chrono::steady_clock::now();
  const bool lives = std::all_of(loops_.begin(), loops_.end(),
                                 [now](const EventLoop* loop) { return now - loop->last_turn() < kStall; });
  exchange.respond(lives ? 200 : 503, kJson, lives ? "{\"status\":\"live\"}" : "{\"status\":\"stalled\"}");
}

void OpsRoutes::readyz(Exchange& exchange) const {
  const std::vector<HealthCheck> checks = sources_.checks();
  const bool ready = std::all_of(checks.begin(), checks.end(), [](const HealthCheck& check) { return check.passed; });
  std::string body = ready ? "{\"status\":\"ready\",\"checks\":{" : "{\"status\":\"unavailable\",\"checks\":{";
  for (const HealthCheck& check : checks) {
    if (body.back() != '{') body += ',';
    append_json_string(body, check.name);
    body += ':';
    append_json_string(body, check.passed ? std::string_view("ok") : std::string_view(check.detail));
  }
  body += "}}";
  exchange.respond(ready ? 200 : 503, kJson, body);
}

void OpsRoutes::decision_metrics(MetricsText& out) const {
  const auto& endpoints = loops_.front()->endpoints();
  const auto each = [&](auto&& report) {
    for (std::size_t i = 0; i < endpoints.size(); ++i)
      report(i, std::string_view(endpoints[i]->endpoint));
  };
  out.counter("holdfast_decisions_total", "Answers to authorization requests");
  each([&](std::size_t i, std::string_view endpoint) {
    for (std::size_t r = 0; r < static_cast<std::size_t>(engine::kReasons); ++r) {
      const auto value = sum_of(loops_, i, [r](const DecisionCounters& c) { return c.by_reason[r].get(); });
      const std::string_view reason = r == 0 ? "none" : engine::reason_name(static_cast<engine::Reason>(r));
      out.sample(value, {{"endpoint", endpoint}, {"outcome", r == 0 ? "approved" : "declined"}, {"reason", reason}});
    }
  });
  out.histogram("holdfast_decision_seconds", "First byte of a request to its answer");
  each([&](std::size_t i, std::string_view endpoint) {
    std::array<std::uint64_t, kDecisionBucketsUs.size() + 1> counts{};
    for (std::size_t b = 0; b < counts.size(); ++b) {
      counts[b] = sum_of(loops_, i, [b](const DecisionCounters& c) { return c.seconds_buckets[b].get(); });
    }
    const auto sum = sum_of(loops_, i, [](const DecisionCounters& c) { return c.seconds_sum_us.get(); });
    out.buckets(kDecisionBucketsUs, counts, static_cast<double>(sum) * 1e-6, 1e-6, {{"endpoint", endpoint}});
  });
  const auto per_endpoint = [&](std::string_view name, std::string_view help, Counter DecisionCounters::*member) {
    out.counter(name, help);
    each([&](std::size_t i, std::string_view endpoint) {
      out.sample(sum_of(loops_, i, [member](const DecisionCounters& c) { return (c.*member).get(); }),
                 {{"endpoint", endpoint}});
    });
  };
  per_endpoint("holdfast_deadline_exceeded_total", "Requests declined at their deadline",
               &DecisionCounters::deadline_exceeded);
  per_endpoint("holdfast_duplicates_total", "Repeats that were given the first answer", &DecisionCounters::duplicates);
  per_endpoint("holdfast_conflicts_total", "Known ids with other content", &DecisionCounters::conflicts);
  per_endpoint("holdfast_malformed_total", "Requests that could not be decoded", &DecisionCounters::malformed);
  per_endpoint("holdfast_events_noted_total", "Events kept without an effect", &DecisionCounters::other_events);
  out.counter("holdfast_signature_failures_total", "Webhooks refused because of their signature");
  each([&](std::size_t i, std::string_view endpoint) {
    for (std::size_t s = 1; i > 0 && s < static_cast<std::size_t>(kSignatureResults); ++s) {
      out.sample(sum_of(loops_, i, [s](const DecisionCounters& c) { return c.signatures[s].get(); }),
                 {{"endpoint", endpoint}, {"cause", signature_result_name(static_cast<SignatureResult>(s))}});
    }
  });
}

void OpsRoutes::loop_metrics(MetricsText& out) const {
  const auto sum = [&](auto&& get) {
    std::uint64_t total = 0;
    for (const EventLoop* loop : loops_)
      total += get(*loop);
    return total;
  };
  out.counter("holdfast_late_approvals_undone_total", "Approvals that became durable after their deadline");
  out.sample(sum([](const EventLoop& loop) { return loop.desk_counters().late_approvals_undone.get(); }));
  out.gauge("holdfast_unconfirmed_holds", "Approvals found at start-up of which nobody knows whether they were sent");
  out.sample(sum([](const EventLoop& loop) { return loop.desk_counters().unconfirmed_holds.get(); }));
  out.counter("holdfast_flights_exhausted_total", "Requests refused because too many were under way");
  out.sample(sum([](const EventLoop& loop) { return loop.desk_counters().flights_exhausted.get(); }));
  out.counter("holdfast_journal_full_total", "Decisions refused because the journal's queue was full");
  out.sample(sum([](const EventLoop& loop) { return loop.desk_counters().journal_full.get(); }));
  out.gauge("holdfast_connections", "Open connections");
  out.sample(sum([](const EventLoop& loop) { return loop.http().value(HttpCount::connections_open); }));
  out.counter("holdfast_http_total", "Connections, requests, bytes, and limits each time they are hit");
  for (std::size_t i = 1; i < kHttpCounts; ++i) {
    const auto count = static_cast<HttpCount>(i);
    out.sample(sum([count](const EventLoop& loop) { return loop.http().value(count); }),
               {{"event", http_count_name(count)}});
  }
  out.gauge("holdfast_loop_lag_seconds", "How late the loop's last timer came");
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    out.sample(static_cast<double>(loops_[i]->lag().count()) * 1e-6, {{"loop", std::to_string(i)}});
  }
  out.gauge("holdfast_cards", "Cards");
  out.sample(static_cast<std::uint64_t>(shards_.nodes().cards.last()));
}

void OpsRoutes::metrics(Exchange& exchange) const {
  MetricsText out;
  decision_metrics(out);
  loop_metrics(out);
  sources_.metrics(out);
  append_process_metrics(out);
  exchange.respond(200, "text/plain; version=0.0.4; charset=utf-8", out.text());
}

}  // namespace holdfast::net
