// Files that are truncated, foreign or damaged are refused, or read as exactly what they were: never as something else.
#include <random>

#include "storage/checkpointer.h"
#include "storage/state_store.h"
#include "tests/storage/child.h"
#include "tests/storage/fixture.h"
#include "tests/storage/payload.h"

namespace holdfast::storage::test {
namespace {

constexpr int kRefused = 3;
constexpr std::size_t kPageBytes = 4096;

void fill_journal(const std::filesystem::path& store) {
  JournalOptions options = small_options();
  options.preallocate_bytes = 0;
  OpenStore open(store, options);
  Loop loop(open.journal, 0);
  open.journal.start();
  open.journal.recovered();
  for (std::size_t i = 0; i < 600; ++i) {
    loop.append(payload_of(0, i));
    if (i % 40 == 39) {
      loop.submit();
      ASSERT_TRUE(loop.take_until(i + 1));
    }
  }
}

void fill_state(const std::filesystem::path& store) {
  const StoreDirectory directory(store);
  StateStore state(directory, {.map_size = 64 << 20});
  std::vector<engine::RowChange> changes;
  for (int table = 0; table < engine::kTables; ++table) {
    for (unsigned i = 0; i < 200; ++i) {
      const std::string key = "key " + std::to_string(1000 + i);
      const std::string value = payload_of(static_cast<unsigned>(table), i);
      engine::RowChange change{static_cast<engine::Table>(table), {}, engine::Bytes{}};
      change.key.assign(bytes_of(key).begin(), bytes_of(key).end());
      change.value->assign(bytes_of(value).begin(), bytes_of(value).end());
      changes.push_back(std::move(change));
    }
  }
  ASSERT_TRUE(state.apply(changes, 0, FrameCodec().first_chain(directory.identity().id)).ok());
}

struct Outcome {
  int code = 0;
  std::string output;
};
Outcome run(const char* command, const std::filesystem::path& store) {
  Child child({command, store.string()});
  const int code = child.finish();
  return {code, child.output()};
}

class Damage : public ::testing::Test {
 protected:
  // A copy to damage: the journal with many records, the state with rows.
  void make() {
    fill_journal(store());
    fill_state(store());
  }
  std::filesystem::path store() const { return folder_.store(); }
  std::filesystem::path journal() const { return journal_folder(store()) / "data.mdb"; }
  std::filesystem::path state() const { return state_folder(store()) / "data.mdb"; }

 private:
  TempFolder folder_;
};

TEST_F(Damage, OfTruncationIsRefusedWithAMessageAtEveryLength) {
  make();
  for (const auto& file : {journal(), state()}) {
    const std::string sound = file_bytes(file);
    const char* command = file == state() ? "state" : "read";
    const Outcome exact = run(command, store());
    ASSERT_EQ(exact.code, 0);
    std::vector<std::size_t> lengths = {0, 1, 100, kPageBytes - 1, kPageBytes, kPageBytes + 100, 2 * kPageBytes};
    for (std::size_t percent = 10; percent < 100; percent += 15)
      lengths.push_back(sound.size() * percent / 100);
    for (const std::size_t length : lengths) {
      write_file(file, std::string_view(sound).substr(0, length));
      const Outcome outcome = run(command, store());
      // The state's file is longer than what is used: cutting off only that changes nothing.
      EXPECT_TRUE(outcome.code == kRefused || (outcome.code == 0 && outcome.output == exact.output))
          << file << " of " << length << " bytes: " << outcome.code;
      if (file == journal()) {
        EXPECT_EQ(outcome.code, kRefused) << length;
      }
    }
    write_file(file, sound);
  }
  write_file(journal(), std::string_view(file_bytes(journal())).substr(0, 40 * kPageBytes));
  const std::string why = refusal([this] { OpenStore open(store()); });
  EXPECT_NE(why.find("truncated"), std::string::npos) << why;
}

TEST_F(Damage, OfAForeignFileIsRefused) {
  make();
  const std::string foreign[] = {std::string(100'000, '\0'), std::string(100'000, 'x'), "SQLite format 3"};
  for (const std::string& bytes : foreign) {
    write_file(journal(), bytes);
    EXPECT_EQ(run("open", store()).code, kRefused);
    EXPECT_NE(refusal([this] { JournalReader reader(store()); }), "");
  }
}

TEST_F(Damage, OfAnotherStoresJournalOrStateIsRefused) {
  make();
  const TempFolder other;
  fill_journal(other.store());
  fill_state(other.store());
  write_file(journal(), file_bytes(journal_folder(other.store()) / "data.mdb"));
  EXPECT_NE(refusal([this] { OpenStore open(store()); }).find("does not belong to store"), std::string::npos);
  EXPECT_NE(refusal([this] { JournalReader reader(store()); }).find("does not belong to store"), std::string::npos);
  write_file(state(), file_bytes(state_folder(other.store()) / "data.mdb"));
  EXPECT_NE(refusal([this] { fill_state(store()); }).find("another store"), std::string::npos);
}

TEST_F(Damage, OfARecordNamesItsSequenceAndWhatIsWrong) {
  make();
  const std::string sound = file_bytes(journal());
  const std::string payload = payload_of(0, 299);
  std::string bytes = sound;
  // Old pages may hold the record as well, so every copy of it is changed.
  for (std::size_t at = bytes.find(payload); at != std::string::npos; at = bytes.find(payload, at + 1))
    bytes[at + 9] ^= 1;
  ASSERT_NE(bytes, sound);
  write_file(journal(), bytes);
  const JournalReader reader(store());
  std::size_t visited = 0;
  const auto damage = reader.walk(0, std::nullopt, JournalReader::kAll, [&visited](const JournalRecord&) {
    ++visited;
    return true;
  });
  ASSERT_TRUE(damage);
  EXPECT_EQ(damage->sequence, 300U);
  EXPECT_EQ(damage->what, "its checksum does not match");
  EXPECT_EQ(visited, 299U);
  EXPECT_TRUE(reader.read(300, [](const JournalRecord&) {}));
  EXPECT_TRUE(reader.read(301, [](const JournalRecord&) {})) << "what it links to cannot be trusted";
  EXPECT_FALSE(reader.read(302, [](const JournalRecord&) {}));
}

using Range = std::pair<std::size_t, std::size_t>;

// LMDB alone shows about half of the flips as wrong data without an error. A crash of the reading process counts as a
// refusal: it is why `verify` reads in a process of its own.
// Gives the number of refusals.
int expect_flips_refused_or_exact(const std::filesystem::path& file, Range bytes_flipped,
                                  const std::vector<const char*>& commands, const std::filesystem::path& store,
                                  int flips, unsigned seed) {
  const std::string sound = file_bytes(file);
  std::vector<Outcome> exact;
  for (const char* command : commands)
    exact.push_back(run(command, store));
  std::mt19937 random(seed);
  int refused = 0;
  for (int i = 0; i < flips; ++i) {
    std::string bytes = sound;
    const std::size_t bit = bytes_flipped.first * 8 + random() % ((bytes_flipped.second - bytes_flipped.first) * 8);
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    write_file(file, bytes);
    const std::size_t which = static_cast<std::size_t>(i) % commands.size();
    const Outcome outcome = run(commands[which], store);
    refused += outcome.code == 0 ? 0 : 1;
    EXPECT_TRUE(outcome.code != 0 || outcome.output == exact[which].output) << commands[which] << ", bit " << bit;
    write_file(file, sound);
  }
  for (std::size_t i = 0; i < commands.size(); ++i)
    EXPECT_EQ(run(commands[i], store).output, exact[i].output);
  return refused;
}

TEST_F(Damage, OfASingleBitInTheJournalIsRefusedOrWithoutEffect) {
  make();
  const Range whole{0, file_bytes(journal()).size()};
  EXPECT_GT(expect_flips_refused_or_exact(journal(), whole, {"read", "open"}, store(), 150, 1), 15);
}

// What the meta pages say of the trees.
TEST_F(Damage, OfASingleBitInTheJournalsRootsIsRefusedOrWithoutEffect) {
  make();
  int refused = 0;
  for (const std::size_t page : {std::size_t{0}, kPageBytes}) {
    refused += expect_flips_refused_or_exact(journal(), {page + 40, page + 136}, {"read", "open"}, store(), 40, 3);
  }
  EXPECT_GT(refused, 10) << "one of the two pages is in use";
}

TEST_F(Damage, OfASingleBitInTheStateIsRefusedOrWithoutEffect) {
  make();
  // The part that is in use.
  const std::size_t used = file_bytes(state()).find_last_not_of('\0') + 1;
  std::filesystem::resize_file(state(), (used + kPageBytes - 1) / kPageBytes * kPageBytes);
  EXPECT_GT(expect_flips_refused_or_exact(state(), {0, used}, {"state"}, store(), 70, 2), 10);
}

// The meta pages decide which commit is the last: a flip there must not take the store back by one.
TEST_F(Damage, OfEveryBitInTheMetaPagesIsRefusedOrWithoutEffect) {
  make();
  const std::string sound = file_bytes(journal());
  const auto answer = [this] {
    std::string text;
    try {
      const JournalReader reader(store());
      Sequence last = 0;
      if (const auto damage = reader.last(last)) return "damage: " + damage->what;
      text = std::to_string(last);
    } catch (const StoreError&) {
      return std::string("refused");
    }
    return text;
  };
  ASSERT_EQ(answer(), "600");
  int refused = 0;
  // magic to the end of the meta data; the trees are left to the test above, which reads in another process.
  for (const std::size_t page : {std::size_t{0}, kPageBytes}) {
    for (const auto& [from, to] : {std::pair<std::size_t, std::size_t>{16, 24}, {136, 152}}) {
      for (std::size_t bit = (page + from) * 8; bit < (page + to) * 8; ++bit) {
        std::string bytes = sound;
        bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
        write_file(journal(), bytes);
        const std::string got = answer();
        EXPECT_TRUE(got == "600" || got != std::to_string(std::atoi(got.c_str()))) << "bit " << bit << ": " << got;
        refused += got == "600" ? 0 : 1;
      }
    }
  }
  EXPECT_GT(refused, 250);
}

}  // namespace
}  // namespace holdfast::storage::test
