// The command line of holdfast-load. Composition only.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>

#include "bench/load/campaign.h"
#include "bench/load/report.h"
#include "config/keys.h"
#include "config/load.h"
#include "config/secrets.h"

namespace holdfast::load {
namespace {

// "env:NAME" or "file:PATH", as in the daemon's configuration: a secret on a command line is everybody's.
std::string secret_from(const std::string& source) {
  if (source.empty()) return {};
  const auto reference = config::secret_reference_from_text(source);
  if (!reference) throw std::runtime_error("a secret is env:NAME or file:PATH");
  std::string value;
  const std::string wrong = config::find_secret(*reference, config::process_environment(), value);
  if (!wrong.empty()) throw std::runtime_error(source + ": " + wrong);
  return value;
}

struct Sources {
  std::string api_key = "env:HOLDFAST_ADMIN_KEY";
  std::string secret;
  std::string username;
  std::string password;
};

const std::map<std::string, engine::Processor> kKinds = {{"native", engine::Processor::native},
                                                         {"stripe", engine::Processor::stripe},
                                                         {"lithic", engine::Processor::lithic},
                                                         {"marqeta", engine::Processor::marqeta}};
const std::map<std::string, Spread> kSpreads = {
    {"uniform", Spread::uniform}, {"zipf", Spread::zipf}, {"hot", Spread::hot}};

void add_target_options(CLI::App& app, Options& options, Sources& sources) {
  app.add_option("--target", options.target, "http://HOST:PORT of the daemon")->capture_default_str();
  app.add_option("--kind", options.kind, "Who asks: native, stripe, lithic or marqeta")
      ->transform(CLI::CheckedTransformer(kKinds));
  app.add_option("--api-key", sources.api_key, "Key that makes the cards: env:NAME or file:PATH")
      ->capture_default_str();
  app.add_option("--endpoint", options.endpoint, "Name of the processor's endpoint (default: KIND-main)");
  app.add_option("--path", options.path, "Its path (default: /webhooks/ENDPOINT)");
  app.add_option("--secret", sources.secret, "What the processor signs with: env:NAME or file:PATH");
  app.add_option("--username", sources.username, "Marqeta's user name: env:NAME or file:PATH");
  app.add_option("--password", sources.password, "Marqeta's password: env:NAME or file:PATH");
  app.add_option("--pid", options.pid, "Tell the processor time of this process for each request");
}

void add_load_options(CLI::App& app, Options& options) {
  app.add_option("--cards", options.cards, "Cards to make")->check(CLI::Range(1, 100'000'000))->capture_default_str();
  app.add_option("--limit-usd", options.limit_usd, "Lifetime limit of each")->capture_default_str();
  app.add_option("--spread", options.spread, "Which card a request is for: uniform, zipf or hot (always one)")
      ->transform(CLI::CheckedTransformer(kSpreads));
  app.add_option("--zipf-exponent", options.zipf_exponent, "Of --spread zipf")->capture_default_str();
  app.add_option("--repeats", options.shares.repeats, "Share of requests that are sent again")
      ->check(CLI::Range(0.0, 0.9));
  app.add_option("--follow-ups", options.shares.follow_ups,
                 "Share of captures and reversals; the messages of one count as one request of --rate")
      ->check(CLI::Range(0.0, 0.9));
  app.add_option("--rate", options.rate, "Requests a second, whatever the target does; 0: as many as are answered")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--connections", options.connections, "Connections")
      ->check(CLI::Range(1, 60'000))
      ->capture_default_str();
  app.add_option("--threads", options.threads, "Threads")->check(CLI::Range(1, 256))->capture_default_str();
  app.add_option("--warm-up", options.warm_up_seconds, "Seconds before it is measured")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--seconds", options.seconds, "Seconds that are measured")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--patience", options.patience_seconds, "Seconds for answers after the end")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--settle", options.settle_seconds, "Seconds for the target's balances to agree, afterwards")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--seed", options.seed, "Of everything that is drawn")->capture_default_str();
}

void add_report_options(CLI::App& app, Options& options) {
  app.add_option("--under-p99-ms", options.under_p99_ms,
                 "Look for the highest rate whose p99 is under this, from --rate on");
  app.add_option("--up-to-rate", options.up_to_rate, "End of that search")->capture_default_str();
  app.add_option("--max-lateness-share", options.lateness_share_max,
                 "Report only when the generator's own lateness is below this share of the latency, both at p99")
      ->capture_default_str();
  app.add_option("--max-busy-share", options.busy_share_max,
                 "Report only when its threads were busy for less than this share of the time")
      ->capture_default_str();
  app.add_option("--json", options.json_file, "Write the report as JSON");
  app.add_option("--html", options.html_file, "Write the report as a page");
}

// What the options say together.
void complete(Options& options, const Sources& sources) {
  options.api_key = secret_from(sources.api_key);
  options.credentials = {secret_from(sources.secret), secret_from(sources.username), secret_from(sources.password)};
  if (options.kind == engine::Processor::native)
    options.credentials.secret = options.api_key;
  else if (options.endpoint.empty())
    options.endpoint = net::simulator::traits_of(options.kind).default_endpoint;
  std::string problem;
  if (net::simulator::make_wire_form(options.kind, options.credentials, problem) == nullptr)
    throw std::runtime_error(problem);
  if (options.under_p99_ms > 0 && options.rate <= 0) throw std::runtime_error("--under-p99-ms needs a first --rate");
  options.threads = std::min(options.threads, options.connections);
}

void show_progress(const std::string& what, double share, std::uint64_t answers) {
  constexpr int kWidth = 30;
  const int filled = std::clamp(static_cast<int>(share * kWidth), 0, kWidth);
  std::fprintf(stderr, "\r%-14s [%s%s] %3.0f %% %llu answers ", what.c_str(),
               std::string(static_cast<std::size_t>(filled), '#').c_str(),
               std::string(static_cast<std::size_t>(kWidth - filled), '.').c_str(), share * 100,
               static_cast<unsigned long long>(answers));
}

void write_file(const std::string& name, const std::string& text) {
  if (name.empty()) return;
  std::ofstream file(name);
  if (!(file << text).flush()) throw std::runtime_error("cannot write " + name);
}

int report(const Options& options, const RunResult& result) {
  const int status = exit_status(result);
  if (status == kExitBottleneck) {
    std::cerr << "holdfast-load: no report, because the generator itself was the bottleneck: " << result.bottleneck()
              << ". Give it more --threads, a processor or machine of its own, or a lower --rate. The money agrees.\n";
    return status;
  }
  std::cout << report_text(options, result);
  write_file(options.json_file, report_json(options, result));
  write_file(options.html_file, report_html(options, result));
  return status;
}

int run_program(int argc, char** argv) {
  CLI::App app(
      "Puts load on a Holdfast daemon, measures it and checks the money. Exit status: 0 all is well; 1 the money "
      "does not agree, a repeat got another answer, or requests failed; 2 usage, or no target; 3 the generator was the "
      "bottleneck.");
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  Options options;
  Sources sources;
  add_target_options(app, options, sources);
  add_load_options(app, options);
  add_report_options(app, options);
  try {
    app.parse(argc, argv);
    complete(options, sources);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  const bool is_terminal = ::isatty(STDERR_FILENO) == 1;
  const RunResult result = run(options, is_terminal ? Progress(show_progress) : Progress([](auto&&...) {}));
  if (is_terminal) std::fputs("\r\033[K", stderr);
  return report(options, result);
}

}  // namespace
}  // namespace holdfast::load

int main(int argc, char** argv) {
  try {
    return holdfast::load::run_program(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "holdfast-load: %s\n", error.what());
    return holdfast::load::kExitUsage;
  }
}
