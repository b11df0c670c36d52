// The route of each processor from a request to its answer and to the balances: over several loops, without sockets.
#include "net/processor_route.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "api_fixture.h"

namespace holdfast::net {
namespace {

using std::string;
using std::string_view;

constexpr string_view kBasic = "Basic aG9sZGZhc3Q6Q29ycmVjdC1ob3JzZS03Nw==";  // holdfast:Correct-horse-77
constexpr string_view kStripeSecret = "whsec_route_tests";
constexpr string_view kMarqetaSecret = "marqeta webhook secret";

string hex(const auto& digest) {
  string text;
  for (const std::byte byte : digest) {
    text += "0123456789abcdef"[std::to_integer<unsigned>(byte) >> 4];
    text += "0123456789abcdef"[std::to_integer<unsigned>(byte) & 15U];
  }
  return text;
}

class ProcessorRouteTest : public testing::Test {
 protected:
  // One endpoint of each kind on every loop; `adopt`: what they do with cards that are not known.
  void serve(bool adopt = false) {
    add("stripe-main", make_stripe_dialect({.secrets = {&kStripeSecret, 1}}), adopt);
    add("lithic-main", make_lithic_dialect({}), adopt);
    const BasicAuthentication::Credentials credentials{"holdfast", "Correct-horse-77"};
    add("marqeta-main",
        make_marqeta_dialect({.webhook_secrets = {&kMarqetaSecret, 1}, .credentials = {&credentials, 1}}), adopt);
  }

  void add(const string& name, DialectPtr dialect, bool adopt) {
    EndpointSettings settings;
    settings.name = name;
    settings.dialect = std::move(dialect);
    settings.unknown_cards.adopt = adopt;
    if (adopt) settings.unknown_cards.limits = {{.window = engine::WindowKind::day, .value = 3000}};
    const auto shared = std::make_shared<const EndpointSettings>(std::move(settings));
    for (auto& loop : api_.loops) {
      counters_.emplace_back();
      routes_.push_back(std::make_unique<ProcessorRoute>(loop->context, counters_.back(), shared));
      loop->router.add_open(Method::post, "/" + name, [route = routes_.back().get()](const Call& call) {
        route->on_request(call.request, call.exchange);
      });
    }
  }

  string make_card(const string& endpoint, const string& reference, int limit = 10'000) {
    const auto& made = api_.call({Method::post,
                                  "/api/v1/cards",
                                  R"({"label":"x","limits":[{"amount":)" + std::to_string(limit) +
                                      R"(,"window":"lifetime"}],"processor":{"endpoint":")" + endpoint +
                                      R"(","card_id":")" + reference + R"("}})",
                                  {}});
    EXPECT_EQ(made.status, 201) << made.body;
    return text_at(made.body, "/id");
  }
  int64_t used(const string& card, const string& what) {
    return std::stoll(at(api_.call({Method::get, "/api/v1/cards/" + card, "", {}}).body, "/limits/0/" + what));
  }
  void expect_balance(const string& card, std::int64_t held, std::int64_t posted) {
    EXPECT_EQ(used(card, "held"), held);
    EXPECT_EQ(used(card, "posted"), posted);
  }

  // Requests as the processors send them.
  FakeRequest stripe(const string& body) const {
    const string time = std::to_string(engine::to_millis(api_.surroundings.now_) / 1000);
    return {Method::post,
            "/stripe-main",
            body,
            {{"Stripe-Signature", "t=" + time + ",v1=" + hex(HmacSha256(kStripeSecret)({time, ".", body}))}}};
  }
  static FakeRequest lithic(const string& body) { return {Method::post, "/lithic-main", body, {}}; }
  static FakeRequest gateway(const string& body) {
    return {Method::post, "/marqeta-main", body, {{"Authorization", string(kBasic)}}};
  }
  static FakeRequest webhook(const string& body) {
    FakeRequest request = gateway(body);
    request.headers.emplace_back("X-Marqeta-Signature", hex(HmacSha256(kMarqetaSecret)(body)));
    return request;
  }
  const FakeExchange& send(const FakeRequest& request, unsigned loop = 0) { return api_.call(request, loop, ""); }

  Api api_;
  std::deque<DecisionCounters> counters_;
  std::vector<std::unique_ptr<ProcessorRoute>> routes_;
};

// ---- Lithic

string lithic_ask(const string& event, int amount, const string& status = "AUTHORIZATION", bool partial = false,
                  const string& card = "lc_1", const string& token = "tx_1") {
  return R"({"token":")" + token + R"(","event_token":")" + event + R"(","status":")" + status +
         R"(","amounts":{"hold":{"amount":)" + std::to_string(amount) + R"(,"currency":"USD"}},"card":{"token":")" +
         card + R"("},"merchant":{"acceptor_id":"m1","mcc":"5734","country":"USA"},"pos":{"terminal":{)" +
         R"("partial_approval_capable":)" + (partial ? "true" : "false") + "}}}";
}

string lithic_event(const string& token, const string& type, int amount, const string& created = "2026-11-23T15:00:00Z",
                    const string& result = "APPROVED") {
  return R"({"token":")" + token + R"(","type":")" + type + R"(","result":")" + result + R"(","created":")" + created +
         R"(","amounts":{"cardholder":{"amount":)" + std::to_string(amount) + R"(,"currency":"USD"}}})";
}

string lithic_told(int hold, const std::vector<string>& events, const string& card = "lc_1") {
  string list;
  for (const string& event : events)
    list += (list.empty() ? "" : ",") + event;
  return R"({"event_type":"card_transaction.updated","token":"tx_1","card_token":")" + card +
         R"(","amounts":{"hold":{"amount":)" + std::to_string(-hold) + R"(,"currency":"USD"}},"events":[)" + list +
         "]}";
}

TEST_F(ProcessorRouteTest, LithicIsAnsweredAndARepeatGetsTheSameBytes) {
  serve();
  const string card = make_card("lithic-main", "lc_1");
  const FakeExchange& first = send(lithic(lithic_ask("e1", 4000)), 1);
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(first.body, R"({"result":"APPROVED","token":"tx_1"})");
  EXPECT_EQ(send(lithic(lithic_ask("e1", 4000)), 2).body, first.body);
  expect_balance(card, 4000, 0);
  EXPECT_EQ(send(lithic(lithic_ask("e2", 6001, "AUTHORIZATION", false, "lc_1", "tx_2"))).body,
            R"({"result":"INSUFFICIENT_FUNDS","token":"tx_2"})");
  EXPECT_EQ(send(lithic(lithic_ask("e3", 6001, "AUTHORIZATION", true, "lc_1", "tx_3"))).body,
            R"({"result":"APPROVED","token":"tx_3","approved_amount":6000})");
  expect_balance(card, 10'000, 0);
}

TEST_F(ProcessorRouteTest, LithicsSameIdForSomethingElseIsAConflict) {
  serve();
  const string card = make_card("lithic-main", "lc_1");
  send(lithic(lithic_ask("e1", 4000)));
  EXPECT_EQ(send(lithic(lithic_ask("e1", 4001))).body, R"({"result":"IDEMPOTENCY_CONFLICT","token":"tx_1"})");
  expect_balance(card, 4000, 0);
}

TEST_F(ProcessorRouteTest, WithoutAnEventTokenTheBodyIsTheMessage) {
  serve();
  const string card = make_card("lithic-main", "lc_1");
  string body = lithic_ask("e1", 1000);
  body.replace(body.find(R"("event_token":"e1",)"), 19, "");
  EXPECT_EQ(send(lithic(body), 0).body, R"({"result":"APPROVED","token":"tx_1"})");
  EXPECT_EQ(send(lithic(body), 1).body, R"({"result":"APPROVED","token":"tx_1"})");
  expect_balance(card, 1000, 0);
}

TEST_F(ProcessorRouteTest, LithicIsToldTheBalance) {
  serve();
  make_card("lithic-main", "lc_1");
  send(lithic(lithic_ask("e1", 4000)));
  EXPECT_EQ(send(lithic(lithic_ask("e2", 0, "BALANCE_INQUIRY", false, "lc_1", "tx_2"))).body,
            R"({"result":"APPROVED","token":"tx_2","balance":{"amount":6000,"available":6000}})");
}

TEST_F(ProcessorRouteTest, LithicsHistoryTakesEffectOnceHoweverOftenItComes) {
  serve();
  const string card = make_card("lithic-main", "lc_1");
  send(lithic(lithic_ask("e1", 4000)));
  const string authorization = lithic_event("e1", "AUTHORIZATION", 4000);
  const string clearing = lithic_event("e2", "CLEARING", 4500, "2026-11-23T15:00:05Z");
  EXPECT_EQ(send(lithic(lithic_told(4000, {authorization}))).body, R"({"received":true})");
  expect_balance(card, 4000, 0);
  for (unsigned loop = 0; loop < 3; ++loop) {
    EXPECT_EQ(send(lithic(lithic_told(0, {authorization, clearing})), loop).status, 200);
    expect_balance(card, 0, 4500);
  }
  // The shorter history again, behind the longer one.
  EXPECT_EQ(send(lithic(lithic_told(4000, {authorization}))).status, 200);
  expect_balance(card, 0, 4500);
}

TEST_F(ProcessorRouteTest, LithicsWordAgainstOursWins) {
  serve();
  const string card = make_card("lithic-main", "lc_1");
  send(lithic(lithic_ask("e1", 4000)));
  send(lithic(lithic_told(0, {lithic_event("e1", "AUTHORIZATION", 4000, "2026-11-23T15:00:00Z", "DECLINED")})));
  expect_balance(card, 0, 0);
  // Approved by the network, for more than the card has.
  send(lithic(lithic_ask("e3", 20'000, "AUTHORIZATION", false, "lc_1", "tx_1")));
  send(lithic(lithic_told(20'000, {lithic_event("e4", "AUTHORIZATION", 20'000, "2026-11-23T15:00:01Z")})));
  expect_balance(card, 20'000, 0);
}

TEST_F(ProcessorRouteTest, WhatIsOlderThanMessagesAreRememberedIsNotAppliedAgainBehindItsNews) {
  serve();
  const string card = make_card("lithic-main", "lc_1");
  const string old = lithic_event("e1", "CLEARING", 700, "2026-11-16T14:59:59Z");
  EXPECT_EQ(send(lithic(lithic_told(0, {old, lithic_event("e2", "CLEARING", 50)}))).status, 200);
  expect_balance(card, 0, 50);
  // By itself it is the news.
  EXPECT_EQ(send(lithic(lithic_told(0, {old}))).status, 200);
  expect_balance(card, 0, 750);
}

TEST_F(ProcessorRouteTest, NewsThatIsNotDurableIsAskedForAgain) {
  serve();
  const string card = make_card("lithic-main", "lc_1");
  api_.journal.set_health(engine::JournalHealth::out_of_space);
  const string body = lithic_told(0, {lithic_event("e1", "CLEARING", 700)});
  const FakeExchange& refused = send(lithic(body));
  EXPECT_EQ(refused.status, 503);
  api_.journal.set_health(engine::JournalHealth::ready);
  EXPECT_EQ(send(lithic(body)).status, 200);
  expect_balance(card, 0, 700);
}

TEST_F(ProcessorRouteTest, NewsInAnotherCurrencyThanTheCardsHasNoEffect) {
  serve();
  const string card = make_card("lithic-main", "lc_1");
  string body = lithic_told(0, {lithic_event("e1", "CLEARING", 700)});
  body.replace(body.find(R"("amount":700,"currency":"USD")"), 29, R"("amount":700,"currency":"EUR")");
  EXPECT_EQ(send(lithic(body)).status, 200);
  expect_balance(card, 0, 0);
}

// ---- Marqeta

string marqeta_ask(const string& jit, const string& amount, const string& method = "pgfs.authorization",
                   const string& more = "", const string& card = "mc_1") {
  return R"({"token":"t-)" + jit + R"(","type":"authorization","card_token":")" + card +
         R"(","gpa_order":{"currency_code":"USD","jit_funding":{"token":")" + jit + R"(","method":")" + method +
         R"(","user_token":"u1","amount":)" + amount + "}" + more + R"(},"card_acceptor":{"mid":"m1","mcc":"5734"}})";
}

string marqeta_answer(const string& jit, const string& amount, const string& method = "pgfs.authorization",
                      const string& more = "") {
  return R"({"jit_funding":{"token":")" + jit + R"(","method":")" + method + R"(","user_token":"u1","amount":)" +
         amount + more + "}}";
}

TEST_F(ProcessorRouteTest, MarqetaIsAnsweredByTheStatusAndTheBody) {
  serve();
  const string card = make_card("marqeta-main", "mc_1");
  const FakeExchange& yes = send(gateway(marqeta_ask("j1", "40.5")), 1);
  EXPECT_EQ(yes.status, 200);
  EXPECT_EQ(yes.body, marqeta_answer("j1", "40.5"));
  const FakeExchange& again = send(gateway(marqeta_ask("j1", "40.5")), 2);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.body, yes.body);
  const FakeExchange& no = send(gateway(marqeta_ask("j2", "59.51")));
  EXPECT_EQ(no.status, 402);
  EXPECT_EQ(no.body, marqeta_answer("j2", "59.51", "pgfs.authorization",
                                    R"(,"decline_reason":"INSUFFICIENT_FUNDS","memo":"card_limit")"));
  const FakeExchange& other = send(gateway(marqeta_ask("j1", "41")));
  EXPECT_EQ(other.status, 402);
  EXPECT_NE(other.body.find("DUPLICATE_TRANSACTION"), string::npos);
  expect_balance(card, 4050, 0);
}

TEST_F(ProcessorRouteTest, MarqetaWithoutTheRightCredentialsIsNotHeard) {
  serve();
  const string card = make_card("marqeta-main", "mc_1");
  for (const string_view header : {"", "Basic", "Basic !!!!", "Bearer aG9sZGZhc3Q6Q29ycmVjdC1ob3JzZS03Nw==",
                                   "Basic aG9sZGZhc3Q6Q29ycmVjdC1ob3JzZS03OA=="}) {
    FakeRequest request = gateway(marqeta_ask("j1", "1"));
    request.headers.clear();
    if (!header.empty()) request.headers.emplace_back("Authorization", string(header));
    EXPECT_EQ(send(request).status, 401) << header;
  }
  expect_balance(card, 0, 0);
}

TEST_F(ProcessorRouteTest, MarqetasNewsHasToBeSignedAndItsQuestionsAreNot) {
  serve();
  const string ping = R"({"pings":[{"token":"marqeta","payload":"x"}]})";
  EXPECT_EQ(send(gateway(ping)).status, 401);
  const FakeExchange& pong = send(webhook(ping));
  EXPECT_EQ(pong.status, 200);
  EXPECT_EQ(pong.body, ping);
  FakeRequest forged = webhook(ping);
  forged.headers.back().second[0] ^= 1;
  EXPECT_EQ(send(forged).status, 401);
}

TEST_F(ProcessorRouteTest, MarqetaIsToldTheBalance) {
  serve();
  make_card("marqeta-main", "mc_1");
  EXPECT_EQ(send(gateway(marqeta_ask("j1", "0", "pgfs.balanceinquiry"))).body,
            marqeta_answer("j1", "0", "pgfs.balanceinquiry",
                           R"(,"balances":{"USD":{"currency_code":"USD","ledger_balance":100.00,)"
                           R"("available_balance":100.00}})"));
}

TEST_F(ProcessorRouteTest, WhatMarqetaOnlyInformsOfIsRepeatedAndHasNoEffect) {
  serve();
  const string card = make_card("marqeta-main", "mc_1");
  const FakeExchange& answer = send(gateway(marqeta_ask("j1", "7.5", "pgfs.force_capture")));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, marqeta_answer("j1", "7.5", "pgfs.force_capture"));
  expect_balance(card, 0, 0);
}

string news(const string& transaction) {
  return R"({"transactions":[)" + transaction + "]}";
}

TEST_F(ProcessorRouteTest, MarqetasTimedOutAnswerLosesItsHold) {
  serve();
  const string card = make_card("marqeta-main", "mc_1");
  send(gateway(marqeta_ask("j1", "40")));
  expect_balance(card, 4000, 0);
  string timed_out = marqeta_ask("j1", "40", "pgfs.authorization", R"(,"funding":{"gateway_log":{"timed_out":true}})");
  timed_out.insert(1, R"("state":"DECLINED",)");
  EXPECT_EQ(send(webhook(news(timed_out))).status, 200);
  expect_balance(card, 0, 0);
}

TEST_F(ProcessorRouteTest, MarqetasChainOfMessagesIsOneAuthorization) {
  serve();
  const string card = make_card("marqeta-main", "mc_1");
  const string chain = R"(,"original_jit_funding_token":"j1")";
  const auto with_chain = [&](const string& jit, const string& amount, const string& method) {
    string body = marqeta_ask(jit, amount, method);
    body.insert(body.find(R"(,"method":)"), chain);
    return body;
  };
  send(gateway(marqeta_ask("j1", "40")));
  send(gateway(with_chain("j2", "10", "pgfs.authorization.incremental")));
  expect_balance(card, 5000, 0);
  send(webhook(news(with_chain("j3", "5", "pgfs.authorization.reversal"))));
  expect_balance(card, 4500, 0);
  const string clearing = news(with_chain("j4", "46.50", "pgfs.authorization.capture"));
  send(webhook(clearing));
  expect_balance(card, 0, 4650);
  send(webhook(clearing), 2);
  expect_balance(card, 0, 4650);
}

// ---- Stripe

string stripe_event(const string& id, const string& type, const string& object, int created = 1'795'446'000) {
  return R"({"id":")" + id + R"(","object":"event","api_version":"2025-03-31.basil","created":)" +
         std::to_string(created) + R"(,"type":")" + type + R"(","data":{"object":)" + object + "}}";
}
string stripe_authorization(const string& status, bool approved, int amount, const string& more = "") {
  return R"({"id":"iauth_1","card":{"id":"ic_1"},"currency":"usd","approved":)" + string(approved ? "true" : "false") +
         R"(,"amount":)" + std::to_string(amount) + R"(,"status":")" + status + "\"" + more + "}";
}
string stripe_ask(const string& id, int amount) {
  return stripe_event(
      id, "issuing_authorization.request",
      stripe_authorization("pending", false, 0,
                           R"(,"pending_request":{"currency":"usd","amount":)" + std::to_string(amount) + "}"));
}
string stripe_transaction(const string& id, int amount, const string& type = "capture",
                          const string& authorization = R"("iauth_1")") {
  return R"({"id":")" + id + R"(","card":"ic_1","currency":"usd","created":1795446001,"type":")" + type +
         R"(","authorization":)" + authorization + R"(,"amount":)" + std::to_string(amount) + "}";
}

class StripeRouteTest : public ProcessorRouteTest {
 protected:
  StripeRouteTest() {
    serve();
    card_ = make_card("stripe-main", "ic_1");
    EXPECT_EQ(send(stripe(stripe_ask("evt_1", 4000))).body, R"({"approved":true})");
    expect_balance(card_, 4000, 0);
  }
  void tell(const string& id, const string& type, const string& object, int created = 1'795'446'002) {
    const FakeExchange& answer = send(stripe(stripe_event(id, type, object, created)));
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, R"({"received":true})");
  }
  string card_;
};

TEST_F(StripeRouteTest, AnswersCarryTheVersion) {
  EXPECT_EQ(send(stripe(stripe_ask("evt_2", 1))).header("Stripe-Version"), "2025-03-31.basil");
}

TEST_F(StripeRouteTest, AnOutcomeThatDisagreesReleasesTheHold) {
  tell("evt_2", "issuing_authorization.created", stripe_authorization("closed", false, 4000));
  expect_balance(card_, 0, 0);
}

TEST_F(StripeRouteTest, AnUpdateSaysWhatIsHeldAndAnOlderOneIsOvertaken) {
  tell("evt_2", "issuing_authorization.updated", stripe_authorization("pending", true, 2500), 1'795'446'010);
  expect_balance(card_, 2500, 0);
  tell("evt_3", "issuing_authorization.updated", stripe_authorization("pending", true, 4000), 1'795'446'009);
  expect_balance(card_, 2500, 0);
}

TEST_F(StripeRouteTest, ExpiryReleasesByTheStatus) {
  tell("evt_2", "issuing_authorization.updated", stripe_authorization("expired", true, 4000));
  expect_balance(card_, 0, 0);
  tell("evt_3", "issuing_transaction.created", stripe_transaction("ipi_1", -4000));
  expect_balance(card_, 0, 4000);
}

TEST_F(StripeRouteTest, ACaptureAndTheEndOfItsAuthorizationComeInAnyOrder) {
  const string closed =
      stripe_authorization("closed", true, 4000, R"(,"transactions":[)" + stripe_transaction("ipi_1", -3000) + "]");
  tell("evt_2", "issuing_authorization.updated", closed);
  expect_balance(card_, 0, 3000);
  tell("evt_3", "issuing_transaction.created", stripe_transaction("ipi_1", -3000));
  expect_balance(card_, 0, 3000);
}

TEST_F(StripeRouteTest, ACaptureAboveTheHoldAndAForcedOneArePostedInFull) {
  tell("evt_2", "issuing_transaction.created", stripe_transaction("ipi_1", -5000));
  expect_balance(card_, 0, 5000);
  tell("evt_3", "issuing_transaction.created", stripe_transaction("ipi_2", -9000, "capture", "null"));
  expect_balance(card_, 0, 14'000);
}

TEST_F(StripeRouteTest, ARefundDoesNotRearm) {
  tell("evt_2", "issuing_transaction.created", stripe_transaction("ipi_1", -4000));
  tell("evt_3", "issuing_transaction.created", stripe_transaction("ipi_2", 1500, "refund"));
  tell("evt_4", "issuing_transaction.created", stripe_transaction("ipi_3", 500, "refund", "null"));
  expect_balance(card_, 0, 4000);
}

// ---- Cards that nobody bound

TEST_F(ProcessorRouteTest, UnknownCardsAreDeclinedAndTheirNewsIsKept) {
  serve();
  EXPECT_EQ(send(lithic(lithic_ask("e1", 5))).body, R"({"result":"CARD_PAUSED","token":"tx_1"})");
  EXPECT_EQ(send(lithic(lithic_told(0, {lithic_event("e2", "CLEARING", 5)}))).status, 200);
}

TEST_F(ProcessorRouteTest, AnAdoptedCardHasItsLimitsFromTheFirstQuestion) {
  serve(true);
  EXPECT_EQ(send(lithic(lithic_ask("e1", 3001))).body, R"({"result":"VELOCITY_EXCEEDED","token":"tx_1"})");
  EXPECT_EQ(send(lithic(lithic_ask("e2", 3000, "AUTHORIZATION", false, "lc_1", "tx_2"))).body,
            R"({"result":"APPROVED","token":"tx_2"})");
  const string cards = api_.call({Method::get, "/api/v1/cards", "", {}}).body;
  EXPECT_EQ(at(cards, "/data/1"), "(absent)") << "one card";
  EXPECT_EQ(at(cards, "/data/0/processor"), R"({"endpoint":"lithic-main","card_id":"lc_1"})");
  EXPECT_EQ(at(cards, "/data/0/limits/0/held"), "3000");
}

TEST_F(ProcessorRouteTest, TwoFirstQuestionsAtOnceMakeOneCard) {
  serve(true);
  FakeExchange& a = api_.begin(lithic(lithic_ask("e1", 2000)), 1, "");
  FakeExchange& b = api_.begin(lithic(lithic_ask("e2", 2000, "AUTHORIZATION", false, "lc_1", "tx_2")), 2, "");
  api_.finish();
  const int approved =
      (a.body.find("APPROVED") != string::npos ? 1 : 0) + (b.body.find("APPROVED") != string::npos ? 1 : 0);
  EXPECT_EQ(approved, 1) << a.body << b.body;
  EXPECT_EQ(at(api_.call({Method::get, "/api/v1/cards", "", {}}).body, "/data/1"), "(absent)");
}

TEST_F(ProcessorRouteTest, NewsOfAnUnknownCardAdoptsItAndTakesEffect) {
  serve(true);
  EXPECT_EQ(send(lithic(lithic_told(0, {lithic_event("e1", "CLEARING", 5), lithic_event("e2", "CLEARING", 7)}))).status,
            200);
  EXPECT_EQ(at(api_.call({Method::get, "/api/v1/cards", "", {}}).body, "/data/0/limits/0/posted"), "12");
}

// ---- What cannot be read

TEST_F(ProcessorRouteTest, ABodyThatCannotBeReadIsRefusedAndCounted) {
  serve();
  EXPECT_EQ(send(lithic("{")).status, 400);
  EXPECT_EQ(send(gateway("[]")).status, 400);
  EXPECT_EQ(send(stripe("{}")).status, 400);
  std::uint64_t malformed = 0;
  for (const DecisionCounters& each : counters_)
    malformed += each.malformed.get();
  EXPECT_EQ(malformed, 3U);
}

}  // namespace
}  // namespace holdfast::net
