// The routes of several event loops on one thread, over a journal that commits when the test says so: no sockets, no
// clock, no chance.
//
// Threads: the test's, which runs the handlers of all loops; participants and lanes are as with real loops.
#pragma once

#include <gtest/gtest.h>
#include <simdjson.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/identifier.h"
#include "net/authorization_routes.h"
#include "net/budget_routes.h"
#include "net/card_routes.h"
#include "net/crossing.h"
#include "net/desk.h"
#include "net/exposure_routes.h"
#include "net/key_routes.h"
#include "net/loop_context.h"
#include "net/router.h"
#include "tests/net/fake_exchange.h"
#include "tests/net/fake_journal.h"

namespace holdfast::net {

class FakeSurroundings final : public Surroundings {
 public:
  engine::Instant now() override { return now_; }
  // Numbered, so that a test can say which is next.
  engine::Key128 random() override { return random_at(++randoms_); }
  static engine::Key128 random_at(std::uint64_t number) { return {0, number}; }
  void skip_randoms(std::uint64_t count) { randoms_ += count; }
  void random_bytes(std::span<std::byte> into) override {
    ++fills_;
    for (std::byte& byte : into)
      byte = static_cast<std::byte>(fills_);
  }
  std::optional<engine::ZoneRules> zone(std::string_view name) override {
    if (name == "UTC") return engine::utc();
    if (name != "Asia/Tokyo" && name != "Asia/Kolkata") return std::nullopt;
    engine::ZoneRules rules;
    rules.name = name;
    rules.first_offset_seconds = name == "Asia/Tokyo" ? 9 * 3600 : 5 * 3600 + 1800;
    return rules;
  }

  engine::Instant now_ = engine::from_millis(1'795'446'000'000);  // 2026-11-23T15:00:00Z

 private:
  std::uint64_t randoms_ = 0;
  unsigned fills_ = 0;
};

// What the journal has made durable; what an earlier process wrote stands before it.
class JournalArchive final : public Archive {
 public:
  JournalArchive(const FakeJournal& journal, std::vector<engine::Bytes> earlier)
      : journal_(journal), earlier_(std::move(earlier)) {}

  void read(std::vector<engine::Sequence> sequences, std::function<void(std::vector<engine::Bytes>)> done) override {
    std::vector<engine::Bytes> records;
    for (const engine::Sequence sequence : sequences)
      records.push_back(lost_ ? engine::Bytes{} : at(sequence));
    done(std::move(records));
  }
  // From now on nothing can be read any more.
  void lose() { lost_ = true; }

 private:
  const engine::Bytes& at(engine::Sequence sequence) const {
    const std::size_t before = earlier_.size();
    return sequence <= before ? earlier_[sequence - 1] : journal_.durable()[sequence - 1 - before];
  }

  const FakeJournal& journal_;
  const std::vector<engine::Bytes> earlier_;
  bool lost_ = false;
};

inline constexpr std::string_view kAdminToken = "admin-token-of-the-tests";

// A process: all of its loops. A second one can be made from what a first one left in its journal.
class Api {
 public:
  static constexpr unsigned kLoops = 3;

  explicit Api(const std::vector<engine::Bytes>& records = {})
      : journal(kLoops, records.size()), archive(journal, records) {
    for (std::size_t i = 0; i < records.size(); ++i) {
      const auto fault = shards.replay(i + 1, records[i]);
      EXPECT_FALSE(fault.has_value()) << fault->what;
    }
    surroundings.skip_randoms(1000 * records.size());  // no number comes twice, restart or not
    add_key(Role::admin, kAdminToken);
    std::vector<std::function<void()>> wakers;
    for (unsigned i = 0; i < kLoops; ++i) {
      wakers.push_back([this, i] { boost::asio::post(io, [this, i] { loops[i]->desk.on_crossing(); }); });
      journal.set_waker(i, [this, i] { boost::asio::post(io, [this, i] { loops[i]->desk.on_journal(); }); });
    }
    crossing = std::make_unique<Crossing>(std::move(wakers));
    for (unsigned i = 0; i < kLoops; ++i)
      loops.push_back(std::make_unique<Loop>(*this, i));
  }

  // A key that is in force from the start.
  void add_key(Role role, std::string_view token, engine::NodeIndex node = engine::kNoNode) {
    const engine::Key128 id = engine::make_ulid(surroundings.now_, {0, 1'000'000 + shards.keys().size()});
    shards.keys()[id] = {static_cast<std::uint8_t>(role), std::string(role_name(role)), tokens(token),
                         surroundings.now_, node};
    keys.publish(ring_of(shards.keys()));
  }

  // Runs what is ready, on all loops.
  void run() {
    io.restart();
    while (io.poll() != 0) {
    }
  }
  // Runs and commits until nothing moves any more.
  void finish() {
    do {
      run();
    } while (journal.commit());
    run();
  }

  // Hands a request to a loop and runs what is ready; whether it is answered depends on commits.
  FakeExchange& begin(FakeRequest request, unsigned loop = 0, std::string_view token = kAdminToken) {
    if (!token.empty()) request.headers.emplace_back("Authorization", "Bearer " + std::string(token));
    if (!request.body.empty()) request.headers.emplace_back("Content-Type", "application/json");
    exchanges.emplace_back();
    request.send_to(loops[loop]->router, exchanges.back());
    run();
    return exchanges.back();
  }
  const FakeExchange& call(FakeRequest request, unsigned loop = 0, std::string_view token = kAdminToken) {
    FakeExchange& exchange = begin(std::move(request), loop, token);
    finish();
    EXPECT_NE(exchange.status, 0) << "not answered";
    return exchange;
  }

  static constexpr std::size_t kFlights = 8;
  struct Loop {
    Loop(Api& api, unsigned number)
        : desk(number, kFlights, api.shards, api.journal, api.late_answers, *api.crossing, api.io, counters),
          context{number,
                  api.shards,
                  api.journal,
                  desk,
                  api.keys,
                  api.tokens,
                  api.issuer,
                  api.surroundings,
                  api.archive,
                  json,
                  api.settings,
                  [&api](unsigned, std::function<void()> function) { boost::asio::post(api.io, std::move(function)); }},
          router(context),
          cards(context),
          budgets(context),
          keys(context),
          authorizations(context, decisions),
          exposure(context) {
      cards.add_to(router);
      budgets.add_to(router);
      keys.add_to(router);
      authorizations.add_to(router);
      exposure.add_to(router);
    }
    DeskCounters counters;
    JsonDocument json;
    Desk desk;
    LoopContext context;
    Router router;
    CardRoutes cards;
    BudgetRoutes budgets;
    KeyRoutes keys;
    DecisionCounters decisions;
    AuthorizationRoutes authorizations;
    ExposureRoutes exposure;
  };

  static constexpr std::array<std::byte, 32> kSecret{std::byte{7}};
  boost::asio::io_context io;
  engine::Shards shards{kLoops, {std::byte{1}}, 0, 1024};
  FakeJournal journal;
  FakeLateAnswers late_answers;
  FakeSurroundings surroundings;
  JournalArchive archive;
  TokenHasher tokens{kSecret};
  CardIssuer issuer = CardIssuer::make(kSecret, "400000").value();
  PublishedKeys keys{shards.epochs()};
  ApiSettings settings{.endpoints = {"stripe-main", "stripe-test", "other", "lithic-main", "marqeta-main"}};
  std::unique_ptr<Crossing> crossing;
  std::vector<std::unique_ptr<Loop>> loops;
  std::deque<FakeExchange> exchanges;
};

// What stands at a JSON pointer ("/limits/0/amount"), as compact JSON; "(absent)" when nothing does.
inline std::string at(std::string_view json, std::string_view pointer) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  simdjson::dom::element element;
  if (parser.parse(json.data(), json.size()).get(root) != simdjson::SUCCESS) return "(malformed)";
  if (root.at_pointer(pointer).get(element) != simdjson::SUCCESS) return "(absent)";
  return simdjson::minify(element);
}
// A string that stands there, without its quotes.
inline std::string text_at(std::string_view json, std::string_view pointer) {
  const std::string found = at(json, pointer);
  return found.size() < 2 || found.front() != '"' ? found : found.substr(1, found.size() - 2);
}

}  // namespace holdfast::net
