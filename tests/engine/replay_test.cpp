#include "engine/replay.h"

#include <gtest/gtest.h>

#include "engine/record.h"
#include "tests/engine/history.h"

namespace holdfast::engine {
namespace {

using testing::History;
using testing::World;

constexpr int kSteps = 7'000;  // several batches

std::optional<ReplayFault> replay_all(Shards& shards, const testing::Journal& journal) {
  Replay replay(shards);
  Sequence sequence = 0;
  for (const Bytes& record : journal) {
    if (auto fault = replay.push(++sequence, record)) return fault;
  }
  return replay.finish();
}

std::vector<std::pair<Key128, Decision>> messages_of(const Shards& shards) {
  std::vector<std::pair<Key128, Decision>> all;
  for (unsigned i = 0; i < shards.count(); ++i)
    shards[i].messages.for_each([&](const Message& message) { all.emplace_back(message.key, message.decision); });
  return all;
}

TEST(Replay, GivesTheStateAndTheMessagesOfARecordByRecordReplay) {
  World live(1);
  History history(21);
  history.play(live, kSteps);
  for (const unsigned count : {1U, 3U}) {
    Shards one_by_one(count, testing::kSeed, 0, 1024);
    Sequence sequence = 0;
    for (const Bytes& record : live.journal())
      ASSERT_FALSE(one_by_one.replay(++sequence, record));
    Shards in_batches(count, testing::kSeed, 0, 1024);
    const auto fault = replay_all(in_batches, live.journal());
    ASSERT_FALSE(fault) << fault->sequence << ": " << fault->what;
    EXPECT_EQ(in_batches.state_hash(history.now()), live.shards().state_hash(history.now()));
    EXPECT_EQ(messages_of(in_batches), messages_of(one_by_one));
    EXPECT_EQ(in_batches.newest(), one_by_one.newest());
  }
}

TEST(Replay, OfNothingChangesNothing) {
  Shards shards(1, testing::kSeed, 0, 64);
  EXPECT_FALSE(replay_all(shards, {}));
  EXPECT_EQ(shards.nodes().cards.last(), 0U);
}

TEST(Replay, NamesTheFirstRecordThatDoesNotGiveItsOutcomeWhereverItIs) {
  World live(1);
  History(22).play(live, kSteps);
  const std::size_t last = live.journal().size() - 1;
  for (const std::size_t at : {std::size_t{0}, std::size_t{2'047}, std::size_t{2'048}, std::size_t{5'000}, last}) {
    SCOPED_TRACE(at);
    testing::Journal damaged = live.journal();
    damaged[at].pop_back();  // not a record, found when it is read
    Shards shards(1, testing::kSeed, 0, 1024);
    auto fault = replay_all(shards, damaged);
    ASSERT_TRUE(fault);
    EXPECT_EQ(fault->sequence, at + 1);

    damaged = live.journal();
    damaged.insert(damaged.begin() + static_cast<std::ptrdiff_t>(at) + 1, damaged[1]);  // a card that is there already
    if (at == 0) continue;
    damaged.back().pop_back();  // is behind, and found sooner
    Shards others(1, testing::kSeed, 0, 1024);
    fault = replay_all(others, damaged);
    ASSERT_TRUE(fault);
    EXPECT_EQ(fault->sequence, at + 2);
  }
}

TEST(Replay, MayBeGivenUpInTheMiddle) {
  World live(1);
  History(23).play(live, kSteps);
  Shards shards(1, testing::kSeed, 0, 1024);
  Replay replay(shards);
  Sequence sequence = 0;
  for (const Bytes& record : live.journal())
    ASSERT_FALSE(replay.push(++sequence, record));
}

}  // namespace
}  // namespace holdfast::engine
