// Stripe's webhook from the outside: who signed is answered, who did not sees one kind of refusal and leaves no trace.
#include <set>

#include "tests/integration/api.h"
#include "tests/integration/stripe_event.h"

namespace holdfast::integration {
namespace {

class Stripe : public testing::Test {
 protected:
  Stripe() : sandbox_(stripe_config(R"("env:STRIPE_SIGNING_SECRET", "env:OLD_SECRET")")) {
    settings_ = with_stripe_secret({{"OLD_SECRET", "whsec_old"}});
    start();
    card_ = make_stripe_card(*native_, "ic_1", 10'000);
  }
  void start() {
    daemon_ = start_daemon(sandbox_, settings_);
    native_ = std::make_unique<HttpClient>(daemon_->port(), kAdminKey);
    stripe_ = std::make_unique<HttpClient>(daemon_->port());
  }
  HttpAnswer ask(const StripeEvent& event) { return post_stripe(*stripe_, event); }
  double refused(std::string_view cause) {
    return metric(*daemon_, "holdfast_signature_failures_total", "cause=\"" + std::string(cause) + "\"");
  }

  Sandbox sandbox_;
  Settings settings_;
  std::unique_ptr<DaemonProcess> daemon_;
  std::unique_ptr<HttpClient> native_;
  std::unique_ptr<HttpClient> stripe_;
  std::string card_;
};

// ---- Signatures

TEST_F(Stripe, RefusesEverySignatureThatIsNotOneWithOneAnswerAndJournalsNothing) {
  const std::string body = stripe_body({});
  const std::string good = stripe_signature(body);
  const std::size_t records = journal_records(sandbox_);
  const std::int64_t now = unix_time();
  const std::string wrong[] = {
      "",
      "nonsense",
      good.substr(0, good.size() - 1),
      good.substr(0, good.find(",")),
      good.substr(good.find(",") + 1),
      stripe_signature(body, "whsec_of_somebody_else"),
      stripe_signature(body + " "),
      // A second or two pass between here and there, so the edge in the future is left to the tests of the signature.
      stripe_signature(body, kStripeSecret, now - 302),
      stripe_signature(body, kStripeSecret, now + 310),
      "t=" + std::to_string(now) + ",v0=" + good.substr(good.find("v1=") + 3),
      "t=" + std::to_string(now + 1) + good.substr(good.find(",")),
  };
  std::set<std::string> codes;
  for (const std::string& signature : wrong) {
    HttpClient client(daemon_->port());
    const HttpAnswer answer = signature.empty() ? client.post(kStripePath, body) : post_stripe(client, body, signature);
    EXPECT_EQ(answer.status, 401) << signature;
    codes.insert(json_text(answer.body, "/code") + json_text(answer.body, "/detail"));
  }
  EXPECT_EQ(codes.size(), 1U) << "what was wrong is not told";
  EXPECT_EQ(journal_records(sandbox_), records);
  EXPECT_EQ(held(*native_, card_), 0);
  EXPECT_GE(refused("missing"), 1);
  EXPECT_GE(refused("malformed"), 3);
  EXPECT_EQ(refused("timestamp_too_old"), 1);
  EXPECT_EQ(refused("timestamp_in_future"), 1);
  EXPECT_GE(refused("mismatch"), 3);
  EXPECT_EQ(stripe_decline(post_stripe(*stripe_, body, good)), "") << "the body itself was fine";
}

TEST_F(Stripe, NeverApprovesWithAByteOfTheSignatureFlipped) {
  const std::string body = stripe_body({});
  const std::string good = stripe_signature(body);
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string flipped = good;
    flipped[at] = flipped[at] == '0' ? '1' : '0';
    HttpClient client(daemon_->port());
    EXPECT_EQ(post_stripe(client, body, flipped).status, 401) << flipped;
  }
  EXPECT_EQ(held(*native_, card_), 0);
}

TEST_F(Stripe, NeverApprovesWithAByteOfTheBodyFlipped) {
  const std::string body = stripe_body({});
  const std::string signature = stripe_signature(body);
  for (std::size_t at = 0; at < body.size(); at += 7) {
    std::string flipped = body;
    flipped[at] = static_cast<char>(flipped[at] ^ 1);
    HttpClient client(daemon_->port());
    EXPECT_EQ(post_stripe(client, flipped, signature).status, 401) << at;
  }
  EXPECT_EQ(held(*native_, card_), 0);
}

TEST_F(Stripe, TakesEitherOfTwoSecretsAndSeveralSignaturesInAHeader) {
  const std::string body = stripe_body({});
  EXPECT_EQ(stripe_decline(post_stripe(*stripe_, body, stripe_signature(body, "whsec_old"))), "");
  const std::string good = stripe_signature(body);
  const std::string other(64, 'a');
  EXPECT_EQ(post_stripe(*stripe_, body, good + ",v1=" + other).body, "{\"approved\":true}");
  EXPECT_EQ(post_stripe(*stripe_, body, stripe_signature(body, kStripeSecret, unix_time() - 290)).status, 200);
  EXPECT_EQ(held(*native_, card_), 1875) << "all were the same message";
}

// ---- Decisions

TEST_F(Stripe, ApprovesUpToTheLimitAndDeclinesPastItWithTheReasonInTheMetadata) {
  const HttpAnswer first = ask({.event_id = "evt_1", .authorization_id = "iauth_1", .amount = 9999});
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(first.body, "{\"approved\":true}");
  EXPECT_EQ(first.header("Stripe-Version"), "2025-03-31.basil");
  EXPECT_EQ(first.header("Content-Type"), "application/json");
  const HttpAnswer second = ask({.event_id = "evt_2", .authorization_id = "iauth_2", .amount = 2});
  EXPECT_EQ(second.status, 200);
  EXPECT_EQ(stripe_decline(second), "card_limit");
  EXPECT_EQ(json_text(second.body, "/metadata/would_approve"), "1");
  EXPECT_EQ(json_text(second.body, "/metadata/declined_by"), card_);
  EXPECT_EQ(json_text(second.body, "/metadata/declined_limit"), "0");
  EXPECT_EQ(held(*native_, card_), 9999);
}

TEST_F(Stripe, EchoesTheVersionOfTheEvent) {
  EXPECT_EQ(ask({.api_version = "2024-06-20"}).header("Stripe-Version"), "2024-06-20");
}

TEST_F(Stripe, ApprovesInPartOnlyWhatItMayControl) {
  EXPECT_EQ(stripe_decline(ask({.event_id = "evt_1", .authorization_id = "iauth_1", .amount = 10'001})), "card_limit");
  const HttpAnswer part =
      ask({.event_id = "evt_2", .authorization_id = "iauth_2", .amount = 10'001, .amount_controllable = true});
  EXPECT_EQ(part.body, "{\"approved\":true,\"amount\":10000}");
  EXPECT_EQ(held(*native_, card_), 10'000);
}

TEST_F(Stripe, AddsAnIncrementalToItsAuthorization) {
  EXPECT_EQ(stripe_decline(ask({.event_id = "evt_1", .amount = 4000})), "");
  EXPECT_EQ(stripe_decline(ask({.event_id = "evt_2", .amount = 5000, .approved_before = true})), "");
  EXPECT_EQ(held(*native_, card_), 9000);
  EXPECT_EQ(stripe_decline(ask({.event_id = "evt_3", .amount = 1001, .approved_before = true})), "card_limit");
  EXPECT_EQ(held(*native_, card_), 9000);
  const HttpAnswer shown = native_->get("/api/v1/authorizations/iauth_1");
  EXPECT_EQ(json_integer(shown.body, "/held"), 9000);
  EXPECT_EQ(json_size(shown.body, "/history"), 3U);
}

TEST_F(Stripe, DeclinesACardThatIsNotHere) {
  const HttpAnswer answer = ask({.card = "ic_of_nobody"});
  EXPECT_EQ(stripe_decline(answer), "card_not_found");
  EXPECT_EQ(json_text(answer.body, "/metadata/response_code"), "14");
  EXPECT_EQ(ask({.card = "ic_of_nobody"}).body, answer.body);
}

TEST_F(Stripe, DeclinesAnotherCurrencyAndAFrozenCard) {
  EXPECT_EQ(stripe_decline(ask({.event_id = "evt_1", .authorization_id = "iauth_1", .currency = "eur"})),
            "currency_mismatch");
  ASSERT_EQ(native_->post("/api/v1/cards/" + card_ + "/freeze", "").status, 200);
  EXPECT_EQ(stripe_decline(ask({.event_id = "evt_2", .authorization_id = "iauth_2"})), "card_frozen");
}

// ---- Repeats

TEST_F(Stripe, GivesARepeatTheSameBytesAlsoAfterAKill) {
  const HttpAnswer yes = ask({.event_id = "evt_1", .authorization_id = "iauth_1", .amount = 9000});
  const HttpAnswer no = ask({.event_id = "evt_2", .authorization_id = "iauth_2", .amount = 9000});
  const auto same_again = [&] {
    EXPECT_EQ(ask({.event_id = "evt_1", .authorization_id = "iauth_1", .amount = 9000}).body, yes.body);
    EXPECT_EQ(ask({.event_id = "evt_2", .authorization_id = "iauth_2", .amount = 9000}).body, no.body);
    EXPECT_EQ(held(*native_, card_), 9000);
  };
  same_again();
  EXPECT_EQ(metric(*daemon_, "holdfast_duplicates_total", "endpoint=\"stripe-main\""), 2);
  daemon_->kill();
  start();
  same_again();
}

TEST_F(Stripe, DeclinesAKnownEventWithOtherContentAndCountsIt) {
  ASSERT_EQ(stripe_decline(ask({.amount = 100})), "");
  const HttpAnswer conflict = ask({.amount = 101});
  EXPECT_EQ(stripe_decline(conflict), "idempotency_conflict");
  EXPECT_EQ(metric(*daemon_, "holdfast_conflicts_total", "endpoint=\"stripe-main\""), 1);
  EXPECT_EQ(held(*native_, card_), 100);
}

// ---- Other events, and what is none

TEST_F(Stripe, KeepsOtherEventsAndAnswersThem200) {
  const StripeEvent created = {.event_id = "evt_9", .type = "issuing_authorization.created"};
  const std::size_t records = journal_records(sandbox_);
  EXPECT_EQ(ask(created).status, 200);
  EXPECT_EQ(journal_records(sandbox_), records + 1);
  EXPECT_EQ(ask(created).status, 200);
  EXPECT_EQ(journal_records(sandbox_), records + 1) << "once";
  EXPECT_EQ(ask({.event_id = "evt_10", .type = "something.new.of.next.year"}).status, 200);
  EXPECT_EQ(journal_records(sandbox_), records + 2);
}

TEST_F(Stripe, AnswersASignedBodyThatIsNoEventWith400AndJournalsNothing) {
  const std::size_t records = journal_records(sandbox_);
  for (const std::string& body : {std::string("{}"), std::string("[]"), std::string("{\"id\":"), std::string("\0", 1),
                                  stripe_body({.amount = -1})}) {
    HttpClient client(daemon_->port());
    EXPECT_EQ(post_stripe(client, body, stripe_signature(body)).status, 400) << body;
  }
  EXPECT_EQ(journal_records(sandbox_), records);
}

}  // namespace
}  // namespace holdfast::integration
