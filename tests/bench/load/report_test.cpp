#include "bench/load/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

namespace holdfast::load {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr Nanos kMillisecond = kSecond / 1000;

RunResult some_result() {
  Stretch stretch{1000, 2, Findings(1), 21.5, {}};
  Findings& findings = stretch.findings;
  findings.counts.in_time = findings.counts.approved = 2000;
  findings.seconds.resize(2);
  for (Nanos i = 1; i <= 2000; ++i) {
    findings.latencies.add({.intended = 0, .possible = 0, .sent = 10'000, .answered = i * kMillisecond / 100});
    Second& second = findings.seconds[static_cast<std::size_t>(i % 2)];
    ++second.answers;
    second.latency.add(static_cast<std::uint64_t>(i * kMillisecond / 100));
  }
  RunResult result;
  result.stretches.push_back(std::move(stretch));
  result.told = 0;
  result.money = {1, {1234, 1234}, 1234, {}};
  return result;
}

// Empty when every element is closed in its order, every attribute quoted and nothing is left unescaped.
std::string what_is_wrong_with(std::string_view page) {
  std::vector<std::string> open;
  for (std::size_t at = page.find('<'); at != std::string_view::npos; at = page.find('<', at + 1)) {
    const std::size_t end = page.find('>', at);
    if (end == std::string_view::npos) return "an element has no end";
    const std::string_view inside = page.substr(at + 1, end - at - 1);
    if (inside.find('<') != std::string_view::npos) return "an element in an element: " + std::string(inside);
    if (inside.starts_with('!') || inside.ends_with('/')) continue;
    const std::string name(inside.substr(0, inside.find(' ')));
    if (!name.starts_with('/')) {
      open.push_back(name);
    } else if (open.empty() || "/" + open.back() != name) {
      return "ends without a beginning: " + name;
    } else {
      open.pop_back();
    }
  }
  return open.empty() ? "" : "is not ended: " + open.back();
}

TEST(Report, JsonHasTheFiguresSideBySide) {
  simdjson::dom::parser parser;
  const simdjson::padded_string text(report_json({}, some_result()));
  const simdjson::dom::element json = parser.parse(text);
  EXPECT_DOUBLE_EQ(double(json.at_pointer("/stretches/0/achieved")), 1000);
  EXPECT_NEAR(double(json.at_pointer("/stretches/0/latency_ms/p50")), 10.0, 0.011);
  EXPECT_NEAR(double(json.at_pointer("/stretches/0/uncorrected_ms/p50")), 9.99, 0.011);
  EXPECT_NEAR(double(json.at_pointer("/stretches/0/lateness_ms/max")), 0.01, 0.0001);
  EXPECT_DOUBLE_EQ(double(json.at_pointer("/stretches/0/target_cpu_us")), 21.5);
  EXPECT_EQ(std::uint64_t(json.at_pointer("/stretches/0/by_second/1/answers")), 1000U);
  EXPECT_EQ(std::int64_t(json.at_pointer("/money/reported")), 1234);
  EXPECT_TRUE(simdjson::dom::array(json.at_pointer("/failures")).begin() ==
              simdjson::dom::array(json.at_pointer("/failures")).end());
}

TEST(Report, ThePageStandsAloneAndIsWhole) {
  const std::string page = report_html({}, some_result());
  EXPECT_EQ(what_is_wrong_with(page), "");
  EXPECT_THAT(page, Not(HasSubstr("src=")));
  EXPECT_THAT(page, Not(HasSubstr("href=")));
  EXPECT_THAT(page, Not(HasSubstr("url(")));
  EXPECT_THAT(page, Not(HasSubstr("nan")));
  EXPECT_THAT(page, HasSubstr("Latency by percentile"));
  EXPECT_THAT(page, HasSubstr("role=\"img\" aria-label=\"Latency by percentile, in milliseconds."));
  EXPECT_THAT(page, HasSubstr("Throughput over time"));
}

TEST(Report, WhatTheTargetSaidIsEscaped) {
  RunResult result = some_result();
  result.stretches[0].findings.counts.refused = 1;
  result.stretches[0].findings.first_refusal = "400 <script>\"&";
  const std::string page = report_html({}, result);
  EXPECT_EQ(what_is_wrong_with(page), "");
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;&quot;&amp;"));
  simdjson::dom::parser parser;
  const simdjson::padded_string json(report_json({}, result));
  EXPECT_EQ(parser.parse(json).error(), simdjson::SUCCESS);
}

TEST(Report, ARunWithoutAnAnswerIsStillAPage) {
  RunResult result;
  result.stretches.push_back({0, 1, Findings(1), std::nullopt, {}});
  result.told = 0;
  EXPECT_EQ(what_is_wrong_with(report_html({}, result)), "");
  EXPECT_THAT(report_text({}, result), HasSubstr("FAILED: nothing was answered"));
  EXPECT_EQ(exit_status(result), kExitFailed);
}

TEST(Result, FailuresComeBeforeTheGeneratorsOwn) {
  RunResult result = some_result();
  EXPECT_THAT(result.failures(), IsEmpty());
  EXPECT_EQ(exit_status(result), kExitOk);
  result.stretches[0].bottleneck = "it was slow";
  EXPECT_EQ(exit_status(result), kExitBottleneck);
  result.money.differences.emplace_back("a cent");
  EXPECT_EQ(exit_status(result), kExitFailed);
  result = some_result();
  result.stretches[0].findings.counts.repeats_differing = 1;
  EXPECT_EQ(exit_status(result), kExitFailed);
}

TEST(Result, AGeneratorThatWasLateOrBusyIsNotBelieved) {
  Options options;
  options.lateness_share_max = 0.2;
  options.busy_share_max = 0.9;
  Findings findings(1);
  findings.latencies.add({.intended = 0, .possible = 0, .sent = 2 * kMillisecond, .answered = 10 * kMillisecond});
  EXPECT_EQ(bottleneck_of(findings, options), "");
  findings.busy_share = 0.91;
  EXPECT_THAT(bottleneck_of(findings, options), HasSubstr("91 %"));
  findings.busy_share = 0.5;
  options.lateness_share_max = 0.19;
  EXPECT_THAT(bottleneck_of(findings, options), HasSubstr("sent late by 2."));
}

}  // namespace
}  // namespace holdfast::load
