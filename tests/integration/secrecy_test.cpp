// What must not be found anywhere afterwards: card numbers, verification values beside them, keys and secrets.
#include <fstream>
#include <sstream>

#include "tests/integration/api.h"
#include "tests/integration/stripe_event.h"

namespace holdfast::integration {
namespace {

struct Canary {
  std::string number;
  std::string cvv;
};

// Files below `folder` that hold `text`.
std::vector<std::string> files_with(const std::filesystem::path& folder, const std::string& text) {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    std::ostringstream bytes;
    bytes << in.rdbuf();
    if (bytes.str().find(text) != std::string::npos) found.push_back(entry.path().string());
  }
  return found;
}

class Secrecy : public testing::Test {
 protected:
  Secrecy() : sandbox_(stripe_config()) { start(); }
  void start() {
    daemon_ = start_daemon(sandbox_, with_stripe_secret({{"HOLDFAST_STORAGE_CHECKPOINT_INTERVAL_SECONDS", "1"},
                                                         {"HOLDFAST_LOG_LEVEL", "debug"}}));
    client_ = std::make_unique<HttpClient>(daemon_->port(), kAdminKey);
  }
  // Keeps what was answered, except where the number is meant to be.
  HttpAnswer note(HttpAnswer answer) {
    answers_ += answer.head + "\n" + answer.body + "\n";
    return answer;
  }
  HttpAnswer once(std::string_view path, std::string_view body, const Headers& headers = {}) {
    HttpClient client(daemon_->port(), kAdminKey);
    return note(client.post(path, body, headers));
  }

  void use(const Canary& canary) {
    const std::string& number = canary.number;
    const std::string by_number = R"("number":")" + number + R"(","cvv":")" + canary.cvv + "\"";
    const std::string rest = R"(,"amount":100,"currency":"USD")";
    once("/api/v1/authorizations", R"({"id":"a-)" + number.substr(12) + "\"," + by_number + rest + "}");
    once("/api/v1/authorizations",
         R"({"id":"b-)" + number.substr(12) + "\"," + by_number + rest + R"(,"dry_run":true})");
    once("/api/v1/authorizations", "{" + by_number + rest + "}");                          // no id
    once("/api/v1/authorizations", R"({"id":")" + number + " " + number + "\"," + rest);   // not even JSON
    once("/api/v1/authorizations", R"({"id":"c","numbr":")" + number + "\"}");             // unknown member
    once("/api/v1/authorizations", R"({"id":"d",")" + number + R"(":1})");                 // as a member's name
    once("/api/v1/authorizations", R"({"id":"e","card":")" + number + "\"" + rest + "}");  // as a card's id
    once("/api/v1/authorizations", R"({"id":"f","amount":")" + number + "\"}");            // as an amount
    once("/api/v1/authorizations", R"({"id":"g","amount":1,"currency":")" + number + "\"," + by_number + "}");
    once("/api/v1/cards", R"({"label":"x","limit_usd":"a)" + number + "\"}");
    note(client_->get("/api/v1/cards/" + number));
    note(client_->get("/api/v1/authorizations/" + number));
    note(client_->get("/api/v1/cards?cursor=" + number));
    note(client_->get("/" + number + "?" + number));
    const std::string event = stripe_body({.card = number});
    once(kStripePath, event, {{"Stripe-Signature", "t=1,v1=" + number}});
  }

  Sandbox sandbox_;
  std::unique_ptr<DaemonProcess> daemon_;
  std::unique_ptr<HttpClient> client_;
  std::string answers_;
};

TEST_F(Secrecy, LeavesNoCardNumberKeyOrSecretInFilesLogsMetricsOrErrors) {
  std::vector<Canary> canaries;
  for (int i = 0; i < 20; ++i) {
    const std::string made = make_card_from(*client_, R"({"label":"canary","limit_usd":100})");
    canaries.push_back({json_text(made, "/number"), json_text(made, "/cvv")});
  }
  const std::string made_key =
      json_text(client_->post("/api/v1/keys", R"({"label":"k","role":"reader"})").body, "/key");
  for (const Canary& canary : canaries)
    use(canary);
  note(client_->get("/api/v1/cards?limit=100"));
  note(client_->get("/api/v1/keys"));
  EXPECT_TRUE(eventually([&] { return metric(*daemon_, "holdfast_checkpoint_sequence") > 40; }));
  answers_ += HttpClient(daemon_->ops_port()).get("/metrics").body + ready(*daemon_).body;
  EXPECT_EQ(daemon_->terminate(), 0);
  sandbox_.write_file("answers", answers_);
  sandbox_.write_file("inspected", run_holdfast({"inspect", sandbox_.store().string(), "--json"}).out);
  std::filesystem::remove(sandbox_.config_file());

  for (const Canary& canary : canaries) {
    const auto found = files_with(sandbox_.folder(), canary.number);
    EXPECT_TRUE(found.empty()) << canary.number << " stands in " << found.front();
  }
  for (const std::string& secret : {std::string(kAdminKey), made_key, std::string(kStripeSecret)}) {
    const auto found = files_with(sandbox_.folder(), secret);
    EXPECT_TRUE(found.empty()) << secret << " stands in " << found.front();
  }
  // The look finds what is there.
  sandbox_.write_file("control", "..." + canaries[0].number + "...");
  EXPECT_EQ(files_with(sandbox_.folder(), canaries[0].number).size(), 1U);
}

}  // namespace
}  // namespace holdfast::integration
