// Lithic and Marqeta from the outside: a card's life over their webhooks, and the same after a kill and a restart.
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

#include "tests/integration/api.h"
#include "tests/integration/stripe_event.h"

namespace holdfast::integration {
namespace {

constexpr std::string_view kKey = "the 32 bytes of a signing secret";
constexpr std::string_view kSecret = "whsec_dGhlIDMyIGJ5dGVzIG9mIGEgc2lnbmluZyBzZWNyZXQ=";  // the same in base64
constexpr std::string_view kBasic = "Basic aG9sZGZhc3Q6Q29ycmVjdC1ob3JzZS03Nw==";           // holdfast:Correct-horse-77
constexpr std::string_view kMarqetaSecret = "marqeta webhook secret";

std::string lithic_signature(std::string_view id, const std::string& time, std::string_view body) {
  const std::string message = std::string(id) + "." + time + "." + std::string(body);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  ::HMAC(EVP_sha256(), kKey.data(), static_cast<int>(kKey.size()),
         reinterpret_cast<const unsigned char*>(message.data()), message.size(), digest.data(), &size);
  std::array<unsigned char, 100> text{};
  const int length = ::EVP_EncodeBlock(text.data(), digest.data(), static_cast<int>(size));
  return "v1," + std::string(text.begin(), text.begin() + length);
}

class Processors : public testing::Test {
 protected:
  Processors()
      : sandbox_(
            "[[endpoint]]\nname = \"lithic-main\"\nkind = \"lithic\"\nsecrets = [\"env:LITHIC_SECRET\"]\n"
            "[[endpoint]]\nname = \"marqeta-main\"\nkind = \"marqeta\"\nusername = [\"env:MQ_USER\"]\n"
            "password = [\"env:MQ_PASSWORD\"]\nwebhook_secrets = [\"env:MQ_SECRET\"]\n"
            "unknown_cards = \"adopt\"\nadopted_limits = \"lifetime 10000\"\n") {
    settings_["LITHIC_SECRET"] = kSecret;
    settings_["MQ_USER"] = "holdfast";
    settings_["MQ_PASSWORD"] = "Correct-horse-77";
    settings_["MQ_SECRET"] = kMarqetaSecret;
    start();
  }
  void start() {
    daemon_ = start_daemon(sandbox_, settings_);
    native_ = std::make_unique<HttpClient>(daemon_->port(), kAdminKey);
    processor_ = std::make_unique<HttpClient>(daemon_->port());
  }
  void restart() {
    daemon_->kill();
    start();
  }
  std::string bound_card(std::string_view endpoint, std::string_view reference) {
    return json_text(
        make_card_from(*native_, R"({"label":"x","limits":[{"amount":10000,"window":"lifetime"}],)"
                                 R"("processor":{"endpoint":")" +
                                     std::string(endpoint) + R"(","card_id":")" + std::string(reference) + "\"}}"),
        "/id");
  }
  HttpAnswer lithic(const std::string& body, std::string_view id = "msg_1") {
    const std::string time = std::to_string(unix_time());
    return processor_->post("/webhooks/lithic-main", body,
                            {{"webhook-id", std::string(id)},
                             {"webhook-timestamp", time},
                             {"webhook-signature", lithic_signature(id, time, body)}});
  }
  HttpAnswer gateway(const std::string& body) {
    return processor_->post("/webhooks/marqeta-main", body, {{"Authorization", std::string(kBasic)}});
  }
  HttpAnswer webhook(const std::string& body) {
    return processor_->post(
        "/webhooks/marqeta-main", body,
        {{"Authorization", std::string(kBasic)}, {"X-Marqeta-Signature", hmac_sha256_hex(kMarqetaSecret, body)}});
  }
  void expect_balance(const std::string& card, std::int64_t held, std::int64_t posted) {
    const std::string shown = native_->get("/api/v1/cards/" + card).body;
    EXPECT_EQ(json_integer(shown, "/limits/0/held"), held);
    EXPECT_EQ(json_integer(shown, "/limits/0/posted"), posted);
  }

  Sandbox sandbox_;
  Settings settings_;
  std::unique_ptr<DaemonProcess> daemon_;
  std::unique_ptr<HttpClient> native_;
  std::unique_ptr<HttpClient> processor_;
};

std::string lithic_ask(const std::string& transaction, const std::string& event, int amount) {
  return R"({"token":")" + transaction + R"(","event_token":")" + event + R"(","status":"AUTHORIZATION","amounts":{)" +
         R"("hold":{"amount":)" + std::to_string(amount) + R"(,"currency":"USD"}},"card":{"token":"lc_1"},)" +
         R"("merchant":{"acceptor_id":"m1","mcc":"5734","country":"USA"}})";
}

std::string lithic_told(int hold, const std::string& events) {
  return R"({"event_type":"card_transaction.updated","token":"tx_1","card_token":"lc_1","amounts":{"hold":{"amount":)" +
         std::to_string(-hold) + R"(,"currency":"USD"}},"events":[)" + events + "]}";
}

std::string lithic_event(const std::string& token, const std::string& type, int amount) {
  return R"({"token":")" + token + R"(","type":")" + type +
         R"(","result":"APPROVED","created":"2099-01-01T00:00:00Z",)" + R"("amounts":{"cardholder":{"amount":)" +
         std::to_string(amount) + R"(,"currency":"USD"}}})";
}

TEST_F(Processors, LithicsCardLivesThroughARestart) {
  const std::string card = bound_card("lithic-main", "lc_1");
  const HttpAnswer yes = lithic(lithic_ask("tx_1", "e1", 4000));
  EXPECT_EQ(yes.status, 200);
  EXPECT_EQ(yes.body, R"({"result":"APPROVED","token":"tx_1"})");
  EXPECT_EQ(lithic(lithic_ask("tx_2", "e2", 6001)).body, R"({"result":"INSUFFICIENT_FUNDS","token":"tx_2"})");
  const std::string history = lithic_event("h1", "AUTHORIZATION", 4000) + "," + lithic_event("h2", "CLEARING", 4400);
  EXPECT_EQ(lithic(lithic_told(0, history)).status, 200);
  expect_balance(card, 0, 4400);

  restart();
  expect_balance(card, 0, 4400);
  EXPECT_EQ(lithic(lithic_ask("tx_1", "e1", 4000)).body, yes.body) << "the same message, the same answer";
  EXPECT_EQ(lithic(lithic_told(0, history)).status, 200);
  expect_balance(card, 0, 4400);
  EXPECT_EQ(daemon_->terminate(), 0);
  EXPECT_EQ(sandbox_.verify(), "");
}

TEST_F(Processors, LithicUnsignedOrForgedChangesNothing) {
  const std::string card = bound_card("lithic-main", "lc_1");
  const std::string body = lithic_ask("tx_1", "e1", 4000);
  EXPECT_EQ(processor_->post("/webhooks/lithic-main", body).status, 401);
  const std::string old = std::to_string(unix_time() - 310);
  EXPECT_EQ(processor_
                ->post("/webhooks/lithic-main", body,
                       {{"webhook-id", "m"},
                        {"webhook-timestamp", old},
                        {"webhook-signature", lithic_signature("m", old, body)}})
                .status,
            401);
  expect_balance(card, 0, 0);
}

std::string marqeta_transaction(const std::string& jit, const std::string& amount, const std::string& method,
                                const std::string& more = "") {
  return R"({"token":"t-)" + jit +
         R"(","type":"authorization","card_token":"mc_1","gpa_order":{"currency_code":"USD",)" +
         R"("jit_funding":{"token":")" + jit + R"(","method":")" + method + R"(","user_token":"u1","amount":)" +
         amount + more + R"(}},"card_acceptor":{"mid":"m1","mcc":"5734"}})";
}

TEST_F(Processors, MarqetasCardIsAdoptedAndLivesThroughARestart) {
  const std::string question = marqeta_transaction("j1", "40.5", "pgfs.authorization");
  const HttpAnswer yes = gateway(question);
  EXPECT_EQ(yes.status, 200) << yes.body;
  EXPECT_EQ(gateway(marqeta_transaction("j2", "59.51", "pgfs.authorization")).status, 402);
  const std::string card = json_text(native_->get("/api/v1/cards").body, "/data/0/id");
  expect_balance(card, 4050, 0);
  const std::string clearing =
      R"({"transactions":[)" +
      marqeta_transaction("j3", "42", "pgfs.authorization.capture", R"(,"original_jit_funding_token":"j1")") + "]}";
  EXPECT_EQ(webhook(clearing).status, 200);
  expect_balance(card, 0, 4200);

  restart();
  const HttpAnswer again = gateway(question);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.body, yes.body);
  EXPECT_EQ(webhook(clearing).status, 200);
  expect_balance(card, 0, 4200);
  EXPECT_EQ(processor_->post("/webhooks/marqeta-main", question).status, 401);
  EXPECT_EQ(daemon_->terminate(), 0);
  EXPECT_EQ(sandbox_.verify(), "");
}

}  // namespace
}  // namespace holdfast::integration
