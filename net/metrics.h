// Prometheus text exposition (version 0.0.4) of what the loops and the journal count.
//
// Threads: a MetricsText belongs to its caller; the values it is given were read with relaxed loads.
// Invariants: each metric's HELP and TYPE come once, before its samples; label values are names from the configuration
// or from closed lists, never a card, a merchant or a key.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace holdfast::net {

class MetricsText {
 public:
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  void counter(std::string_view name, std::string_view help);
  void gauge(std::string_view name, std::string_view help);
  void histogram(std::string_view name, std::string_view help);
  // A sample of the metric begun last.
  void sample(std::uint64_t value, Labels labels = {});
  void sample(double value, Labels labels = {});
  // Buckets of a histogram begun last: counts per bucket (not cumulated) for the bounds, and one more beyond the last.
  // `unit` converts a bound to the metric's unit (1e-6 for microseconds to seconds).
  void buckets(std::span<const std::uint64_t> bounds, std::span<const std::uint64_t> counts, double sum, double unit,
               Labels labels = {});

  const std::string& text() const { return text_; }

 private:
  void begin(std::string_view name, std::string_view help, std::string_view type);
  void line(std::string_view suffix, Labels labels, std::string_view bound, std::string_view value);

  std::string text_;
  std::string name_;
};

// process_* as Prometheus' client libraries have them, from /proc.
void append_process_metrics(MetricsText& out);

}  // namespace holdfast::net
