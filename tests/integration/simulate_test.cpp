// `holdfast simulate` against a daemon: every scenario of every kind, whatever goes wrong on the way, and what it says
// when something deviates or cannot be played.
#include <algorithm>
#include <random>

#include "tests/integration/api.h"
#include "tests/integration/every_endpoint.h"

namespace holdfast::integration {
namespace {

constexpr std::string_view kAdoptingEndpoint = R"(
[[endpoint]]
name = "adopting"
kind = "stripe"
secrets = ["env:SIGNING_SECRET"]
unknown_cards = "adopt"
adopted_limits = "lifetime 10000"
)";

const std::vector<std::string> kKinds = {"native", "stripe", "lithic", "marqeta"};

class Simulate : public testing::Test {
 protected:
  Simulate() : sandbox_(std::string(kEveryEndpoint) + std::string(kAdoptingEndpoint)) {
    secrets_["API_KEY"] = kAdminKey;
    daemon_ = start_daemon(sandbox_, secrets_);
  }
  std::string target() const { return "http://127.0.0.1:" + std::to_string(daemon_->port()); }

  ExitedProcess run(std::vector<std::string> words) {
    words.insert(words.begin(), "simulate");
    return run_holdfast(words, secrets_);
  }
  ExitedProcess play(const std::string& kind, const std::vector<std::string>& more) {
    std::vector<std::string> words = {"--kind", kind, "--target", target()};
    const bool native = kind == "native";
    words.insert(words.end(), {"--secret", native ? "env:API_KEY" : "env:SIGNING_SECRET"});
    if (!native) words.insert(words.end(), {"--api-key", "env:API_KEY"});
    if (kind == "marqeta") words.insert(words.end(), {"--username", "holdfast", "--password", "env:PASSWORD"});
    words.insert(words.end(), more.begin(), more.end());
    return run(words);
  }
  std::string scenario_file(const std::string& text) { return sandbox_.write_file("written.toml", text).string(); }

  Sandbox sandbox_;
  Settings secrets_ = kEndpointSecrets;
  std::unique_ptr<DaemonProcess> daemon_;
};

class SimulateKind : public Simulate, public testing::WithParamInterface<std::string> {};

TEST_P(SimulateKind, FindsNothingToSayAgainstThisDaemon) {
  const ExitedProcess played = play(GetParam(), {});
  EXPECT_EQ(played.status, 0) << played.out << played.error;
  for (const std::string name : {"approve-capture", "incremental", "over-capture", "reversal", "expiry", "force-post",
                                 "refund", "duplicate", "late", "wrong-signature", "loop", "ten-agents", "partial"})
    EXPECT_NE(played.out.find("\n" + name + " "), std::string::npos) << name;
  EXPECT_NE(played.out.find(" 0 deviate"), std::string::npos) << played.out;
  EXPECT_EQ(sandbox_.verify(), "");
}

TEST_P(SimulateKind, EndsInTheSameBalancesWhateverGoesWrongOnTheWay) {
  const std::string seed = std::to_string(std::random_device{}() % 100'000);
  const ExitedProcess played = play(GetParam(), {"--chaos", "all", "--seed", seed});
  EXPECT_EQ(played.status, 0) << played.out << played.error;
  EXPECT_NE(played.out.find("seed " + seed), std::string::npos);
  EXPECT_NE(played.out.find("  replay  "), std::string::npos) << played.out;
  EXPECT_EQ(sandbox_.verify(), "");
}

INSTANTIATE_TEST_SUITE_P(Of, SimulateKind, testing::ValuesIn(kKinds), [](const auto& each) { return each.param; });

// ---- Any sequence of news

// Steps of payments that go on as they like: first everything that asks, then the news.
std::string random_scenario(std::mt19937_64& random, std::size_t payments) {
  const auto below = [&](std::uint64_t bound) { return random() % bound; };
  std::string cards;
  std::string asked;
  std::string news;
  const auto step = [](std::string& into, const std::string& what, std::size_t payment, std::uint64_t amount) {
    const std::string name = std::to_string(payment);
    into += "[[step]]\ndo = \"" + what + "\"\ncard = \"c" + name + "\"\npayment = \"p" + name + "\"\n";
    if (amount > 0) into += "amount = " + std::to_string(amount) + "\n";
  };
  for (std::size_t i = 0; i < payments; ++i) {
    const std::string name = std::to_string(i);
    cards += "[[card]]\nname = \"c" + name + "\"\nlimits = [{ amount = 100000, window = \"lifetime\" }]\n";
    cards += std::string("refunds_restore = ") + (below(2) == 0 ? "true\n" : "false\n");
    step(asked, "authorize", i, 1000 + below(1000));
    if (below(3) == 0) step(asked, "increment", i, 1 + below(500));
    const std::uint64_t captures = below(3);
    for (std::uint64_t k = 0; k < captures; ++k) {
      step(news, "capture", i, 1 + below(700));
      news += "final = false\n";
    }
    if (below(2) == 0) step(news, "reverse", i, 1 + below(600));
    if (below(3) == 0) step(news, "expire", i, 0);
    if (below(2) == 0) step(news, "capture", i, 1 + below(1500));
    if (below(2) == 0) {
      step(news, "refund", i, 100 + below(100));
      if (below(2) == 0) step(news, "reverse_refund", i, 1 + below(100));
    }
  }
  std::string balances;
  for (std::size_t i = 0; i < payments; ++i)
    balances += "[[balance]]\nof = \"c" + std::to_string(i) + "\"\nheld = 0\nposted = 0\n";
  return cards + asked + news + balances;
}

// What the balances were; the file expects nothing that they could be.
std::string balances_in(const std::string& json) {
  std::string balances;
  for (std::size_t i = 0; i < json_size(json, "/steps"); ++i) {
    const std::string row = "/steps/" + std::to_string(i);
    if (json_text(json, row + "/step") == "balance") balances += json_text(json, row + "/got") + "\n";
  }
  return balances;
}

class SimulateProcessor : public SimulateKind {};

TEST_P(SimulateProcessor, TellsAnySequenceInAnyOrderToTheSameBalances) {
  constexpr int kPayments = 12;
  const auto seed = std::random_device{}() % 100'000;
  std::mt19937_64 random(seed);
  const std::string file = scenario_file(random_scenario(random, kPayments));
  const std::string in_order = balances_in(play(GetParam(), {"--scenario", file, "--json"}).out);
  EXPECT_EQ(std::count(in_order.begin(), in_order.end(), '\n'), kPayments);
  for (int i = 0; i < 2; ++i) {
    const ExitedProcess shuffled =
        play(GetParam(), {"--scenario", file, "--json", "--chaos", "reorder,duplicate,replay", "--seed",
                          std::to_string(seed + static_cast<unsigned>(i))});
    EXPECT_EQ(balances_in(shuffled.out), in_order) << "seed " << seed << ", shuffle " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Of, SimulateProcessor, testing::Values("stripe", "lithic", "marqeta"),
                         [](const auto& each) { return each.param; });

// ---- Deviations

constexpr std::string_view kOneCard =
    "[[card]]\nname = \"agent\"\nlimits = [{ amount = 1000, window = \"lifetime\" }]\n";

TEST_F(Simulate, ABentExpectationDeviates) {
  const std::pair<std::string, std::string> bent[] = {
      {"[[step]]\ndo = \"authorize\"\namount = 1001\n", "declined card_limit"},
      {"[[step]]\ndo = \"authorize\"\namount = 1000\nexpect = \"declined\"\n", "approved"},
      {"[[step]]\ndo = \"authorize\"\namount = 1001\nexpect = \"declined\"\nreason = \"card_frozen\"\n",
       "declined card_limit"},
      {"[[step]]\ndo = \"authorize\"\namount = 10\n[[balance]]\nheld = 11\n", "held 10"},
      {"[[step]]\ndo = \"authorize\"\namount = 10\ntimes = 3\nat_once = true\napprovals = 2\n", "3 of 3 approved"},
      {"[[step]]\ndo = \"authorize\"\namount = 2000\npartial_approval = true\napproved_amount = 999\n",
       "approved 1000"},
  };
  for (const auto& [steps, got] : bent) {
    for (const std::string kind : {"stripe", "native"}) {
      const ExitedProcess played = play(kind, {"--scenario", scenario_file(std::string(kOneCard) + steps)});
      EXPECT_EQ(played.status, 1) << played.out << played.error;
      EXPECT_NE(played.out.find(got), std::string::npos) << played.out;
      EXPECT_NE(played.out.find(" 1 deviate"), std::string::npos) << played.out;
      EXPECT_NE(played.out.find("NO\n"), std::string::npos) << played.out;
    }
  }
}

TEST_F(Simulate, WithoutAKeyOnlyAnswersAreChecked) {
  const std::string steps = "[[step]]\ndo = \"authorize\"\namount = 1000\n[[balance]]\nheld = 77\n";
  const ExitedProcess played = run({"--kind", "stripe", "--target", target() + "/webhooks/adopting", "--secret",
                                    "env:SIGNING_SECRET", "--scenario", scenario_file(std::string(kOneCard) + steps)});
  EXPECT_EQ(played.status, 0) << played.out << played.error;
  EXPECT_NE(played.out.find("balances were not looked at"), std::string::npos) << played.out;
}

TEST_F(Simulate, PlaysWithACardThatIsThere) {
  HttpClient client(daemon_->port(), kAdminKey);
  const std::string card = make_card(client, 1000);
  const std::string file = scenario_file(std::string(kOneCard) + "[[step]]\ndo = \"authorize\"\namount = 700\n");
  EXPECT_EQ(play("native", {"--scenario", file, "--card", "agent=" + card}).status, 0);
  EXPECT_EQ(held(client, card), 700);
}

TEST_F(Simulate, KeepsToItsRate) {
  const std::string steps = "[[step]]\ndo = \"authorize\"\namount = 10\ntimes = 11\nat_once = true\n";
  const auto begins = std::chrono::steady_clock::now();
  EXPECT_EQ(play("native", {"--scenario", scenario_file(std::string(kOneCard) + steps), "--rate", "50"}).status, 0);
  EXPECT_GE(std::chrono::steady_clock::now() - begins, std::chrono::milliseconds(200));
}

// ---- What cannot be played

TEST_F(Simulate, SaysThatASecretIsWrong) {
  for (const std::string kind : {"stripe", "lithic", "marqeta"}) {
    ExitedProcess played = play(kind, {"--scenario", "approve-capture"});
    EXPECT_EQ(played.status, 0) << played.error;
    secrets_[kind == "marqeta" ? "PASSWORD" : "SIGNING_SECRET"] = "whsec_b3RoZXI=";
    played = play(kind, {"--scenario", "approve-capture"});
    secrets_["SIGNING_SECRET"] = kEndpointSecrets.at("SIGNING_SECRET");
    EXPECT_EQ(played.status, 2) << kind << played.out;
    EXPECT_NE(played.error.find("does not believe the signature (401)"), std::string::npos) << played.error;
  }
}

TEST_F(Simulate, TakesItsSecretFromAFile) {
  const std::string file = sandbox_.write_file("secret", secrets_["SIGNING_SECRET"] + "\n").string();
  std::vector<std::string> words = {"--kind", "stripe", "--target", target(), "--scenario", "approve-capture"};
  words.insert(words.end(), {"--api-key", "env:API_KEY", "--secret-file", file});
  EXPECT_EQ(run(words).status, 0);
  words.back() += ".missing";
  const ExitedProcess played = run(words);
  EXPECT_EQ(played.status, 2);
  EXPECT_NE(played.error.find(words.back()), std::string::npos) << played.error;
}

TEST_F(Simulate, SaysThatNobodyListens) {
  EXPECT_EQ(daemon_->terminate(), 0);
  const ExitedProcess played = play("stripe", {"--scenario", "approve-capture"});
  EXPECT_EQ(played.status, 2);
  EXPECT_NE(played.error.find(target() + " cannot be reached"), std::string::npos) << played.error;
}

TEST_F(Simulate, SaysWhatIsWrongInAScenarioAndWhere) {
  const std::pair<std::string, std::string> wrong[] = {
      {"[[step]]\ndo = \"authorise\"\namount = 1\n", ":5:6: do must be one of authorize, increment"},
      {"[[step]]\ndo = \"authorize\"\n", ":4:1: amount must be there"},
      {"[[step]]\ndo = \"authorize\"\namount = \"1\"\n", ":6:10: amount must be an integer"},
      {"[[step]]\ndo = \"authorize\"\namount = 1\nreasn = \"x\"\n", ":7:9: reasn is not known"},
      {"[[step]]\ndo = \"capture\"\n", ":4:1: payment \"payment\" must have been authorized above"},
      {"[[step]]\ndo = \"authorize\"\namount = 1\ncard = \"other\"\n", ":7:8: card must be the name of a card above"},
      {"[[step]]\ndo = \"authorize\"\namount = -1\n", ":6:10: amount must be from 0 to"},
      {"[[step]\n", ":4:"},
  };
  for (const auto& [steps, error] : wrong) {
    const std::string file = scenario_file(std::string(kOneCard) + steps);
    const ExitedProcess played = play("stripe", {"--scenario", file});
    EXPECT_EQ(played.status, 2) << steps;
    EXPECT_NE(played.error.find(file + error), std::string::npos) << played.error;
  }
  const ExitedProcess unknown = play("stripe", {"--scenario", "nothing-of-that-name"});
  EXPECT_EQ(unknown.status, 2);
  EXPECT_NE(unknown.error.find("nothing-of-that-name"), std::string::npos) << unknown.error;
}

}  // namespace
}  // namespace holdfast::integration
