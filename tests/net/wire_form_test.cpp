// What the simulator sends is what the codecs read: random payments, told by each processor's form and heard by its
// codec, with the signatures that its endpoint verifies.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <random>

#include "allocation_count.h"
#include "net/native_codec.h"
#include "net/processors/lithic.h"
#include "net/processors/marqeta.h"
#include "net/processors/signature.h"
#include "net/processors/stripe.h"
#include "net/simulator/wire_form.h"

namespace holdfast::net::simulator {
namespace {

using engine::AdviceKind;
using engine::Processor;
using std::string;
using std::string_view;

constexpr string_view kSigningSecret = "whsec_dGhlIDMyIGJ5dGVzIG9mIGEgc2lnbmluZyBzZWNyZXQ=";
constexpr engine::Instant kNow = engine::from_millis(1'795'000'000'000);

Credentials credentials() {
  return {string(kSigningSecret), "holdfast", "Correct-horse-77"};
}

WireFormPtr form_of(Processor processor) {
  string problem;
  WireFormPtr form = make_wire_form(processor, credentials(), problem);
  EXPECT_NE(form, nullptr) << problem;
  return form;
}

Event decode(Processor processor, string_view body, JsonDocument& document) {
  switch (processor) {
    case Processor::stripe:
      return stripe::decode(body, document);
    case Processor::lithic:
      return lithic::decode(body, document);
    default:
      return marqeta::decode(body, document);
  }
}

string header(const Message& message, const string& name) {
  const std::size_t at = message.headers.find(name + ": ");
  if (at == string::npos) return {};
  const std::size_t begins = at + name.size() + 2;
  return message.headers.substr(begins, message.headers.find("\r\n", begins) - begins);
}

SignatureResult verify(Processor processor, const Message& message) {
  const std::array secrets{kSigningSecret};
  const std::array pairs{BasicAuthentication::Credentials{"holdfast", "Correct-horse-77"}};
  switch (processor) {
    case Processor::stripe:
      return StripeSignature(secrets).verify(header(message, "Stripe-Signature"), message.body, kNow);
    case Processor::lithic:
      return StandardSignature(secrets).verify(header(message, "webhook-id"), header(message, "webhook-timestamp"),
                                               header(message, "webhook-signature"), message.body, kNow);
    default:
      return BasicAuthentication(pairs).verify(header(message, "Authorization"));
  }
}

// Payments of any currency, country, category and text, with a sound history.
class RandomPayments {
 public:
  explicit RandomPayments(unsigned seed) : random_(seed) {}

  Payment asked() {
    Payment payment;
    payment.id = "pay-" + std::to_string(++count_);
    payment.card = pick(cards_);
    payment.currency = *engine::currency_from_alpha(pick(currencies_));
    payment.merchant = {pick(texts_), pick(texts_), static_cast<engine::CategoryCode>(below(10'000)),
                        *engine::country_from_text(pick(countries_))};
    payment.partial_approval = below(2) == 1;
    add(payment, Happening::authorize, amount());
    return payment;
  }
  void add(Payment& payment, Happening what, engine::Minor amount) {
    PaymentEvent event;
    event.what = what;
    event.id = payment.id + "-" + std::to_string(payment.events.size());
    event.amount = amount;
    event.final = below(2) == 1;
    event.at = kNow + std::chrono::seconds(payment.events.size());
    payment.events.push_back(event);
  }
  engine::Minor amount() { return static_cast<engine::Minor>(1 + below(1'000'000'000'000)); }
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

 private:
  string_view pick(const std::vector<string_view>& from) { return from[below(from.size())]; }

  std::mt19937_64 random_;
  int count_ = 0;
  std::vector<string_view> cards_{"ic_1", "c4d8e6f0-3377-4a19-b0a8-90be5512d6aa", "card \"quoted\" \\ here"};
  std::vector<string_view> currencies_{"USD", "JPY", "KWD", "EUR"};
  std::vector<string_view> countries_{"US", "NL", "JP"};
  std::vector<string_view> texts_{"731900000088412", "Caf\xC3\xA9 \"du Parc\"", "a\\b\nc", "x"};
};

void expect_same_question(const Payment& payment, const engine::AuthorizationRequest& read) {
  EXPECT_EQ(read.amount, payment.last().amount);
  EXPECT_EQ(read.currency, payment.currency);
  EXPECT_EQ(read.partial_approval, payment.partial_approval);
  EXPECT_EQ(read.merchant.id, payment.merchant.id);
  EXPECT_EQ(read.merchant.name, payment.merchant.name);
  EXPECT_EQ(read.merchant.category, payment.merchant.category);
  EXPECT_EQ(read.merchant.country, payment.merchant.country);
}

class EveryProcessor : public testing::TestWithParam<Processor> {
 protected:
  WireFormPtr form_ = form_of(GetParam());
  JsonDocument document_;
  Message message_;
};

TEST_P(EveryProcessor, IsAskedWhatTheFormAsks) {
  RandomPayments payments(1);
  for (int i = 0; i < 300; ++i) {
    Payment payment = payments.asked();
    form_->ask(message_, payment, kNow);
    EXPECT_EQ(verify(GetParam(), message_), SignatureResult::ok);
    Event event = decode(GetParam(), message_.body, document_);
    const auto* asked = std::get_if<Asked>(&event);
    ASSERT_NE(asked, nullptr) << message_.body;
    EXPECT_THAT(string(asked->message_id), testing::HasSubstr(payment.last().id));
    EXPECT_EQ(asked->request.card_reference, payment.card);
    EXPECT_FALSE(asked->request.incremental);
    expect_same_question(payment, asked->request);
    const string authorization(asked->request.authorization_id);

    payment.events.back().verdict = Verdict::approved;
    payments.add(payment, Happening::increment, payments.amount());
    form_->ask(message_, payment, kNow);
    event = decode(GetParam(), message_.body, document_);
    asked = std::get_if<Asked>(&event);
    ASSERT_NE(asked, nullptr) << message_.body;
    EXPECT_EQ(asked->request.authorization_id, authorization);
    EXPECT_THAT(string(asked->message_id), testing::HasSubstr(payment.last().id));
    expect_same_question(payment, asked->request);
  }
}

// A generator of load asks millions of times.
TEST_P(EveryProcessor, IsAskedWithoutAllocating) {
  Payment payment = RandomPayments(8).asked();
  form_->ask(message_, payment, kNow);
  const std::uint64_t before = allocations_of_this_thread();
  for (int i = 0; i < 100; ++i) {
    payment.events.back().amount = 1000 + i;
    form_->ask(message_, payment, kNow);
  }
  EXPECT_EQ(allocations_of_this_thread(), before);
}

// What the endpoint answers is read as it was meant.
TEST_P(EveryProcessor, IsReadAsItAnswers) {
  RandomPayments payments(2);
  for (int i = 0; i < 100; ++i) {
    Payment payment = payments.asked();
    payment.partial_approval = true;
    form_->ask(message_, payment, kNow);
    const Event event = decode(GetParam(), message_.body, document_);
    const Asked& asked = std::get<Asked>(event);
    for (const bool approves : {true, false}) {
      engine::Decision decision;
      if (approves) decision.approved_amount = payment.last().amount - (payment.last().amount > 1 ? i % 2 : 0);
      if (!approves) decision.reason = engine::Reason::count_limit;
      string body;
      int status = 200;
      if (GetParam() == Processor::stripe) stripe::append_answer(body, decision, asked.request);
      if (GetParam() == Processor::lithic) lithic::append_answer(body, asked, decision);
      if (GetParam() == Processor::marqeta) status = marqeta::append_answer(body, asked, decision);
      const Answer answer = form_->read(payment, status, body);
      EXPECT_EQ(answer.problem, "") << body;
      EXPECT_EQ(answer.approved, approves);
      EXPECT_EQ(answer.approved_amount, decision.approved_amount);
      EXPECT_EQ(form_->is_word_for(answer.reason, engine::Reason::count_limit), !approves) << answer.reason;
    }
  }
}

TEST_P(EveryProcessor, AnswersThatAreNoneHaveAProblem) {
  Payment payment = RandomPayments(3).asked();
  for (const auto& [status, body] : std::map<int, string>{{401, "{}"}, {200, "no JSON"}, {500, ""}, {503, "{}"}})
    EXPECT_NE(form_->read(payment, status, body).problem, "") << status;
  EXPECT_NE(form_->read(payment, 200, "{}").problem, "");
}

// The kinds of the steps that have an effect, of all messages about the last event; a repeat of one is left out.
std::vector<std::pair<AdviceKind, engine::Minor>> effects_of(Processor processor, WireForm& form,
                                                             const Payment& payment) {
  std::vector<Message> messages;
  form.tell(messages, payment, kNow);
  std::map<string, int> heard;
  std::vector<std::pair<AdviceKind, engine::Minor>> effects;
  for (const Message& message : messages) {
    EXPECT_EQ(verify(processor, message), SignatureResult::ok);
    JsonDocument document;
    const Event event = decode(processor, message.body, document);
    const auto* told = std::get_if<Told>(&event);
    if (told == nullptr) {
      ADD_FAILURE() << message.body;
      continue;
    }
    for (const ToldStep& step : told->steps) {
      if (!step.kind || heard[step.message_id]++ > 0) continue;
      EXPECT_EQ(step.currency, payment.currency);
      EXPECT_EQ(step.card_reference, payment.card);
      effects.emplace_back(*step.kind, step.amount);
    }
  }
  return effects;
}

// What is told of an event says what the event did: by its amount, or by what is held afterwards.
TEST_P(EveryProcessor, IsToldWhatHappened) {
  RandomPayments payments(4);
  for (int i = 0; i < 300; ++i) {
    Payment payment = payments.asked();
    payment.events.back().verdict = Verdict::approved;
    const engine::Minor amount = payment.last().amount;
    const auto follows = static_cast<Happening>(2 + payments.below(6));
    if (follows == Happening::post) payment.events.clear();
    payments.add(payment, follows, follows == Happening::reverse ? 1 + amount / 2 : amount);
    const auto effects = effects_of(GetParam(), *form_, payment);
    ASSERT_FALSE(effects.empty());
    const auto has = [&](AdviceKind kind, engine::Minor of) {
      EXPECT_THAT(effects, testing::Contains(std::pair(kind, of))) << static_cast<int>(follows);
    };
    switch (follows) {
      case Happening::capture:
        has(AdviceKind::capture, amount);
        break;
      case Happening::post:
        has(AdviceKind::post, amount);
        break;
      case Happening::refund:
        has(AdviceKind::refund, amount);
        break;
      case Happening::reverse_refund:
        has(AdviceKind::refund_reversal, amount);
        break;
      case Happening::expire:
        EXPECT_EQ(effects.back().first, AdviceKind::expire);
        break;
      default:
        if (GetParam() == Processor::marqeta) has(AdviceKind::reverse, payment.last().amount);
        if (GetParam() != Processor::marqeta && amount > 1) has(AdviceKind::set_hold, balance_of(payment).held);
    }
  }
}

// What the processor decided by itself.
TEST_P(EveryProcessor, IsToldOfOtherVerdicts) {
  RandomPayments payments(5);
  Payment payment = payments.asked();
  payment.events.back().verdict = Verdict::timed_out;
  EXPECT_EQ(effects_of(GetParam(), *form_, payment).back().first, AdviceKind::disown);
  payment.events.back().verdict = Verdict::stood_in;
  EXPECT_EQ(effects_of(GetParam(), *form_, payment).back(), std::pair(AdviceKind::set_hold, payment.last().amount));
}

INSTANTIATE_TEST_SUITE_P(Of, EveryProcessor, testing::Values(Processor::stripe, Processor::lithic, Processor::marqeta),
                         [](const auto& each) { return string(traits_of(each.param).name); });

TEST(NativeForm, AsksWhatTheInterfaceReads) {
  RandomPayments payments(6);
  const WireFormPtr form = form_of(Processor::native);
  JsonDocument document;
  Message message;
  for (int i = 0; i < 300; ++i) {
    const Payment payment = payments.asked();
    form->ask(message, payment, kNow);
    EXPECT_EQ(message.path, "/api/v1/authorizations");
    EXPECT_EQ(header(message, "Authorization"), "Bearer " + string(kSigningSecret));
    ASSERT_TRUE(document.parse(message.body));
    const native::Request read = native::decode(document.object());
    ASSERT_TRUE(document.ok()) << document.error().detail << message.body;
    EXPECT_EQ(read.id, payment.id);
    EXPECT_EQ(read.card, payment.card);
    expect_same_question(payment, read.authorization);
  }
}

TEST(NativeForm, FollowsUpByCalls) {
  RandomPayments payments(7);
  const WireFormPtr form = form_of(Processor::native);
  Payment payment = payments.asked();
  payment.events.back().verdict = Verdict::approved;
  std::vector<Message> told;
  form->tell(told, payment, kNow);
  EXPECT_TRUE(told.empty());
  payments.add(payment, Happening::capture, 7);
  form->tell(told, payment, kNow);
  payment.events.back().what = Happening::expire;
  form->tell(told, payment, kNow);
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0].path, "/api/v1/authorizations/pay-1/capture");
  EXPECT_THAT(told[0].body, testing::StartsWith(R"({"id":"pay-1-1","amount":7,"final":)"));
  EXPECT_EQ(told[1].path, "/api/v1/authorizations/pay-1/expire");
  EXPECT_EQ(told[1].body, R"({"id":"pay-1-1"})");
}

TEST(WireForm, SaysWhyCredentialsCannotBeUsed) {
  string problem;
  EXPECT_EQ(make_wire_form(Processor::lithic, {"not base64!", "", ""}, problem), nullptr);
  EXPECT_THAT(problem, testing::HasSubstr("base64"));
  EXPECT_EQ(make_wire_form(Processor::marqeta, {"", "name", ""}, problem), nullptr);
  EXPECT_THAT(problem, testing::HasSubstr("password"));
}

}  // namespace
}  // namespace holdfast::net::simulator
