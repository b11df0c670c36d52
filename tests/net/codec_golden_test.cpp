// Golden files of every processor: a message, what is read from it, and for a question a decision on it and the answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "fixture_file.h"
#include "net/processors/lithic.h"
#include "net/processors/marqeta.h"
#include "net/processors/stripe.h"
#include "net/rfc3339.h"

namespace holdfast::net {
namespace {

using simdjson::dom::element;
using std::string;
using std::string_view;

// ---- The processors, each with what its route will call -------------------------------------------------------------

struct Codec {
  const char* name;  // of its folder
  engine::Processor processor;
  Event (*decode)(string_view, JsonDocument&);
  int (*append_answer)(string&, const Asked&, const engine::Decision&, string_view declined_by, const wire::Balance*);
  std::size_t files_min;
};

const std::array<Codec, 3> kCodecs{{
    {"stripe", engine::Processor::stripe, stripe::decode,
     [](string& out, const Asked& asked, const engine::Decision& decision, string_view by, const wire::Balance*) {
       stripe::append_answer(out, decision, asked.request, by);
       return 200;
     },
     60},
    {"lithic", engine::Processor::lithic, lithic::decode,
     [](string& out, const Asked& asked, const engine::Decision& decision, string_view, const wire::Balance* balance) {
       lithic::append_answer(out, asked, decision, balance);
       return 200;
     },
     100},
    {"marqeta", engine::Processor::marqeta, marqeta::decode,
     [](string& out, const Asked& asked, const engine::Decision& decision, string_view, const wire::Balance* balance) {
       return marqeta::append_answer(out, asked, decision, balance);
     },
     130},
}};

std::vector<std::filesystem::path> files_of(const Codec& codec) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(tests_folder() / "golden" / codec.name)) {
    files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::optional<element> member(const element& object, const char* name) {
  element value;
  if (object[name].get(value) != simdjson::SUCCESS) return std::nullopt;
  return value;
}

// "text" where the exact characters count, a JSON value where they do not.
string body_of(const element& golden) {
  if (const auto text = member(golden, "text")) return string(string_view(*text));
  const auto event = member(golden, "event");
  return simdjson::minify(event ? *event : element(golden["message"]));
}

// Calls visit(body, golden) for each file.
template <class Visit>
void for_each_file(const Codec& codec, Visit&& visit) {
  const auto files = files_of(codec);
  EXPECT_GE(files.size(), codec.files_min);
  for (const auto& file : files) {
    SCOPED_TRACE(file.string());
    simdjson::dom::parser parser;
    const string text = read_file(file);
    element golden;
    ASSERT_EQ(parser.parse(text).get(golden), simdjson::SUCCESS);
    visit(body_of(golden), golden);
  }
}

// ---- What a file says -----------------------------------------------------------------------------------------------

std::int64_t integer_or(const element& object, const char* name, std::int64_t otherwise) {
  std::int64_t value = 0;
  return object[name].get(value) == simdjson::SUCCESS ? value : otherwise;
}

string_view text_or(const element& object, const char* name, string_view otherwise) {
  string_view value;
  return object[name].get(value) == simdjson::SUCCESS ? value : otherwise;
}

engine::Decision decision_of(const element& stated) {
  engine::Decision decision;
  decision.reason = engine::reason_from_name(text_or(stated, "reason", "")).value_or(engine::Reason::none);
  for (const auto retryable : {engine::Retryable::never, engine::Retryable::with_change, engine::Retryable::after}) {
    if (engine::retryable_name(retryable) == text_or(stated, "retryable", "never")) decision.retryable = retryable;
  }
  bool lifetime = false;
  decision.lifetime_limit = stated["lifetime_limit"].get(lifetime) == simdjson::SUCCESS && lifetime;
  decision.declined_by.limit = static_cast<std::int8_t>(integer_or(stated, "declined_limit", -1));
  decision.approved_amount = integer_or(stated, "approved_amount", 0);
  decision.would_approve = integer_or(stated, "would_approve", 0);
  const auto retry_after = integer_or(stated, "retry_after", -1);
  if (retry_after >= 0) decision.retry_after = engine::from_millis(retry_after);
  return decision;
}

std::optional<wire::Balance> balance_of(const element& golden) {
  const auto stated = member(golden, "balance");
  if (!stated) return std::nullopt;
  return wire::Balance{integer_or(*stated, "settled", 0), integer_or(*stated, "available", 0),
                       engine::currency_from_alpha(text_or(*stated, "currency", "")).value_or(engine::Currency{})};
}

string_view check_name(engine::Check check) {
  constexpr std::array<string_view, 3> kNames = {"not_provided", "match", "mismatch"};
  return kNames[static_cast<std::size_t>(check)];
}

void expect_category(const element& expected, engine::CategoryCode category) {
  EXPECT_EQ(category, expected.is_null() ? engine::kNoCategory : std::int64_t(expected));
}

void expect_request(const element& expected, const engine::AuthorizationRequest& request) {
  const auto text = [&](const char* name) { return string_view(expected[name]); };
  EXPECT_EQ(request.authorization_id, text("authorization_id"));
  EXPECT_EQ(request.card_reference, text("card_reference"));
  EXPECT_EQ(request.amount, std::int64_t(expected["amount"]));
  EXPECT_EQ(engine::alpha_code(request.currency), text("currency"));
  EXPECT_EQ(request.cash_amount, std::int64_t(expected["cash_amount"]));
  EXPECT_EQ(request.incremental, bool(expected["incremental"]));
  EXPECT_EQ(request.partial_approval, bool(expected["partial_approval"]));
  EXPECT_EQ(request.merchant.id, text("merchant_id"));
  EXPECT_EQ(request.merchant.name, text("merchant_name"));
  EXPECT_EQ(engine::alpha2(request.merchant.country), text("country"));
  expect_category(expected["category"], request.merchant.category);
  EXPECT_EQ(check_name(request.verification.cvc), text("cvc"));
  EXPECT_EQ(check_name(request.verification.expiry), text("expiry"));
  EXPECT_EQ(check_name(request.verification.address_line), text("address_line"));
  EXPECT_EQ(check_name(request.verification.postal_code), text("postal_code"));
}

// Members that a file does not name are not looked at, but for the effect.
void expect_step(const element& expected, const ToldStep& step) {
  const auto expect_text = [&](const char* name, string_view got) {
    if (const auto text = member(expected, name)) {
      EXPECT_EQ(got, string_view(*text)) << name;
    }
  };
  expect_text("message_id", step.message_id);
  expect_text("type", step.type);
  expect_text("object", step.object);
  if (const auto at = member(expected, "at")) {
    EXPECT_EQ(step.at, parse_rfc3339(string_view(*at)));
  }
  if (const auto at = member(expected, "at_seconds")) {
    EXPECT_EQ(engine::to_millis(step.at), std::int64_t(*at) * 1000);
  }
  const bool has_effect = !expected["kind"].is_null();
  ASSERT_EQ(step.kind.has_value(), has_effect);
  if (!has_effect) return;
  EXPECT_EQ(engine::advice_name(*step.kind), string_view(expected["kind"]));
  EXPECT_EQ(step.amount, integer_or(expected, "amount", 0));
  EXPECT_EQ(step.final, bool(expected["final"]));
  expect_text("authorization_id", step.authorization_id);
  expect_text("card_reference", step.card_reference);
  expect_text("currency", engine::alpha_code(step.currency));
  expect_text("merchant_id", step.merchant.id);
  if (const auto category = member(expected, "category")) expect_category(*category, step.merchant.category);
}

// ---- Every file -----------------------------------------------------------------------------------------------------

void expect_asked(const Codec& codec, const element& golden, const Event& event) {
  const auto* asked = std::get_if<Asked>(&event);
  ASSERT_NE(asked, nullptr);
  const auto envelope = member(golden, "event");
  EXPECT_EQ(asked->message_id, string_view(envelope ? (*envelope)["id"] : golden["request"]["message_id"]));
  if (envelope) {
    EXPECT_EQ(asked->repeat[0], string_view((*envelope)["api_version"]));
  }
  EXPECT_EQ(asked->request.processor, codec.processor);
  expect_request(golden["request"], asked->request);
  const auto balance = balance_of(golden);
  EXPECT_EQ(asked->wants_balance, balance.has_value());

  string answer;
  const element stated = golden["decision"];
  const int status = codec.append_answer(answer, *asked, decision_of(stated), text_or(stated, "declined_by", ""),
                                         balance ? &*balance : nullptr);
  EXPECT_EQ(answer, string_view(golden["answer"]));
  EXPECT_EQ(status, integer_or(golden, "status", 200));
}

void expect_told(const element& golden, const simdjson::dom::array& steps, const Event& event) {
  const auto* told = std::get_if<Told>(&event);
  ASSERT_NE(told, nullptr);
  EXPECT_EQ(told->answer, text_or(golden, "answer", ""));
  ASSERT_EQ(told->steps.size(), steps.size());
  std::size_t i = 0;
  for (const element expected : steps) {
    SCOPED_TRACE(i);
    expect_step(expected, told->steps[i++]);
  }
}

void expect_golden(const Codec& codec, const string& body, const element& golden) {
  JsonDocument document;
  const Event event = codec.decode(body, document);
  const auto* got = std::get_if<JsonError>(&event);
  if (const auto error = member(golden, "error")) {
    ASSERT_NE(got, nullptr);
    EXPECT_EQ(json_error_name(got->code), string_view((*error)["code"]));
    EXPECT_EQ(got->path, string_view((*error)["path"]));
    return;
  }
  ASSERT_EQ(got, nullptr) << got->detail;
  simdjson::dom::array steps;
  if (golden["steps"].get(steps) == simdjson::SUCCESS) return expect_told(golden, steps, event);
  const bool is_ping = member(golden, "ping").has_value();
  ASSERT_EQ(std::holds_alternative<Ping>(event), is_ping);
  if (!is_ping) expect_asked(codec, golden, event);
}

class CodecGolden : public testing::TestWithParam<Codec> {};

TEST_P(CodecGolden, EveryFileHolds) {
  for_each_file(GetParam(), [](const string& body, const element& golden) { expect_golden(GetParam(), body, golden); });
}

// What is cut is no JSON, whatever stood in it.
TEST_P(CodecGolden, EveryBodyCutAnywhereIsRefused) {
  JsonDocument document;
  for_each_file(GetParam(), [&](const string& body, const element&) {
    // Not every place of every file, but together all of each kind.
    for (std::size_t size = 0; size < body.size(); size += 1 + size % 7) {
      // A copy of its own, so that a sanitizer sees a read beyond the end.
      const std::vector<char> cut(body.begin(), body.begin() + static_cast<std::ptrdiff_t>(size));
      ASSERT_TRUE(std::holds_alternative<JsonError>(GetParam().decode({cut.data(), cut.size()}, document))) << size;
    }
  });
}

void expect_in_range(const ToldStep& step) {
  EXPECT_LE(step.message_id.size(), kMessageIdBytesMax);
  EXPECT_LE(step.type.size(), kEventTypeBytesMax);
  EXPECT_LE(step.object.size(), kObjectIdBytesMax);
  if (!step.kind) return;
  EXPECT_GE(step.amount, 0);
  EXPECT_FALSE(step.message_id.empty());
  EXPECT_FALSE(step.authorization_id.empty());
  EXPECT_LE(step.authorization_id.size(), engine::kIdBytesMax);
  EXPECT_FALSE(step.card_reference.empty());
  EXPECT_LE(step.card_reference.size(), engine::kIdBytesMax);
  EXPECT_LE(step.merchant.id.size(), engine::kMerchantIdBytesMax);
  EXPECT_LE(step.merchant.name.size(), engine::kMerchantNameBytesMax);
}

TEST_P(CodecGolden, WhatIsReadFromADamagedBodyKeepsEveryLimit) {
  JsonDocument document;
  std::mt19937 random(20260312);
  for_each_file(GetParam(), [&](const string& body, const element&) {
    for (int round = 0; round < 60; ++round) {
      string damaged = body;
      damaged[random() % damaged.size()] = static_cast<char>(random());
      const Event event = GetParam().decode(damaged, document);
      if (const auto* told = std::get_if<Told>(&event)) {
        EXPECT_FALSE(told->steps.empty());
        std::for_each(told->steps.begin(), told->steps.end(), expect_in_range);
      } else if (const auto* asked = std::get_if<Asked>(&event)) {
        EXPECT_GE(asked->request.amount, 0);
        EXPECT_GE(asked->request.cash_amount, 0);
        EXPECT_LE(asked->request.cash_amount, asked->request.amount);
        EXPECT_LE(asked->message_id.size(), kMessageIdBytesMax);
        EXPECT_FALSE(asked->request.authorization_id.empty());
        EXPECT_LE(asked->request.authorization_id.size(), engine::kIdBytesMax);
      }
    }
  });
}

// An answer is JSON that says what was decided, whatever was asked.
TEST_P(CodecGolden, EveryQuestionCanBeAnsweredEachWay) {
  JsonDocument document;
  JsonDocument answers;
  for_each_file(GetParam(), [&](const string& body, const element&) {
    const Event event = GetParam().decode(body, document);
    const auto* asked = std::get_if<Asked>(&event);
    if (asked == nullptr) return;
    for (int reason = 0; reason < engine::kReasons; ++reason) {
      engine::Decision decision;
      decision.reason = static_cast<engine::Reason>(reason);
      decision.approved_amount = decision.approved() ? asked->request.amount : 0;
      string answer;
      const int status = GetParam().append_answer(answer, *asked, decision, "", nullptr);
      ASSERT_TRUE(answers.parse(answer)) << answer;
      const JsonObject object = answers.object();
      const bool says_yes = object.has("approved")      ? object.required_bool("approved")
                            : object.has("jit_funding") ? status == marqeta::kApproved
                                                        : object.required_string("result", 40) == "APPROVED";
      EXPECT_EQ(says_yes, decision.approved()) << answer;
      EXPECT_TRUE(answers.ok()) << answer;
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Processors, CodecGolden, testing::ValuesIn(kCodecs),
                         [](const auto& each) { return string(each.param.name); });

// ---- Messages without an id -----------------------------------------------------------------------------------------

TEST(MessageId, IsTheSameForTheSameBodyOnly) {
  std::set<string> ids;
  for (const string_view body : {"{}", "{} ", "", "{\"a\":1}"}) {
    string once;
    string again;
    wire::append_message_id(once, "transaction", body);
    wire::append_message_id(again, "transaction", body);
    EXPECT_EQ(once, again);
    EXPECT_TRUE(once.starts_with("transaction:"));
    EXPECT_TRUE(ids.insert(once).second);
  }
  // printf '{}' | openssl dgst -sha256
  EXPECT_TRUE(ids.contains("transaction:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"));
}

TEST(MessageId, FitsWhateverItIsAbout) {
  string id;
  wire::append_message_id(id, string(1000, 'x'), "{}");
  EXPECT_EQ(id.size(), kMessageIdBytesMax);
}

// ---- Told times -----------------------------------------------------------------------------------------------------

TEST(ToldOf, IsTheTimeOfWhatSaysHowThingsStandOnly) {
  ToldStep step;
  step.at = engine::from_millis(77);
  using engine::AdviceKind;
  for (int kind = 0; kind < engine::kAdviceKinds; ++kind) {
    step.kind = static_cast<AdviceKind>(kind);
    const bool state =
        step.kind == AdviceKind::set_hold || step.kind == AdviceKind::expire || step.kind == AdviceKind::disown;
    EXPECT_EQ(told_of(step), state ? step.at : engine::kNoInstant) << kind;
  }
}

}  // namespace
}  // namespace holdfast::net
