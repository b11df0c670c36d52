#include "storage/journal.h"

#include <thread>

#include "tests/storage/fixture.h"
#include "tests/storage/payload.h"

namespace holdfast::storage::test {
namespace {

using engine::JournalHealth;

void open_for_use(OpenStore& store) {
  store.journal.start();
  store.journal.recovered();
}

// One record, durable.
Sequence append_one(Loop& loop, std::string_view record) {
  const std::size_t before = loop.durable().size();
  loop.append(record);
  loop.submit();
  EXPECT_TRUE(loop.take_until(before + 1));
  return loop.durable().back();
}

TEST(Journal, MakesRecordsDurableInOrderAndReadsThemBack) {
  const TempFolder folder;
  {
    OpenStore store(folder.store());
    Loop loop(store.journal, 0);
    open_for_use(store);
    EXPECT_EQ(store.journal.sequence(), 0U);
    for (Sequence i = 0; i < 10; ++i)
      EXPECT_EQ(append_one(loop, "record " + std::to_string(i)), i + 1);
    EXPECT_EQ(store.journal.sequence(), 10U);
    EXPECT_EQ(store.journal.health(), JournalHealth::ready);
  }
  const auto records = read_all(folder.store());
  ASSERT_EQ(records.size(), 10U);
  for (std::size_t i = 0; i < 10; ++i)
    EXPECT_EQ(records[i].payload, "record " + std::to_string(i));
}

TEST(Journal, CommitsFourLanesTogetherAndLosesNothing) {
  constexpr unsigned kLanes = 4;
  constexpr std::size_t kRecords = 5'000;
  const TempFolder folder;
  std::vector<std::unique_ptr<Loop>> loops;
  std::uint64_t commits = 0;
  std::uint64_t wakes = 0;
  {
    OpenStore store(folder.store(), small_options(kLanes));
    for (unsigned lane = 0; lane < kLanes; ++lane)
      loops.push_back(std::make_unique<Loop>(store.journal, lane));
    open_for_use(store);
    std::vector<std::thread> threads;
    for (unsigned lane = 0; lane < kLanes; ++lane) {
      threads.emplace_back([&store, &loop = *loops[lane], lane] {
        const auto settle = [&] {
          loop.take();
          if (!loop.durable().empty()) store.journal.settle(lane, loop.durable().back());
        };
        for (std::size_t i = 0; i < kRecords; ++i) {
          // A lane far ahead of the others has no room until they have settled as well.
          ASSERT_TRUE(holds_in_time([&] {
            settle();
            return store.journal.has_room(lane);
          }));
          loop.append(payload_of(lane, i));
          if (i % 25 == 24 || i + 1 == kRecords) loop.submit();
          if (i % 200 == 199) {
            ASSERT_TRUE(loop.take_until(i - 100));
          }
        }
        ASSERT_TRUE(loop.take_until(kRecords));
        settle();
      });
    }
    for (std::thread& thread : threads)
      thread.join();
    EXPECT_EQ(store.journal.sequence(), kLanes * kRecords);
    EXPECT_EQ(store.journal.queued_records(), 0U);
    store.journal.stop();
    commits = store.journal.metrics().commits.load();
    EXPECT_EQ(store.journal.metrics().records.load(), kLanes * kRecords);
    EXPECT_EQ(store.journal.metrics().batch_records.sum(), kLanes * kRecords);
    EXPECT_EQ(store.journal.metrics().commit_us.count(), commits);
    for (const auto& loop : loops)
      wakes += loop->wakes();
  }
  EXPECT_LT(commits, kLanes * kRecords / 10) << "records share commits";
  EXPECT_LE(wakes, commits * kLanes) << "a commit wakes a lane once";

  const auto records = read_all(folder.store());
  ASSERT_EQ(records.size(), kLanes * kRecords);
  for (unsigned lane = 0; lane < kLanes; ++lane) {
    ASSERT_EQ(loops[lane]->durable().size(), kRecords);
    for (std::size_t i = 0; i < kRecords; ++i) {
      const StoredRecord& record = records[loops[lane]->durable()[i] - 1];
      ASSERT_EQ(record.lane, lane);
      ASSERT_EQ(record.payload, payload_of(lane, i));
    }
  }
}

TEST(Journal, PublishesNothingBeforeItsCommitHasReturned) {
  const TempFolder folder;
  LmdbJournal* journal = nullptr;
  std::vector<Sequence> published_before;
  JournalSeams seams;
  seams.before_publish = [&](Sequence last) {
    published_before.push_back(journal->sequence());
    // What is about to be published can be read by a transaction of its own: it is committed.
    Sequence committed = 0;
    EXPECT_FALSE(journal->reader()->last(committed));
    EXPECT_EQ(committed, last);
    EXPECT_FALSE(journal->next_durable(0));
  };
  OpenStore store(folder.store(), small_options(), seams);
  journal = &store.journal;
  Loop loop(store.journal, 0);
  open_for_use(store);
  for (int i = 0; i < 5; ++i)
    append_one(loop, "x");
  store.journal.stop();
  EXPECT_EQ(published_before, (std::vector<Sequence>{0, 1, 2, 3, 4}));
}

TEST(Journal, GoesOnWithTheNextSequenceAfterARestart) {
  const TempFolder folder;
  for (Sequence run = 0; run < 5; ++run) {
    OpenStore store(folder.store());
    EXPECT_EQ(store.journal.sequence(), run * 3);
    EXPECT_EQ(store.journal.sequence_at_open(), run * 3);
    Loop loop(store.journal, 0);
    open_for_use(store);
    for (Sequence i = 1; i <= 3; ++i)
      EXPECT_EQ(append_one(loop, "x"), run * 3 + i);
  }
  EXPECT_EQ(read_all(folder.store()).size(), 15U);
}

TEST(Journal, CommitsWhatWasSubmittedBeforeItStops) {
  const TempFolder folder;
  {
    OpenStore store(folder.store());
    Loop loop(store.journal, 0);
    open_for_use(store);
    for (int i = 0; i < 1000; ++i)
      loop.append("record");
    loop.submit();
    store.journal.stop();
    loop.take();
    EXPECT_EQ(loop.durable().size(), 1000U);
  }
  EXPECT_EQ(read_all(folder.store()).size(), 1000U);
}

TEST(Journal, TakesRecordsOfEverySizeUpToTheLargest) {
  const TempFolder folder;
  std::vector<std::string> written;
  {
    OpenStore store(folder.store());
    Loop loop(store.journal, 0);
    open_for_use(store);
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{1999}, std::size_t{2048},
                                   std::size_t{4096}, std::size_t{20'000}, engine::kRecordBytesMax, std::size_t{3}}) {
      written.emplace_back(size, static_cast<char>('a' + written.size()));
      append_one(loop, written.back());
    }
  }
  const auto records = read_all(folder.store());
  ASSERT_EQ(records.size(), written.size());
  for (std::size_t i = 0; i < written.size(); ++i)
    EXPECT_EQ(records[i].payload, written[i]);
}

TEST(Journal, SplitsBatchesAtTheirLimits) {
  const TempFolder folder;
  JournalOptions options = small_options();
  options.batch_records_max = 10;
  options.batch_bytes_max = 1'000;
  OpenStore store(folder.store(), options);
  Loop loop(store.journal, 0);
  for (int i = 0; i < 20; ++i)
    loop.append("small");
  for (int i = 0; i < 4; ++i)
    loop.append(std::string(600, 'b'));
  loop.submit();
  open_for_use(store);
  ASSERT_TRUE(loop.take_until(24));
  EXPECT_EQ(loop.runs(), 2U + 4U);
}

TEST(Journal, HasNoRoomWhenItsQueueIsFullAndAgainWhenRunsWereTaken) {
  const TempFolder folder;
  JournalOptions options = small_options();
  options.queue_records = 8;
  OpenStore store(folder.store(), options);
  Loop loop(store.journal, 0);
  for (int i = 0; i < 8; ++i)
    loop.append("x");
  EXPECT_FALSE(store.journal.has_room(0));
  loop.submit();
  open_for_use(store);
  ASSERT_TRUE(holds_in_time([&] { return store.journal.sequence() == 8; }));
  EXPECT_FALSE(store.journal.has_room(0)) << "runs that were not taken count";
  ASSERT_TRUE(loop.take_until(8));
  EXPECT_TRUE(store.journal.has_room(0));
}

TEST(Journal, HasNoRoomWhenItsBytesAreUsedUp) {
  const TempFolder folder;
  OpenStore store(folder.store());
  const std::string large(engine::kRecordBytesMax, 'x');
  int appended = 0;
  for (; store.journal.has_room(0); ++appended)
    store.journal.append(0, bytes_of(large));
  EXPECT_GE(appended, 5);
  EXPECT_LE(appended, 8);
}

// The sent marks' ring must not be used again for a record whose approval is still open.
TEST(Journal, HasNoRoomOnAnyLaneWhenTooManyRecordsAreUnsettled) {
  const TempFolder folder;
  JournalOptions options = small_options(2);
  options.queue_records = 512;
  OpenStore store(folder.store(), options);
  Loop slow(store.journal, 0);
  Loop busy(store.journal, 1);
  open_for_use(store);
  const Sequence unsettled = append_one(slow, "never settled");
  std::size_t appended = 0;
  while (store.journal.has_room(1)) {
    ASSERT_LT(appended, store.marks.capacity());
    append_one(busy, "x");
    ++appended;
    store.journal.settle(1, busy.durable().back());
  }
  EXPECT_FALSE(store.journal.has_room(0));
  EXPECT_LT(store.journal.sequence() - unsettled, store.marks.capacity());
  EXPECT_GT(appended, store.marks.capacity() / 4);
  store.journal.settle(0, unsettled);
  EXPECT_TRUE(store.journal.has_room(0));
  EXPECT_TRUE(store.journal.has_room(1));
}

TEST(Journal, WritesInEachRecordHowFarEverythingIsSettled) {
  const TempFolder folder;
  {
    OpenStore store(folder.store(), small_options(2));
    Loop first(store.journal, 0);
    Loop second(store.journal, 1);
    open_for_use(store);
    append_one(first, "1");   // nothing before it
    append_one(second, "2");  // 1 is open
    store.journal.settle(0, 1);
    append_one(second, "3");  // lane 1 has settled nothing, its first record is 2
    store.journal.settle(1, 2);
    append_one(second, "4");
    store.journal.settle(1, 4);
    append_one(first, "5");
    append_one(second, "6");  // 5 is open, and with it nothing before
    store.journal.settle(0, 5);
    store.journal.settle(1, 6);
    append_one(first, "7");
  }
  std::vector<Sequence> settled;
  for (const auto& record : read_all(folder.store()))
    settled.push_back(record.settled);
  EXPECT_EQ(settled, (std::vector<Sequence>{0, 0, 1, 2, 4, 4, 6}));
}

TEST(Journal, CallsNothingSettledUntilRecoveryIsDone) {
  const TempFolder folder;
  {
    OpenStore store(folder.store());
    Loop loop(store.journal, 0);
    open_for_use(store);
    for (int i = 0; i < 3; ++i)
      append_one(loop, "x");
    store.journal.settle(0, 1);
    append_one(loop, "x");
    store.journal.mark_sent(2);
  }
  {
    OpenStore store(folder.store());
    EXPECT_EQ(store.journal.sequence_at_open(), 4U);
    EXPECT_EQ(store.journal.settled_at_open(), 1U);
    EXPECT_EQ(store.marks.knowledge(1, 1), SentKnowledge::settled);
    EXPECT_EQ(store.marks.knowledge(2, 1), SentKnowledge::maybe_sent);
    EXPECT_EQ(store.marks.knowledge(3, 1), SentKnowledge::never_sent);
    Loop loop(store.journal, 0);
    store.journal.start();
    EXPECT_EQ(append_one(loop, "compensates 3"), 5U);
    store.journal.settle(0, 5);
    append_one(loop, "compensates 4");
    // Ends here, without recovered(): as if killed during recovery.
  }
  {
    OpenStore store(folder.store());
    EXPECT_EQ(store.journal.settled_at_open(), 1U) << "the next recovery sees all of it again";
    EXPECT_EQ(store.marks.knowledge(2, 1), SentKnowledge::maybe_sent);
    store.journal.start();
    store.journal.recovered();
    // Ends without another record.
  }
  const OpenStore store(folder.store());
  EXPECT_EQ(store.journal.settled_at_open(), 6U);
}

TEST(Journal, SaysWhenSpaceIsLowAndWhenItIsBack) {
  const TempFolder folder;
  std::atomic<std::uint64_t> free_bytes{1000};
  JournalOptions options = small_options();
  options.minimum_free_bytes = 500;
  JournalSeams seams;
  seams.free_bytes = [&free_bytes] { return free_bytes.load(); };
  OpenStore store(folder.store(), options, seams);
  Loop loop(store.journal, 0);
  open_for_use(store);
  EXPECT_EQ(store.journal.health(), JournalHealth::ready);
  free_bytes = 499;
  ASSERT_TRUE(holds_in_time([&] { return store.journal.health() == JournalHealth::out_of_space; }));
  EXPECT_NE(store.journal.failure().find("free space"), std::string::npos);
  append_one(loop, "a record that was admitted just before is still committed");
  free_bytes = 500;
  ASSERT_TRUE(holds_in_time([&] { return store.journal.health() == JournalHealth::ready; }));
  EXPECT_EQ(store.journal.failure(), "");
}

TEST(Journal, SaysThatItsMapIsNearlyFullBeforeItIs) {
  const TempFolder folder;
  JournalOptions options = small_options();
  options.map_size = 16 << 20;  // what is kept free holds all that can come between two looks, however slow the machine
  options.space_interval = std::chrono::milliseconds(1);
  OpenStore store(folder.store(), options);
  Loop loop(store.journal, 0);
  open_for_use(store);
  ASSERT_TRUE(loop.append_until(900, [&] { return store.journal.health() != JournalHealth::ready; }));
  EXPECT_EQ(store.journal.health(), JournalHealth::out_of_space);
  EXPECT_GT(store.journal.used_ratio(), 0.5);
  ASSERT_TRUE(loop.take_until(loop.appended().size()));
  append_one(loop, "there is still room for those that were admitted");
  EXPECT_NE(store.journal.failure().find("map"), std::string::npos);
}

TEST(Journal, KeepsItsBatchWhenTheMapIsFullAndGoesOnWithALargerOne) {
  const TempFolder folder;
  JournalOptions options = small_options();
  options.map_size = 1 << 20;
  options.map_used_max = 2;
  options.queue_records = 4'096;
  options.batch_records_max = 100;
  std::size_t durable = 0;
  {
    OpenStore store(folder.store(), options);
    Loop loop(store.journal, 0);
    open_for_use(store);
    ASSERT_TRUE(loop.append_until(1'200, [&] { return store.journal.health() != JournalHealth::ready; }));
    EXPECT_EQ(store.journal.health(), JournalHealth::out_of_space);
    EXPECT_NE(store.journal.failure().find("MDB_MAP_FULL"), std::string::npos) << store.journal.failure();
    const Sequence stuck = store.journal.sequence();
    const std::uint64_t retries = store.journal.metrics().retries.load();
    ASSERT_TRUE(holds_in_time([&] { return store.journal.metrics().retries.load() > retries + 3; }));
    EXPECT_EQ(store.journal.sequence(), stuck) << "nothing is dropped or overtaken";
    EXPECT_GT(store.journal.queued_records(), 0U);
    store.journal.stop();
    loop.take();
    durable = loop.durable().size();
    EXPECT_EQ(durable, stuck);
  }
  EXPECT_EQ(read_all(folder.store()).size(), durable);
  options.map_size = 8 << 20;
  OpenStore store(folder.store(), options);
  Loop loop(store.journal, 0);
  open_for_use(store);
  EXPECT_EQ(append_one(loop, "goes on"), durable + 1);
  EXPECT_EQ(store.journal.health(), JournalHealth::ready);
}

TEST(Journal, ExpectsAWaitThatGrowsWithItsQueue) {
  const TempFolder folder;
  JournalOptions options = small_options();
  options.batch_records_max = 10;
  OpenStore store(folder.store(), options);
  Loop loop(store.journal, 0);
  open_for_use(store);
  for (int i = 0; i < 20; ++i)
    append_one(loop, "x");
  EXPECT_EQ(store.journal.expected_wait().count(), 0) << "an idle journal takes a record at once";
  store.journal.stop();
  loop.append("x");
  const auto one_batch = store.journal.expected_wait();
  EXPECT_GT(one_batch.count(), 0);
  for (int i = 0; i < 100; ++i)
    loop.append("x");
  EXPECT_GE(store.journal.expected_wait(), 10 * one_batch);
}

TEST(Journal, RefusesOptionsThatCannotWork) {
  const TempFolder folder;
  const auto refused = [&folder](auto change) {
    JournalOptions options = small_options();
    change(options);
    return refusal([&] { OpenStore store(folder.store(), options); }) != "";
  };
  EXPECT_TRUE(refused([](JournalOptions& options) { options.lanes = 0; }));
  EXPECT_TRUE(refused([](JournalOptions& options) { options.lanes = 257; }));
  EXPECT_TRUE(refused([](JournalOptions& options) { options.queue_records = 0; }));
  EXPECT_TRUE(refused([](JournalOptions& options) { options.batch_records_max = 0; }));
  EXPECT_FALSE(refused([](JournalOptions&) {}));
}

TEST(Journal, IsOpenOnceInAProcess) {
  const TempFolder folder;
  OpenStore store(folder.store());
  EXPECT_NE(refusal([&] { JournalReader reader(folder.store()); }).find("open in this process"), std::string::npos);
}

TEST(JournalDeathTest, AbortsWhenARecordIsAppendedWithoutRoom) {
  const TempFolder folder;
  OpenStore store(folder.store());
  const std::string too_large(engine::kRecordBytesMax + 1, 'x');
  EXPECT_DEATH(store.journal.append(0, bytes_of(too_large)), "appended without room");
}

}  // namespace
}  // namespace holdfast::storage::test
