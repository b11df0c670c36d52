#include "net/event_loop.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

namespace holdfast::net {
namespace {

constexpr std::chrono::milliseconds kTick{100};

}  // namespace

EventLoop::EventLoop(unsigned loop)
    : loop_(loop), work_(boost::asio::make_work_guard(context_)), tick_timer_(context_) {
  last_turn_.store(std::chrono::steady_clock::now().time_since_epoch().count(), std::memory_order_relaxed);
}

EventLoop::~EventLoop() = default;

void EventLoop::build(const Common& common, Crossing& crossing, const std::vector<EventLoop*>& all,
                      const std::vector<Webhook>& webhooks) {
  surroundings_ = &common.surroundings;
  duplicate_horizon_ = common.duplicate_horizon;
  holds_ = common.holds;
  forgetting_ = &common.forgetting;
  json_ = std::make_unique<JsonDocument>(common.json);
  desk_ = std::make_unique<Desk>(loop_, common.flights_max, common.shards, common.journal, common.late_answers,
                                 crossing, context_, desk_counters_);
  routes_context_ = std::make_unique<LoopContext>(
      LoopContext{loop_, common.shards, common.journal, *desk_, common.keys, common.tokens, common.issuer,
                  common.surroundings, common.archive, *json_, common.api,
                  [all](unsigned loop, std::function<void()> run) { all[loop]->post(std::move(run)); }});
  router_ = std::make_unique<Router>(*routes_context_);
  endpoints_.push_back(std::make_unique<EndpointCounters>());
  endpoints_.back()->endpoint = kNativeEndpoint;
  authorizations_ = std::make_unique<AuthorizationRoutes>(*routes_context_, endpoints_.back()->counters);
  authorizations_->add_to(*router_);
  cards_ = std::make_unique<CardRoutes>(*routes_context_);
  cards_->add_to(*router_);
  budgets_ = std::make_unique<BudgetRoutes>(*routes_context_);
  budgets_->add_to(*router_);
  keys_ = std::make_unique<KeyRoutes>(*routes_context_);
  keys_->add_to(*router_);
  exposure_ = std::make_unique<ExposureRoutes>(*routes_context_);
  exposure_->add_to(*router_);
  for (const Webhook& webhook : webhooks) {
    endpoints_.push_back(std::make_unique<EndpointCounters>());
    endpoints_.back()->endpoint = webhook.settings->name;
    webhooks_.push_back(
        std::make_unique<ProcessorRoute>(*routes_context_, endpoints_.back()->counters, webhook.settings));
    router_->add_open(Method::post, webhook.path, [route = webhooks_.back().get()](const Call& call) {
      route->on_request(call.request, call.exchange);
    });
  }
  server_ = std::make_unique<HttpServer>(context_, *router_, common.limits, http_counters_);
}

void EventLoop::adopt(std::vector<UnconfirmedApproval> approvals, std::chrono::seconds unconfirmed_after) {
  desk_->adopt(std::move(approvals), unconfirmed_after);
}

void EventLoop::run() {
  started_ = std::chrono::steady_clock::now();
  tick();
  context_.run();
}

void EventLoop::post(std::function<void()> function) {
  boost::asio::post(context_, std::move(function));
}

void EventLoop::wake_for_crossing() {
  boost::asio::post(context_, [this] { desk_->on_crossing(); });
}

// One handler however many commits there were since it last ran.
void EventLoop::wake_for_journal() {
  if (journal_wake_posted_.exchange(true, std::memory_order_acq_rel)) return;
  boost::asio::post(context_, [this] { on_journal(); });
}

void EventLoop::on_journal() {
  journal_wake_posted_.store(false, std::memory_order_release);
  desk_->on_journal();
  server_->flush();
}

void EventLoop::tick() {
  const SteadyTime now = std::chrono::steady_clock::now();
  last_turn_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  if (tick_timer_.expiry() != SteadyTime()) {
    const auto lag = std::chrono::duration_cast<std::chrono::microseconds>(now - tick_timer_.expiry());
    lag_us_.store(lag.count(), std::memory_order_relaxed);
  }
  desk_->report_settled();
  const engine::Instant wall = surroundings_->now();
  const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(now - started_);
  desk_->forget_old(wall, forgetting_->now(wall, passed), duplicate_horizon_);
  desk_->expire_holds(wall, holds_);
  tick_timer_.expires_at(now + kTick);
  tick_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) tick();
  });
}

void EventLoop::drain(std::function<void()> done) {
  post([this, done = std::move(done)] { server_->drain(done); });
}

void EventLoop::stop() {
  post([this] {
    server_->abort();
    context_.stop();
  });
}

void EventLoop::reconfigure(const std::vector<Webhook>& webhooks, std::chrono::milliseconds authorization_deadline) {
  post([this, webhooks, authorization_deadline] {
    routes_context_->settings.authorization_deadline = authorization_deadline;
    for (std::size_t i = 0; i < webhooks.size() && i < webhooks_.size(); ++i) {
      webhooks_[i]->reconfigure(webhooks[i].settings);
    }
  });
}

}  // namespace holdfast::net
