// One event loop with all that belongs to it: its io_context, desk, routes, HTTP server and counters.
//
// Threads: constructed on the main thread; run() is the loop's thread; post() and the counters from any thread.
// Invariants: the desk and everything it owns is touched by the loop's thread only, once run() has been called.
// Ownership: the loop owns its desk, routes and server; shards, journal, keys and the rest outlive it.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/forgetting.h"
#include "net/authorization_routes.h"
#include "net/budget_routes.h"
#include "net/card_routes.h"
#include "net/desk.h"
#include "net/exposure_routes.h"
#include "net/http_server.h"
#include "net/key_routes.h"
#include "net/loop_context.h"
#include "net/processor_route.h"
#include "net/router.h"

namespace holdfast::net {

// What all loops have in common.
struct Common {
  engine::Shards& shards;
  engine::Journal& journal;
  engine::LateAnswers& late_answers;
  PublishedKeys& keys;
  const TokenHasher& tokens;
  const CardIssuer& issuer;
  Surroundings& surroundings;
  Archive& archive;
  ApiSettings api;
  HttpLimits limits;
  JsonLimits json;
  std::size_t flights_max = 0;  // requests under way, of each loop
  std::chrono::hours duplicate_horizon{7 * 24};
  engine::HoldPeriods holds;
  const engine::ForgettingClock& forgetting;
};

struct EndpointCounters {
  std::string endpoint;
  DecisionCounters counters;
};

class EventLoop {
 public:
  explicit EventLoop(unsigned loop);
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Makes the loop's parts, once all loops exist; `endpoints` with their paths.
  struct Webhook {
    std::string path;
    EndpointSettingsPtr settings;
  };
  void build(const Common& common, Crossing& crossing, const std::vector<EventLoop*>& all,
             const std::vector<Webhook>& webhooks);
  void listen(const boost::asio::ip::tcp::endpoint& endpoint, HttpServer::Bind bind) {
    server_->listen(endpoint, bind);
  }
  boost::asio::ip::tcp::endpoint local_endpoint() const { return server_->local_endpoint(); }
  void adopt(std::vector<UnconfirmedApproval> approvals, std::chrono::seconds unconfirmed_after);
  Desk& desk() { return *desk_; }

  void run();
  void post(std::function<void()> function);
  // Wakes the loop to look at what other loops, or the journal, have for it.
  void wake_for_crossing();
  void wake_for_journal();
  // From any thread: stops accepting, answers what is in flight, then calls `done` on the loop.
  void drain(std::function<void()> done);
  void stop();
  void reconfigure(const std::vector<Webhook>& webhooks, std::chrono::milliseconds authorization_deadline);

  const HttpCounters& http() const { return http_counters_; }
  const DeskCounters& desk_counters() const { return desk_counters_; }
  const std::vector<std::unique_ptr<EndpointCounters>>& endpoints() const { return endpoints_; }
  // How late the loop's last timer came, and when the loop last turned.
  std::chrono::microseconds lag() const { return std::chrono::microseconds(lag_us_.load(std::memory_order_relaxed)); }
  SteadyTime last_turn() const { return SteadyTime(SteadyTime::duration(last_turn_.load(std::memory_order_relaxed))); }

 private:
  void on_journal();
  void tick();

  const unsigned loop_;
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::atomic<bool> journal_wake_posted_{false};
  HttpCounters http_counters_;
  DeskCounters desk_counters_;
  std::vector<std::unique_ptr<EndpointCounters>> endpoints_;
  std::unique_ptr<JsonDocument> json_;
  std::unique_ptr<Desk> desk_;
  std::unique_ptr<LoopContext> routes_context_;
  std::unique_ptr<Router> router_;
  std::unique_ptr<AuthorizationRoutes> authorizations_;
  std::unique_ptr<CardRoutes> cards_;
  std::unique_ptr<BudgetRoutes> budgets_;
  std::unique_ptr<KeyRoutes> keys_;
  std::unique_ptr<ExposureRoutes> exposure_;
  std::vector<std::unique_ptr<ProcessorRoute>> webhooks_;
  std::unique_ptr<HttpServer> server_;
  Surroundings* surroundings_ = nullptr;
  std::chrono::hours duplicate_horizon_{};
  engine::HoldPeriods holds_;
  SteadyTime started_;
  const engine::ForgettingClock* forgetting_ = nullptr;
  boost::asio::steady_timer tick_timer_;
  std::atomic<std::int64_t> lag_us_{0};
  std::atomic<SteadyTime::rep> last_turn_{0};
};

}  // namespace holdfast::net
