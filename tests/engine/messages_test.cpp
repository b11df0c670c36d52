#include "engine/messages.h"

#include <gtest/gtest.h>

#include "tests/engine/history.h"

namespace holdfast::engine {
namespace {

using testing::kStart;

class MessagesTest : public ::testing::Test {
 protected:
  Key128 key(std::string_view id) { return messages_.key_of({"endpoint", id, 0}); }
  void remember(std::string_view id, Instant at, std::string_view answer = {}) {
    Decision decision;
    decision.decided_at = at;
    messages_.finish(messages_.begin(key(id), 7, Authorize::kType), 3, decision, answer);
  }

  KeyHasher hasher_{testing::kSeed};
  Messages messages_{hasher_};
};

TEST_F(MessagesTest, AnIdOfAnotherEndpointIsAnotherMessage) {
  EXPECT_NE(messages_.key_of({"a", "b", 0}), messages_.key_of({"ab", "", 0}));
  EXPECT_NE(messages_.key_of({"one", "id", 0}), messages_.key_of({"two", "id", 0}));
}

TEST_F(MessagesTest, IsPendingUntilFinishedAndThenKeepsItsAnswer) {
  Message& message = messages_.begin(key("a"), 7, CreateNode::kType);
  EXPECT_TRUE(messages_.find(key("a"))->pending);
  Decision decision;
  decision.decided_at = kStart;
  messages_.finish(message, 3, decision, "text");
  EXPECT_FALSE(messages_.find(key("a"))->pending);
  EXPECT_EQ(messages_.find(key("a"))->card, 3U);
  EXPECT_EQ(messages_.answer_of(*messages_.find(key("a"))), "text");
}

TEST_F(MessagesTest, AForgottenMessageMayComeAgain) {
  messages_.forget(messages_.begin(key("a"), 7, Authorize::kType));
  EXPECT_EQ(messages_.find(key("a")), nullptr);
  remember("a", kStart);
  EXPECT_NE(messages_.find(key("a")), nullptr);
}

TEST_F(MessagesTest, AWithdrawnMessageAnswersWithTheDeclineThatWasSent) {
  remember("a", kStart);
  const Instant answered = kStart + std::chrono::seconds(1);
  messages_.withdraw(*messages_.find(key("a")), answered);
  EXPECT_EQ(messages_.find(key("a"))->decision, deadline_decision(answered));
}

TEST_F(MessagesTest, ExpiresInOrderUpToTheHorizonAndNoFurther) {
  for (int i = 0; i < 10; ++i)
    remember("m" + std::to_string(i), kStart + std::chrono::seconds(i), "answer");
  EXPECT_EQ(messages_.expire(kStart + std::chrono::seconds(4), 2), 2U) << "no more at once than was asked for";
  EXPECT_EQ(messages_.expire(kStart + std::chrono::seconds(4), 100), 2U);
  EXPECT_EQ(messages_.find(key("m3")), nullptr);
  ASSERT_NE(messages_.find(key("m4")), nullptr);
  EXPECT_EQ(messages_.answer_of(*messages_.find(key("m4"))), "answer");
  EXPECT_EQ(messages_.size(), 6U);
}

TEST_F(MessagesTest, NeverExpiresWhatIsPending) {
  messages_.begin(key("a"), 7, Authorize::kType);
  remember("b", kStart);
  EXPECT_EQ(messages_.expire(kStart + std::chrono::hours(1), 100), 0U);
  EXPECT_NE(messages_.find(key("a")), nullptr);
}

TEST_F(MessagesTest, ExpiresForgottenMessagesAsItComesToThem) {
  messages_.forget(messages_.begin(key("a"), 7, Authorize::kType));
  remember("b", kStart);
  EXPECT_EQ(messages_.expire(kStart, 100), 1U);
  EXPECT_EQ(messages_.size(), 1U);
  EXPECT_EQ(messages_.expire(kStart + std::chrono::seconds(1), 100), 1U);
  remember("c", kStart);
  EXPECT_EQ(messages_.size(), 1U);
}

}  // namespace
}  // namespace holdfast::engine
