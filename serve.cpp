#include "serve.h"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <thread>

#include "config/keys.h"
#include "config/load.h"
#include "config/secrets.h"
#include "engine/fold.h"
#include "engine/forgetting.h"
#include "engine/identifier.h"
#include "logging.h"
#include "net/event_loop.h"
#include "net/key_routes.h"
#include "net/ops_routes.h"
#include "net/surroundings.h"
#include "recovery.h"
#include "storage/checkpointer.h"
#include "storage/journal_reader.h"
#include "version.h"

namespace holdfast {
namespace {

namespace asio = boost::asio;
using config::LogLevel;
using Endpoint = asio::ip::tcp::endpoint;

constexpr unsigned kLoopsMax = 256;
// Requests under way, of all loops together; each has an equal share.
constexpr std::size_t kFlightsMax = 16'384;
constexpr std::chrono::milliseconds kHealthInterval{100};
// After the store has failed: time for the loops to send the declines.
constexpr std::chrono::milliseconds kFailureGrace{500};

// Why the daemon does not start; its text is for people.
class StartError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

config::Options load_options(const std::string& path) {
  auto loaded = config::load_file(path, config::process_environment());
  if (auto* options = std::get_if<config::Options>(&loaded)) return std::move(*options);
  std::string text = "the configuration is wrong:";
  for (const auto& error : std::get<config::ConfigErrors>(loaded))
    text += "\n  " + error.text();
  throw StartError(text);
}

// Each kind of endpoint with what speaks its processor's language: a new kind is one row.
constexpr std::array<std::pair<config::EndpointKind, net::DialectMaker>, 3> kDialects{{
    {config::EndpointKind::stripe, net::make_stripe_dialect},
    {config::EndpointKind::lithic, net::make_lithic_dialect},
    {config::EndpointKind::marqeta, net::make_marqeta_dialect},
}};

std::vector<std::string_view> texts_of(const std::vector<config::Secret>& secrets) {
  std::vector<std::string_view> texts;
  texts.reserve(secrets.size());
  for (const config::Secret& secret : secrets)
    texts.push_back(secret.reveal());
  return texts;
}

net::DialectPtr make_dialect(const config::EndpointOptions& endpoint, const config::EndpointSecrets& secrets) {
  const auto signing = texts_of(secrets.secrets);
  const auto webhook = texts_of(secrets.webhook_secrets);
  if (endpoint.kind == config::EndpointKind::lithic &&
      !std::ranges::all_of(signing, net::StandardSignature::acceptable_secret)) {
    throw StartError("endpoint " + endpoint.name + ": a secret is not what Lithic gives out: base64 behind \"whsec_\"");
  }
  std::vector<net::BasicAuthentication::Credentials> credentials;
  for (std::size_t i = 0; i < secrets.usernames.size(); ++i)
    credentials.push_back({secrets.usernames[i].reveal(), secrets.passwords[i].reveal()});
  const auto row =
      std::ranges::find(kDialects, endpoint.kind, &std::pair<config::EndpointKind, net::DialectMaker>::first);
  return row->second({signing, webhook, credentials, endpoint.stripe_version});
}

// Of a name that the configuration has checked.
engine::WindowKind window_of(std::string_view name) {
  auto kind = engine::WindowKind::authorization;
  while (engine::window_name(kind) != name)
    kind = static_cast<engine::WindowKind>(static_cast<int>(kind) + 1);
  return kind;
}

net::UnknownCards unknown_cards(const config::EndpointOptions& endpoint) {
  net::UnknownCards unknown;
  unknown.adopt = endpoint.unknown_cards == config::UnknownCards::adopt;
  const auto limits = config::adopted_limits_from_text(endpoint.adopted_limits);
  if (!unknown.adopt || !limits) return unknown;
  for (const config::AdoptedLimit& each : *limits) {
    engine::Limit& limit = unknown.limits.emplace_back();
    limit.window = window_of(each.window);
    limit.value = each.amount;
  }
  return unknown;
}

std::vector<net::EventLoop::Webhook> make_webhooks(const config::Options& options) {
  auto resolved = config::resolve_secrets(options, config::process_environment());
  if (const auto* errors = std::get_if<config::ConfigErrors>(&resolved)) {
    std::string text = "a webhook's secret cannot be read:";
    for (const auto& error : *errors)
      text += "\n  " + error.text();
    throw StartError(text);
  }
  const auto& secrets = std::get<std::vector<config::EndpointSecrets>>(resolved);
  std::vector<net::EventLoop::Webhook> webhooks;
  for (std::size_t i = 0; i < options.endpoints.size(); ++i) {
    const config::EndpointOptions& endpoint = options.endpoints[i];
    net::EndpointSettings settings;
    settings.name = endpoint.name;
    settings.deadline = std::chrono::milliseconds(endpoint.deadline_ms);
    settings.dialect = make_dialect(endpoint, secrets[i]);
    settings.unknown_cards = unknown_cards(endpoint);
    settings.remembered = std::chrono::hours(24) * options.decisions.duplicate_horizon_days;
    webhooks.push_back({endpoint.path, std::make_shared<const net::EndpointSettings>(std::move(settings))});
  }
  return webhooks;
}

// "127.0.0.1:8080" or "[::1]:8080", as the configuration has checked it.
Endpoint parse_listen(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  std::string host = text.substr(0, colon);
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  return {asio::ip::make_address(host), static_cast<asio::ip::port_type>(std::stoi(text.substr(colon + 1)))};
}

std::string to_text(const Endpoint& endpoint) {
  const std::string address = endpoint.address().to_string();
  const std::string host = endpoint.address().is_v6() ? "[" + address + "]" : address;
  return host + ":" + std::to_string(endpoint.port());
}

unsigned loop_count(const config::Options& options) {
  if (options.server.threads != 0) return options.server.threads;
  const unsigned cores = std::thread::hardware_concurrency();  // 0 when the system does not tell
  return std::clamp(cores == 0 ? 1 : cores - 1, 1U, kLoopsMax);
}

net::HttpLimits http_limits(const config::ServerLimits& limits, unsigned loops) {
  net::HttpLimits http;
  http.connections_max = std::max<std::size_t>(1, limits.connections / loops);
  http.header_bytes_max = limits.header_bytes;
  http.body_bytes_max = limits.body_bytes;
  http.pipeline_depth_max = limits.pipeline_depth;
  http.header_time_max = std::chrono::milliseconds(limits.header_timeout_ms);
  http.body_time_max = std::chrono::milliseconds(limits.body_timeout_ms);
  http.idle_time_max = std::chrono::milliseconds(limits.idle_timeout_ms);
  return http;
}

storage::JournalOptions journal_options(const config::Options& options, unsigned loops) {
  storage::JournalOptions journal;
  journal.lanes = loops;
  journal.queue_records = std::max<std::size_t>(options.decisions.journal_queue_records, std::size_t{64} * loops);
  journal.map_size = options.storage.map_size;
  journal.preallocate_bytes = options.storage.preallocate;
  journal.minimum_free_bytes = options.storage.minimum_free_space;
  return journal;
}

// Records that may be durable and neither answered nor undone: besides the queue every flight may have its own, waiting
// for its withdrawal.
std::size_t marked_records(const storage::JournalOptions& journal) {
  return std::max(journal.queue_records, 2 * kFlightsMax);
}

// The engine's fold behind the store's port.
class EngineFold final : public storage::Fold {
 public:
  using OldAt = std::function<engine::Instant()>;
  EngineFold(const engine::RowSource& rows, std::array<std::byte, 16> seed, std::chrono::hours horizon, OldAt old_at)
      : fold_(rows, seed, horizon), old_at_(std::move(old_at)) {}
  std::optional<std::string> apply(engine::Sequence sequence, engine::BytesView record) override {
    auto fault = fold_.apply(sequence, record);
    if (!fault) return std::nullopt;
    return std::move(fault->what);
  }
  std::size_t touched_rows() const override { return fold_.touched_rows(); }
  std::vector<engine::RowChange> take_changes() override { return fold_.take_changes(old_at_()); }

 private:
  engine::Fold fold_;
  OldAt old_at_;
};

// One thread that reads old records for people.
class JournalArchive final : public net::Archive {
 public:
  explicit JournalArchive(const storage::LmdbJournal& journal) : reader_(journal.reader()) {}
  ~JournalArchive() override { pool_.join(); }
  void read(std::vector<engine::Sequence> sequences, std::function<void(std::vector<engine::Bytes>)> done) override {
    asio::post(pool_, [this, sequences = std::move(sequences), done = std::move(done)] {
      std::vector<engine::Bytes> records(sequences.size());
      for (std::size_t i = 0; i < sequences.size(); ++i) {
        reader_->read(sequences[i], [&](const storage::JournalRecord& record) {
          records[i].assign(record.payload.begin(), record.payload.end());
        });
      }
      done(std::move(records));
    });
  }

 private:
  std::unique_ptr<storage::JournalReader> reader_;
  asio::thread_pool pool_{1};
};

std::array<std::byte, 32> salt_from(const std::array<std::byte, 32>& secret) {
  // One secret a store, one key a purpose.
  return net::HmacSha256(secret)("holdfast api key salt");
}

class Daemon {
 public:
  explicit Daemon(std::string config_path)
      : config_path_(std::move(config_path)),
        options_(load_options(config_path_)),
        webhooks_(make_webhooks(options_)),
        loop_count_(loop_count(options_)) {}

  int run();

 private:
  void open_store();
  void recover_state();
  void refresh_zones();
  void make_first_key();
  void publish_keys();
  void build_loops();
  void listen();
  void start_threads();
  void announce() const;
  void watch();
  void settle_unconfirmed();
  void wait_for_signals();
  void reload();
  void begin_drain();
  void finish(int status);
  void stop_all();
  net::OpsSources ops_sources();
  std::chrono::hours duplicate_horizon() const {
    return std::chrono::hours(24) * options_.decisions.duplicate_horizon_days;
  }
  std::vector<net::HealthCheck> checks();
  void store_metrics(net::MetricsText& out) const;

  const std::string config_path_;
  config::Options options_;
  std::vector<net::EventLoop::Webhook> webhooks_;
  const unsigned loop_count_;

  std::unique_ptr<storage::StoreDirectory> directory_;
  std::unique_ptr<storage::SentMarks> marks_;
  std::unique_ptr<storage::SharedLateAnswers> late_answers_;
  std::unique_ptr<engine::ForgettingClock> forgetting_;
  std::unique_ptr<storage::LmdbJournal> journal_;
  std::unique_ptr<storage::StateStore> state_;
  std::unique_ptr<EngineFold> fold_;
  std::unique_ptr<storage::Checkpointer> checkpointer_;
  std::unique_ptr<engine::Shards> shards_;
  std::unique_ptr<net::PublishedKeys> keys_;
  std::unique_ptr<net::TokenHasher> tokens_;
  std::optional<net::CardIssuer> issuer_;
  std::unique_ptr<JournalArchive> archive_;
  std::unique_ptr<JournalWriter> writer_;
  net::SystemSurroundings surroundings_;
  Recovered recovered_;

  std::vector<std::unique_ptr<net::EventLoop>> loops_;
  std::unique_ptr<net::Crossing> crossing_;
  std::vector<std::thread> threads_;

  asio::io_context main_;
  asio::signal_set signals_{main_};
  asio::steady_timer watch_timer_{main_};
  asio::steady_timer drain_timer_{main_};
  std::unique_ptr<net::OpsRoutes> ops_routes_;
  net::HttpCounters ops_counters_;
  std::unique_ptr<net::HttpServer> ops_;
  unsigned drained_ = 0;
  bool draining_ = false;
  int status_ = 0;
  engine::Instant newest_now_{};
  bool clock_sane_ = true;
  bool unconfirmed_left_ = false;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

void Daemon::open_store() {
  directory_ = std::make_unique<storage::StoreDirectory>(options_.storage.path);
  marks_ = std::make_unique<storage::SentMarks>(
      storage::sent_marks_file(directory_->path()),
      storage::sent_marks_capacity(marked_records(journal_options(options_, loop_count_))));
  late_answers_ = std::make_unique<storage::SharedLateAnswers>(storage::late_answers_file(directory_->path()),
                                                               directory_->identity().id, kFlightsMax);
  journal_ = std::make_unique<storage::LmdbJournal>(*directory_, *marks_, journal_options(options_, loop_count_));
  state_ = std::make_unique<storage::StateStore>(*directory_, storage::StateStore::Options{options_.storage.map_size});
}

void Daemon::recover_state() {
  const auto& identity = directory_->identity();
  shards_ = std::make_unique<engine::Shards>(loop_count_, identity.hash_seed, 1);
  for (auto& loop : loops_) {
    journal_->set_waker(static_cast<unsigned>(&loop - loops_.data()),
                        [each = loop.get()] { each->wake_for_journal(); });
  }
  journal_->start();
  writer_ = std::make_unique<JournalWriter>(*journal_);
  recovered_ = recover(*shards_, *state_, *journal_, *marks_, *late_answers_, *writer_, surroundings_.now(),
                       duplicate_horizon());
  forgetting_ = std::make_unique<engine::ForgettingClock>(
      shards_->newest(), surroundings_.now(),
      std::max(duplicate_horizon(), engine::kForgetAfter + engine::kForgetMargin));
  refresh_zones();
  keys_ = std::make_unique<net::PublishedKeys>(shards_->epochs());
  tokens_ = std::make_unique<net::TokenHasher>(salt_from(identity.issuing_secret));
  make_first_key();
  writer_->flush();
  publish_keys();
  // With approvals unconfirmed the marks that tell about them are kept, and this run adds to them: a restart before
  // they are settled must find them again.
  unconfirmed_left_ = !recovered_.unconfirmed.empty();
  if (!unconfirmed_left_) journal_->recovered();
  issuer_ = net::CardIssuer::make(identity.issuing_secret, options_.issuing.bin);
  if (!issuer_) throw StartError("issuing.bin must have 6 to 8 digits");
}

// The time zone database may have changed since a zone was journaled: its nodes follow the new rules from here on.
void Daemon::refresh_zones() {
  std::vector<engine::ZoneRules> changed;
  shards_->zones().for_each([&](const engine::ZoneRules& rules) {
    auto now = surroundings_.zone(rules.name);
    if (now && *now != rules) changed.push_back(std::move(*now));
  });
  for (engine::ZoneRules& rules : changed) {
    log(LogLevel::warning, "time zone rules changed", {{"zone", rules.name}});
    writer_->write(*shards_, {}, engine::DefineZone{std::move(rules)}, surroundings_.now());
  }
}

void Daemon::make_first_key() {
  if (!shards_->keys().empty()) return;
  const engine::Instant now = surroundings_.now();
  const engine::Key128 id = engine::make_ulid(now, surroundings_.random());
  std::array<std::byte, 32> random;
  surroundings_.random_bytes(random);
  const net::ApiToken made = net::ApiToken::make(id, random);
  const char* given = std::getenv("HOLDFAST_ADMIN_KEY");
  if (given != nullptr && !net::acceptable_token(given)) {
    throw StartError("HOLDFAST_ADMIN_KEY must be 16 to 200 visible ASCII characters");
  }
  if (given == nullptr) {
    const auto file = directory_->path() / "admin.key";
    const mode_t mask = umask(0077);
    std::ofstream out(file, std::ios::trunc);
    out << made.reveal() << '\n';
    out.close();
    umask(mask);
    if (!out) throw StartError("cannot write " + file.string());
    std::printf("The admin key of this new store is in %s\n", file.c_str());
  }
  engine::AddKey command;
  command.id = id;
  command.role = static_cast<std::uint8_t>(net::Role::admin);
  command.label = "first admin key";
  command.digest = (*tokens_)(given != nullptr ? std::string_view(given) : made.reveal());
  writer_->write(*shards_, {}, command, now);
}

void Daemon::publish_keys() {
  keys_->publish(net::ring_of(shards_->keys()));
}

void Daemon::build_loops() {
  std::vector<net::EventLoop*> all;
  std::vector<std::function<void()>> wakers;
  for (auto& loop : loops_) {
    all.push_back(loop.get());
    wakers.push_back([each = loop.get()] { each->wake_for_crossing(); });
  }
  crossing_ = std::make_unique<net::Crossing>(std::move(wakers));
  archive_ = std::make_unique<JournalArchive>(*journal_);
  net::ApiSettings api;
  api.authorization_deadline = std::chrono::milliseconds(options_.api.deadline_ms);
  api.expiry_years = static_cast<std::uint8_t>(options_.issuing.expiry_years);
  for (const auto& endpoint : options_.endpoints)
    api.endpoints.push_back(endpoint.name);
  net::JsonLimits json;
  json.bytes_max = options_.server.limits.body_bytes;
  json.depth_max = options_.server.limits.json_depth;
  const net::Common common{*shards_,
                           *journal_,
                           *late_answers_,
                           *keys_,
                           *tokens_,
                           *issuer_,
                           surroundings_,
                           *archive_,
                           api,
                           http_limits(options_.server.limits, loop_count_),
                           json,
                           kFlightsMax / loop_count_,
                           duplicate_horizon(),
                           {std::chrono::hours(24) * options_.decisions.hold_days,
                            std::chrono::hours(24) * options_.decisions.travel_hold_days},
                           *forgetting_};
  for (auto& loop : loops_)
    loop->build(common, *crossing_, all, webhooks_);
  std::vector<std::vector<net::UnconfirmedApproval>> unconfirmed(loop_count_);
  for (auto& approval : recovered_.unconfirmed) {
    const auto key = (*shards_)[0].messages.key_of({approval.endpoint, approval.message_id, approval.content});
    unconfirmed[shards_->home_of(key)].push_back(std::move(approval));
  }
  const std::chrono::seconds after(options_.decisions.unconfirmed_after_seconds);
  for (unsigned i = 0; i < loop_count_; ++i)
    loops_[i]->adopt(std::move(unconfirmed[i]), after);
}

void Daemon::listen() {
  Endpoint endpoint = parse_listen(options_.server.listen);
  for (auto& loop : loops_) {
    loop->listen(endpoint, loop == loops_.front() ? net::HttpServer::Bind::first : net::HttpServer::Bind::join);
    endpoint = loop->local_endpoint();  // all loops share the port that the first was given
  }
  std::vector<const net::EventLoop*> loops;
  for (const auto& loop : loops_)
    loops.push_back(loop.get());
  ops_routes_ = std::make_unique<net::OpsRoutes>(std::move(loops), *shards_, ops_sources());
  net::HttpLimits limits = http_limits(options_.server.limits, 1);
  limits.connections_max = 256;
  ops_ = std::make_unique<net::HttpServer>(main_, *ops_routes_, limits, ops_counters_);
  ops_->listen(parse_listen(options_.server.ops_listen));
}

void Daemon::start_threads() {
  fold_ = std::make_unique<EngineFold>(*state_, directory_->identity().hash_seed, duplicate_horizon(), [this] {
    const auto passed = std::chrono::steady_clock::now() - started_;
    return forgetting_->now(surroundings_.now(), std::chrono::duration_cast<std::chrono::milliseconds>(passed));
  });
  storage::Checkpointer::Options checkpoint;
  checkpoint.interval = std::chrono::seconds(options_.storage.checkpoint_interval_seconds);
  checkpoint.rows_max = 120'000;  // a page each at worst: below the pages that LMDB keeps of one transaction
  checkpointer_ = std::make_unique<storage::Checkpointer>(*journal_, *state_, *fold_, checkpoint);
  checkpointer_->start();
  for (auto& loop : loops_)
    threads_.emplace_back([each = loop.get()] { each->run(); });
}

void Daemon::announce() const {
  const std::string listen = to_text(loops_.front()->local_endpoint());
  const std::string ops = to_text(ops_->local_endpoint());
  log(LogLevel::info, "started",
      {{"listen", listen},
       {"ops_listen", ops},
       {"loops", std::to_string(loop_count_)},
       {"cards", std::to_string(recovered_.cards)},
       {"records_replayed", std::to_string(recovered_.replayed)},
       {"approvals_withdrawn", std::to_string(recovered_.withdrawn)},
       {"late_declines_kept", std::to_string(recovered_.late)},
       {"approvals_unconfirmed", std::to_string(recovered_.unconfirmed.size())}});
  std::printf("holdfast is ready: API and webhooks on http://%s, health and metrics on http://%s\n", listen.c_str(),
              ops.c_str());
  std::fflush(stdout);
}

// Looks at what no event tells: a journal that failed, a clock that jumps.
void Daemon::watch() {
  const engine::Instant now = surroundings_.now();
  clock_sane_ = now + std::chrono::seconds(5) > newest_now_;
  newest_now_ = std::max(newest_now_, now);
  settle_unconfirmed();
  if (journal_->health() == engine::JournalHealth::failed && status_ == 0) {
    status_ = kExitStore;
    log(LogLevel::error, "the store failed", {{"why", journal_->failure()}});
    watch_timer_.expires_after(kFailureGrace);
    watch_timer_.async_wait([this](const boost::system::error_code& error) {
      if (!error) finish(kExitStore);
    });
    return;
  }
  watch_timer_.expires_after(kHealthInterval);
  watch_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) watch();
  });
}

// The approvals that this start found unconfirmed have been heard of or withdrawn: from now on records can be settled.
void Daemon::settle_unconfirmed() {
  if (!unconfirmed_left_) return;
  std::uint64_t left = 0;
  for (const auto& loop : loops_)
    left += loop->desk_counters().unconfirmed_holds.get();
  const auto waited = std::chrono::steady_clock::now() - started_;
  const auto margin = std::chrono::seconds(10);  // for the withdrawals to become durable
  if (left != 0 || waited < std::chrono::seconds(options_.decisions.unconfirmed_after_seconds) + margin) return;
  journal_->recovered_late();
  unconfirmed_left_ = false;
}

void Daemon::wait_for_signals() {
  signals_.async_wait([this](const boost::system::error_code& error, int signal) {
    if (error) return;
    if (signal == SIGHUP) {
      reload();
      return wait_for_signals();
    }
    begin_drain();
  });
}

// All or nothing: a file with any error leaves everything as it is.
void Daemon::reload() {
  try {
    config::Options loaded = load_options(config_path_);
    auto webhooks = make_webhooks(loaded);
    const bool same = std::equal(
        webhooks.begin(), webhooks.end(), webhooks_.begin(), webhooks_.end(),
        [](const auto& a, const auto& b) { return a.path == b.path && a.settings->name == b.settings->name; });
    if (!same) throw StartError("endpoints were added, removed or renamed: that needs a restart");
    webhooks_ = webhooks;
    for (auto& loop : loops_)
      loop->reconfigure(webhooks, std::chrono::milliseconds(loaded.api.deadline_ms));
    set_log_level(loaded.log.level);
    log(LogLevel::info, "configuration loaded again");
  } catch (const std::exception& error) {
    log(LogLevel::error, "configuration kept as it was", {{"why", error.what()}});
  }
}

void Daemon::begin_drain() {
  if (draining_) return;
  draining_ = true;
  log(LogLevel::info, "draining");
  for (auto& loop : loops_) {
    loop->drain([this] {
      asio::post(main_, [this] {
        if (++drained_ == loop_count_) finish(0);
      });
    });
  }
  drain_timer_.expires_after(std::chrono::milliseconds(options_.server.limits.drain_timeout_ms));
  drain_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) finish(0);
  });
}

void Daemon::finish(int status) {
  if (status_ == 0) status_ = status;
  main_.stop();
}

void Daemon::stop_all() {
  for (auto& loop : loops_)
    loop->stop();
  for (std::thread& thread : threads_)
    thread.join();
  threads_.clear();
  archive_.reset();  // its thread may still post to the loops
  if (checkpointer_) checkpointer_->stop();
  if (journal_) journal_->stop();
}

int Daemon::run() {
  for (unsigned i = 0; i < loop_count_; ++i)
    loops_.push_back(std::make_unique<net::EventLoop>(i));
  signals_.add(SIGTERM);
  signals_.add(SIGINT);
  signals_.add(SIGHUP);
  open_store();
  recover_state();
  build_loops();
  listen();
  start_threads();
  announce();
  watch();
  wait_for_signals();
  main_.run();
  stop_all();
  log(LogLevel::info, "stopped", {{"sequence", std::to_string(journal_->sequence())}});
  return status_;
}

std::vector<net::HealthCheck> Daemon::checks() {
  std::vector<net::HealthCheck> checks;
  const auto health = journal_->health();
  checks.push_back({"store_writable", health != engine::JournalHealth::failed, journal_->failure()});
  checks.push_back({"space", health != engine::JournalHealth::out_of_space, journal_->failure()});
  const auto wait = journal_->expected_wait();
  const bool keeping_up = wait < std::chrono::milliseconds(options_.api.deadline_ms);
  checks.push_back({"journal_keeping_up", keeping_up, "a commit is expected to take too long"});
  const auto folding = checkpointer_->failure();
  checks.push_back({"checkpoint", !folding.has_value(), folding.value_or("")});
  checks.push_back({"clock", clock_sane_, "the wall clock went back"});
  checks.push_back({"accepting", !draining_, "draining"});
  return checks;
}

net::OpsSources Daemon::ops_sources() {
  return {[this] { return checks(); }, [this](net::MetricsText& out) { store_metrics(out); },
          [] { return version_json(); }};
}

void append_histogram(net::MetricsText& out, const storage::Histogram& histogram, double unit) {
  std::array<std::uint64_t, storage::Histogram::kBuckets - 1> bounds{};
  std::array<std::uint64_t, storage::Histogram::kBuckets> counts{};
  for (std::size_t i = 0; i < counts.size(); ++i)
    counts[i] = histogram.in_bucket(i);
  for (std::size_t i = 0; i < bounds.size(); ++i)
    bounds[i] = storage::Histogram::upper_bound(i);
  out.buckets(bounds, counts, static_cast<double>(histogram.sum()) * unit, unit);
}

void Daemon::store_metrics(net::MetricsText& out) const {
  const storage::JournalMetrics& journal = journal_->metrics();
  out.histogram("holdfast_journal_commit_seconds", "Time of a commit with its syncs");
  append_histogram(out, journal.commit_us, 1e-6);
  out.histogram("holdfast_journal_batch_records", "Records in a commit");
  append_histogram(out, journal.batch_records, 1);
  out.gauge("holdfast_journal_queue_depth", "Records decided and not yet durable");
  out.sample(journal_->queued_records());
  out.gauge("holdfast_journal_sequence", "Last durable record");
  out.sample(journal_->sequence());
  out.gauge("holdfast_store_map_used_ratio", "Used part of the journal's map");
  out.sample(journal_->used_ratio());
  out.gauge("holdfast_checkpoint_sequence", "Last record folded into the checkpoint");
  out.sample(checkpointer_->folded());
  out.gauge("holdfast_checkpoint_seconds", "Duration of the last checkpoint");
  out.sample(static_cast<double>(checkpointer_->last_duration().count()) * 1e-6);
  out.counter("holdfast_log_dropped_total", "Log lines dropped because the queue was full");
  out.sample(log_lines_dropped());
}

}  // namespace

int serve(const std::string& config_path) {
  try {
    Daemon daemon(config_path);
    start_log(load_options(config_path).log);
    const int status = daemon.run();
    stop_log();
    return status;
  } catch (const std::exception& error) {
    stop_log();
    std::fprintf(stderr, "holdfast: %s\n", error.what());
    return kExitStart;
  }
}

}  // namespace holdfast
