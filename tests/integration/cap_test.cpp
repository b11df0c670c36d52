// A cap holds whatever arrives at once.
#include "tests/cap_oracle.h"
#include "tests/integration/api.h"
#include "tests/integration/load.h"

namespace holdfast::integration {
namespace {

class Cap : public testing::TestWithParam<int> {};

// Each connection goes on until the card has been emptied: when the smallest amount is declined at the card's limit,
// every later request is.
LoadLog spend_until_empty(const DaemonProcess& daemon, const std::string& card, unsigned depth) {
  Ids ids("spend-");
  std::size_t turn = 0;
  unsigned after_the_end = 0;
  HttpClient watcher(daemon.port(), kAdminKey);
  LoadPlan plan;
  plan.port = daemon.port();
  plan.connections = 64;
  plan.depth = depth;
  plan.next = [&]() -> std::optional<Order> {
    // Every 64th time: is there still room for the smallest amount?
    if (turn % 64 == 63 && kCap - held(watcher, card) < kCapSmallest && ++after_the_end > 4) return std::nullopt;
    const std::int64_t amount = kCapAmounts[turn++ % std::size(kCapAmounts)];
    std::string id = ids.next();
    std::string text = authorization_request(id, card, amount);
    return Order{std::move(id), amount, std::move(text)};
  };
  return Load(std::move(plan)).finish();
}

TEST_P(Cap, IsNeverExceededBySixtyFourConnectionsAndLeavesLessThanTheSmallestAmount) {
  Sandbox sandbox;
  const auto daemon = start_daemon(sandbox, {{"HOLDFAST_SERVER_THREADS", std::to_string(GetParam())}});
  HttpClient client(daemon->port(), kAdminKey);
  const std::string card = make_card(client, kCap);
  const LoadLog log = spend_until_empty(*daemon, card, 4);

  std::int64_t sum = 0;
  std::size_t declined = 0;
  for (const Sent& sent : log.sent) {
    ASSERT_EQ(sent.status, 200) << sent.id << ": " << sent.answer;
    const std::int64_t amount = approved_amount(sent.answer);
    if (amount != 0) {
      EXPECT_EQ(amount, sent.amount);
    } else {
      EXPECT_EQ(json_text(sent.answer, "/decline_reason"), "card_limit");
      ++declined;
    }
    sum += amount;
  }
  EXPECT_EQ(cap_faults(sum, held(client, card)), std::vector<std::string>{});
  EXPECT_GT(declined, 0U);
  EXPECT_EQ(log.resets, 0U);
  EXPECT_EQ(daemon->terminate(), 0);
  EXPECT_EQ(sandbox.verify(), "");
}

// The cap itself, in one request: equal is approved, one more is not.
TEST_P(Cap, ApprovesItsLastMinorUnitAndDeclinesTheNext) {
  Sandbox sandbox;
  const auto daemon = start_daemon(sandbox, {{"HOLDFAST_SERVER_THREADS", std::to_string(GetParam())}});
  HttpClient client(daemon->port(), kAdminKey);
  const std::string card = make_card(client, kCap);
  EXPECT_EQ(decline_reason(authorize(client, "above", card, kCap + 1)), "card_limit");
  EXPECT_TRUE(approved(authorize(client, "below", card, kCap - 1)));
  EXPECT_EQ(decline_reason(authorize(client, "two-left-of-one", card, 2)), "card_limit");
  EXPECT_TRUE(approved(authorize(client, "last", card, 1)));
  EXPECT_EQ(decline_reason(authorize(client, "past", card, 1)), "card_limit");
  EXPECT_EQ(held(client, card), kCap);
}

INSTANTIATE_TEST_SUITE_P(Loops, Cap, testing::Values(1, 2, 4));

}  // namespace
}  // namespace holdfast::integration
