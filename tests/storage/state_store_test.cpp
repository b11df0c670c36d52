#include "storage/state_store.h"

#include <map>
#include <random>

#include "tests/faults/fault_control.h"
#include "tests/storage/fixture.h"

namespace holdfast::storage::test {
namespace {

using engine::RowChange;
using engine::Table;
using faults::Action;

constexpr StateStore::Options kSmall{.map_size = std::uint64_t{256} << 20};
constexpr const char* kStateFile = "state/data.mdb";

engine::Bytes owned(std::string_view text) {
  return {bytes_of(text).begin(), bytes_of(text).end()};
}
RowChange put(Table table, std::string_view key, std::string_view value) {
  return {table, owned(key), owned(value)};
}
RowChange remove(Table table, std::string_view key) {
  return {table, owned(key), std::nullopt};
}

class StateStoreTest : public ::testing::Test {
 protected:
  StateStoreTest() : directory_(folder_.store()), control_((folder_.path() / "faults").string()) { reopen(); }
  void reopen() {
    state_.reset();
    state_ = std::make_unique<StateStore>(directory_, kSmall);
  }
  std::map<std::string, std::string> rows(Table table) {
    std::map<std::string, std::string> all;
    state_->for_each(table, [&all](BytesView key, BytesView value) { all.emplace(text_of(key), text_of(value)); });
    return all;
  }
  Status apply(const std::vector<RowChange>& changes, Sequence folded) {
    return state_->apply(changes, folded, Chain{std::byte{static_cast<unsigned char>(folded)}});
  }

  TempFolder folder_;
  StoreDirectory directory_;
  faults::FaultControl control_;
  std::unique_ptr<StateStore> state_;
};

TEST_F(StateStoreTest, StartsEmptyBeforeTheFirstRecord) {
  EXPECT_EQ(state_->folded().sequence, 0U);
  EXPECT_EQ(state_->folded().chain, FrameCodec().first_chain(directory_.identity().id));
  for (int table = 0; table < engine::kTables; ++table) {
    EXPECT_EQ(state_->rows(static_cast<Table>(table)), 0U);
    EXPECT_TRUE(rows(static_cast<Table>(table)).empty());
  }
}

TEST_F(StateStoreTest, ChangesRowsAndTheFoldedSequenceTogether) {
  ASSERT_TRUE(apply({put(Table::nodes, "a", "1"), put(Table::nodes, "b", ""), put(Table::zones, "a", "z")}, 10).ok());
  ASSERT_TRUE(
      apply({remove(Table::nodes, "a"), put(Table::nodes, "c", "3"), remove(Table::keys, "never there")}, 20).ok());
  reopen();
  EXPECT_EQ(state_->folded().sequence, 20U);
  EXPECT_EQ(state_->folded().chain, Chain{std::byte{20}});
  EXPECT_EQ(rows(Table::nodes), (std::map<std::string, std::string>{{"b", ""}, {"c", "3"}}));
  EXPECT_EQ(rows(Table::zones), (std::map<std::string, std::string>{{"a", "z"}}));
  EXPECT_EQ(state_->get(Table::nodes, bytes_of("c")), owned("3"));
  EXPECT_EQ(state_->get(Table::nodes, bytes_of("b")), owned(""));
  EXPECT_FALSE(state_->get(Table::nodes, bytes_of("a")));
  EXPECT_FALSE(state_->get(Table::zones, bytes_of("c")));
}

TEST_F(StateStoreTest, ShowsItsRowsFromAKeyOnUntilItsReaderHasEnough) {
  EXPECT_FALSE(state_->last_key(Table::messages));
  ASSERT_TRUE(
      apply({put(Table::messages, "b", "1"), put(Table::messages, "d", "2"), put(Table::messages, "f", "3")}, 1).ok());
  EXPECT_EQ(state_->last_key(Table::messages), owned("f"));
  const auto keys = [&](std::string_view from, std::size_t most) {
    std::string shown;
    state_->scan(Table::messages, bytes_of(from), [&](BytesView key, BytesView) {
      shown += text_of(key);
      return shown.size() < most;
    });
    return shown;
  };
  EXPECT_EQ(keys("", 9), "bdf");
  EXPECT_EQ(keys("c", 9), "df");
  EXPECT_EQ(keys("d", 1), "d");
  EXPECT_EQ(keys("g", 9), "");
}

TEST_F(StateStoreTest, EqualsAMapAfterRandomChanges) {
  std::mt19937 random(7);
  std::map<std::string, std::string> model;
  for (Sequence round = 1; round <= 30; ++round) {
    std::map<std::string, std::optional<std::string>> wanted;
    for (int i = 0; i < 300; ++i) {
      const std::string key = "row " + std::to_string(random() % 2000);
      if (random() % 4 == 0)
        wanted[key] = std::nullopt;
      else
        wanted[key] = std::string(random() % 3000, static_cast<char>('a' + random() % 26));
    }
    std::vector<RowChange> changes;
    for (const auto& [key, value] : wanted) {
      changes.push_back(value ? put(Table::messages, key, *value) : remove(Table::messages, key));
      if (value)
        model[key] = *value;
      else
        model.erase(key);
    }
    ASSERT_TRUE(apply(changes, round).ok());
  }
  EXPECT_EQ(rows(Table::messages), model);
  reopen();
  EXPECT_EQ(rows(Table::messages), model);
  EXPECT_EQ(state_->rows(Table::messages), model.size());
}

TEST_F(StateStoreTest, LeavesEverythingAsItWasWhenTheDiskIsFull) {
  ASSERT_TRUE(apply({put(Table::nodes, "a", "1")}, 1).ok());
  control_.attach();
  control_.add({.operations = faults::kAnyWrite, .count = 1, .action = Action::fail, .error = ENOSPC}, kStateFile);
  const Status status = apply({put(Table::nodes, "a", "2"), put(Table::nodes, "b", "2")}, 2);
  EXPECT_TRUE(status.out_of_space()) << status.text();
  EXPECT_FALSE(state_->failed());
  EXPECT_EQ(state_->folded().sequence, 1U);
  EXPECT_EQ(rows(Table::nodes), (std::map<std::string, std::string>{{"a", "1"}}));
  EXPECT_TRUE(apply({put(Table::nodes, "a", "2"), put(Table::nodes, "b", "2")}, 2).ok());
  EXPECT_EQ(rows(Table::nodes), (std::map<std::string, std::string>{{"a", "2"}, {"b", "2"}}));
}

TEST_F(StateStoreTest, IsOutOfSpaceWhenItsMapIsFull) {
  state_.reset();
  state_ = std::make_unique<StateStore>(directory_, StateStore::Options{.map_size = 1 << 20});
  Status status;
  Sequence folded = 0;
  for (int i = 0; status.ok() && i < 1000; ++i) {
    status = apply({put(Table::nodes, std::to_string(i), std::string(10'000, 'x'))}, folded + 1);
    folded += status.ok() ? 1U : 0U;
  }
  EXPECT_TRUE(status.out_of_space()) << status.text();
  EXPECT_EQ(state_->folded().sequence, folded);
  reopen();
  EXPECT_EQ(state_->rows(Table::nodes), folded);
  EXPECT_TRUE(apply({put(Table::nodes, "more", std::string(10'000, 'x'))}, folded + 1).ok());
}

TEST_F(StateStoreTest, WritesNothingMoreAfterAFailedSync) {
  ASSERT_TRUE(apply({put(Table::nodes, "a", "1")}, 1).ok());
  control_.attach();
  control_.add({.operations = faults::kFdatasync, .action = Action::fail, .error = EIO}, kStateFile);
  EXPECT_FALSE(apply({put(Table::nodes, "a", "2")}, 2).ok());
  EXPECT_TRUE(state_->failed());
  EXPECT_FALSE(apply({put(Table::nodes, "a", "2")}, 2).ok());
  reopen();
  EXPECT_EQ(state_->folded().sequence, 1U);
  EXPECT_EQ(rows(Table::nodes), (std::map<std::string, std::string>{{"a", "1"}}));
}

TEST_F(StateStoreTest, ServesNoRowWhoseBytesChanged) {
  ASSERT_TRUE(apply({put(Table::nodes, "a", "the value of a"), put(Table::nodes, "b", "the value of b")}, 1).ok());
  state_.reset();
  const auto file = state_folder(folder_.store()) / "data.mdb";
  std::string bytes = file_bytes(file);
  for (std::size_t at = bytes.find("value of a"); at != std::string::npos; at = bytes.find("value of a"))
    bytes[at] = 'V';
  write_file(file, bytes);
  reopen();
  EXPECT_NE(refusal([this] { state_->get(Table::nodes, bytes_of("a")); }).find("checksum"), std::string::npos);
  EXPECT_EQ(state_->get(Table::nodes, bytes_of("b")), owned("the value of b"));
  EXPECT_NE(refusal([this] { rows(Table::nodes); }), "");
}

TEST(StateStore, OpensReadOnlyOnOneSnapshot) {
  const TempFolder folder;
  {
    const StoreDirectory directory(folder.store());
    StateStore state(directory, kSmall);
    ASSERT_TRUE(state.apply(std::vector{put(Table::nodes, "a", "1")}, 1, Chain{}).ok());
  }
  const auto state = StateStore::open_read_only(folder.store());
  EXPECT_EQ(state->folded().sequence, 1U);
  EXPECT_EQ(state->get(Table::nodes, bytes_of("a")), owned("1"));
  EXPECT_EQ(state->rows(Table::nodes), 1U);
}

}  // namespace
}  // namespace holdfast::storage::test
