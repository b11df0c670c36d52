#include "tests/integration/kill_history.h"

namespace holdfast::integration {
namespace {

constexpr std::size_t kAskedAgainOfKnown = 200;
constexpr std::uint64_t kAnswersBeforeAKill = 1'000;

}  // namespace

KillHistory::KillHistory(std::uint64_t seed) : random_(seed) {
  settings_ = {{"HOLDFAST_SERVER_THREADS", std::to_string(1 + seed % 2)},
               {"HOLDFAST_STORAGE_CHECKPOINT_INTERVAL_SECONDS", "1"}};
  const auto daemon = start_daemon(sandbox_, settings_);
  HttpClient client(daemon->port(), kAdminKey);
  for (std::int64_t limit : {std::int64_t{300'000}, std::int64_t{100'000'000}, std::int64_t{100'000'000}}) {
    cards_.push_back(make_card(client, limit));
    limits_.push_back(limit);
  }
}

void KillHistory::round_killed_at_random() {
  const auto daemon = start_daemon(sandbox_, settings_);
  const std::uint64_t answers = random_() % kAnswersBeforeAKill;
  Load load(plan(*daemon));
  EXPECT_TRUE(eventually([&] { return load.answered() >= answers; }));
  daemon->kill();
  load.stop();
  remember(load.finish());
  check();
}

void KillHistory::round_killed_by(const std::string& rules) {
  Settings settings = settings_;
  settings["LD_PRELOAD"] = HOLDFAST_FAULTS_LIBRARY;
  settings["HOLDFAST_FAULT_RULES"] = rules;
  DaemonProcess daemon(sandbox_, settings);
  if (daemon.wait_until_ready()) {
    Load load(plan(daemon));
    EXPECT_TRUE(eventually([&] { return !daemon.running(); })) << rules << " was not reached";
    load.stop();
    remember(load.finish());
  }
  EXPECT_EQ(daemon.finish(), -SIGKILL) << rules << "\n" << sandbox_.log();
  check();
}

LoadPlan KillHistory::plan(const DaemonProcess& daemon) {
  LoadPlan plan;
  plan.port = daemon.port();
  plan.connections = 16;
  plan.depth = 1 + static_cast<unsigned>(random_() % 3);
  plan.next = [this] { return next(); };
  return plan;
}

std::optional<Order> KillHistory::next() {
  const std::string& card = cards_[random_() % cards_.size()];
  const auto amount = static_cast<std::int64_t>(1 + random_() % 5000);
  std::string id = ids_.next();
  known_[id] = {card, amount, ""};
  std::string text = authorization_request(id, card, amount);
  return Order{std::move(id), amount, std::move(text)};
}

void KillHistory::remember(LoadLog log) {
  for (Sent& sent : log.sent) {
    if (sent.status != 200) {
      to_ask_.push_back(sent.id);
      ++unanswered_;
      continue;
    }
    known_[sent.id].answer = std::move(sent.answer);
  }
}

void KillHistory::check() {
  ASSERT_EQ(sandbox_.verify(), "");
  const auto daemon = start_daemon(sandbox_, settings_);
  check_journal();
  ask_again(*daemon);
  check_balances(*daemon);
  daemon->kill();
}

// What a client was told is what the journal says, and the journal has nothing that nobody asked for.
void KillHistory::check_journal() {
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
void KillHistory::ask_again(const DaemonProcess& daemon) {
  auto it = known_.begin();
  if (!known_.empty()) std::advance(it, static_cast<std::ptrdiff_t>(random_() % known_.size()));
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
void KillHistory::check_balances(const DaemonProcess& daemon) {
  std::map<std::string, std::int64_t> sums;
  for (const auto& [id, known] : known_)
    sums[known.card] += approved_amount(known.answer);
  HttpClient client(daemon.port(), kAdminKey);
  for (std::size_t i = 0; i < cards_.size(); ++i) {
    EXPECT_EQ(held(client, cards_[i]), sums[cards_[i]]);
    EXPECT_LE(sums[cards_[i]], limits_[i]);
  }
}

}  // namespace holdfast::integration
