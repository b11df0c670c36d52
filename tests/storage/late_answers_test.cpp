#include "storage/late_answers.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "tests/storage/fixture.h"

namespace holdfast::storage::test {
namespace {

constexpr StoreId kStore = {std::byte{1}};
constexpr std::size_t kSlots = 8;

class LateAnswersTest : public ::testing::Test {
 protected:
  SharedLateAnswers open(std::size_t slots = kSlots, const StoreId& store = kStore) const {
    return SharedLateAnswers(file(), store, slots);
  }
  // In the order of their slots.
  static std::vector<std::string> texts(const SharedLateAnswers& answers) {
    std::vector<std::string> texts;
    for (const engine::Bytes& record : answers.left())
      texts.push_back(text_of(record));
    return texts;
  }
  std::filesystem::path file() const { return folder_.path() / "late"; }

 private:
  TempFolder folder_;
};

using Texts = std::vector<std::string>;

TEST_F(LateAnswersTest, KeepsWhatWasNotedWhenTheProcessIsKilled) {
  const std::string longest(SharedLateAnswers::kRecordBytesMax, 'x');
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    SharedLateAnswers answers = open();
    answers.note(0, bytes_of("first"));
    answers.note(3, bytes_of("cleared"));
    answers.note(kSlots - 1, bytes_of(longest));
    answers.clear(3);
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(texts(open()), (Texts{"first", longest}));
}

TEST_F(LateAnswersTest, UsesASlotAgain) {
  SharedLateAnswers answers = open();
  answers.note(0, bytes_of("the first of this flight"));
  answers.clear(0);
  EXPECT_EQ(texts(answers), Texts{});
  answers.note(0, bytes_of("another"));
  EXPECT_EQ(texts(answers), Texts{"another"});
}

TEST_F(LateAnswersTest, LeavesNoFileBehindWhenThereIsNothingInIt) {
  {
    SharedLateAnswers answers = open();
    answers.note(0, bytes_of("first"));
  }
  EXPECT_TRUE(std::filesystem::exists(file()));
  open().clear_all();
  EXPECT_FALSE(std::filesystem::exists(file()));
}

TEST_F(LateAnswersTest, FindsWhatARunWithMoreSlotsHasLeft) {
  open().note(kSlots - 1, bytes_of("last"));
  EXPECT_EQ(texts(open(1)), Texts{"last"});
  SharedLateAnswers more = open(2 * kSlots);
  EXPECT_EQ(texts(more), Texts{"last"});
  more.note(2 * kSlots - 1, bytes_of("there is room"));
  EXPECT_EQ(texts(more), (Texts{"last", "there is room"}));
}

TEST_F(LateAnswersTest, ForgetsWhatAnotherStoreOrADamagedFileSays) {
  open().note(0, bytes_of("of a store whose folder is gone"));
  EXPECT_EQ(texts(open(kSlots, {std::byte{2}})), Texts{});
  for (const std::string& bytes : {std::string("no answers"), std::string(100'000, '\x7F')}) {
    write_file(file(), bytes);
    std::filesystem::permissions(file(), std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    EXPECT_EQ(texts(open()), Texts{});
  }
}

TEST_F(LateAnswersTest, RefusesAFileThatOthersMayWrite) {
  write_file(file(), "");
  std::filesystem::permissions(file(), std::filesystem::perms::others_write, std::filesystem::perm_options::add);
  EXPECT_NE(refusal([this] { open(); }), "");
}

TEST_F(LateAnswersTest, AreNotSharedByTwoStores) {
  const TempFolder other;
  EXPECT_NE(late_answers_file(file().parent_path()), late_answers_file(other.path()));
  EXPECT_EQ(late_answers_file(other.path()), late_answers_file(other.path()));
}

}  // namespace
}  // namespace holdfast::storage::test
