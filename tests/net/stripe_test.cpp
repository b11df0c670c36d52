#include "net/processors/stripe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <variant>
#include <vector>

#include "fixture_file.h"

namespace holdfast::net::stripe {
namespace {

using std::string;
using std::string_view;

constexpr string_view kNode = "card_01K4Q0V7M3N8T5R2W9X6Y1Z0AB";

// A copy of `text` with the one place where `from` stands changed.
string with(string text, string_view from, string_view to) {
  const auto at = text.find(from);
  EXPECT_NE(at, string::npos) << from;
  if (at != string::npos) text.replace(at, from.size(), to);
  return text;
}

// ---- Decoding -------------------------------------------------------------------------------------------------------

TEST(StripeDecode, ReadsARealisticRequest) {
  const string body = fixture("stripe_request.json");
  JsonDocument document;
  const Event event = decode(body, document);
  const auto* got = std::get_if<Asked>(&event);
  ASSERT_NE(got, nullptr) << std::get<JsonError>(event).detail;
  EXPECT_EQ(got->message_id, "evt_1HfFirstAsk0000000000044");
  EXPECT_EQ(got->request.card_reference, "ic_1HfCrawlBudget000000022");
  EXPECT_EQ(got->request.amount, 1875);
}

TEST(StripeDecode, RefusesABodyCutAnywhere) {
  const string body = fixture("stripe_request.json");
  JsonDocument document;
  for (std::size_t size = 0; size < body.size(); ++size) {
    // A copy of its own, so that a sanitizer sees a read beyond the end.
    const std::vector<char> cut(body.begin(), body.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_TRUE(std::holds_alternative<JsonError>(decode({cut.data(), cut.size()}, document))) << size;
  }
}

TEST(StripeDecode, NeverReadsAnotherAmountFromADamagedBody) {
  const string body = fixture("stripe_request.json");
  JsonDocument document;
  std::mt19937 random(20260312);
  for (int round = 0; round < 20'000; ++round) {
    string damaged = body;
    const std::size_t at = random() % damaged.size();
    damaged[at] = static_cast<char>(random());
    const Event event = decode(damaged, document);
    const auto* got = std::get_if<Asked>(&event);
    if (got == nullptr) continue;
    EXPECT_GE(got->request.amount, 0);
    EXPECT_LE(got->request.cash_amount, got->request.amount);
    EXPECT_LE(got->request.authorization_id.size(), engine::kIdBytesMax);
    EXPECT_LE(got->request.merchant.name.size(), engine::kMerchantNameBytesMax);
  }
}

TEST(StripeDecode, RefusesADuplicateMemberAnywhere) {
  const string body = fixture("stripe_request.json");
  JsonDocument document;
  for (const string_view twice : {R"("amount":1875,)", R"("is_amount_controllable":false,)", R"("approved":false,)"}) {
    const Event event = decode(with(body, twice, string(twice) + string(twice)), document);
    const auto* error = std::get_if<JsonError>(&event);
    ASSERT_NE(error, nullptr) << twice;
    EXPECT_EQ(error->code, JsonErrorCode::duplicate_member);
  }
  const Event event = decode(with(body, R"("amount":1875,)", R"("amount":1875,"\u0061mount":1,)"), document);
  ASSERT_TRUE(std::holds_alternative<JsonError>(event));
  EXPECT_EQ(std::get<JsonError>(event).path, "data.object.pending_request.amount");
}

TEST(StripeDecode, LetsNoVersionThroughThatDoesNotFitAHeader) {
  const string body = fixture("stripe_request.json");
  JsonDocument document;
  for (const string_view version : {R"("2025\r\nX: y")", R"("a b")", R"("é")", "null", "7", R"("")"}) {
    const string other = with(body, R"("2025-03-31.basil")", version);
    const Event event = decode(other, document);
    const auto* got = std::get_if<Asked>(&event);
    ASSERT_NE(got, nullptr) << version;
    EXPECT_EQ(got->repeat[0], "") << version;
  }
  const string longest(kApiVersionBytesMax, '7');
  EXPECT_EQ(std::get<Asked>(decode(with(body, "2025-03-31.basil", longest), document)).repeat[0], longest);
  EXPECT_EQ(std::get<Asked>(decode(with(body, "2025-03-31.basil", longest + "7"), document)).repeat[0], "");
}

TEST(StripeDecode, CutsNamesBetweenCharacters) {
  const string body = fixture("stripe_request.json");
  JsonDocument document;
  for (const string_view character : {"x", "é", "€", "😀"}) {
    string name;
    for (std::size_t before = 0; before < character.size(); ++before) {
      name = string(before, '.');
      while (name.size() <= 2 * engine::kMerchantNameBytesMax)
        name += character;
      const Event event = decode(with(body, "POLDER VECTOR CLOUD", name), document);
      const auto* got = std::get_if<Asked>(&event);
      ASSERT_NE(got, nullptr);
      const string_view cut = got->request.merchant.name;
      EXPECT_LE(cut.size(), engine::kMerchantNameBytesMax);
      EXPECT_GT(cut.size() + character.size(), engine::kMerchantNameBytesMax);
      EXPECT_EQ((cut.size() - before) % character.size(), 0U);
      EXPECT_EQ(cut, string_view(name).substr(0, cut.size()));
    }
  }
}

TEST(StripeDecode, TakesAHistoryThatHasGrownLong) {
  const string body = fixture("stripe_request.json");
  string history = R"("request_history":[)";
  for (int i = 0; i < 200; ++i)
    history += R"({"amount":5,"approved":true,"reason":"webhook_approved"},)";
  history.back() = ']';
  JsonDocument document;
  const string grown = with(body, R"("request_history":[])", history);
  const Event event = decode(grown, document);
  ASSERT_TRUE(std::holds_alternative<Asked>(event));
  EXPECT_TRUE(std::get<Asked>(event).request.incremental);
}

// ---- Encoding -------------------------------------------------------------------------------------------------------

engine::AuthorizationRequest asked(engine::Minor amount, bool partial) {
  engine::AuthorizationRequest request;
  request.processor = engine::Processor::stripe;
  request.authorization_id = "iauth_1";
  request.card_reference = "ic_1";
  request.amount = amount;
  request.currency = engine::Currency{840};
  request.partial_approval = partial;
  return request;
}

string answer(const engine::Decision& decision, const engine::AuthorizationRequest& request,
              string_view declined_by = {}) {
  string out = "before:";
  append_answer(out, decision, request, declined_by);
  EXPECT_EQ(out.substr(0, 7), "before:");
  return out.substr(7);
}

// Stripe's rules for the body, read back by an ordinary parser.
void expect_acceptable(const string& body, const engine::Decision& decision,
                       const engine::AuthorizationRequest& request) {
  JsonDocument document;
  ASSERT_TRUE(document.parse(body)) << body;
  const JsonObject object = document.object();
  reject_unknown_members(object, {"approved", "amount", "metadata"});
  EXPECT_EQ(object.required_bool("approved"), decision.approved());
  const auto amount = object.optional_int64("amount", 1);
  EXPECT_EQ(amount.value_or(decision.approved() ? request.amount : 0), decision.approved_amount);
  EXPECT_TRUE(!amount || (decision.approved() && request.partial_approval));
  EXPECT_EQ(object.has("metadata"), !decision.approved());
  if (!decision.approved()) {
    const JsonObject metadata = object.required_object("metadata");
    EXPECT_LE(metadata.size(), 50U);
    metadata.for_each([](string_view name, const JsonValue& value) {
      EXPECT_LE(name.size(), 40U);
      EXPECT_FALSE(value.string(500).empty()) << name;
    });
    EXPECT_EQ(metadata.required_string("decline_reason", 40), engine::reason_name(decision.reason));
    EXPECT_EQ(metadata.required_string("response_code", 2),
              engine::response_code(decision.reason, decision.lifetime_limit));
    EXPECT_EQ(metadata.required_string("would_approve", 20), std::to_string(decision.would_approve));
  }
  EXPECT_TRUE(document.ok()) << document.error().detail << body;
}

TEST(StripeAnswer, SaysOfEveryDecisionWhatStripeAccepts) {
  constexpr auto kMost = std::numeric_limits<engine::Minor>::max();
  for (int reason = 0; reason < engine::kReasons; ++reason) {
    for (const engine::Minor would : {engine::Minor{0}, engine::Minor{1}, kMost}) {
      for (const auto retry_after : {engine::kNoInstant, engine::from_millis(0), engine::Instant::max()}) {
        engine::Decision decision;
        decision.reason = static_cast<engine::Reason>(reason);
        decision.lifetime_limit = would == 1;
        decision.would_approve = decision.approved() ? 0 : would;
        decision.approved_amount = decision.approved() ? kMost : 0;
        decision.retry_after = retry_after;
        decision.declined_by.limit = 7;
        const auto request = asked(kMost, true);
        expect_acceptable(answer(decision, request, kNode), decision, request);
      }
    }
  }
}

TEST(StripeAnswer, NamesAnAmountOnlyWhenItIsLess) {
  engine::Decision decision;
  for (const engine::Minor approved : {1, 639, 1874, 1875}) {
    decision.approved_amount = approved;
    const string body = answer(decision, asked(1875, true));
    expect_acceptable(body, decision, asked(1875, true));
    EXPECT_EQ(body.find("amount") == string::npos, approved == 1875);
  }
}

TEST(StripeAnswerDeathTest, NeverApprovesLessWhereStripeWouldHoldAll) {
  engine::Decision decision;
  decision.approved_amount = 640;
  EXPECT_DEATH(answer(decision, asked(1875, false)), "partial_approval");
  decision.approved_amount = 0;
  EXPECT_DEATH(answer(decision, asked(1875, true)), "approved_amount");
}

TEST(StripeAnswer, LeavesOutWhatIsNotKnown) {
  engine::Decision decision;
  decision.reason = engine::Reason::card_not_found;
  EXPECT_EQ(answer(decision, asked(5, false)),
            R"({"approved":false,"metadata":{"decline_reason":"card_not_found","response_code":"14",)"
            R"("retryable":"never","would_approve":"0"}})");
}

TEST(StripeAnswer, WritesTimesOfAnyDate) {
  engine::Decision decision;
  decision.reason = engine::Reason::count_limit;
  const auto time_of = [&](std::int64_t millis) {
    decision.retry_after = engine::from_millis(millis);
    JsonDocument document;
    EXPECT_TRUE(document.parse(answer(decision, asked(5, false))));
    return string(document.object().required_object("metadata").optional_string("retry_after", 30).value_or("none"));
  };
  EXPECT_EQ(time_of(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(time_of(-1), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(time_of(951'827'696'007), "2000-02-29T12:34:56.007Z");
  EXPECT_EQ(time_of(4'102'444'799'999), "2099-12-31T23:59:59.999Z");
  EXPECT_EQ(time_of(253'402'300'799'999), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(time_of(253'402'300'800'000), "none");
  EXPECT_EQ(time_of(-62'167'219'200'000), "0000-01-01T00:00:00.000Z");
  EXPECT_EQ(time_of(-62'167'219'200'001), "none");
}

TEST(StripeDecline, CarriesItsReasonAlone) {
  for (const auto& [reason, body] :
       {std::pair{engine::Reason::deadline_exceeded,
                  R"({"approved":false,"metadata":{"decline_reason":"deadline_exceeded","response_code":"91"}})"},
        std::pair{engine::Reason::overloaded,
                  R"({"approved":false,"metadata":{"decline_reason":"overloaded","response_code":"91"}})"},
        std::pair{engine::Reason::storage_unavailable,
                  R"({"approved":false,"metadata":{"decline_reason":"storage_unavailable","response_code":"96"}})"}}) {
    string out;
    append_decline(out, reason);
    EXPECT_EQ(out, body);
  }
}

TEST(StripeVersion, IsTheConfiguredOneElseTheEventsElseAKnownOne) {
  EXPECT_EQ(answer_version("2026-07-29.dahlia", "2024-06-20"), "2026-07-29.dahlia");
  EXPECT_EQ(answer_version("", "2024-06-20"), "2024-06-20");
  EXPECT_EQ(answer_version("", ""), kFallbackApiVersion);
}

}  // namespace
}  // namespace holdfast::net::stripe
