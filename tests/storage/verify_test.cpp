#include "storage/verify.h"

#include "engine/fold.h"
#include "engine/record.h"
#include "storage/state_store.h"
#include "tests/storage/fixture.h"

namespace holdfast::storage::test {
namespace {

using namespace std::chrono_literals;
using engine::Table;

// A store with twenty days of declined requests, all in the checkpoint.
class VerifyTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kRequests = 20 * 24;
  static constexpr std::chrono::hours kHorizon{24};

  VerifyTest() {
    OpenStore store(path());
    const auto seed = store.directory.identity().hash_seed;
    engine::Shards shards(1, seed, 0, 64);
    Loop loop(store.journal, 0);
    store.journal.start();
    for (std::size_t i = 0; i < kRequests; ++i) {
      now_ += 1h;
      const std::string id = "id-" + std::to_string(i);
      engine::Authorize command{engine::kNoNode, {}};
      command.request.authorization_id = id;
      std::vector<std::byte> buffer(engine::kRecordBytesMax);
      const engine::Record record{now_, {"api", id, 1}, command, shards.apply(command, now_), {}};
      loop.append(text_of(engine::encode(record, buffer)));
    }
    loop.submit();
    EXPECT_TRUE(loop.take_until(kRequests));
    StateStore state(store.directory);
    engine::Fold fold(state, seed, kHorizon);
    const auto damage = store.journal.reader()->walk(0, std::nullopt, kRequests, [&](const JournalRecord& record) {
      EXPECT_FALSE(fold.apply(record.sequence, record.payload));
      last_ = {record.sequence, record.chain};
      return true;
    });
    EXPECT_FALSE(damage);
    apply(state, fold.take_changes(engine::Instant{}));
    apply(state, fold.take_changes(now_));
    rows_ = state.rows(Table::authorizations);
  }
  void apply(StateStore& state, const std::vector<engine::RowChange>& changes) const {
    EXPECT_TRUE(state.apply(changes, last_.sequence, last_.chain).ok());
  }
  // The row of the last request but nine.
  void remove_one(Table table) const {
    const StoreDirectory directory(path());
    StateStore state(directory);
    std::uint64_t place = state.rows(table) - 10;
    engine::Bytes key;
    state.scan(table, {}, [&](BytesView each, BytesView) {
      key.assign(each.begin(), each.end());
      return place-- != 0;
    });
    apply(state, {{table, key, std::nullopt}});
  }
  std::filesystem::path path() const { return folder_.store(); }

  engine::Instant now_ = std::chrono::sys_days{std::chrono::year{2026} / 11 / 1};
  Folded last_;
  std::uint64_t rows_ = 0;

 private:
  TempFolder folder_;
};

TEST_F(VerifyTest, PassesACheckpointWithoutWhatIsForgotten) {
  EXPECT_LT(rows_, kRequests);
  EXPECT_EQ(verify(path()).differences, std::vector<std::string>{});
}

TEST_F(VerifyTest, MissesARowThatIsNotForgotten) {
  remove_one(Table::authorizations);
  EXPECT_EQ(verify(path()).differences.size(), 1U);
  remove_one(Table::messages);
  EXPECT_EQ(verify(path()).differences.size(), 2U);
}

}  // namespace
}  // namespace holdfast::storage::test
