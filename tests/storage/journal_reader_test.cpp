#include "storage/journal_reader.h"

#include "tests/storage/fixture.h"
#include "tests/storage/payload.h"

namespace holdfast::storage::test {
namespace {

constexpr std::size_t kRecords = 3 * JournalReader::kRecordsPerSnapshot + 17;

class JournalReaderTest : public ::testing::Test {
 protected:
  JournalReaderTest() : store_(folder_.store(), options()), loop_(store_.journal, 0) {
    store_.journal.start();
    store_.journal.recovered();
    for (std::size_t i = 0; i < kRecords; ++i)
      loop_.append(payload_of(0, i));
    loop_.submit();
    EXPECT_TRUE(loop_.take_until(kRecords));
    store_.journal.settle(0, kRecords);
    reader_ = store_.journal.reader();
  }
  static JournalOptions options() {
    JournalOptions options = small_options();
    options.lane_bytes = 4 << 20;
    options.queue_records = 2 * kRecords;
    return options;
  }
  std::vector<Sequence> walked(Sequence after, std::optional<Chain> chain, Sequence up_to,
                               std::size_t stop_after = ~std::size_t{0}) {
    std::vector<Sequence> sequences;
    damage_ = reader_->walk(after, chain, up_to, [&](const JournalRecord& record) {
      EXPECT_EQ(text_of(record.payload), payload_of(0, record.sequence - 1));
      sequences.push_back(record.sequence);
      return sequences.size() < stop_after;
    });
    return sequences;
  }

  TempFolder folder_;
  OpenStore store_;
  Loop loop_;
  std::unique_ptr<JournalReader> reader_;
  std::optional<JournalDamage> damage_;
};

TEST_F(JournalReaderTest, WalksOverManySnapshotsInOrder) {
  const auto all = walked(0, std::nullopt, JournalReader::kAll);
  ASSERT_FALSE(damage_);
  ASSERT_EQ(all.size(), kRecords);
  EXPECT_EQ(all.front(), 1U);
  EXPECT_EQ(all.back(), kRecords);
}

TEST_F(JournalReaderTest, WalksAnyPart) {
  EXPECT_EQ(walked(10, std::nullopt, 13), (std::vector<Sequence>{11, 12, 13}));
  EXPECT_EQ(walked(10, std::nullopt, 10), (std::vector<Sequence>{}));
  EXPECT_EQ(walked(kRecords - 1, std::nullopt, JournalReader::kAll), (std::vector<Sequence>{kRecords}));
  EXPECT_EQ(walked(kRecords, std::nullopt, JournalReader::kAll), (std::vector<Sequence>{}));
  EXPECT_FALSE(damage_);
  EXPECT_EQ(walked(0, std::nullopt, JournalReader::kAll, 2), (std::vector<Sequence>{1, 2}));
  EXPECT_FALSE(damage_);
}

TEST_F(JournalReaderTest, SaysWhichRecordIsMissing) {
  walked(kRecords, std::nullopt, kRecords + 1);
  ASSERT_TRUE(damage_);
  EXPECT_EQ(damage_->sequence, kRecords + 1);
  EXPECT_EQ(damage_->what, "is missing");
  walked(kRecords + 5, std::nullopt, JournalReader::kAll);
  ASSERT_TRUE(damage_) << "a checkpoint ahead of its journal";
  EXPECT_EQ(damage_->sequence, kRecords + 5);
}

TEST_F(JournalReaderTest, GoesOnOnlyFromTheRecordThatTheCheckpointWasMadeFrom) {
  Chain chain{};
  ASSERT_FALSE(reader_->read(20, [&chain](const JournalRecord& record) { chain = record.chain; }));
  EXPECT_EQ(walked(20, chain, 22), (std::vector<Sequence>{21, 22}));
  EXPECT_FALSE(damage_);
  chain[3] ^= std::byte{1};
  EXPECT_TRUE(walked(20, chain, 22).empty());
  ASSERT_TRUE(damage_);
  EXPECT_EQ(damage_->sequence, 20U);
}

TEST_F(JournalReaderTest, ReadsOneRecord) {
  std::string payload;
  EXPECT_FALSE(reader_->read(77, [&payload](const JournalRecord& record) { payload = text_of(record.payload); }));
  EXPECT_EQ(payload, payload_of(0, 76));
  EXPECT_TRUE(reader_->read(0, [](const JournalRecord&) {}));
  EXPECT_TRUE(reader_->read(kRecords + 1, [](const JournalRecord&) {}));
}

TEST_F(JournalReaderTest, SeesWhatBecomesDurableDuringAWalk) {
  std::size_t visited = 0;
  const auto damage = reader_->walk(0, std::nullopt, JournalReader::kAll, [&](const JournalRecord&) {
    if (++visited == 10) {
      loop_.append(payload_of(0, kRecords));
      loop_.submit();
      EXPECT_TRUE(loop_.take_until(kRecords + 1));
    }
    return true;
  });
  EXPECT_FALSE(damage);
  EXPECT_EQ(visited, kRecords + 1);
}

TEST(JournalReader, FindsNothingInANewStore) {
  const TempFolder folder;
  { const StoreDirectory directory(folder.store()); }
  const JournalReader reader(folder.store());
  Sequence last = 1;
  EXPECT_FALSE(reader.last(last));
  EXPECT_EQ(last, 0U);
  EXPECT_TRUE(read_all(reader).empty());
}

TEST(JournalReader, RefusesAFolderThatIsNoStore) {
  const TempFolder folder;
  EXPECT_NE(refusal([&] { JournalReader reader(folder.store()); }).find("not a Holdfast store"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::storage::test
