#include "storage/sent_marks.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "tests/storage/fixture.h"

namespace holdfast::storage::test {
namespace {

constexpr BootId kThisBoot = {std::byte{1}};
constexpr BootId kNextBoot = {std::byte{2}};
constexpr std::uint64_t kCapacity = 1024;

class SentMarksTest : public ::testing::Test {
 protected:
  SentMarks open(const BootId& boot = kThisBoot, std::uint64_t capacity = kCapacity) const {
    return SentMarks(file(), capacity, boot);
  }
  std::filesystem::path file() const { return folder_.path() / "sent.marks"; }

 private:
  TempFolder folder_;
};

TEST_F(SentMarksTest, KnowsWhatWasSentAfterARestartInTheSameBoot) {
  {
    SentMarks marks = open();
    marks.reset(0);
    marks.mark(7);
    marks.mark(9);
  }
  const SentMarks marks = open();
  EXPECT_EQ(marks.knowledge(5, 5), SentKnowledge::settled);
  EXPECT_EQ(marks.knowledge(7, 5), SentKnowledge::maybe_sent);
  EXPECT_EQ(marks.knowledge(8, 5), SentKnowledge::never_sent);
  EXPECT_EQ(marks.knowledge(9, 5), SentKnowledge::maybe_sent);
  EXPECT_EQ(marks.knowledge(9, 9), SentKnowledge::settled);
}

TEST_F(SentMarksTest, TakesAnUnmarkedRecordForUnknownAfterAPowerFailure) {
  {
    SentMarks marks = open();
    marks.reset(0);
    marks.mark(7);
  }
  const SentMarks marks = open(kNextBoot);
  EXPECT_EQ(marks.knowledge(7, 5), SentKnowledge::maybe_sent);
  EXPECT_EQ(marks.knowledge(8, 5), SentKnowledge::unknown);
  EXPECT_EQ(marks.knowledge(5, 5), SentKnowledge::settled);
}

TEST_F(SentMarksTest, KeepsItsMarksWhenTheProcessIsKilled) {
  {
    SentMarks marks = open();
    marks.reset(100);
  }
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    SentMarks marks = open();
    for (engine::Sequence sequence = 101; sequence <= 140; sequence += 2)
      marks.mark(sequence);
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  const SentMarks marks = open();
  for (engine::Sequence sequence = 101; sequence <= 140; ++sequence) {
    EXPECT_EQ(marks.knowledge(sequence, 100),
              sequence % 2 == 1 ? SentKnowledge::maybe_sent : SentKnowledge::never_sent);
  }
}

TEST_F(SentMarksTest, UsesASlotAgainForALaterRecord) {
  SentMarks marks = open();
  marks.reset(0);
  marks.mark(7);
  marks.mark(7 + kCapacity);
  EXPECT_EQ(marks.knowledge(7 + kCapacity, 0), SentKnowledge::maybe_sent);
  EXPECT_EQ(marks.knowledge(7, 0), SentKnowledge::settled) << "else the slot would not have been given away";
  EXPECT_EQ(marks.knowledge(7 + 2 * kCapacity, 0), SentKnowledge::never_sent);
}

TEST_F(SentMarksTest, ForgetsMarksAtAResetAndRemembersWhatIsSettled) {
  {
    SentMarks marks = open();
    marks.mark(7);
    EXPECT_EQ(marks.knowledge(8, 0), SentKnowledge::unknown) << "a new file knows nothing";
    marks.reset(10);
  }
  const SentMarks marks = open();
  EXPECT_EQ(marks.settled(), 10U);
  EXPECT_EQ(marks.knowledge(7, 0), SentKnowledge::settled) << "though no record on disk says so yet";
  EXPECT_EQ(marks.knowledge(11, 0), SentKnowledge::never_sent);
}

TEST_F(SentMarksTest, TakesANewCapacityAtTheResetOnly) {
  {
    SentMarks marks = open();
    marks.reset(0);
    marks.mark(5);
  }
  SentMarks marks = open(kThisBoot, 4 * kCapacity);
  EXPECT_EQ(marks.capacity(), kCapacity);
  EXPECT_EQ(marks.knowledge(5, 0), SentKnowledge::maybe_sent);
  marks.reset(5);
  EXPECT_EQ(marks.capacity(), 4 * kCapacity);
}

TEST_F(SentMarksTest, TakesADamagedFileForLost) {
  const std::string foreign[] = {"", "no marks", std::string(64 + kCapacity * 8, '\0'), std::string(100'000, '\x7F')};
  for (const std::string& bytes : foreign) {
    write_file(file(), bytes);
    EXPECT_EQ(open().knowledge(5, 0), SentKnowledge::unknown);
  }
  {
    SentMarks marks = open();
    marks.reset(0);
  }
  std::string bytes = file_bytes(file());
  bytes[64 + 5 * 8] = 4;  // the slot of 5 with a number that does not belong there
  write_file(file(), bytes);
  EXPECT_EQ(open().knowledge(5, 0), SentKnowledge::unknown);
}

TEST_F(SentMarksTest, RefusesACapacityThatIsNoPowerOfTwo) {
  EXPECT_NE(refusal([this] { open(kThisBoot, 1000); }), "");
}

TEST(BootId, IsTheSameAsLongAsTheMachineRuns) {
  EXPECT_EQ(read_boot_id(), read_boot_id());
  EXPECT_NE(read_boot_id(), BootId{});
}

}  // namespace
}  // namespace holdfast::storage::test
