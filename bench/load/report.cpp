#include "bench/load/report.h"

#include <fmt/format.h>

#include <iterator>

#include "net/problem.h"

namespace holdfast::load {
namespace {

double milliseconds(std::uint64_t nanos) {
  return static_cast<double>(nanos) / 1e6;
}

template <class... Values>
void put(std::string& out, fmt::format_string<Values...> format, Values&&... values) {
  fmt::format_to(std::back_inserter(out), format, std::forward<Values>(values)...);
}

// `"name":"text"` with what has to be escaped.
void put_text(std::string& out, std::string_view name, std::string_view text) {
  put(out, "\"{}\":", name);
  net::append_json_string(out, text);
}

void put_percentiles(std::string& out, std::string_view name, const Histogram& histogram) {
  put(out, "\"{}\":{{\"count\":{},\"mean\":{:.4f},", name, histogram.count(), histogram.mean() / 1e6);
  for (const auto& [percent, label] : kPercentiles)
    put(out, "\"{}\":{:.4f},", label, milliseconds(histogram.percentile(percent)));
  put(out, "\"max\":{:.4f}}}", milliseconds(histogram.max()));
}

void put_counts(std::string& out, const Counts& counts) {
  put(out,
      "\"counts\":{{\"answers\":{},\"approved\":{},\"declined\":{},\"refused\":{},\"unavailable\":{},\"lost\":{},"
      "\"unsent\":{},\"repeats\":{},\"repeats_differing\":{},\"follow_ups\":{}}}",
      counts.in_time, counts.approved, counts.declined, counts.refused, counts.unavailable, counts.lost, counts.unsent,
      counts.repeats, counts.repeats_differing, counts.follow_ups);
}

void put_stretch(std::string& out, const Stretch& stretch) {
  const Findings& findings = stretch.findings;
  put(out, "{{\"rate\":{:.1f},\"achieved\":{:.1f},\"seconds\":{:.3f},", stretch.rate, stretch.achieved(),
      stretch.seconds);
  put_counts(out, findings.counts);
  put(out, ",");
  put_percentiles(out, "latency_ms", findings.latencies.corrected);
  put(out, ",");
  put_percentiles(out, "uncorrected_ms", findings.latencies.uncorrected);
  put(out, ",");
  put_percentiles(out, "lateness_ms", findings.latencies.lateness);
  put(out, ",\"generator_busy_share\":{:.3f},\"target_cpu_us\":", findings.busy_share);
  stretch.target_cpu_us ? put(out, "{:.3f}", *stretch.target_cpu_us) : put(out, "null");
  put(out, ",\"by_second\":[");
  for (std::size_t i = 0; i < findings.seconds.size(); ++i) {
    const Second& second = findings.seconds[i];
    put(out, "{}{{\"answers\":{},\"p50_ms\":{:.3f},\"p99_ms\":{:.3f}}}", i == 0 ? "" : ",", second.answers,
        milliseconds(second.latency.percentile(50)), milliseconds(second.latency.percentile(99)));
  }
  put(out, "]}}");
}

void put_row(std::string& out, std::string_view name, const Histogram& histogram) {
  put(out, "  {:<34}", name);
  for (const NamedPercentile& each : kPercentiles)
    put(out, " {:>9.3f}", milliseconds(histogram.percentile(each.percent)));
  put(out, " {:>9.3f}\n", milliseconds(histogram.max()));
}

void put_stretch_text(std::string& out, const Stretch& stretch) {
  const auto& [counts, latencies, seconds, money, busy_share, refusal, repeat] = stretch.findings;
  if (stretch.rate > 0)
    put(out, "open loop at {:.0f}/s: {:.0f} answers/s over {:.1f} s\n", stretch.rate, stretch.achieved(),
        stretch.seconds);
  else
    put(out, "closed loop: {:.0f} answers/s over {:.1f} s\n", stretch.achieved(), stretch.seconds);
  put(out, "  approved {}, declined {}, lost {}, unavailable {}, unsent {}, repeats {}, follow-ups {}\n",
      counts.approved, counts.declined, counts.lost, counts.unavailable, counts.unsent, counts.repeats,
      counts.follow_ups);
  put(out, "  {:<34}", "milliseconds");
  for (const NamedPercentile& each : kPercentiles)
    put(out, " {:>9}", each.name);
  put(out, " {:>9}\n", "max");
  put_row(out, "from the intended moment", latencies.corrected);
  put_row(out, "from the sending (uncorrected)", latencies.uncorrected);
  put_row(out, "the generator's own lateness", latencies.lateness);
  put(out, "  generator busy {:.0f} % of the time", busy_share * 100);
  if (stretch.target_cpu_us) put(out, "; processor time of the target {:.2f} us a request", *stretch.target_cpu_us);
  put(out, "\n");
}

}  // namespace

std::string report_json(const Options& options, const RunResult& result) {
  std::string out = "{";
  put_text(out, "target", options.target);
  put(out, ",");
  put_text(out, "kind", net::simulator::traits_of(options.kind).name);
  put(out, ",\"cards\":{},\"connections\":{},\"threads\":{},\"seed\":{},\"repeat_share\":{},\"follow_up_share\":{}",
      options.cards, options.connections, options.threads, options.seed, options.shares.repeats,
      options.shares.follow_ups);
  put(out, ",\"told\":");
  result.told ? put(out, "{}", *result.told) : put(out, "null");
  put(out, ",\"stretches\":[");
  for (std::size_t i = 0; i < result.stretches.size(); ++i) {
    if (i > 0) put(out, ",");
    put_stretch(out, result.stretches[i]);
  }
  const MoneyCheck& money = result.money;
  put(out, "],\"money\":{{\"cards\":{},\"expected_low\":{},\"expected_high\":{},\"reported\":{},\"differences\":{}}}",
      money.cards, money.expected.low, money.expected.high, money.reported, money.differences.size());
  put(out, ",\"failures\":[");
  for (bool first = true; const std::string& failure : result.failures()) {
    if (!first) put(out, ",");
    net::append_json_string(out, failure);
    first = false;
  }
  return out + "]}";
}

std::string report_text(const Options& options, const RunResult& result) {
  std::string out;
  for (const Stretch& stretch : result.stretches)
    put_stretch_text(out, stretch);
  if (options.under_p99_ms > 0) {
    if (result.told)
      put(out, "highest rate whose p99 is under {:g} ms: {:.0f}/s\n", options.under_p99_ms,
          result.stretches[*result.told].rate);
    else
      put(out, "no rate has a p99 under {:g} ms, not even {:.0f}/s\n", options.under_p99_ms, options.rate);
  }
  const MoneyCheck& money = result.money;
  if (money.differences.empty())
    put(out, "the money agrees on all {} cards: {}.{:02} dollars\n", money.cards, money.reported / 100,
        money.reported % 100);
  for (const std::string& failure : result.failures())
    put(out, "FAILED: {}\n", failure);
  return out;
}

}  // namespace holdfast::load
