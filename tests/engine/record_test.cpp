#include "engine/record.h"

#include <gtest/gtest.h>

#include <limits>

#include "engine/identifier.h"
#include "engine/row_codec.h"
#include "tests/engine/history.h"

namespace holdfast::engine {
namespace {

Bytes bytes_of(const Record& record) {
  std::vector<std::byte> buffer(kRecordBytesMax);
  const auto bytes = encode(record, buffer);
  return {bytes.begin(), bytes.end()};
}

NodeSettings full_settings() {
  NodeSettings settings;
  settings.label = "Claude API Agent";
  settings.limits = {{Limit::Form::amount, WindowKind::authorization, std::numeric_limits<std::int64_t>::max()},
                     {Limit::Form::count, WindowKind::lifetime, 0},
                     {Limit::Form::amount, WindowKind::rolling, 7, kRollingSecondsMax, {{3000, 3299}, {5734, 5734}}},
                     {Limit::Form::count, WindowKind::rolling, 7, kRollingSecondsMin}};
  settings.parent = kBudgetBit | 3;
  settings.max_authorizations = 12;
  settings.loop_breaker = {kDeclinesMax, kRepeatsMax, 60, 300};
  settings.controls.allowed_categories = {{0, 9999}, {5734, 5734}};
  settings.controls.blocked_categories = {{6011, 6011}};
  settings.controls.allowed_countries = {{250}};
  settings.controls.blocked_countries = {{276}, {840}};
  settings.controls.allowed_merchants = {"m_1", std::string(64, 'x')};
  settings.controls.blocked_merchants = {""};
  settings.controls.merchant_lock = true;
  settings.controls.cvc = CheckPolicy::require_match;
  settings.controls.expiry = CheckPolicy::ignore;
  settings.controls.address = CheckPolicy::decline_on_mismatch;
  settings.controls.cash = false;
  settings.controls.partial_approval = false;
  settings.time_zone = "Europe/Berlin";
  settings.week_start = Weekday::sunday;
  settings.expires_at = testing::kStart;
  settings.refunds_restore = true;
  settings.metadata = {{"team", "search"}, {"", std::string(500, 'v')}};
  return settings;
}

// One record of every type, with every optional part present.
std::vector<Record> all_records() {
  CreateNode create;
  create.node = 5;
  create.identity.id = {1, 2};
  create.identity.created_at = testing::kStart;
  create.identity.currency = {840};
  create.identity.processor_endpoint = "stripe-main";
  create.identity.processor_card = "ic_1";
  create.identity.number_hash = {3, 4};
  create.identity.number_attempt = 9;
  create.identity.last4 = "4242";
  create.identity.expiry_month = 11;
  create.identity.expiry_year = 2031;
  create.settings = full_settings();
  Authorize authorize{5, {}};
  authorize.request.processor = Processor::stripe;
  authorize.request.authorization_id = "iauth_1";
  authorize.request.amount = std::numeric_limits<Minor>::max();
  authorize.request.cash_amount = 1;
  authorize.request.currency = {840};
  authorize.request.incremental = true;
  authorize.request.partial_approval = true;
  authorize.request.merchant = {"m_1", "Shop \xE2\x82\xAC", 5734, {250}};
  authorize.request.verification = {Check::match, Check::mismatch, Check::not_provided, Check::match};
  Decision decision;
  decision.reason = Reason::card_limit;
  decision.retryable = Retryable::after;
  decision.lifetime_limit = true;
  decision.tripped = true;
  decision.declined_by = {5, 1};
  decision.would_approve = 99;
  decision.retry_after = testing::kStart + std::chrono::hours(9);
  decision.decided_at = testing::kStart + std::chrono::seconds(1);
  decision.authorized_at = testing::kStart - std::chrono::seconds(1);
  decision.held = 12;
  Authorize unknown = authorize;
  unknown.card = kNoNode;
  unknown.request.card_reference = "ic_unknown";
  AddKey add;
  add.id = {7, 8};
  add.role = 2;
  add.label = "ops";
  add.digest.fill(std::byte{0xAB});
  Advise advise{5, AdviceKind::disown, Processor::marqeta, "a-1", {3, 4}, kAll, true, testing::kStart, {}};
  advise.merchant = {"m_1", "Shop", 5734, {250}};
  AdviceOutcome outcome;
  outcome.status = AuthorizationStatus::reversed;
  outcome.flags = AdviceOutcome::kCorrection | AdviceOutcome::kOverLimit;
  outcome.released = -3;
  outcome.posted = 4;
  outcome.held = 5;
  outcome.captured = 6;
  outcome.refunded = 7;
  outcome.decided_at = testing::kStart + std::chrono::seconds(1);
  outcome.authorized_at = testing::kStart - std::chrono::seconds(1);
  add.node = kBudgetBit | 3;
  const MessageRef message{"stripe-main", "evt_1", 77};
  const Instant now = testing::kStart;
  return {
      {now, message, create, NodeOutcome{1}, "{\"stored\":true}"},
      {now, {}, ChangeNode{5, full_settings()}, NodeOutcome{2}, {}},
      {now, {}, SetNodeStatus{5, NodeStatus::closed}, NodeOutcome{3}, {}},
      {now, message, authorize, decision, {}},
      {now, message, unknown, decision, {}},
      {now,
       message,
       Withdraw{5, Processor::stripe, "iauth_1", 40, now - std::chrono::seconds(2), now - std::chrono::hours(2)},
       WithdrawOutcome{40, now},
       {}},
      {now, message, NoteEvent{"issuing_authorization.created", "iauth_1"}, std::monostate{}, {}},
      {now, {}, DefineZone{testing::test_zone()}, std::monostate{}, {}},
      {now, {}, add, std::monostate{}, {}},
      {now, {}, RemoveKey{{7, 8}}, std::monostate{}, {}},
      {now, message, advise, outcome, {}},
  };
}

TEST(Record, EveryTypeComesBackAndEncodesToTheSameBytes) {
  for (const Record& record : all_records()) {
    const Bytes bytes = bytes_of(record);
    ASSERT_FALSE(bytes.empty());
    const auto decoded = decode(bytes);
    ASSERT_TRUE(decoded) << "type " << record.command.index();
    EXPECT_EQ(bytes_of(*decoded), bytes) << "type " << record.command.index();
    EXPECT_EQ(decoded->outcome, record.outcome) << "type " << record.command.index();
    EXPECT_EQ(decoded->answer, record.answer);
    EXPECT_EQ(decoded->message.id, record.message.id);
    EXPECT_EQ(decoded->message.content, record.message.present() ? record.message.content : 0);
  }
}

TEST(Record, SettingsComeBackWhole) {
  const auto decoded = decode(bytes_of(all_records()[1]));
  EXPECT_EQ(std::get<ChangeNode>(decoded->command).settings, full_settings());
}

TEST(Record, NothingShorterOrLongerIsARecord) {
  for (const Record& record : all_records()) {
    Bytes bytes = bytes_of(record);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_FALSE(decode(BytesView(bytes).first(size))) << "type " << record.command.index() << " cut at " << size;
    }
    bytes.push_back(std::byte{0});
    EXPECT_FALSE(decode(bytes)) << "type " << record.command.index();
  }
}

TEST(Record, UnknownTypesAndValuesAreRefused) {
  Bytes bytes = bytes_of(all_records()[2]);
  bytes[0] = std::byte{0};
  EXPECT_FALSE(decode(bytes));
  bytes[0] = std::byte{11};
  EXPECT_FALSE(decode(bytes));
  Record status = all_records()[2];
  std::get<SetNodeStatus>(status.command).status = static_cast<NodeStatus>(3);
  EXPECT_FALSE(decode(bytes_of(status)));
}

TEST(Record, AKeyIsBoundToNothingButANode) {
  Record record{testing::kStart, {}, AddKey{}, std::monostate{}, {}};
  auto& node = std::get<AddKey>(record.command).node;
  for (const NodeIndex possible : {kNoNode, NodeIndex{1}, NodeTable::kNodesMax, kBudgetBit | 1}) {
    node = possible;
    const auto decoded = decode(bytes_of(record));
    ASSERT_TRUE(decoded) << possible;
    EXPECT_EQ(std::get<AddKey>(decoded->command).node, possible);
  }
  for (const NodeIndex impossible : {kBudgetBit, NodeTable::kNodesMax + 1, kBudgetBit | (NodeTable::kNodesMax + 1)}) {
    node = impossible;
    EXPECT_FALSE(decode(bytes_of(record))) << impossible;
    StoredKey stored;
    stored.node = impossible;
    EXPECT_FALSE(read_key_row(key_row_key({1, 2}), key_row(stored))) << impossible;
  }
}

TEST(Record, DoesNotFitIntoTooSmallABuffer) {
  for (const Record& record : all_records()) {
    const std::size_t size = bytes_of(record).size();
    std::vector<std::byte> buffer(size - 1);
    EXPECT_TRUE(encode(record, buffer).empty()) << "type " << record.command.index();
  }
}

TEST(Record, ADecisionOfStripesShapeStaysSmall) {
  Record record = all_records()[3];
  auto& request = std::get<Authorize>(record.command).request;
  request.authorization_id = "iauth_1QxY2aF7kLmN8oPqRsTuVwXy";
  request.amount = 4630;
  request.merchant = {"526617000123456", "CAFE DU PARC", 5812, {250}};
  record.message.id = "evt_1QxY2cF7kLmN8oPqZZZZZZZZ";
  Decision decision;
  decision.decided_at = record.now;
  decision.authorized_at = record.now;
  record.outcome = decision;
  EXPECT_LE(bytes_of(record).size(), 180U);
}

TEST(RowCodec, TimedKeysSortByTimeAlsoBefore1970) {
  const Key128 high{~0ULL, ~0ULL};
  Bytes last;
  for (const std::int64_t millis : {std::numeric_limits<std::int64_t>::min() + 1, std::int64_t{-1}, std::int64_t{0},
                                    std::int64_t{1}, std::int64_t{1'764'000'000'000}}) {
    const Bytes low_key = authorization_row_key(from_millis(millis), {0, 0}, 0);
    EXPECT_LT(last, low_key) << millis;
    last = authorization_row_key(from_millis(millis), high, 5);
  }
}

TEST(RowCodec, RowsCutAnywhereAreNotRows) {
  NodeProfile profile;
  profile.settings = full_settings();
  profile.layout = layout_of(profile.settings);
  profile.counters = std::make_shared<Counters>(profile.layout.words);
  const Bytes card = node_row(profile, {});
  const Bytes card_key = node_row_key(5);
  ASSERT_TRUE(read_node_row(card_key, card));
  EXPECT_EQ(read_node_row(card_key, card)->profile.settings, full_settings());
  Details details;
  FollowUp& refund = details.follow_ups.emplace_back();
  refund.kind = FollowUp::of(AdviceKind::refund);
  refund.restored = 3;
  refund.budget = kBudgetBit | 2;
  refund.amount = 40;
  refund.rest = 10;
  refund.at = testing::kStart;
  details.charges = {{40, testing::kStart, kBudgetBit | 2}, {7, testing::kStart, kNoNode}};
  Authorization authorization;
  authorization.key = {1, 2};
  authorization.decided_at = testing::kStart;
  const Bytes row = authorization_row(authorization, &details);
  const Bytes key = authorization_row_key(authorization.decided_at, authorization.key, 5);
  const Bytes message_key = message_row_key(authorization.decided_at, authorization.key);
  ASSERT_TRUE(read_authorization_row(key, row));
  EXPECT_EQ(read_authorization_row(key, row)->details.follow_ups, details.follow_ups);
  EXPECT_EQ(read_authorization_row(key, row)->details.charges, details.charges);
  Message message;
  message.key = {1, 2};
  message.at = testing::kStart;
  const Bytes message_bytes = message_row(message, "answer");
  ASSERT_TRUE(read_message_row(message_key, message_bytes));
  EXPECT_EQ(read_message_row(message_key, message_bytes)->answer, "answer");
  for (std::size_t size = 0; size < card.size(); ++size)
    EXPECT_FALSE(read_node_row(card_key, BytesView(card).first(size)));
  for (std::size_t size = 0; size < row.size(); ++size) {
    EXPECT_FALSE(read_authorization_row(key, BytesView(row).first(size)));
  }
  for (std::size_t size = 0; size < message_bytes.size(); ++size) {
    EXPECT_FALSE(read_message_row(message_key, BytesView(message_bytes).first(size)));
  }
}

TEST(Identifier, SortsByTimeAndComesBack) {
  const Key128 early = make_ulid(testing::kStart, {~0ULL, ~0ULL});
  const Key128 late = make_ulid(testing::kStart + std::chrono::milliseconds(1), {0, 0});
  EXPECT_LT(early, late);
  EXPECT_LT(format_id("card_", early), format_id("card_", late));
  EXPECT_EQ(parse_id("card_", format_id("card_", early)), early);
}

TEST(Identifier, RefusesWhatIsNotExactlyOne) {
  const std::string good = "card_01J9ZK3Q6T8V5W2X4Y6Z8A0B1C";
  ASSERT_TRUE(parse_id("card_", good));
  EXPECT_EQ(parse_id("card_", "card_01j9zk3q6t8v5w2x4y6z8a0b1c"), parse_id("card_", good));
  for (const std::string& bad :
       {std::string(), good.substr(0, 30), good + "0", std::string("bud_01J9ZK3Q6T8V5W2X4Y6Z8A0B1C"),
        std::string("card_01J9ZK3Q6T8V5W2X4Y6Z8A0BIC"), std::string("card_81J9ZK3Q6T8V5W2X4Y6Z8A0B1C"),
        std::string("card_01J9ZK3Q6T8V5W2X4Y6Z8A0B1\xC3")}) {
    EXPECT_FALSE(parse_id("card_", bad)) << bad;
  }
}

}  // namespace
}  // namespace holdfast::engine
