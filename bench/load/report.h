// What a run found, as text for a terminal, as JSON and as a page.
//
// Threads: pure functions. Units: latencies in milliseconds, as the member's names say.
// Invariants: the page stands alone: it asks for nothing from anywhere, has a text for every picture, and what came
// from outside is escaped.
#pragma once

#include <string>

#include "bench/load/result.h"

namespace holdfast::load {

// One object. Of each stretch: the rate that was asked for and achieved, counts, percentiles from the intended moment
// (`latency_ms`), from the sending (`uncorrected_ms`) and of the generator's own lateness (`lateness_ms`), every
// second.
std::string report_json(const Options& options, const RunResult& result);
std::string report_html(const Options& options, const RunResult& result);
std::string report_text(const Options& options, const RunResult& result);

}  // namespace holdfast::load
