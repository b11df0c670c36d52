#include "net/follow_up_routes.h"

#include "tests/net/api_fixture.h"

namespace holdfast::net {
namespace {

FakeRequest post(std::string path, std::string body) {
  return {Method::post, "/api/v1/" + std::move(path), std::move(body), {}};
}

class FollowUpRoutesTest : public ::testing::Test {
 protected:
  FollowUpRoutesTest() { card_ = made_card(R"({"label":"agent","limit_usd":100})"); }

  std::string made_card(std::string body) {
    const FakeExchange& answer = api_.call(post("cards", std::move(body)));
    EXPECT_EQ(answer.status, 201) << answer.body;
    return text_at(answer.body, "/id");
  }
  std::string request_for(std::string_view id, int amount) const {
    return R"({"id":")" + std::string(id) + R"(","card":")" + card_ + R"(","amount":)" + std::to_string(amount) +
           R"(,"currency":"USD","merchant":{"id":"m_77","name":"OpenAI","category":"5734","country":"US"}})";
  }
  void authorize(std::string_view id, int amount) {
    const FakeExchange& answer = api_.call(post("authorizations", request_for(id, amount)));
    EXPECT_EQ(at(answer.body, "/approved"), "true") << answer.body;
  }
  const FakeExchange& step(std::string_view id, std::string_view what, std::string body, unsigned loop = 0) {
    return api_.call(post("authorizations/" + std::string(id) + '/' + std::string(what), std::move(body)), loop);
  }
  std::string shown(std::string_view id) {
    return api_.call({Method::get, "/api/v1/authorizations/" + std::string(id), {}, {}}).body;
  }
  // The figures of the card's one limit.
  std::string figures() {
    const std::string card = api_.call({Method::get, "/api/v1/cards/" + card_, {}, {}}).body;
    return at(card, "/limits/0/held") + ' ' + at(card, "/limits/0/posted");
  }
  static std::string figures_of(const FakeExchange& answer) {
    EXPECT_EQ(answer.status, 200) << answer.body;
    std::string figures = text_at(answer.body, "/status");
    for (const std::string_view name : {"/held", "/captured", "/refunded", "/released", "/posted"})
      figures += ' ' + at(answer.body, name);
    for (const std::string_view name : {"/forced", "/over_capture", "/over_limit"})
      if (at(answer.body, name) == "true") figures += ' ' + std::string(name.substr(1));
    return figures;
  }
  static std::string refusal_of(const FakeExchange& answer) {
    return std::to_string(answer.status) + ' ' + text_at(answer.body, "/code");
  }

  Api api_;
  std::string card_;
};

TEST_F(FollowUpRoutesTest, ACaptureReleasesTheRestUnlessMoreWillCome) {
  authorize("a", 1000);
  EXPECT_EQ(figures_of(step("a", "capture", R"({"id":"c1","amount":300,"final":false})")), "pending 700 300 0 300 300");
  EXPECT_EQ(figures(), "700 300");
  EXPECT_EQ(figures_of(step("a", "capture", R"({"id":"c2","amount":200})")), "closed 0 500 0 700 200");
  EXPECT_EQ(figures(), "0 500");
  authorize("b", 1000);
  EXPECT_EQ(figures_of(step("b", "capture", R"({"id":"c3"})")), "closed 0 1000 0 1000 1000");
  EXPECT_EQ(figures(), "0 1500");
}

TEST_F(FollowUpRoutesTest, ACaptureOfMoreThanWasHeldIsPostedInFull) {
  authorize("a", 9000);
  EXPECT_EQ(figures_of(step("a", "capture", R"({"id":"c1","amount":12000})")),
            "closed 0 12000 0 9000 12000 over_capture over_limit");
  EXPECT_EQ(figures(), "0 12000");
}

TEST_F(FollowUpRoutesTest, AReversalGivesBackNoMoreThanIsHeld) {
  authorize("a", 1000);
  EXPECT_EQ(figures_of(step("a", "reverse", R"({"id":"r1","amount":400})")), "pending 600 0 0 400 0");
  EXPECT_EQ(figures_of(step("a", "reverse", R"({"id":"r2","amount":5000})")), "reversed 0 0 0 600 0");
  EXPECT_EQ(figures(), "0 0");
  EXPECT_EQ(refusal_of(step("a", "reverse", R"({"id":"r3"})")), "409 authorization_not_pending");
  EXPECT_EQ(refusal_of(step("a", "expire", R"({"id":"r4"})")), "409 authorization_not_pending");
}

TEST_F(FollowUpRoutesTest, ACaptureOfWhatIsOverIsForced) {
  authorize("a", 1000);
  EXPECT_EQ(figures_of(step("a", "expire", R"({"id":"e1"})")), "expired 0 0 0 1000 0");
  EXPECT_EQ(refusal_of(step("a", "capture", R"({"id":"c0"})")), "409 nothing_to_capture");
  EXPECT_EQ(figures_of(step("a", "capture", R"({"id":"c1","amount":700})")), "closed 0 700 0 0 700 forced");
  EXPECT_EQ(figures(), "0 700");
}

TEST_F(FollowUpRoutesTest, ARefundRestoresOnlyWhereItIsAllowedTo) {
  authorize("a", 1000);
  EXPECT_EQ(refusal_of(step("a", "refund", R"({"id":"f0"})")), "409 nothing_to_refund");
  step("a", "capture", R"({"id":"c1"})");
  EXPECT_EQ(figures_of(step("a", "refund", R"({"id":"f1","amount":300})")), "closed 0 1000 300 0 -300");
  EXPECT_EQ(figures(), "0 1000");
  EXPECT_EQ(figures_of(step("a", "refund", R"({"id":"f2"})")), "closed 0 1000 1000 0 -700");
  EXPECT_EQ(figures_of(step("a", "reverse_refund", R"({"id":"f3","amount":400})")), "closed 0 1000 600 0 400");
  EXPECT_EQ(figures_of(step("a", "reverse_refund", R"({"id":"f4"})")), "closed 0 1000 0 0 600");
  EXPECT_EQ(refusal_of(step("a", "reverse_refund", R"({"id":"f5"})")), "409 nothing_refunded");
  card_ = made_card(R"({"label":"restores","limit_usd":100,"refunds_restore":true})");
  authorize("b", 1000);
  step("b", "capture", R"({"id":"c2"})");
  step("b", "refund", R"({"id":"f6","amount":300})");
  EXPECT_EQ(figures(), "0 700");
  step("b", "reverse_refund", R"({"id":"f7"})");
  EXPECT_EQ(figures(), "0 1000");
}

TEST_F(FollowUpRoutesTest, ARepeatGetsTheSameBytesOnEveryLoopAndAfterARestart) {
  authorize("a", 1000);
  const std::string body = R"({"id":"c1","amount":300,"final":false})";
  const std::string first = step("a", "capture", body).body;
  step("a", "reverse", R"({"id":"r1"})");
  const std::size_t records = api_.journal.durable().size();
  for (unsigned loop = 0; loop < Api::kLoops; ++loop)
    EXPECT_EQ(step("a", "capture", body, loop).body, first);
  EXPECT_EQ(step("a", "capture", R"({ "final" : false, "amount": 300, "id": "c1" })").body, first) << "same content";
  Api restarted(api_.journal.durable());
  EXPECT_EQ(restarted.call(post("authorizations/a/capture", body), 1).body, first);
  // A header may give the id.
  FakeRequest with_header = post("authorizations/a/capture", R"({"amount":300,"final":false})");
  with_header.headers.emplace_back("Idempotency-Key", "c1");
  EXPECT_EQ(api_.call(with_header).body, first);
  EXPECT_EQ(api_.journal.durable().size(), records);
}

TEST_F(FollowUpRoutesTest, AnIdStandsForOneMessageOnly) {
  authorize("a", 1000);
  authorize("b", 1000);
  step("a", "capture", R"({"id":"c1","amount":300,"final":false})");
  EXPECT_EQ(refusal_of(step("a", "capture", R"({"id":"c1","amount":301,"final":false})")), "409 idempotency_conflict");
  EXPECT_EQ(refusal_of(step("a", "capture", R"({"id":"c1","amount":300})")), "409 idempotency_conflict");
  EXPECT_EQ(refusal_of(step("a", "reverse", R"({"id":"c1","amount":300})")), "409 idempotency_conflict");
  EXPECT_EQ(refusal_of(step("b", "capture", R"({"id":"c1","amount":300,"final":false})")), "409 idempotency_conflict");
  EXPECT_EQ(refusal_of(step("a", "capture", R"({"id":"a","amount":300})")), "409 idempotency_conflict");
  EXPECT_EQ(refusal_of(step("a", "increment", R"({"id":"c1","amount":300})")), "409 idempotency_conflict");
  EXPECT_EQ(figures(), "1700 300");
}

TEST_F(FollowUpRoutesTest, TellsWhatIsNotThere) {
  for (const std::string what : {"capture", "reverse", "refund", "reverse_refund", "increment"}) {
    EXPECT_EQ(refusal_of(step("nobody", what, R"({"id":"x1","amount":5})")), "404 authorization_not_found") << what;
  }
  EXPECT_EQ(refusal_of(step("nobody", "expire", R"({"id":"x1"})")), "404 authorization_not_found");
  authorize("a", 1000);
  EXPECT_EQ(step("a", "capture", R"({"id":"x1","amount":5})").status, 200) << "what was refused keeps no id";
}

TEST_F(FollowUpRoutesTest, RefusesWhatItDoesNotUnderstand) {
  authorize("a", 1000);
  const std::pair<std::string, std::string> bad[] = {
      {"capture", ""},
      {"capture", "{}"},
      {"capture", R"({"id":""})"},
      {"capture", R"({"id":"c 1"})"},
      {"capture", R"({"id":"c1","amount":0})"},
      {"capture", R"({"id":"c1","amount":-5})"},
      {"capture", R"({"id":"c1","amount":1.5})"},
      {"capture", R"({"id":"c1","ammount":5})"},
      {"capture", R"({"id":"c1","final":1})"},
      {"reverse", R"({"id":"c1","final":true})"},
      {"expire", R"({"id":"c1","amount":5})"},
      {"increment", R"({"id":"c1"})"},
      {"increment", R"({"id":"c1","amount":0})"},
  };
  for (const auto& [what, body] : bad)
    EXPECT_EQ(step("a", what, body).status, 400) << what << ' ' << body;
  EXPECT_EQ(figures(), "1000 0");
}

TEST_F(FollowUpRoutesTest, PromisesNothingThatTheJournalCannotTake) {
  authorize("a", 1000);
  api_.journal.set_health(engine::JournalHealth::out_of_space);
  EXPECT_EQ(refusal_of(step("a", "capture", R"({"id":"c1"})")), "503 storage_unavailable");
  api_.journal.set_health(engine::JournalHealth::ready);
  EXPECT_EQ(figures(), "1000 0");
  FakeExchange& answer = api_.begin(post("authorizations/a/capture", R"({"id":"c1"})"));
  EXPECT_EQ(answer.status, 0) << "not durable yet";
  EXPECT_EQ(refusal_of(api_.begin(post("authorizations/a/capture", R"({"id":"c1"})"), 1)),
            "409 idempotency_in_progress");
  api_.finish();
  EXPECT_EQ(answer.status, 200);
}

// ---- Increments

TEST_F(FollowUpRoutesTest, AnIncrementIsDecidedLikeAnyRequest) {
  authorize("a", 6000);
  const FakeExchange& more = step("a", "increment", R"({"id":"i1","amount":3000})");
  EXPECT_EQ(at(more.body, "/approved"), "true") << more.body;
  EXPECT_EQ(text_at(more.body, "/id"), "a");
  EXPECT_EQ(at(more.body, "/approved_amount"), "3000");
  EXPECT_EQ(at(more.body, "/held"), "9000");
  const FakeExchange& too_much = step("a", "increment", R"({"id":"i2","amount":1001})");
  EXPECT_EQ(text_at(too_much.body, "/decline_reason"), "card_limit");
  EXPECT_EQ(text_at(too_much.body, "/declined_by/node"), card_);
  EXPECT_EQ(at(too_much.body, "/would_approve"), "1000");
  EXPECT_EQ(at(too_much.body, "/held"), "9000");
  EXPECT_EQ(text_at(too_much.body, "/status"), "pending");
  EXPECT_EQ(figures(), "9000 0");
  // What became of the authorization does not change what was answered.
  const std::string first = more.body;
  const std::string second = too_much.body;
  step("a", "reverse", R"({"id":"r1"})");
  EXPECT_EQ(step("a", "increment", R"({"id":"i1","amount":3000})", 1).body, first);
  EXPECT_EQ(step("a", "increment", R"({"id":"i2","amount":1001})", 2).body, second);
  EXPECT_EQ(refusal_of(step("a", "increment", R"({"id":"i3","amount":1})")), "409 authorization_not_pending");
  EXPECT_EQ(refusal_of(step("a", "increment", R"({"id":"i1","amount":3001})")), "409 idempotency_conflict");
}

TEST_F(FollowUpRoutesTest, AnIncrementHasTheMerchantOfTheFirstRequest) {
  card_ = made_card(R"({"label":"one shop","limit_usd":100,"controls":{"allowed_merchants":["m_77"]}})");
  authorize("a", 1000);
  EXPECT_EQ(at(step("a", "increment", R"({"id":"i1","amount":500})").body, "/approved"), "true");
  // Without the record nobody knows the merchant: then it is none that is allowed.
  api_.archive.lose();
  EXPECT_EQ(text_at(step("a", "increment", R"({"id":"i2","amount":500})").body, "/decline_reason"),
            "merchant_not_allowed");
}

TEST_F(FollowUpRoutesTest, AnIncrementOfADeclinedRequestIsNone) {
  EXPECT_EQ(at(api_.call(post("authorizations", request_for("a", 10'001))).body, "/approved"), "false");
  EXPECT_EQ(refusal_of(step("a", "increment", R"({"id":"i1","amount":1})")), "409 authorization_not_pending");
}

// ---- Postings

TEST_F(FollowUpRoutesTest, APostingIsNeverRefused) {
  EXPECT_EQ(api_.call(post("cards/" + card_ + "/close", "")).status, 200);
  const std::string body = request_for("p1", 20'000);
  const FakeExchange& answer = api_.call(post("postings", body));
  EXPECT_EQ(figures_of(answer), "closed 0 20000 0 0 20000 forced over_limit");
  EXPECT_EQ(text_at(answer.body, "/id"), "p1");
  EXPECT_EQ(text_at(answer.body, "/card"), card_);
  const std::string first = answer.body;
  EXPECT_EQ(api_.call(post("postings", body), 1).body, first);
  EXPECT_EQ(refusal_of(api_.call(post("postings", request_for("p1", 20'001)))), "409 idempotency_conflict");
  EXPECT_EQ(figures(), "0 20000");
  const std::string found = shown("p1");
  EXPECT_EQ(text_at(found, "/status"), "closed");
  EXPECT_EQ(at(found, "/amount"), "20000");
  EXPECT_EQ(text_at(found, "/currency"), "USD");
  EXPECT_EQ(text_at(found, "/merchant/id"), "m_77");
  EXPECT_EQ(text_at(found, "/history/0/type"), "post");
  EXPECT_EQ(at(found, "/history/1"), "(absent)");
  EXPECT_EQ(figures_of(step("p1", "refund", R"({"id":"f1","amount":50})")), "closed 0 20000 50 0 -50");
}

TEST_F(FollowUpRoutesTest, APostingNeedsACardAndItsCurrency) {
  std::string other_currency = request_for("p1", 5);
  other_currency.replace(other_currency.find("USD"), 3, "EUR");
  EXPECT_EQ(refusal_of(api_.call(post("postings", other_currency))), "400 currency_mismatch");
  card_ = "card_01J9ZK3Q6T8V5W2X4Y6Z8A0B1C";
  EXPECT_EQ(refusal_of(api_.call(post("postings", request_for("p1", 5)))), "404 card_not_found");
  EXPECT_EQ(api_.call(post("postings", R"({"id":"p1","amount":5,"currency":"USD"})")).status, 400);
}

// ---- History

TEST_F(FollowUpRoutesTest, ShowsAllThatHappened) {
  authorize("a", 1000);
  step("a", "increment", R"({"id":"i1","amount":9001})");
  step("a", "increment", R"({"id":"i2","amount":500})");
  step("a", "capture", R"({"id":"c1","amount":1600})");
  step("a", "refund", R"({"id":"f1","amount":100})");
  const std::string found = shown("a");
  EXPECT_EQ(text_at(found, "/card"), card_);
  EXPECT_EQ(at(found, "/approved_amount"), "1500");
  EXPECT_EQ(at(found, "/captured"), "1600");
  const std::pair<std::string, std::string> events[] = {
      {"authorization", "1000"}, {"incremental", "0"}, {"incremental", "500"}, {"capture", "1600"}, {"refund", "100"}};
  for (std::size_t i = 0; i < std::size(events); ++i) {
    const std::string place = "/history/" + std::to_string(i);
    EXPECT_EQ(text_at(found, place + "/type"), events[i].first);
    EXPECT_EQ(at(found, place + "/amount"), events[i].second);
  }
  EXPECT_EQ(at(found, "/history/5"), "(absent)");
  EXPECT_EQ(text_at(found, "/history/1/decline_reason"), "card_limit");
  EXPECT_EQ(at(found, "/history/3/flags"), R"(["over_capture"])");
  EXPECT_EQ(at(found, "/history/0/flags"), "[]");
}

}  // namespace
}  // namespace holdfast::net
