// A process that is killed in the middle of its commits leaves a valid journal with everything that it acknowledged.
#include <random>
#include <sstream>

#include "tests/storage/child.h"
#include "tests/storage/fixture.h"
#include "tests/storage/payload.h"

namespace holdfast::storage::test {
namespace {

constexpr unsigned kLanes = 3;

struct Acknowledged {
  unsigned lane;
  Sequence sequence;
  std::uint64_t index;
};

// Complete lines only: the last one may be cut off by the kill.
std::vector<Acknowledged> acknowledged(const std::string& output) {
  std::vector<Acknowledged> all;
  std::istringstream lines(output.substr(0, output.rfind('\n') + 1));
  std::string word;
  for (Acknowledged ack{}; lines >> word >> ack.lane >> ack.sequence >> ack.index;)
    all.push_back(ack);
  return all;
}

// Checks what a killed writer left against what it had printed; gives the number of records.
std::size_t check_against_acks(const std::filesystem::path& store, const std::string& output, std::size_t before) {
  const auto acks = acknowledged(output);
  const auto records = read_all(store);
  EXPECT_GE(records.size(), before + acks.size());
  for (const Acknowledged& ack : acks) {
    if (ack.sequence <= before || ack.sequence > records.size()) {
      ADD_FAILURE() << "acknowledged, but not there: " << ack.sequence;
      continue;
    }
    EXPECT_EQ(records[ack.sequence - 1].lane, ack.lane);
    EXPECT_EQ(records[ack.sequence - 1].payload, payload_of(ack.lane, ack.index));
  }
  // Also what was not acknowledged has the order of its lane, without gaps.
  std::uint64_t next[kLanes] = {};
  for (std::size_t i = before; i < records.size(); ++i) {
    EXPECT_EQ(records[i].payload, payload_of(records[i].lane, next[records[i].lane]++));
  }
  return records.size();
}

TEST(Crash, LeavesEverythingThatWasAcknowledgedAfterAKillAtAnyMoment) {
  const TempFolder folder;
  std::mt19937 random(20240611);
  std::size_t survived = 0;
  for (int round = 0; round < 12; ++round) {
    Child child({"write", folder.store().string(), std::to_string(kLanes)});
    const std::size_t bytes = 1 + random() % 20'000;
    while (child.output().size() < bytes)
      ASSERT_TRUE(child.read());
    child.kill();
    EXPECT_EQ(child.finish(), -SIGKILL);
    survived = check_against_acks(folder.store(), child.output(), survived);
  }
}

struct CrashPoint {
  const char* name;
  const char* call;  // a rule of the shim, without its number
  unsigned last;     // the first to this one are tried
};

// The writer is killed instead of its n-th call of a kind: every step of a commit, of making a store and of prewriting.
class CrashPoints : public ::testing::TestWithParam<CrashPoint> {};

TEST_P(CrashPoints, LeaveEverythingThatWasAcknowledged) {
  for (unsigned n = 1; n <= GetParam().last; ++n) {
    const TempFolder folder;
    Child child({"write", folder.store().string(), std::to_string(kLanes)},
                {"LD_PRELOAD=" HOLDFAST_FAULT_SHIM,
                 "HOLDFAST_FAULT_RULES=" + std::string(GetParam().call) + ",kill=1,first=" + std::to_string(n)});
    ASSERT_EQ(child.finish(), -SIGKILL) << GetParam().call << " number " << n;
    {
      const StoreDirectory recovered(folder.store());
      // A store that was never complete is made anew, and had acknowledged nothing.
      if (recovered.created()) {
        EXPECT_TRUE(acknowledged(child.output()).empty());
      }
    }
    check_against_acks(folder.store(), child.output(), 0);
  }
}
constexpr CrashPoint kCrashPoints[] = {
    {"Sync", "op=sync", 30},
    {"JournalSync", "op=fdatasync,path=journal/data.mdb", 8},
    {"DataPages", "op=writev,path=journal/data.mdb", 8},
    {"MetaPage", "op=pwrite,path=journal/data.mdb,below=8192", 8},
    {"AnyPageWrite", "op=pwrite,path=data.mdb", 20},
    {"Zeros", "op=pwritev2,path=journal/data.mdb", 8},
};
INSTANTIATE_TEST_SUITE_P(Each, CrashPoints, ::testing::ValuesIn(kCrashPoints),
                         [](const auto& point) { return std::string(point.param.name); });

TEST(Crash, LeavesAJournalThatAnotherProcessCouldReadAllTheTime) {
  const TempFolder folder;
  Child writer({"write", folder.store().string(), "1"});
  while (writer.output().empty())
    ASSERT_TRUE(writer.read());
  Sequence before = 0;
  for (int i = 0; i < 10; ++i) {
    const auto records = read_all(folder.store());
    EXPECT_GE(records.size(), before);
    for (std::size_t n = 0; n < records.size(); ++n)
      ASSERT_EQ(records[n].payload, payload_of(0, n));
    before = records.size();
    ASSERT_TRUE(writer.read());
  }
  EXPECT_GT(before, 0U);
}

TEST(Crash, KeepsASecondDaemonOutWhileTheFirstLives) {
  const TempFolder folder;
  Child first({"write", folder.store().string(), "1"});
  while (first.output().empty())
    ASSERT_TRUE(first.read());
  EXPECT_EQ(Child({"write", folder.store().string(), "1"}).finish(), 3);
  EXPECT_NE(refusal([&] { StoreDirectory directory(folder.store()); }).find("in use by process"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::storage::test
