// The page of report.h: its charts are drawn here as SVG, in coordinates of a view box.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <span>

#include "bench/load/report.h"

namespace holdfast::load {
namespace {

constexpr std::string_view kStyle =
    R"(:root{color-scheme:light dark;--ink:#1b1f24;--paper:#fff;--faint:#6b7280;--line:#d4d7dc;--a:#0b5fb0;--b:#b4490a}
@media(prefers-color-scheme:dark){:root{--ink:#e6e8eb;--paper:#14171a;--faint:#9aa1ab;--line:#353b42;--a:#6cb2f5;--b:#f2a05a}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:60rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;margin:1rem 0}
th,td{padding:.25rem .75rem;border-bottom:1px solid var(--line);text-align:right;font-variant-numeric:tabular-nums}
th:first-child,td:first-child{text-align:left}
caption{text-align:left;color:var(--faint)}
svg{width:100%;height:auto}
svg text{font-size:12px;fill:var(--faint)}
.grid{stroke:var(--line)}
.a,.b{fill:none;stroke-width:2}
.a{stroke:var(--a)}
.b{stroke:var(--b);stroke-dasharray:6 4}
svg .la{fill:var(--a)}
svg .lb{fill:var(--b)}
.failed{color:var(--b);font-weight:600}
)";

constexpr double kWidth = 900;
constexpr double kHeight = 320;
constexpr double kLeft = 70;
constexpr double kRight = 40;
constexpr double kTop = 30;
constexpr double kBottom = 40;
constexpr int kGridLines = 5;

template <class... Values>
void put_page(std::string& out, fmt::format_string<Values...> format, Values&&... values) {
  fmt::format_to(std::back_inserter(out), format, std::forward<Values>(values)...);
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char each : text) {
    switch (each) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += each;
    }
  }
  return out;
}

struct Point {
  double x;  // 0 to 1, from the left
  double y;  // in the unit of the axis
};
struct Line {
  std::string_view name;
  std::vector<Point> points;
};
struct Mark {
  double x;
  std::string label;
};
struct Chart {
  std::string_view title;
  std::string_view description;  // for who cannot see it
  std::string_view unit;
  std::vector<Line> lines;  // two at the most
  std::vector<Mark> marks;  // of the horizontal axis
};

// The next 1, 2 or 5 times a power of ten.
double round_up(double value) {
  if (value <= 0) return 1;
  const double power = std::pow(10, std::floor(std::log10(value)));
  for (const double step : {1.0, 2.0, 5.0}) {
    if (value <= step * power) return step * power;
  }
  return 10 * power;
}

double across(double x) {
  return kLeft + x * (kWidth - kLeft - kRight);
}
double down(double y, double top) {
  return kHeight - kBottom - y / top * (kHeight - kTop - kBottom);
}

void put_axes(std::string& out, const Chart& chart, double top) {
  for (int i = 0; i <= kGridLines; ++i) {
    const double value = top * i / kGridLines;
    put_page(out, R"(<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>)", kLeft, kWidth - kRight,
             down(value, top), down(value, top));
    put_page(out, R"(<text x="{}" y="{:.1f}" text-anchor="end">{:g}</text>)", kLeft - 8, down(value, top) + 4, value);
  }
  put_page(out, R"(<text x="{}" y="18">{}</text>)", kLeft, chart.unit);
  for (const Mark& mark : chart.marks)
    put_page(out, R"(<text x="{:.1f}" y="{}" text-anchor="middle">{}</text>)", across(mark.x), kHeight - 16,
             mark.label);
}

void put_chart(std::string& out, const Chart& chart) {
  double top = 0;
  for (const Line& line : chart.lines) {
    for (const Point& point : line.points)
      top = std::max(top, point.y);
  }
  top = round_up(top);
  put_page(out, "<h2>{}</h2>\n<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">", chart.title, kWidth, kHeight,
           escaped(chart.description));
  put_axes(out, chart, top);
  char style = 'a';
  for (const Line& line : chart.lines) {
    put_page(out, R"(<polyline class="{}" points=")", style);
    for (const Point& point : line.points)
      put_page(out, "{:.1f},{:.1f} ", across(point.x), down(point.y, top));
    put_page(out, R"("/><text class="l{}" x="{}" y="18" text-anchor="end">{}</text>)", style,
             style == 'a' ? kWidth - kRight - 220 : kWidth - kRight, line.name);
    ++style;
  }
  put_page(out, "</svg>\n");
}

// Each step to the right is a tenth of the requests that were left: 90 %, 99 %, 99.9 %.
constexpr double kNines = 5;
double place_of(double percent) {
  return std::min(1.0, -std::log10(1 - percent / 100) / kNines);
}

Line percentile_line(std::string_view name, const Histogram& histogram) {
  Line line{name, {}};
  constexpr int kSteps = 120;
  for (int i = 0; i <= kSteps; ++i) {
    const double x = static_cast<double>(i) / kSteps;
    const double percent = 100 * (1 - std::pow(10, -x * kNines));
    line.points.push_back({x, static_cast<double>(histogram.percentile(percent)) / 1e6});
  }
  return line;
}

void put_percentile_chart(std::string& out, const Stretch& stretch) {
  const Latencies& latencies = stretch.findings.latencies;
  const std::string description = fmt::format(
      "Latency by percentile, in milliseconds. From the intended moment: median {:.3f}, 99th {:.3f}, greatest {:.3f}.",
      static_cast<double>(latencies.corrected.percentile(50)) / 1e6, stretch.p99_ms(),
      static_cast<double>(latencies.corrected.max()) / 1e6);
  Chart chart{"Latency by percentile", description, "milliseconds", {}, {}};
  chart.lines = {percentile_line("from the intended moment", latencies.corrected),
                 percentile_line("from the sending (uncorrected)", latencies.uncorrected)};
  for (const std::string_view percent : {"0", "50", "90", "99", "99.9", "99.99", "99.999"})
    chart.marks.push_back({place_of(std::stod(std::string(percent))), std::string(percent) + " %"});
  put_chart(out, chart);
}

std::vector<Mark> seconds_marks(std::size_t seconds) {
  std::vector<Mark> marks;
  const std::size_t step = std::max<std::size_t>(1, (seconds + 9) / 10);
  for (std::size_t i = 0; i < seconds; i += step)
    marks.push_back(
        {seconds == 1 ? 0 : static_cast<double>(i) / static_cast<double>(seconds - 1), fmt::format("{} s", i + 1)});
  return marks;
}

template <class Value>
Line line_over_time(std::string_view name, std::span<const Second> seconds, Value&& value) {
  Line line{name, {}};
  for (std::size_t i = 0; i < seconds.size(); ++i)
    line.points.push_back({seconds.size() == 1 ? 0 : static_cast<double>(i) / static_cast<double>(seconds.size() - 1),
                           value(seconds[i])});
  if (line.points.size() == 1) line.points.push_back({1, line.points.front().y});
  return line;
}

void put_time_charts(std::string& out, const Stretch& stretch) {
  const std::vector<Second>& seconds = stretch.findings.seconds;
  const auto percentile = [](double percent) {
    return [percent](const Second& second) { return static_cast<double>(second.latency.percentile(percent)) / 1e6; };
  };
  const std::string rate = fmt::format("Answers in each second; {:.0f} a second on the whole.", stretch.achieved());
  put_chart(
      out,
      {"Throughput over time",
       rate,
       "answers a second",
       {line_over_time("answers", seconds, [](const Second& second) { return static_cast<double>(second.answers); })},
       seconds_marks(seconds.size())});
  put_chart(out, {"Latency over time",
                  "Median and 99th percentile of the latency in each second, in milliseconds.",
                  "milliseconds",
                  {line_over_time("median", seconds, percentile(50)),
                   line_over_time("99th percentile", seconds, percentile(99))},
                  seconds_marks(seconds.size())});
}

void put_percentile_row(std::string& out, std::string_view name, const Histogram& histogram) {
  put_page(out, "<tr><td>{}</td>", name);
  for (const NamedPercentile& each : kPercentiles)
    put_page(out, "<td>{:.3f}</td>", static_cast<double>(histogram.percentile(each.percent)) / 1e6);
  put_page(out, "<td>{:.3f}</td></tr>\n", static_cast<double>(histogram.max()) / 1e6);
}

void put_percentile_table(std::string& out, const Stretch& stretch) {
  put_page(out, "<table><caption>Latency in milliseconds</caption>\n<tr><th></th>");
  for (const NamedPercentile& each : kPercentiles)
    put_page(out, "<th>{}</th>", each.name);
  put_page(out, "<th>max</th></tr>\n");
  const Latencies& latencies = stretch.findings.latencies;
  put_percentile_row(out, "from the intended moment", latencies.corrected);
  put_percentile_row(out, "from the sending (uncorrected)", latencies.uncorrected);
  put_percentile_row(out, "the generator's own lateness", latencies.lateness);
  put_page(out, "</table>\n");
}

void put_stretches(std::string& out, const RunResult& result) {
  put_page(out,
           "<table><caption>What was asked for, and what came</caption>\n<tr><th>rate asked</th><th>answers/s</th>"
           "<th>p99 ms</th><th>approved</th><th>declined</th><th>repeats</th><th>follow-ups</th><th>lost</th>"
           "<th>unsent</th><th>target CPU us</th></tr>\n");
  for (const Stretch& stretch : result.stretches) {
    const Counts& counts = stretch.findings.counts;
    put_page(out, "<tr><td>{}</td><td>{:.0f}</td><td>{:.3f}</td>",
             stretch.rate > 0 ? fmt::format("{:.0f}/s", stretch.rate) : "closed loop", stretch.achieved(),
             stretch.p99_ms());
    for (const std::uint64_t count :
         {counts.approved, counts.declined, counts.repeats, counts.follow_ups, counts.lost, counts.unsent})
      put_page(out, "<td>{}</td>", count);
    put_page(out, "<td>{}</td></tr>\n", stretch.target_cpu_us ? fmt::format("{:.2f}", *stretch.target_cpu_us) : "-");
  }
  put_page(out, "</table>\n");
}

void put_money(std::string& out, const RunResult& result) {
  const MoneyCheck& money = result.money;
  const std::vector<std::string> failures = result.failures();
  put_page(out, "<h2>Money</h2>\n<p>{} cards; the target reports {}.{:02} dollars, and its answers say {}.{:02}",
           money.cards, money.reported / 100, money.reported % 100, money.expected.low / 100, money.expected.low % 100);
  if (money.expected.low != money.expected.high)
    put_page(out, " to {}.{:02}, since some answers never came", money.expected.high / 100, money.expected.high % 100);
  put_page(out, ".</p>\n");
  for (const std::string& failure : failures)
    put_page(out, "<p class=\"failed\">Failed: {}</p>\n", escaped(failure));
}

}  // namespace

std::string report_html(const Options& options, const RunResult& result) {
  std::string out = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n";
  put_page(
      out,
      "<meta name=\"viewport\" content=\"width=device-width\"/>\n<title>holdfast-load</title>\n<style>{}</style>\n",
      kStyle);
  put_page(out,
           "</head>\n<body>\n<main>\n<h1>Load on {}</h1>\n<p>{} requests, {} cards, {} connections, {} threads.</p>\n",
           escaped(options.target), net::simulator::traits_of(options.kind).name, options.cards, options.connections,
           options.threads);
  put_stretches(out, result);
  if (result.told) {
    const Stretch& told = result.stretches[*result.told];
    if (options.under_p99_ms > 0)
      put_page(out, "<p>The highest rate whose p99 is under {:g} ms is {:.0f}/s; the rest is about it.</p>\n",
               options.under_p99_ms, told.rate);
    put_percentile_table(out, told);
    put_percentile_chart(out, told);
    put_time_charts(out, told);
  }
  put_money(out, result);
  return out + "</main>\n</body>\n</html>\n";
}

}  // namespace holdfast::load
