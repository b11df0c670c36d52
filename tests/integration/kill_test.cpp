// SIGKILL at random moments under load, again and again, against what the clients were told.
//
// HOLDFAST_TEST_KILL_ROUNDS (50) and HOLDFAST_TEST_SEED repeat or extend a run: script/torture.
#include <cstdlib>
#include <random>

#include "tests/integration/api.h"
#include "tests/integration/load.h"

namespace holdfast::integration {
namespace {

constexpr unsigned kRoundsOfAStore = 50;
constexpr std::size_t kAskedAgainOfKnown = 200;

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

struct Known {
  std::string card;
  std::int64_t amount = 0;
  std::string answer;  // empty: nobody knows
};

// One store through its rounds, and the clients' memory of it.
class History {
 public:
  explicit History(std::uint64_t seed) : random_(seed) {
    settings_ = {{"HOLDFAST_SERVER_THREADS", std::to_string(1 + seed % 2)},
                 {"HOLDFAST_STORAGE_CHECKPOINT_INTERVAL_SECONDS", "1"}};
    const auto daemon = start_daemon(sandbox_, settings_);
    HttpClient client(daemon->port(), kAdminKey);
    for (std::int64_t limit : {std::int64_t{300'000}, std::int64_t{100'000'000}, std::int64_t{100'000'000}}) {
      cards_.push_back(make_card(client, limit));
      limits_.push_back(limit);
    }
  }

  void round() {
    ++round_;
    load_and_kill();
    ASSERT_EQ(sandbox_.verify(), "");
    const auto daemon = start_daemon(sandbox_, settings_);
    check_journal();
    ask_again(*daemon);
    check_balances(*daemon);
    daemon->kill();
  }

  std::size_t requests() const { return known_.size(); }
  std::size_t unanswered() const { return unanswered_; }

 private:
  std::optional<Order> next() {
    const std::string& card = cards_[random_() % cards_.size()];
    const auto amount = static_cast<std::int64_t>(1 + random_() % 5000);
    std::string id = ids_.next();
    known_[id] = {card, amount, ""};
    std::string text = authorization_request(id, card, amount);
    return Order{std::move(id), amount, std::move(text)};
  }

  void load_and_kill() {
    const auto daemon = start_daemon(sandbox_, settings_);
    LoadPlan plan;
    plan.port = daemon->port();
    plan.connections = 16;
    plan.depth = 1 + static_cast<unsigned>(random_() % 3);
    plan.next = [this] { return next(); };
    const std::uint64_t kill_after_us = 5'000 + random_() % 250'000;
    Load load(std::move(plan));
    // A wait for nothing: the moment is what is random here.
    std::this_thread::sleep_for(std::chrono::microseconds(kill_after_us));
    daemon->kill();
    load.stop();
    for (Sent& sent : load.finish().sent) {
      if (sent.status != 200) {
        to_ask_.push_back(sent.id);
        continue;
      }
      known_[sent.id].answer = std::move(sent.answer);
    }
    unanswered_ += to_ask_.size();
  }

  // What a client was told is what the journal says, and the journal has nothing that nobody asked for.
  void check_journal() {
    std::map<std::string, Journaled> journaled;
    for (Journaled& entry : journaled_authorizations(sandbox_))
      journaled[entry.message] = std::move(entry);
    for (const auto& [id, known] : known_) {
      if (known.answer.empty()) continue;
      const auto found = journaled.find(id);
      ASSERT_NE(found, journaled.end()) << id << " was answered and is not in the journal: " << known.answer;
      EXPECT_EQ(found->second.records, 1U) << id;
      if (found->second.withdrawn) {
        EXPECT_EQ(approved_amount(known.answer), 0) << id << " was approved and then withdrawn";
      } else {
        EXPECT_EQ(approved_amount(known.answer), found->second.approved_amount) << id;
      }
    }
    for (const auto& [id, entry] : journaled)
      EXPECT_TRUE(known_.contains(id)) << id << " was never asked";
  }

  // First answers stay; what was not known becomes known.
  void ask_again(const DaemonProcess& daemon) {
    auto it = known_.begin();
    std::advance(it, static_cast<std::ptrdiff_t>(random_() % known_.size()));
    for (std::size_t i = 0; i < kAskedAgainOfKnown && it != known_.end(); ++i, ++it)
      to_ask_.push_back(it->first);
    std::size_t at = 0;
    LoadPlan plan;
    plan.port = daemon.port();
    plan.connections = 8;
    plan.depth = 8;
    plan.next = [&]() -> std::optional<Order> {
      if (at == to_ask_.size()) return std::nullopt;
      const std::string& id = to_ask_[at++];
      const Known& known = known_[id];
      return Order{id, known.amount, authorization_request(id, known.card, known.amount)};
    };
    const LoadLog log = Load(std::move(plan)).finish();
    for (const Sent& sent : log.sent) {
      ASSERT_EQ(sent.status, 200) << sent.id << " " << sent.answer;
      Known& known = known_[sent.id];
      if (!known.answer.empty()) {
        EXPECT_EQ(sent.answer, known.answer);
      }
      known.answer = sent.answer;
    }
    to_ask_.clear();
  }

  // Every answer is known by now, so the balances are exactly the sums of the approvals.
  void check_balances(const DaemonProcess& daemon) {
    std::map<std::string, std::int64_t> sums;
    for (const auto& [id, known] : known_)
      sums[known.card] += approved_amount(known.answer);
    HttpClient client(daemon.port(), kAdminKey);
    for (std::size_t i = 0; i < cards_.size(); ++i) {
      EXPECT_EQ(held(client, cards_[i]), sums[cards_[i]]) << "round " << round_;
      EXPECT_LE(sums[cards_[i]], limits_[i]);
    }
  }

  std::mt19937_64 random_;
  Sandbox sandbox_;
  Settings settings_;
  std::vector<std::string> cards_;
  std::vector<std::int64_t> limits_;
  Ids ids_{"torture-"};
  std::map<std::string, Known> known_;
  std::vector<std::string> to_ask_;
  std::size_t unanswered_ = 0;
  unsigned round_ = 0;
};

TEST(Kill, AtRandomMomentsUnderLoadLosesNoAnswerAndHoldsNothingElse) {
  const std::uint64_t rounds = number_from_environment("HOLDFAST_TEST_KILL_ROUNDS", 50);
  const std::uint64_t seed = number_from_environment("HOLDFAST_TEST_SEED", std::random_device()());
  std::printf("HOLDFAST_TEST_SEED=%llu\n", static_cast<unsigned long long>(seed));
  std::size_t requests = 0;
  std::size_t unanswered = 0;
  for (std::uint64_t done = 0; done < rounds && !testing::Test::HasFailure();) {
    History history(seed + done);
    for (unsigned i = 0; i < kRoundsOfAStore && done < rounds && !testing::Test::HasFailure(); ++i, ++done)
      history.round();
    requests += history.requests();
    unanswered += history.unanswered();
  }
  std::printf("%llu kills, %zu requests, of %zu of which nobody knew the outcome\n",
              static_cast<unsigned long long>(rounds), requests, unanswered);
  EXPECT_GT(unanswered, 0U) << "no kill came while something was under way";
}

}  // namespace
}  // namespace holdfast::integration
