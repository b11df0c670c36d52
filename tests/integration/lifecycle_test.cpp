// Starting, reloading and stopping, also under load.
#include <sys/stat.h>

#include "tests/integration/api.h"
#include "tests/integration/load.h"
#include "tests/integration/stripe_event.h"

namespace holdfast::integration {
namespace {

using Clock = std::chrono::steady_clock;
using testing::HasSubstr;

std::function<std::optional<Order>()> endless_orders(const std::string& card) {
  auto ids = std::make_shared<Ids>("load-");
  return [ids, card]() -> std::optional<Order> {
    std::string id = ids->next();
    std::string text = authorization_request(id, card, 7);
    return Order{std::move(id), 7, std::move(text)};
  };
}

// ---- Starting

TEST(Start, WithAnEmptyConfigurationFileWorks) {
  Sandbox sandbox("");
  const auto daemon = start_daemon(sandbox);
  EXPECT_EQ(ready(*daemon).status, 200);
  HttpClient client(daemon->port(), kAdminKey);
  EXPECT_TRUE(approved(authorize(client, "first", make_card(client, 100), 100)));
}

TEST(Start, WithAWrongConfigurationExitsWithOneAndThePlaceOfTheMistake) {
  Sandbox sandbox("[server]\nlistn = \"127.0.0.1:0\"\n");
  DaemonProcess daemon(sandbox);
  EXPECT_FALSE(daemon.wait_until_ready());
  EXPECT_EQ(daemon.finish(), 1);
  EXPECT_THAT(sandbox.log(), HasSubstr(sandbox.config_file().string() + ":2:1: "));
  EXPECT_FALSE(std::filesystem::exists(sandbox.store()));
}

TEST(Start, WithoutItsConfigurationFileExitsWithOne) {
  Sandbox sandbox;
  std::filesystem::remove(sandbox.config_file());
  DaemonProcess daemon(sandbox);
  EXPECT_EQ(daemon.finish(), 1);
  EXPECT_THAT(sandbox.log(), HasSubstr(sandbox.config_file().string()));
}

TEST(Start, WithoutASecretOfAnEndpointExitsWithOneAndNamesIt) {
  Sandbox sandbox(stripe_config());
  DaemonProcess daemon(sandbox);
  EXPECT_EQ(daemon.finish(), 1);
  EXPECT_THAT(sandbox.log(), HasSubstr("STRIPE_SIGNING_SECRET"));
}

TEST(Start, OnAnAddressInUseExitsWithOneAndNamesIt) {
  Sandbox first_sandbox;
  const auto first = start_daemon(first_sandbox);
  for (const char* variable : {"HOLDFAST_SERVER_LISTEN", "HOLDFAST_SERVER_OPS_LISTEN"}) {
    const bool api = std::string_view(variable) == "HOLDFAST_SERVER_LISTEN";
    const std::string address = "127.0.0.1:" + std::to_string(api ? first->port() : first->ops_port());
    Sandbox sandbox;
    DaemonProcess second(sandbox, {{variable, address}});
    EXPECT_EQ(second.finish(), 1) << variable;
    EXPECT_THAT(sandbox.log(), HasSubstr(address));
  }
  EXPECT_EQ(ready(*first).status, 200);
}

TEST(Start, OnAStoreThatAnotherDaemonHasExitsAtOnceAlsoWhileThatOneStandsStill) {
  Sandbox sandbox;
  const auto first = start_daemon(sandbox);
  for (const bool stopped : {false, true}) {
    if (stopped) first->signal(SIGSTOP);
    DaemonProcess second(sandbox);
    EXPECT_FALSE(second.wait_until_ready());
    EXPECT_EQ(second.finish(std::chrono::seconds(10)), 1);
    EXPECT_THAT(sandbox.log(), HasSubstr(sandbox.store().string()));
  }
  first->signal(SIGCONT);
  EXPECT_EQ(ready(*first).status, 200);
  EXPECT_EQ(first->terminate(), 0);
}

TEST(Start, MakesItsStoreForNobodyElseToRead) {
  Sandbox sandbox;
  const auto daemon = start_daemon(sandbox);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(sandbox.store())) {
    struct stat found {};
    ASSERT_EQ(::stat(entry.path().c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0077, 0U) << entry.path();
  }
}

// ---- Stopping

class Stop : public testing::TestWithParam<int> {};

TEST_P(Stop, UnderLoadAnswersWhatItAcceptedResetsNobodyAndExitsWithNought) {
  Sandbox sandbox;
  auto daemon = start_daemon(sandbox, {{"HOLDFAST_SERVER_THREADS", std::to_string(GetParam())}});
  std::string card;
  {
    HttpClient client(daemon->port(), kAdminKey);
    card = make_card(client, 100'000'000);
  }
  LoadPlan plan;
  plan.port = daemon->port();
  plan.connections = 32;
  plan.depth = 4;
  plan.next = endless_orders(card);
  Load load(std::move(plan));
  ASSERT_TRUE(eventually([&] { return load.answered() > 500; }));
  const auto asked = Clock::now();
  daemon->signal(SIGTERM);
  EXPECT_EQ(daemon->finish(), 0);
  EXPECT_LT(Clock::now() - asked, std::chrono::seconds(6));
  load.stop();
  const LoadLog log = load.finish();
  EXPECT_EQ(log.resets, 0U);

  std::map<std::string, std::int64_t> answered;
  std::int64_t sum = 0;
  for (const Sent& sent : log.sent) {
    if (sent.status == 0) continue;  // was not accepted: see below
    ASSERT_EQ(sent.status, 200) << sent.answer;
    answered[sent.id] = approved_amount(sent.answer);
    sum += answered[sent.id];
  }
  for (const Journaled& entry : journaled_authorizations(sandbox))
    EXPECT_TRUE(answered.contains(entry.message)) << entry.message << " was decided and not answered";
  EXPECT_EQ(sandbox.verify(), "");
  daemon = start_daemon(sandbox);
  HttpClient client(daemon->port(), kAdminKey);
  EXPECT_EQ(held(client, card), sum);
}

TEST_P(Stop, WaitsForAHalfSentRequestNoLongerThanItsDrainTimeout) {
  Sandbox sandbox;
  auto daemon = start_daemon(sandbox, {{"HOLDFAST_SERVER_THREADS", std::to_string(GetParam())},
                                       {"HOLDFAST_SERVER_LIMITS_DRAIN_TIMEOUT_MS", "300"}});
  HttpClient idle(daemon->port(), kAdminKey);
  HttpClient half(daemon->port(), kAdminKey);
  EXPECT_EQ(idle.get("/api/v1/cards").status, 200);
  half.send_raw("POST /api/v1/authorizations HTTP/1.1\r\nHost: x\r\nContent-Le");
  const auto asked = Clock::now();
  daemon->signal(SIGTERM);
  EXPECT_EQ(daemon->finish(), 0);
  EXPECT_LT(Clock::now() - asked, std::chrono::seconds(3));
}

INSTANTIATE_TEST_SUITE_P(Loops, Stop, testing::Values(1, 2));

// ---- Reloading

class Reload : public testing::Test {
 protected:
  Reload() {
    secret_file_ = sandbox_.write_file("secret", "whsec_first\n").string();
    config_ = stripe_config("\"file:" + secret_file_ + "\"");
    sandbox_.write_config(config_);
    daemon_ = start_daemon(sandbox_, {{"HOLDFAST_SERVER_THREADS", "2"}});
    client_ = std::make_unique<HttpClient>(daemon_->port(), kAdminKey);
    stripe_ = std::make_unique<HttpClient>(daemon_->port());
    make_stripe_card(*client_, "ic_1", 100'000'000);
  }

  int ask(std::string_view secret) {
    const std::string id = ids_.next();
    const std::string body = stripe_body({.event_id = id, .authorization_id = "i" + id});
    return post_stripe(*stripe_, body, stripe_signature(body, secret)).status;
  }
  // SIGHUP, and waits until the log tells its end once more.
  void reload(std::string_view outcome) {
    const auto count = [&] {
      const std::string log = sandbox_.log();
      std::size_t found = 0;
      for (std::size_t at = log.find(outcome); at != std::string::npos; at = log.find(outcome, at + 1))
        ++found;
      return found;
    };
    const std::size_t before = count();
    daemon_->signal(SIGHUP);
    ASSERT_TRUE(eventually([&] { return count() > before; })) << sandbox_.log();
  }

  static constexpr std::string_view kTaken = "configuration loaded again";
  static constexpr std::string_view kRefused = "configuration kept as it was";
  Sandbox sandbox_;
  std::string secret_file_;
  std::string config_;
  std::unique_ptr<DaemonProcess> daemon_;
  std::unique_ptr<HttpClient> client_;
  std::unique_ptr<HttpClient> stripe_;
  Ids ids_{"evt_"};
};

TEST_F(Reload, TakesARolledSecretAndForgetsTheOldOne) {
  EXPECT_EQ(ask("whsec_first"), 200);
  EXPECT_EQ(ask("whsec_second"), 401);
  const std::string second = sandbox_.write_file("secret2", "whsec_second").string();
  sandbox_.write_config(stripe_config("\"file:" + secret_file_ + "\", \"file:" + second + "\""));
  reload(kTaken);
  EXPECT_TRUE(eventually([&] { return ask("whsec_second") == 200; }));
  EXPECT_EQ(ask("whsec_first"), 200) << "both, while one is rolled";
  sandbox_.write_file("secret", "whsec_third");
  sandbox_.write_config(stripe_config("\"file:" + second + "\""));
  reload(kTaken);
  EXPECT_TRUE(eventually([&] { return ask("whsec_first") == 401; }));
  EXPECT_EQ(ask("whsec_second"), 200);
  EXPECT_EQ(ask("whsec_third"), 401);
}

TEST_F(Reload, OfAWrongFileKeepsEverythingAsItWas) {
  const std::string wrong[] = {"[server\n", "[server]\nthreads = \"many\"\n", config_ + "[nonsense]\nx = 1\n",
                               stripe_config(R"("file:/nonexistent/secret")")};
  for (const std::string& text : wrong) {
    sandbox_.write_config(text);
    reload(kRefused);
    EXPECT_EQ(ask("whsec_first"), 200) << text;
    EXPECT_EQ(ready(*daemon_).status, 200);
  }
  std::filesystem::remove(secret_file_);
  sandbox_.write_config(config_);
  reload(kRefused);
  EXPECT_EQ(ask("whsec_first"), 200) << "the secret that was read before";
}

TEST_F(Reload, UnderLoadLosesNoRequestAndNeverRefusesWhatBothConfigurationsAccept) {
  const std::string second = sandbox_.write_file("secret2", "whsec_second").string();
  const std::string both = stripe_config("\"file:" + secret_file_ + "\", \"file:" + second + "\"");
  Ids ids("load_");
  LoadPlan plan;
  plan.port = daemon_->port();
  plan.connections = 16;
  plan.next = [&]() -> std::optional<Order> {
    const std::string id = ids.next();
    const std::string body = stripe_body({.event_id = id, .authorization_id = "i" + id, .amount = 1});
    return Order{
        id, 1, request_text("POST", kStripePath, body, {{"Stripe-Signature", stripe_signature(body, "whsec_first")}})};
  };
  Load load(std::move(plan));
  for (int i = 0; i < 6; ++i) {
    const std::uint64_t before = load.answered();
    sandbox_.write_config(i % 3 == 0 ? both : i % 3 == 1 ? "[broken" : config_);
    reload(i % 3 == 1 ? kRefused : kTaken);
    ASSERT_TRUE(eventually([&] { return load.answered() > before + 200; }));
  }
  load.stop();
  const LoadLog log = load.finish();
  EXPECT_EQ(log.resets + log.endings, 0U);
  for (const Sent& sent : log.sent) {
    ASSERT_EQ(sent.status, 200);
    ASSERT_EQ(sent.answer, "{\"approved\":true}");
  }
}

}  // namespace
}  // namespace holdfast::integration
