#include "bench/load/campaign.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <random>
#include <stdexcept>
#include <thread>

#include "bench/load/bank.h"
#include "net/simulator/connection.h"

namespace holdfast::load {
namespace {

using boost::asio::ip::tcp;

constexpr Nanos kLookAgain = kSecond / 20;
constexpr Nanos kProgressStep = kSecond / 5;
constexpr double kSearchedShare = 1.05;
constexpr double kAchievedShare = 0.99;

struct Target {
  tcp::endpoint endpoint;
  std::string host;
};

Target resolve(const std::string& text) {
  const auto url = net::simulator::parse_url(text);
  if (!url) throw std::runtime_error("the target has to be http://HOST:PORT");
  boost::asio::io_context io;
  return {tcp::resolver(io).resolve(url->host, url->port).begin()->endpoint(), url->host + ":" + url->port};
}

void sleep_until(Nanos moment) {
  std::this_thread::sleep_until(std::chrono::steady_clock::time_point(std::chrono::nanoseconds(moment)));
}

Nanos nanos(double seconds) {
  return static_cast<Nanos>(seconds * static_cast<double>(kSecond));
}

class Campaign {
 public:
  Campaign(const Options& options, const Progress& progress)
      : options_(options),
        progress_(progress),
        target_(resolve(options.target)),
        bank_(target_.endpoint, target_.host, options.api_key),
        choice_(options.spread, options.cards, options.zipf_exponent),
        book_(options.cards) {}

  RunResult run() {
    make_cards();
    if (options_.under_p99_ms > 0)
      search();
    else
      result_.told = load(options_.rate);
    check_money();
    return std::move(result_);
  }

 private:
  // Ids begin differently in every run, so that runs on one store never meet.
  void make_cards() {
    progress_("making cards", 0, 0);
    run_ = fmt::format("load-{:x}", std::random_device()());
    ids_ = bank_.make_cards(options_.cards, options_.limit_usd, run_, options_.endpoint);
    speech_.kind = options_.kind;
    speech_.credentials = options_.credentials;
    speech_.host = target_.host;
    speech_.path = options_.path.empty() ? "/webhooks/" + options_.endpoint : options_.path;
    speech_.cards = ids_;
    if (options_.endpoint.empty()) return;
    for (std::size_t i = 0; i < ids_.size(); ++i)
      speech_.cards[i] = Bank::reference(run_, i);
  }

  // One stretch at a rate; its place in the result.
  std::size_t load(double rate) {
    speech_.run = fmt::format("{}-{}", run_, result_.stretches.size());
    Phase phase;
    phase.target = target_.endpoint;
    phase.rate = rate;
    phase.workers = options_.threads;
    phase.connections = std::max(1U, options_.connections / options_.threads);
    phase.shares = options_.shares;
    std::vector<std::unique_ptr<Worker>> workers;
    for (unsigned i = 0; i < phase.workers; ++i) {
      workers.push_back(std::make_unique<Worker>(phase, i, choice_, speech_, options_.seed));
      workers.back()->connect();
    }
    phase.begin = steady_now();
    phase.measure_from = phase.begin + nanos(options_.warm_up_seconds);
    phase.end = phase.measure_from + nanos(options_.seconds);
    phase.give_up = phase.end + nanos(options_.patience_seconds);
    const std::optional<Nanos> cpu = drive(phase, workers);
    return collect(phase, workers, cpu);
  }

  // Runs the workers; what the daemon used while it was measured.
  std::optional<Nanos> drive(const Phase& phase, const std::vector<std::unique_ptr<Worker>>& workers) {
    std::vector<std::jthread> threads;
    threads.reserve(workers.size());
    for (const auto& worker : workers)
      threads.emplace_back([&worker] { worker->run(); });
    watch(phase, workers, phase.measure_from);
    const auto before = cpu_of_target();
    watch(phase, workers, phase.end);
    const auto after = cpu_of_target();
    if (!before || !after) return std::nullopt;
    return *after - *before;
  }

  std::optional<Nanos> cpu_of_target() const {
    return options_.pid > 0 ? processor_time_of(options_.pid) : std::nullopt;
  }

  void watch(const Phase& phase, const std::vector<std::unique_ptr<Worker>>& workers, Nanos until) {
    for (Nanos now = steady_now(); now < until; now = steady_now()) {
      std::uint64_t answers = 0;
      for (const auto& worker : workers)
        answers += worker->answered();
      const double share = static_cast<double>(now - phase.begin) / static_cast<double>(phase.end - phase.begin);
      progress_(phase.rate > 0 ? fmt::format("{:.0f}/s", phase.rate) : "closed loop", share, answers);
      sleep_until(std::min(until, now + kProgressStep));
    }
  }

  std::size_t collect(const Phase& phase, const std::vector<std::unique_ptr<Worker>>& workers,
                      std::optional<Nanos> cpu) {
    Stretch stretch{phase.rate, options_.seconds, Findings(options_.cards), std::nullopt, {}};
    for (const auto& worker : workers)
      stretch.findings.merge(worker->findings());
    book_.merge(stretch.findings.money);
    const std::uint64_t answers = stretch.findings.counts.in_time;
    if (cpu && answers > 0) stretch.target_cpu_us = static_cast<double>(*cpu) / 1e3 / static_cast<double>(answers);
    stretch.bottleneck = bottleneck_of(stretch.findings, options_);
    result_.stretches.push_back(std::move(stretch));
    return result_.stretches.size() - 1;
  }

  void search() {
    RateSearch rates(options_.rate, options_.up_to_rate);
    while (!rates.over()) {
      const std::size_t place = load(rates.next());
      const Stretch& tried = result_.stretches[place];
      if (!tried.bottleneck.empty()) return;
      const bool held = tried.p99_ms() < options_.under_p99_ms && tried.achieved() >= kAchievedShare * tried.rate &&
                        tried.findings.counts.unsent == 0;
      if (held) result_.told = place;
      rates.tried(held);
    }
  }

  void check_money() {
    progress_("reading balances", 1, 0);
    const Nanos until = steady_now() + nanos(options_.settle_seconds);
    std::vector<Balance> reported = bank_.balances(ids_);
    while (!all_agree(reported) && steady_now() < until) {
      sleep_until(steady_now() + kLookAgain);
      reported = bank_.balances(ids_);
    }
    result_.money.cards = ids_.size();
    result_.money.expected = book_.total();
    for (std::size_t i = 0; i < ids_.size(); ++i) {
      result_.money.reported += reported[i].sum();
      const std::string difference = book_.difference(i, reported[i]);
      if (!difference.empty()) result_.money.differences.push_back(ids_[i] + ": " + difference);
    }
  }

  bool all_agree(const std::vector<Balance>& reported) const {
    for (std::size_t i = 0; i < reported.size(); ++i) {
      if (!book_.agrees(i, reported[i])) return false;
    }
    return true;
  }

  const Options& options_;
  const Progress& progress_;
  Target target_;
  Bank bank_;
  CardChoice choice_;
  MoneyBook book_;
  std::string run_;
  std::vector<std::string> ids_;
  Speech speech_;
  RunResult result_;
};

}  // namespace

RunResult run(const Options& options, const Progress& progress) {
  return Campaign(options, progress).run();
}

void RateSearch::tried(bool held) {
  if (held)
    best_ = next_;
  else
    failed_ = next_;
  if (failed_ == 0) {
    over_ = best_ >= up_to_;
    next_ = std::min(best_ * 2, up_to_);
    return;
  }
  over_ = best_ == 0 || failed_ / best_ < kSearchedShare;
  next_ = (best_ + failed_) / 2;
}

}  // namespace holdfast::load
