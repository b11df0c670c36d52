#include "engine/shards.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "engine/fold.h"
#include "engine/row_codec.h"
#include "tests/engine/history.h"

namespace holdfast::engine {
namespace {

using testing::History;
using testing::World;

constexpr int kSteps = 2'000;
constexpr std::chrono::hours kHorizon{7 * 24};
constexpr Instant kByTheRecords = Instant::max();  // what is forgotten: no clock holds it back

std::optional<ReplayFault> replay_all(Shards& shards, const testing::Journal& journal) {
  Sequence sequence = 0;
  for (const Bytes& record : journal) {
    if (auto fault = shards.replay(++sequence, record)) return fault;
  }
  return std::nullopt;
}

// A checkpoint in memory.
class Rows final : public RowSource {
 public:
  std::optional<Bytes> get(Table table, BytesView key) const override {
    const auto& rows = tables_[static_cast<std::size_t>(table)];
    const auto found = rows.find(Bytes(key.begin(), key.end()));
    return found == rows.end() ? std::nullopt : std::optional(found->second);
  }
  std::uint64_t rows(Table table) const override { return tables_[static_cast<std::size_t>(table)].size(); }
  std::optional<Bytes> last_key(Table table) const override {
    const auto& rows = tables_[static_cast<std::size_t>(table)];
    return rows.empty() ? std::nullopt : std::optional(rows.rbegin()->first);
  }
  void scan(Table table, BytesView from, const std::function<bool(BytesView, BytesView)>& visit) const override {
    const auto& rows = tables_[static_cast<std::size_t>(table)];
    for (auto row = rows.lower_bound(Bytes(from.begin(), from.end())); row != rows.end(); ++row) {
      if (!visit(row->first, row->second)) return;
    }
  }
  void for_each(Table table, const std::function<void(BytesView, BytesView)>& visit) const override {
    for (const auto& [key, value] : tables_[static_cast<std::size_t>(table)])
      visit(key, value);
  }
  void apply(const std::vector<RowChange>& changes) {
    for (const RowChange& change : changes) {
      auto& rows = tables_[static_cast<std::size_t>(change.table)];
      if (change.value) {
        rows[change.key] = *change.value;
      } else {
        rows.erase(change.key);
      }
    }
  }

 private:
  std::array<std::map<Bytes, Bytes>, kTables> tables_;
};

// A card's authorizations as it lists them, newest first.
std::vector<const Authorization*> listed(const Shards& shards, NodeIndex card) {
  const Ledger& ledger = shards[shards.owner_of(card)].ledger;
  std::vector<const Authorization*> all;
  for (const Authorization* each = ledger.newest_of(card); each != nullptr; each = ledger.older_than(*each))
    all.push_back(each);
  return all;
}

std::vector<Key128> keys_of(const std::vector<const Authorization*>& authorizations) {
  std::vector<Key128> keys;
  for (const Authorization* each : authorizations)
    keys.push_back(each->key);
  return keys;
}

TEST(Shards, TheSameHistoryGivesTheSameRecordsAndStateWhateverTheNumberOfShards) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    SCOPED_TRACE(seed);
    World one(1);
    History first(seed);
    first.play(one, kSteps);
    for (const unsigned count : {1U, 2U, 4U}) {
      World other(count);
      History(seed).play(other, kSteps);
      ASSERT_EQ(other.journal(), one.journal()) << count << " shards";
      EXPECT_EQ(other.shards().state_hash(first.now()), one.shards().state_hash(first.now())) << count << " shards";
    }
  }
}

TEST(Shards, AReplayGivesTheLiveState) {
  World live(2);
  History history(7);
  history.play(live, kSteps);
  for (const unsigned count : {1U, 3U}) {
    Shards replayed(count, testing::kSeed, 0, 1024);
    const auto fault = replay_all(replayed, live.journal());
    ASSERT_FALSE(fault) << fault->sequence << ": " << fault->what;
    EXPECT_EQ(replayed.state_hash(history.now()), live.shards().state_hash(history.now()));
  }
}

TEST(Shards, TheStateHashTellsOneMissingRecord) {
  World live(1);
  History history(8);
  history.play(live, 500);
  testing::Journal shortened = live.journal();
  shortened.pop_back();
  Shards replayed(1, testing::kSeed, 0, 1024);
  ASSERT_FALSE(replay_all(replayed, shortened));
  EXPECT_NE(replayed.state_hash(history.now()), live.shards().state_hash(history.now()));
}

TEST(Shards, AReplayRefusesAnOutcomeThatTheCommandDoesNotGive) {
  World live(1);
  History(9).play(live, 300);
  int refused = 0;
  for (std::size_t i = 0; i < live.journal().size(); ++i) {
    auto record = decode(live.journal()[i]);
    auto* decision = std::get_if<Decision>(&record->outcome);
    if (decision == nullptr || !decision->approved() || decision->approved_amount == 0) continue;
    decision->approved_amount -= 1;  // a tampered approval
    testing::Journal tampered = live.journal();
    std::array<std::byte, 4096> buffer;
    const auto bytes = encode(*record, buffer);
    tampered[i].assign(bytes.begin(), bytes.end());
    Shards replayed(1, testing::kSeed, 0, 1024);
    const auto fault = replay_all(replayed, tampered);
    ASSERT_TRUE(fault);
    EXPECT_EQ(fault->sequence, i + 1);
    if (++refused == 20) break;
  }
  EXPECT_EQ(refused, 20);
}

TEST(Shards, AReplayOfDamagedBytesIsAFaultAndNeverAnAbort) {
  World live(1);
  History(10).play(live, 24);
  std::uint64_t faults = 0;
  for (std::size_t i = 0; i < live.journal().size(); ++i) {
    testing::Journal damaged(live.journal().begin(), live.journal().begin() + static_cast<std::ptrdiff_t>(i) + 1);
    const Bytes whole = damaged[i];
    for (std::size_t byte = 0; byte < whole.size(); byte += 5) {
      damaged[i] = whole;
      damaged[i][byte] ^= std::byte{0x41};
      Shards replayed(1, testing::kSeed, 0, 64);
      if (replay_all(replayed, damaged)) ++faults;  // a flip in a label or a name is a valid record
    }
    damaged[i] = whole;
    damaged[i].pop_back();
    Shards replayed(1, testing::kSeed, 0, 64);
    EXPECT_TRUE(replay_all(replayed, damaged)) << "record " << i << " without its last byte";
  }
  EXPECT_GT(faults, 100U);
}

TEST(Fold, ACheckpointAtAnyPlaceAndTheRestOfTheJournalGiveTheLiveState) {
  World live(1);
  History history(11);
  history.play(live, kSteps);
  std::mt19937_64 random(12);
  Rows rows;
  Fold fold(rows, testing::kSeed, kHorizon);
  const std::size_t until = live.journal().size() / 2 + random() % 100;
  for (std::size_t i = 0; i < until; ++i) {
    const auto fault = fold.apply(i + 1, live.journal()[i]);
    ASSERT_FALSE(fault) << fault->sequence << ": " << fault->what;
    if (random() % 37 == 0) rows.apply(fold.take_changes(kByTheRecords));
  }
  rows.apply(fold.take_changes(kByTheRecords));
  EXPECT_EQ(fold.touched_rows(), 0U);
  Shards restarted(2, testing::kSeed, 0, 1024);
  ASSERT_TRUE(restarted.load(rows, testing::kStart, std::chrono::hours(24 * 3650)));
  for (std::size_t i = until; i < live.journal().size(); ++i) {
    const auto fault = restarted.replay(i + 1, live.journal()[i]);
    ASSERT_FALSE(fault) << fault->sequence << ": " << fault->what;
  }
  EXPECT_EQ(restarted.state_hash(history.now()), live.shards().state_hash(history.now()));
}

TEST(Shards, ALoadListsEachCardsAuthorizationsByAgeAndExpiresThemAsTheLiveStateDoes) {
  World live(1);
  History history(16);
  history.play(live, kSteps);
  Rows rows;
  Fold fold(rows, testing::kSeed, kHorizon);
  for (std::size_t i = 0; i < live.journal().size(); ++i)
    ASSERT_FALSE(fold.apply(i + 1, live.journal()[i]));
  rows.apply(fold.take_changes(Instant{}));
  Shards restarted(2, testing::kSeed, 0, 1024);
  ASSERT_TRUE(restarted.load(rows, testing::kStart, std::chrono::hours(1)));
  const auto expect_the_same_lists = [&] {
    std::size_t total = 0;
    for (NodeIndex card = 1; card <= live.shards().nodes().cards.last(); ++card) {
      SCOPED_TRACE(card);
      const auto expected = listed(live.shards(), card);
      const auto found = listed(restarted, card);
      // A clock that went back between two declines leaves them in the order of the journal in the live state.
      EXPECT_THAT(keys_of(found), ::testing::UnorderedElementsAreArray(keys_of(expected)));
      EXPECT_TRUE(std::is_sorted(found.begin(), found.end(),
                                 [](const auto* a, const auto* b) { return a->decided_at > b->decided_at; }));
      total += found.size();
    }
    return total;
  };
  const std::size_t all = expect_the_same_lists();
  const Instant later = history.now() + std::chrono::hours(24 * 365);
  for (Shards* shards : {&live.shards(), &restarted}) {
    for (unsigned i = 0; i < shards->count(); ++i)
      (*shards)[i].ledger.expire(later, (*shards)[i].ledger.authorizations());
  }
  const std::size_t left = expect_the_same_lists();
  EXPECT_GT(left, 0U);
  EXPECT_LT(left, all);
}

// A kill took the decision along; its decline had left.
TEST(Fold, AWithdrawalOfWhatNobodyDecidedMakesItsMessageAndNothingElse) {
  World live(1);
  live.apply(Withdraw{kNoNode, Processor::stripe, "iauth_1", 0, {}, {}}, {"test", "evt-1", 7}, testing::kStart);
  Rows rows;
  Fold fold(rows, testing::kSeed, kHorizon);
  ASSERT_FALSE(fold.apply(1, live.journal()[0]));
  rows.apply(fold.take_changes(kByTheRecords));
  Shards restarted(1, testing::kSeed, 0, 64);
  ASSERT_TRUE(restarted.load(rows, testing::kStart, std::chrono::hours(1)));
  const Message* message = restarted[0].messages.find(restarted[0].messages.key_of({"test", "evt-1", 0}));
  ASSERT_NE(message, nullptr);
  EXPECT_EQ(message->decision, deadline_decision(testing::kStart));
  EXPECT_EQ(message->content, 7U);
  EXPECT_EQ(message->command, Authorize::kType);
  EXPECT_EQ(restarted[0].ledger.authorizations(), 0U);
}

TEST(Shards, NothingThatNobodyDecidedCanBeReleased) {
  World live(1);
  live.apply(Withdraw{kNoNode, Processor::stripe, "iauth_1", 1, {}, {}}, {"test", "evt-1", 7}, testing::kStart);
  Shards replayed(1, testing::kSeed, 0, 64);
  EXPECT_TRUE(replay_all(replayed, live.journal()));
}

// What a record met was decided when it came, not when the process is started again.
TEST(Fold, AnIdThatIsForgottenBetweenItsRecordsAndTheRestartIsKnownToTheReplay) {
  World live(1);
  Authorize command{kNoNode, {}};
  command.request.processor = Processor::stripe;
  command.request.authorization_id = "iauth_1";
  command.request.card_reference = "ic_1";
  command.request.amount = 10;
  live.apply(command, {"test", "evt-1", 1}, testing::kStart);
  live.apply(command, {"test", "evt-2", 1}, testing::kStart + std::chrono::hours(24));
  Rows rows;
  Fold fold(rows, testing::kSeed, kHorizon);
  ASSERT_FALSE(fold.apply(1, live.journal()[0]));
  rows.apply(fold.take_changes(kByTheRecords));
  Shards restarted(1, testing::kSeed, 0, 64);
  ASSERT_TRUE(restarted.load(rows, testing::kStart + std::chrono::hours(24 * 9), std::chrono::hours(24 * 7)));
  const auto fault = restarted.replay(2, live.journal()[1]);
  EXPECT_FALSE(fault) << fault->what;
}

// Sixty days of requests on one card, an hour between two: most declined, some approved and so kept for ever.
class OldRows : public ::testing::Test {
 protected:
  static constexpr int kRequests = 60 * 24;
  static constexpr int kApprovals = 30;

  OldRows() {
    CreateNode create;
    create.node = live_.shards().nodes().cards.allocate();
    create.identity.id = {1, 1};
    create.identity.currency = {840};
    create.settings.limits = {{Limit::Form::amount, WindowKind::lifetime, 10 * kApprovals}};
    live_.apply(create, {}, now_);
    for (int i = 0; i < kRequests; ++i)
      request("id-" + std::to_string(i), "msg-" + std::to_string(i));
  }
  void request(const std::string& id, const std::string& message) {
    now_ += std::chrono::hours(1);
    Authorize command{1, {}};
    command.request.authorization_id = id;
    command.request.amount = 10;
    command.request.currency = {840};
    live_.apply(command, {"test", message, 1}, now_);
  }
  void fold_through(std::size_t records) {
    for (; folded_ < records; ++folded_) {
      const auto fault = fold_.apply(folded_ + 1, live_.journal()[folded_]);
      ASSERT_FALSE(fault) << fault->sequence << ": " << fault->what;
    }
  }
  std::uint64_t rows(Table table) const { return rows_.rows(table); }

  World live_{1};
  Instant now_ = testing::kStart;
  Rows rows_;
  Fold fold_{rows_, testing::kSeed, kHorizon};
  std::size_t folded_ = 0;
};

TEST_F(OldRows, AreRemovedAndARestartIsTheSameWithoutThem) {
  while (folded_ < live_.journal().size()) {
    fold_through(std::min(folded_ + 50, live_.journal().size()));
    rows_.apply(fold_.take_changes(kByTheRecords));
  }
  EXPECT_LT(rows(Table::authorizations), kApprovals + 9U * 24) << "forgotten and the margin, some of the last fold";
  EXPECT_LT(rows(Table::messages), 9U * 24);
  // Ids that are forgotten are other authorizations now, and a message past its horizon is another message.
  const std::size_t before = live_.journal().size();
  request("id-100", "msg-100");
  request("id-" + std::to_string(kRequests - 1), "another-message");
  fold_through(live_.journal().size());
  Shards restarted(2, testing::kSeed, 0, 64);
  ASSERT_TRUE(restarted.load(rows_, now_, kHorizon));
  for (std::size_t i = before; i < live_.journal().size(); ++i) {
    const auto fault = restarted.replay(i + 1, live_.journal()[i]);
    ASSERT_FALSE(fault) << fault->sequence << ": " << fault->what;
  }
  EXPECT_EQ(restarted.state_hash(now_), live_.shards().state_hash(now_));
  const Key128 last = restarted[0].messages.key_of({"test", "msg-" + std::to_string(kRequests - 1), 0});
  EXPECT_NE(restarted[restarted.home_of(last)].messages.find(last), nullptr);
}

TEST_F(OldRows, AreRemovedSomeAtATimeAndNoneStandsInTheWay) {
  fold_through(live_.journal().size() - 1);
  rows_.apply(fold_.take_changes(Instant{}));
  EXPECT_EQ(rows(Table::messages), kRequests - 1U) << "by a clock that says no time has passed";
  fold_through(live_.journal().size());
  std::uint64_t removed_most = 0;
  for (std::uint64_t left = rows(Table::messages) + 1; left > rows(Table::messages);) {
    left = rows(Table::messages);
    const auto changes = fold_.take_changes(kByTheRecords);
    removed_most = std::max<std::uint64_t>(
        removed_most, static_cast<std::uint64_t>(std::count_if(changes.begin(), changes.end(),
                                                               [](const RowChange& change) { return !change.value; })));
    rows_.apply(changes);
  }
  EXPECT_GT(removed_most, 0U);
  EXPECT_LT(removed_most, 600U);
  EXPECT_EQ(rows(Table::messages), 8U * 24 + 1);
  EXPECT_EQ(rows(Table::authorizations), kApprovals + 8U * 24 + 1);
}

TEST(Shards, ALoadWithAClockThatIsAheadDropsNoMessage) {
  World live(1);
  Authorize command{kNoNode, {}};
  command.request.authorization_id = "auth-1";
  live.apply(command, {"test", "msg-1", 1}, testing::kStart);
  command.request.authorization_id = "auth-2";
  live.apply(command, {"test", "msg-2", 1}, testing::kStart + std::chrono::hours(25));
  Rows rows;
  Fold fold(rows, testing::kSeed, kHorizon);
  for (Sequence i = 1; i <= 2; ++i)
    ASSERT_FALSE(fold.apply(i, live.journal()[i - 1]));
  rows.apply(fold.take_changes(kByTheRecords));
  Shards restarted(1, testing::kSeed, 0, 64);
  ASSERT_TRUE(restarted.load(rows, testing::kStart + std::chrono::hours(24 * 30), std::chrono::hours(24)));
  EXPECT_EQ(restarted.newest(), testing::kStart + std::chrono::hours(25));
  Messages& messages = restarted[0].messages;
  EXPECT_NE(messages.find(messages.key_of({"test", "msg-2", 0})), nullptr);
  EXPECT_EQ(messages.find(messages.key_of({"test", "msg-1", 0})), nullptr) << "older than the newest by the horizon";
}

TEST(Fold, ChangesAreSortedAndEachRowComesOnce) {
  World live(1);
  History(13).play(live, 1'000);
  Rows rows;
  Fold fold(rows, testing::kSeed, kHorizon);
  for (std::size_t i = 0; i < live.journal().size(); ++i)
    ASSERT_FALSE(fold.apply(i + 1, live.journal()[i]));
  const auto changes = fold.take_changes(kByTheRecords);
  ASSERT_GT(changes.size(), 100U);
  for (std::size_t i = 1; i < changes.size(); ++i) {
    EXPECT_LT(std::tie(changes[i - 1].table, changes[i - 1].key), std::tie(changes[i].table, changes[i].key));
  }
}

TEST(Fold, RefusesARecordThatItsRowsContradict) {
  World live(1);
  History(14).play(live, 200);
  Rows rows;
  Fold fold(rows, testing::kSeed, kHorizon);
  ASSERT_FALSE(fold.apply(1, live.journal()[0]));
  ASSERT_FALSE(fold.apply(2, live.journal()[1]));
  EXPECT_TRUE(fold.apply(3, live.journal()[1])) << "the same card cannot be made twice";
}

// The same authorization id on two cards, which have different owners when there are several.
TEST(Shards, AnIdThatComesOnTwoCardsIsTwoAuthorizationsWhateverTheNumberOfShards) {
  std::map<unsigned, testing::Journal> journals;
  for (const unsigned count : {1U, 2U, 4U}) {
    World world(count);
    for (NodeIndex card = 1; card <= 2; ++card) {
      CreateNode create;
      create.node = world.shards().nodes().cards.allocate();
      create.identity.id = {card, card};
      create.identity.currency = {840};
      world.apply(create, {}, testing::kStart);
    }
    for (const NodeIndex card : {kNoNode, NodeIndex{1}, NodeIndex{2}, NodeIndex{1}}) {
      Authorize command{card, {}};
      command.request.processor = Processor::stripe;
      command.request.authorization_id = "iauth_1";
      command.request.card_reference = "ic_1";
      command.request.amount = 10;
      command.request.currency = {840};
      const std::string message = "evt-" + std::to_string(world.journal().size());
      world.apply(command, {"test", message, 1}, testing::kStart);
    }
    journals[count] = world.journal();
    Shards replayed(3, testing::kSeed, 0, 64);
    const auto fault = replay_all(replayed, world.journal());
    ASSERT_FALSE(fault) << fault->what;
    const auto held = [&](NodeIndex card) { return replayed.nodes().cards.find(card)->balance.load().usage.held[5]; };
    EXPECT_EQ(held(1), 20);
    EXPECT_EQ(held(2), 10);
  }
  EXPECT_EQ(journals[2], journals[1]);
  EXPECT_EQ(journals[4], journals[1]);
}

TEST(Shards, ARepeatAfterAReplayFindsTheFirstDecision) {
  World live(1);
  History(15).play(live, 800);
  Shards replayed(3, testing::kSeed, 0, 1024);
  ASSERT_FALSE(replay_all(replayed, live.journal()));
  std::map<std::string, Decision> expected;
  std::map<std::string, std::uint64_t> contents;
  for (const Bytes& bytes : live.journal()) {
    const auto record = decode(bytes);
    const std::string id(record->message.id);
    if (const auto* decision = std::get_if<Decision>(&record->outcome)) {
      expected.emplace(id, *decision);
      contents.emplace(id, record->message.content);
    }
    if (const auto* withdraw = std::get_if<Withdraw>(&record->command)) {
      expected[id] = deadline_decision(record->now);
      if (!withdraw->decided()) contents.emplace(id, record->message.content);
    }
  }
  ASSERT_GT(expected.size(), 300U);
  for (const auto& [id, decision] : expected) {
    const MessageRef message{"test", id, 0};
    const Key128 key = replayed[0].messages.key_of(message);
    Message* found = replayed[replayed.home_of(key)].messages.find(key);
    ASSERT_NE(found, nullptr) << id;
    EXPECT_EQ(found->decision, decision) << id;
    EXPECT_EQ(found->content, contents.at(id)) << id;
    EXPECT_FALSE(found->pending);
  }
}

}  // namespace
}  // namespace holdfast::engine
