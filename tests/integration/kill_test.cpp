// SIGKILL at random moments under load and at each operation on a file, against what the clients were told.
//
// HOLDFAST_TEST_KILL_ROUNDS (50, sanitized 15) and HOLDFAST_TEST_SEED repeat or extend a run: script/torture.
#include <cstdlib>

#include "tests/integration/kill_history.h"

namespace holdfast::integration {
namespace {

constexpr unsigned kRounds = HOLDFAST_TESTS_SLOWED ? 15 : 50;
constexpr unsigned kRoundsOfAStore = 25;

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

std::uint64_t seed_of_this_run() {
  const std::uint64_t seed = number_from_environment("HOLDFAST_TEST_SEED", std::random_device()());
  std::printf("HOLDFAST_TEST_SEED=%llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

std::string kill_rule(std::string_view operation, int number) {
  return "op=" + std::string(operation) + ",path=/store/,first=" + std::to_string(number) + ",kill=1";
}

TEST(Kill, AtRandomMomentsUnderLoadLosesNoAnswerAndHoldsNothingElse) {
  const std::uint64_t rounds = number_from_environment("HOLDFAST_TEST_KILL_ROUNDS", kRounds);
  const std::uint64_t seed = seed_of_this_run();
  std::size_t requests = 0;
  std::size_t unanswered = 0;
  for (std::uint64_t done = 0; done < rounds && !testing::Test::HasFailure();) {
    KillHistory history(seed + done);
    for (unsigned i = 0; i < kRoundsOfAStore && done < rounds && !testing::Test::HasFailure(); ++i, ++done)
      history.round_killed_at_random();
    requests += history.requests();
    unanswered += history.unanswered();
  }
  std::printf("%llu kills, %zu requests, of %zu of which nobody knew the outcome\n",
              static_cast<unsigned long long>(rounds), requests, unanswered);
  EXPECT_GT(unanswered, 0U) << "no kill came while something was under way";
}

// The first of them are those of the start, which recovers what the kill before left.
TEST(Kill, AtEachOperationOnAFileLosesNoAnswerAndHoldsNothingElse) {
  KillHistory history(seed_of_this_run());
  for (const std::string_view operation : {"sync", "anywrite"}) {
    for (const int number : {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 17, 29, 53}) {
      history.round_killed_by(kill_rule(operation, number));
      ASSERT_FALSE(testing::Test::HasFailure()) << operation << " " << number;
    }
  }
}

// Wherever the making of a store was cut off, the next start ends it.
TEST(Kill, AtEachOperationOfAFirstStartLeavesAStoreThatTheNextStartCompletes) {
  for (const std::string_view operation : {"sync", "anywrite"}) {
    bool ready = false;
    for (int number = 1; !ready && number < 200; ++number) {
      Sandbox sandbox;
      DaemonProcess first(
          sandbox, {{"LD_PRELOAD", HOLDFAST_FAULTS_LIBRARY}, {"HOLDFAST_FAULT_RULES", kill_rule(operation, number)}});
      ready = first.wait_until_ready();
      first.kill();
      const auto second = start_daemon(sandbox);
      HttpClient client(second->port(), kAdminKey);
      ASSERT_TRUE(approved(authorize(client, "first", make_card(client, 100), 100))) << operation << " " << number;
      second->kill();
      ASSERT_EQ(sandbox.verify(), "") << operation << " " << number;
    }
    EXPECT_TRUE(ready);
  }
}

}  // namespace
}  // namespace holdfast::integration
