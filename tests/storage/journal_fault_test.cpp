// The journal on a disk that fails. The shim (tests/faults) stands between LMDB and the kernel in this very process.
#include <cerrno>

#include "storage/journal.h"
#include "storage/lmdb_env.h"
#include "tests/faults/fault_control.h"
#include "tests/storage/fixture.h"

namespace holdfast::storage::test {
namespace {

using engine::JournalHealth;
using faults::Action;
using faults::Rule;

constexpr const char* kJournalFile = "journal/data.mdb";
constexpr std::uint64_t kFirstDataPage = 8192;

class JournalFaultTest : public ::testing::Test {
 protected:
  JournalFaultTest() : control_((folder_.path() / "faults").string()) { control_.attach(); }

  // Opens the store and makes a few records durable while the disk is sound.
  void open(const JournalOptions& options = small_options()) {
    store_ = std::make_unique<OpenStore>(folder_.store(), options);
    loop_ = std::make_unique<Loop>(store_->journal, 0);
    store_->journal.start();
    store_->journal.recovered();
    for (int i = 0; i < 3; ++i)
      append();
    ASSERT_TRUE(loop_->take_until(3));
  }
  void append() {
    loop_->append("record " + std::to_string(loop_->appended().size()));
    loop_->submit();
  }
  bool in_health(JournalHealth health) {
    return holds_in_time([this, health] { return journal().health() == health; });
  }
  // After the end: nothing more is published, and the next opening finds a valid journal with all that was.
  void expect_final_and_recoverable() {
    loop_->take();
    const std::size_t published = loop_->durable().size();
    const std::uint64_t commits = journal().metrics().commits.load();
    control_.clear();
    for (int i = 0; i < 3 && journal().has_room(0); ++i)
      append();
    journal().stop();
    loop_->take();
    EXPECT_EQ(loop_->durable().size(), published) << "nothing is published after a failure";
    EXPECT_EQ(journal().metrics().commits.load(), commits) << "and nothing committed";
    EXPECT_EQ(journal().health(), JournalHealth::failed);
    EXPECT_NE(journal().failure(), "");
    const std::vector<std::string> appended = loop_->appended();
    store_.reset();
    const auto records = read_all(folder_.store());
    ASSERT_GE(records.size(), published);
    ASSERT_LE(records.size(), appended.size());
    for (std::size_t i = 0; i < records.size(); ++i)
      EXPECT_EQ(records[i].payload, appended[i]);
    OpenStore again(folder_.store());
    Loop loop(again.journal, 0);
    again.journal.start();
    again.journal.recovered();
    loop.append("after");
    loop.submit();
    ASSERT_TRUE(loop.take_until(1));
    EXPECT_EQ(loop.durable()[0], records.size() + 1);
  }
  LmdbJournal& journal() { return store_->journal; }

  TempFolder folder_;
  faults::FaultControl control_;
  std::unique_ptr<OpenStore> store_;
  std::unique_ptr<Loop> loop_;
};

TEST_F(JournalFaultTest, PublishesARunOnlyAfterBothItsSyncsHaveReturned) {
  open();
  // The data sync, then the meta page on its synchronous descriptor: each is held, and nothing may be out meanwhile.
  const int data_sync = control_.add({.operations = faults::kFdatasync, .action = Action::hold}, kJournalFile);
  const int meta_write = control_.add(
      {.operations = faults::kPwrite, .offset_below = kFirstDataPage, .action = Action::hold}, kJournalFile);
  append();
  for (const int held : {data_sync, meta_write}) {
    ASSERT_TRUE(holds_in_time([&] { return control_.hit(held) == 1; }));
    EXPECT_EQ(control_.passed(held), 0U);
    EXPECT_EQ(journal().sequence(), 3U);
    EXPECT_FALSE(journal().next_durable(0));
    EXPECT_EQ(loop_->wakes(), loop_->runs());
    control_.release(held);
  }
  ASSERT_TRUE(loop_->take_until(4));
  EXPECT_EQ(control_.passed(data_sync), 1U);
  EXPECT_EQ(control_.passed(meta_write), 1U);
}

TEST_F(JournalFaultTest, ExpectsALongWaitWhileASyncHangs) {
  open();
  const int held = control_.add({.operations = faults::kFdatasync, .action = Action::hold}, kJournalFile);
  append();
  ASSERT_TRUE(holds_in_time([&] { return control_.hit(held) == 1; }));
  EXPECT_TRUE(holds_in_time([&] { return journal().expected_wait() > std::chrono::milliseconds(20); }));
  control_.release(held);
  ASSERT_TRUE(loop_->take_until(4));
}

class FailedSync : public JournalFaultTest, public ::testing::WithParamInterface<unsigned> {};

TEST_P(FailedSync, EndsTheJournalForGood) {
  open();
  const int rule = control_.add(
      {.operations = faults::kFdatasync, .first = GetParam(), .action = Action::fail, .error = EIO}, kJournalFile);
  for (unsigned n = 1; n < GetParam(); ++n) {
    append();
    ASSERT_TRUE(loop_->take_until(3 + n));
  }
  append();
  ASSERT_TRUE(in_health(JournalHealth::failed));
  EXPECT_EQ(control_.hit(rule), 1U);
  EXPECT_NE(journal().failure().find("Input/output error"), std::string::npos) << journal().failure();
  EXPECT_EQ(journal().sequence(), 2 + GetParam());
  // The waker is called for the failure too.
  EXPECT_TRUE(holds_in_time([this] { return loop_->wakes() > loop_->runs(); }));
  expect_final_and_recoverable();
}
INSTANTIATE_TEST_SUITE_P(FirstToTwentieth, FailedSync, ::testing::Range(1U, 21U));

struct Fault {
  const char* name;
  Rule rule;
  friend void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.name; }
};

class FatalFault : public JournalFaultTest, public ::testing::WithParamInterface<Fault> {};

TEST_P(FatalFault, EndsTheJournalForGood) {
  open();
  const int rule = control_.add(GetParam().rule, kJournalFile);
  append();
  ASSERT_TRUE(in_health(JournalHealth::failed)) << journal().failure();
  EXPECT_GE(control_.hit(rule), 1U);
  EXPECT_EQ(journal().sequence(), 3U);
  expect_final_and_recoverable();
}

constexpr auto kPageWrites = faults::Operation(faults::kPwrite | faults::kPwritev | faults::kWritev);
const Fault kFatal[] = {
    {"DataWriteEio", {.operations = kPageWrites, .offset_from = kFirstDataPage, .action = Action::fail, .error = EIO}},
    {"DataWriteShort", {.operations = kPageWrites, .offset_from = kFirstDataPage, .action = Action::short_write}},
    {"MetaWriteEio",
     {.operations = faults::kPwrite, .offset_below = kFirstDataPage, .action = Action::fail, .error = EIO}},
    {"MetaWriteEnospc",
     {.operations = faults::kPwrite, .offset_below = kFirstDataPage, .action = Action::fail, .error = ENOSPC}},
    {"MetaWriteShort", {.operations = faults::kPwrite, .offset_below = kFirstDataPage, .action = Action::short_write}},
    {"MetaWrittenButReportedEio",
     {.operations = faults::kPwrite, .offset_below = kFirstDataPage, .action = Action::fail_after, .error = EIO}},
    {"SyncedButReportedEio", {.operations = faults::kFdatasync, .action = Action::fail_after, .error = EIO}},
};
INSTANTIATE_TEST_SUITE_P(Each, FatalFault, ::testing::ValuesIn(kFatal),
                         [](const auto& fault) { return std::string(fault.param.name); });

TEST_F(JournalFaultTest, KeepsTheBatchWhenTheDiskIsFullAndCommitsItInOrderLater) {
  open();
  const int rule = control_.add({.operations = kPageWrites,
                                 .offset_from = kFirstDataPage,
                                 .count = faults::kAlways,
                                 .action = Action::fail,
                                 .error = ENOSPC},
                                kJournalFile);
  for (int i = 0; i < 5; ++i)
    append();
  ASSERT_TRUE(in_health(JournalHealth::out_of_space));
  for (int i = 0; i < 5; ++i)
    append();
  ASSERT_TRUE(holds_in_time([&] { return journal().metrics().retries.load() >= 5; }));
  EXPECT_EQ(journal().sequence(), 3U);
  EXPECT_FALSE(journal().next_durable(0));
  EXPECT_NE(journal().failure().find("No space left"), std::string::npos) << journal().failure();
  control_.remove(rule);
  ASSERT_TRUE(loop_->take_until(13));
  ASSERT_TRUE(in_health(JournalHealth::ready));
  const std::vector<std::string> appended = loop_->appended();
  store_.reset();
  const auto records = read_all(folder_.store());
  ASSERT_EQ(records.size(), 13U);
  for (std::size_t i = 0; i < records.size(); ++i)
    EXPECT_EQ(records[i].payload, appended[i]);
}

TEST_F(JournalFaultTest, IsOutOfSpaceWhileZerosCannotBeWrittenAhead) {
  JournalOptions options = small_options();
  options.preallocate_bytes = 512 * 1024;
  open(options);
  const int rule =
      control_.add({.operations = faults::kPwritev2, .count = faults::kAlways, .action = Action::fail, .error = ENOSPC},
                   kJournalFile);
  ASSERT_TRUE(loop_->append_until(3'000, [this] { return journal().health() != JournalHealth::ready; }));
  EXPECT_EQ(journal().health(), JournalHealth::out_of_space);
  control_.remove(rule);
  ASSERT_TRUE(loop_->take_until(loop_->appended().size()));
  ASSERT_TRUE(in_health(JournalHealth::ready));
}

TEST_F(JournalFaultTest, EndsWhenZerosMeetADiskError) {
  JournalOptions options = small_options();
  options.preallocate_bytes = 512 * 1024;
  open(options);
  control_.add({.operations = faults::kPwritev2, .action = Action::fail, .error = EIO}, kJournalFile);
  ASSERT_TRUE(loop_->append_until(3'000, [this] { return journal().health() == JournalHealth::failed; }));
  expect_final_and_recoverable();
}

// LMDB never meets blocks that are not there: all of its pages lie in what was in the file before the commit began.
TEST_F(JournalFaultTest, LetsLmdbWriteOnlyWhereZerosWereWritten) {
  open();
  const auto file = journal_folder(folder_.store()) / "data.mdb";
  const std::uint64_t size_at_first = std::filesystem::file_size(file);
  for (std::size_t i = 1; i <= 300; ++i) {
    const int behind =
        control_.add({.operations = kPageWrites, .offset_from = std::filesystem::file_size(file)}, kJournalFile);
    loop_->append(std::string(5'000, 'x'));
    loop_->submit();
    ASSERT_TRUE(loop_->take_until(3 + i));
    ASSERT_EQ(control_.matched(behind), 0U);
    control_.remove(behind);
  }
  EXPECT_GT(std::filesystem::file_size(file), size_at_first);
}

TEST_F(JournalFaultTest, SurvivesInterruptedWrites) {
  open();
  control_.add({.operations = faults::kAnyWrite, .count = 7, .action = Action::fail, .error = EINTR}, kJournalFile);
  for (int i = 0; i < 20; ++i)
    append();
  ASSERT_TRUE(loop_->take_until(23));
  EXPECT_EQ(journal().health(), JournalHealth::ready);
  store_.reset();
  EXPECT_EQ(read_all(folder_.store()).size(), 23U);
}

// The control: with the protection off, LMDB itself goes on after a failed sync.
TEST_F(JournalFaultTest, WouldGoOnAfterAFailedSyncIfItWereLeftToLmdb) {
  open();
  store_->journal.stop();
  const auto folder = journal_folder(folder_.store());
  store_.reset();
  MDB_env* env = nullptr;
  ASSERT_EQ(mdb_env_create(&env), 0);
  ASSERT_EQ(mdb_env_open(env, folder.c_str(), 0, 0600), 0);
  control_.add({.operations = faults::kFdatasync, .action = Action::fail, .error = EIO}, kJournalFile);
  std::vector<int> codes;
  for (std::uint64_t sequence = 4; sequence <= 5; ++sequence) {
    MDB_txn* transaction = nullptr;
    MDB_dbi records = 0;
    ASSERT_EQ(mdb_txn_begin(env, nullptr, 0, &transaction), 0);
    ASSERT_EQ(mdb_dbi_open(transaction, nullptr, MDB_INTEGERKEY, &records), 0);
    MDB_val key = to_val(sequence);
    MDB_val value = to_val(bytes_of("x"));
    ASSERT_EQ(mdb_put(transaction, records, &key, &value, MDB_APPEND), 0);
    codes.push_back(mdb_txn_commit(transaction));
  }
  mdb_env_close(env);
  EXPECT_EQ(codes, (std::vector<int>{EIO, 0}));
}

}  // namespace
}  // namespace holdfast::storage::test
