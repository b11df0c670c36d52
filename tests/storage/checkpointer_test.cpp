#include "storage/checkpointer.h"

#include <map>
#include <set>

#include "tests/faults/fault_control.h"
#include "tests/storage/fixture.h"

namespace holdfast::storage::test {
namespace {

using engine::RowChange;
using engine::Table;
using faults::Action;

// The state of this engine: how often each payload was seen, and which record had it last.
class CountingFold : public Fold {
 public:
  explicit CountingFold(const StateStore& state) {
    state.for_each(Table::nodes,
                   [this](BytesView key, BytesView value) { counts_[text_of(key)] = text_of(value).size(); });
    next_ = state.folded().sequence + 1;
  }
  std::optional<std::string> apply(Sequence sequence, BytesView record) override {
    EXPECT_EQ(sequence, next_++);
    const std::string text = text_of(record);
    if (text == "contradiction") return "does not fit the state";
    ++counts_[text];
    touched_.insert(text);
    return std::nullopt;
  }
  std::size_t touched_rows() const override { return touched_.size(); }
  std::vector<RowChange> take_changes() override {
    std::vector<RowChange> changes;
    for (auto key = touched_.rbegin(); key != touched_.rend(); ++key) {
      const std::string value(counts_[*key], 'x');
      changes.push_back({Table::nodes,
                         {bytes_of(*key).begin(), bytes_of(*key).end()},
                         engine::Bytes(bytes_of(value).begin(), bytes_of(value).end())});
    }
    largest_ = std::max(largest_, changes.size());
    touched_.clear();
    return changes;
  }
  std::size_t largest() const { return largest_; }

 private:
  std::map<std::string, std::size_t> counts_;
  std::set<std::string> touched_;
  Sequence next_ = 1;
  std::size_t largest_ = 0;
};

class CheckpointerTest : public ::testing::Test {
 protected:
  CheckpointerTest() : control_((folder_.path() / "faults").string()) { open(); }
  void open() {
    close();
    store_ = std::make_unique<OpenStore>(folder_.store());
    state_ = std::make_unique<StateStore>(store_->directory, StateStore::Options{.map_size = 64 << 20});
    loop_ = std::make_unique<Loop>(store_->journal, 0);
    store_->journal.start();
    store_->journal.recovered();
    fold_ = std::make_unique<CountingFold>(*state_);
    options_.interval = std::chrono::hours(1);
    options_.rows_max = 16;
    checkpointer_ = std::make_unique<Checkpointer>(store_->journal, *state_, *fold_, options_);
  }
  void close() {
    checkpointer_.reset();
    loop_.reset();
    state_.reset();
    store_.reset();
  }
  // Payloads "0" to "99" in turn.
  void append(std::size_t records) {
    for (std::size_t i = 0; i < records; ++i)
      loop_->append(std::to_string(appended_++ % 100));
    loop_->submit();
    ASSERT_TRUE(loop_->take_until(loop_->appended().size()));
    store_->journal.settle(0, loop_->durable().back());
  }
  void expect_state_of_all() {
    EXPECT_EQ(state_->folded().sequence, appended_);
    std::size_t rows = 0;
    state_->for_each(Table::nodes, [&](BytesView key, BytesView value) {
      const std::size_t number = std::stoul(text_of(key));
      EXPECT_EQ(value.size(), (appended_ + 99 - number) / 100) << number;
      ++rows;
    });
    EXPECT_EQ(rows, std::min<std::size_t>(appended_, 100));
  }
  bool folds_all() {
    checkpointer_->request();
    return holds_in_time([this] { return checkpointer_->folded() == appended_; });
  }

  TempFolder folder_;
  faults::FaultControl control_;
  Checkpointer::Options options_;
  std::unique_ptr<OpenStore> store_;
  std::unique_ptr<StateStore> state_;
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<CountingFold> fold_;
  std::unique_ptr<Checkpointer> checkpointer_;
  std::size_t appended_ = 0;
};

TEST_F(CheckpointerTest, FoldsWhatIsDurableInBoundedTransactions) {
  checkpointer_->start();
  append(1'000);
  ASSERT_TRUE(folds_all());
  append(150);
  ASSERT_TRUE(folds_all());
  checkpointer_->stop();
  EXPECT_LE(fold_->largest(), 16U);
  EXPECT_GE(checkpointer_->runs(), 2U);
  EXPECT_GT(checkpointer_->last_duration().count(), 0);
  expect_state_of_all();
}

TEST_F(CheckpointerTest, StartsARunEarlyWhenManyRecordsWait) {
  options_.records = 50;
  open();
  checkpointer_->start();
  append(60);
  EXPECT_TRUE(holds_in_time([this] { return checkpointer_->folded() == 60; }));
}

TEST_F(CheckpointerTest, GoesOnAfterARestartWhereItStopped) {
  for (int run = 0; run < 3; ++run) {
    checkpointer_->start();
    append(130);
    ASSERT_TRUE(folds_all());
    open();
    EXPECT_EQ(checkpointer_->folded(), appended_);
  }
  expect_state_of_all();
}

TEST_F(CheckpointerTest, FoldsToTheEndWhenItIsAskedToOnStopping) {
  checkpointer_->start();
  append(500);
  checkpointer_->stop(true);
  expect_state_of_all();
}

TEST_F(CheckpointerTest, KeepsTheChangesWhileTheDiskIsFullAndNeverHoldsTheJournalUp) {
  control_.attach();
  const int rule = control_.add({.operations = faults::kAnyWrite,
                                 .offset_from = 8192,
                                 .count = faults::kAlways,
                                 .action = Action::fail,
                                 .error = ENOSPC},
                                "state/data.mdb");
  checkpointer_->start();
  append(100);
  for (std::uint64_t runs = 1; runs <= 3; ++runs) {
    checkpointer_->request();
    ASSERT_TRUE(holds_in_time([&] { return checkpointer_->runs() >= runs; }));
  }
  EXPECT_EQ(checkpointer_->folded(), 0U);
  EXPECT_FALSE(checkpointer_->failure());
  append(100);
  EXPECT_EQ(store_->journal.health(), engine::JournalHealth::ready);
  control_.remove(rule);
  ASSERT_TRUE(folds_all());
  expect_state_of_all();
}

TEST_F(CheckpointerTest, EndsForGoodWhenASyncFails) {
  append(100);
  control_.attach();
  control_.add({.operations = faults::kFdatasync, .action = Action::fail, .error = EIO}, "state/data.mdb");
  checkpointer_->start();
  checkpointer_->request();
  ASSERT_TRUE(holds_in_time([this] { return checkpointer_->failure().has_value(); }));
  checkpointer_->request();
  checkpointer_->stop(true);
  EXPECT_EQ(checkpointer_->folded(), 0U);
  EXPECT_EQ(store_->journal.health(), engine::JournalHealth::ready);
}

TEST_F(CheckpointerTest, EndsForGoodAtARecordThatContradictsTheState) {
  append(10);
  loop_->append("contradiction");
  append(1);
  checkpointer_->start();
  checkpointer_->request();
  ASSERT_TRUE(holds_in_time([this] { return checkpointer_->failure().has_value(); }));
  EXPECT_EQ(*checkpointer_->failure(), "journal, record 11: does not fit the state");
}

}  // namespace
}  // namespace holdfast::storage::test
