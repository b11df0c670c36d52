#include "net/budget_routes.h"

#include "engine/record.h"
#include "tests/net/fake_requests.h"

namespace holdfast::net {
namespace {

constexpr std::string_view kBudgets = "/api/v1/budgets";
constexpr std::string_view kCards = "/api/v1/cards";

class BudgetRoutesTest : public ::testing::Test {
 protected:
  static std::string code_of(const FakeExchange& answer) { return text_at(answer.body, "/code"); }
  static std::string path_of(std::string_view id) { return std::string(kBudgets) + '/' + std::string(id); }
  // The id of a new node.
  std::string made(std::string_view path, std::string body) {
    const FakeExchange& answer = api_.call(post(path, std::move(body)));
    EXPECT_EQ(answer.status, 201) << answer.body;
    return text_at(answer.body, "/id");
  }
  std::string budget(std::string_view members = "") {
    return made(kBudgets, R"({"label":"team")" + std::string(members) + "}");
  }
  std::string card(std::string_view members = "") {
    return made(kCards, R"({"label":"agent")" + std::string(members) + "}");
  }
  static std::string under(std::string_view name, std::string_view id) {
    return ",\"" + std::string(name) + "\":\"" + std::string(id) + '"';
  }

  Api api_;
};

TEST_F(BudgetRoutesTest, MakesABudgetWhenItIsDurable) {
  FakeExchange& answer = api_.begin(
      post(kBudgets, R"({"label":"team","limits":[{"amount":30000,"window":"day"}],"metadata":{"a":"b"}})"), 1);
  EXPECT_EQ(answer.status, 0);
  api_.finish();
  EXPECT_EQ(answer.status, 201);
  const std::string id = text_at(answer.body, "/id");
  EXPECT_TRUE(id.starts_with("bud_"));
  EXPECT_EQ(answer.header("Location"), path_of(id));
  EXPECT_EQ(answer.header("ETag"), "\"1\"");
  EXPECT_EQ(answer.header("Cache-Control"), "");
  EXPECT_EQ(at(answer.body, "/number"), "(absent)");
  EXPECT_EQ(text_at(answer.body, "/object"), "budget");
  EXPECT_EQ(at(answer.body, "/parent"), "null");
  EXPECT_EQ(at(answer.body, "/limits/0/remaining"), "30000");
  for (unsigned loop = 0; loop < Api::kLoops; ++loop) {
    const FakeExchange& read = api_.call(get(path_of(id)), loop);
    EXPECT_EQ(read.status, 200);
    EXPECT_EQ(read.body, answer.body);
    EXPECT_EQ(read.header("ETag"), "\"1\"");
  }
  Api restarted(api_.journal.durable());
  EXPECT_EQ(restarted.call(get(path_of(id))).body, answer.body);
}

TEST_F(BudgetRoutesTest, TakesEightLevelsAndNoMore) {
  std::string parent;
  for (int depth = 1; depth <= 8; ++depth)
    parent = budget(parent.empty() ? "" : under("parent", parent));
  const FakeExchange& ninth = api_.call(post(kBudgets, R"({"label":"x")" + under("parent", parent) + "}"), 2);
  EXPECT_EQ(ninth.status, 400);
  EXPECT_NE(text_at(ninth.body, "/detail").find("parent"), std::string::npos);
  const std::string leaf = card(under("budget", parent));
  EXPECT_EQ(text_at(api_.call(get(std::string(kCards) + '/' + leaf)).body, "/budget"), parent);
}

TEST_F(BudgetRoutesTest, RefusesAParentThatIsNotThereOrHasAnotherCurrency) {
  const std::string euros = budget(R"(,"currency":"EUR")");
  EXPECT_EQ(text_at(api_.call(get(path_of(budget(under("parent", euros))))).body, "/currency"), "EUR");
  for (const std::string& members : {under("parent", "bud_01J9ZK3Q6T8V5W2X4Y6Z8A0B1C"), under("parent", "1"),
                                     under("parent", euros) + R"(,"currency":"USD")"}) {
    const FakeExchange& answer = api_.call(post(kBudgets, R"({"label":"x")" + members + "}"));
    EXPECT_EQ(answer.status, 400) << members;
    EXPECT_EQ(code_of(answer), "invalid_value") << members;
  }
  // A card is no budget.
  EXPECT_EQ(api_.call(post(kBudgets, R"({"label":"x")" + under("parent", card()) + "}")).status, 400);
}

TEST_F(BudgetRoutesTest, PutsNothingUnderABudgetThatIsClosed) {
  const std::string root = budget();
  const std::string team = budget(under("parent", root));
  const std::string loose = card();
  EXPECT_EQ(text_at(api_.call(post(path_of(root) + "/close")).body, "/status"), "closed");
  for (const std::string& closed : {root, team}) {
    for (const FakeRequest& request : {post(kBudgets, R"({"label":"x")" + under("parent", closed) + "}"),
                                       post(kCards, R"({"label":"x")" + under("budget", closed) + "}"),
                                       patch(std::string(kCards) + '/' + loose, R"({"budget":")" + closed + "\"}")}) {
      const FakeExchange& answer = api_.call(request, 1);
      EXPECT_EQ(answer.status, 409) << answer.body;
      EXPECT_EQ(code_of(answer), "budget_closed");
    }
  }
  EXPECT_EQ(at(api_.call(get(std::string(kCards) + '/' + loose)).body, "/budget"), "null");
}

TEST_F(BudgetRoutesTest, MovesACardFromBudgetToBudgetAndOut) {
  const std::string first = budget();
  const std::string second = budget();
  const std::string euros = budget(R"(,"currency":"EUR")");
  for (int i = 0; i < 4; ++i) {  // of all loops
    const std::string path = std::string(kCards) + '/' + card();
    for (const std::string& to : {first, second}) {
      const FakeExchange& moved = api_.call(patch(path, R"({"budget":")" + to + "\"}"), 1);
      EXPECT_EQ(moved.status, 200) << moved.body;
      EXPECT_EQ(text_at(moved.body, "/budget"), to);
      EXPECT_EQ(api_.call(get(path), 2).body, moved.body);
    }
    EXPECT_EQ(api_.call(patch(path, R"({"budget":")" + euros + "\"}")).status, 400);
    EXPECT_EQ(text_at(api_.call(patch(path, R"({"label":"other"})")).body, "/budget"), second);
    const FakeExchange& detached = api_.call(patch(path, R"({"budget":null})"));
    EXPECT_EQ(at(detached.body, "/budget"), "null");
    EXPECT_EQ(at(detached.body, "/version"), "5");
    Api restarted(api_.journal.durable());
    EXPECT_EQ(restarted.call(get(path)).body, detached.body);
  }
}

TEST_F(BudgetRoutesTest, LetsACardStayUnderABudgetThatWasClosed) {
  const std::string team = budget();
  const std::string path = std::string(kCards) + '/' + card(under("budget", team));
  api_.call(post(path_of(team) + "/close"));
  EXPECT_EQ(api_.call(patch(path, R"({"label":"other","budget":")" + team + "\"}")).status, 200);
  EXPECT_EQ(api_.call(patch(path, R"({"budget":null})")).status, 200);
}

TEST_F(BudgetRoutesTest, ChangesABudgetAsACard) {
  const std::string path = path_of(budget(R"(,"controls":{"cash":false})"));
  const FakeExchange& first = api_.begin(patch(path, R"({"label":"first"})", "\"1\""), 0);
  const FakeExchange& second = api_.begin(patch(path, R"({"label":"second"})", "\"1\""), 1);
  api_.finish();
  EXPECT_EQ(first.status + second.status, 200 + 412);
  const FakeExchange& changed = api_.call(
      patch(path, R"({"limits":[{"count":3,"rolling":60}],"time_zone":"Asia/Tokyo","controls":{"cash":null}})"));
  EXPECT_EQ(changed.status, 200);
  EXPECT_EQ(changed.header("ETag"), "\"3\"");
  EXPECT_EQ(at(changed.body, "/controls"), "{}");
  EXPECT_EQ(at(changed.body, "/limits/0/rolling"), "60");
  EXPECT_EQ(text_at(changed.body, "/time_zone"), "Asia/Tokyo");
  for (const std::string body : {R"({"parent":null})", R"({"currency":"EUR"})", R"({"status":"closed"})"}) {
    EXPECT_EQ(code_of(api_.call(patch(path, body))), "invalid_value") << body;
  }
  for (const std::string body : {R"({"limit":5})", R"({"limit_usd":5})", R"({"controls":{"merchant_lock":null}})"}) {
    EXPECT_EQ(code_of(api_.call(patch(path, body))), "unknown_member") << body;
  }
}

TEST_F(BudgetRoutesTest, FreezesUnfreezesAndClosesForGood) {
  const std::string path = path_of(budget());
  EXPECT_EQ(text_at(api_.call(post(path + "/freeze"), 1).body, "/status"), "frozen");
  EXPECT_EQ(text_at(api_.call(post(path + "/unfreeze"), 2).body, "/status"), "active");
  EXPECT_EQ(text_at(api_.call(post(path + "/close")).body, "/status"), "closed");
  for (const FakeRequest& request :
       {post(path + "/unfreeze"), post(path + "/freeze"), patch(path, R"({"label":"b"})")}) {
    const FakeExchange& answer = api_.call(request);
    EXPECT_EQ(answer.status, 409);
    EXPECT_EQ(code_of(answer), "budget_closed");
  }
  EXPECT_EQ(api_.call(post(path + "/close")).status, 200);
}

TEST_F(BudgetRoutesTest, AnswersARepeatWithTheSameBytes) {
  const std::string body = R"({"label":"team"})";
  const FakeExchange& first = api_.call(post(kBudgets, body, "key-1"));
  api_.call(patch(first.header("Location"), R"({"label":"other"})"));
  const std::size_t records = api_.journal.durable().size();
  for (unsigned loop = 0; loop < Api::kLoops; ++loop) {
    const FakeExchange& repeat = api_.call(post(kBudgets, body, "key-1"), loop);
    EXPECT_EQ(repeat.status, 201);
    EXPECT_EQ(repeat.body, first.body);
    EXPECT_EQ(repeat.headers, first.headers);
  }
  EXPECT_EQ(code_of(api_.call(post(kBudgets, R"({"label":"b"})", "key-1"))), "idempotency_conflict");
  EXPECT_EQ(code_of(api_.call(post(kCards, body, "key-1"))), "idempotency_conflict");
  EXPECT_EQ(api_.journal.durable().size(), records);
}

TEST_F(BudgetRoutesTest, DoesNotKnowBudgetsThatAreNotThere) {
  const std::string of_card = card();
  for (const std::string& id :
       {std::string("bud_01J9ZK3Q6T8V5W2X4Y6Z8A0B1C"), std::string("1"), of_card, "bud_" + of_card.substr(5)}) {
    for (const FakeRequest& request :
         {get(path_of(id)), patch(path_of(id), "{}"), post(path_of(id) + "/freeze"), post(path_of(id) + "/close")}) {
      const FakeExchange& answer = api_.call(request);
      EXPECT_EQ(answer.status, 404);
      EXPECT_EQ(code_of(answer), "budget_not_found");
    }
  }
  const std::string there = budget();
  EXPECT_EQ(api_.call(get(std::string(kCards) + "/card_" + there.substr(4))).status, 404);
}

TEST_F(BudgetRoutesTest, ListsNewestFirstPageByPage) {
  EXPECT_EQ(api_.call(get(std::string(kBudgets))).body, R"({"data":[],"has_more":false,"next_cursor":null})");
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i) {
    api_.surroundings.now_ += std::chrono::milliseconds(1);
    ids.push_back(budget());
    card();
  }
  const FakeExchange& first = api_.call(get(std::string(kBudgets) + "?limit=2"), 1);
  EXPECT_EQ(text_at(first.body, "/data/0/id"), ids[2]);
  EXPECT_EQ(text_at(first.body, "/data/1/id"), ids[1]);
  EXPECT_EQ(at(first.body, "/has_more"), "true");
  const FakeExchange& second =
      api_.call(get(std::string(kBudgets) + "?cursor=" + text_at(first.body, "/next_cursor")), 1);
  EXPECT_EQ(text_at(second.body, "/data/0/id"), ids[0]);
  EXPECT_EQ(at(second.body, "/data/1"), "(absent)");
  EXPECT_EQ(at(second.body, "/next_cursor"), "null");
  EXPECT_EQ(api_.call(get(std::string(kBudgets) + "?limit=0")).status, 400);
}

TEST_F(BudgetRoutesTest, UsesATimeZoneOnlyWhenItsRulesAreDurable) {
  FakeExchange& answer = api_.begin(post(kBudgets, R"({"label":"a","time_zone":"Asia/Tokyo"})"));
  api_.finish();
  EXPECT_EQ(answer.status, 201);
  ASSERT_EQ(api_.journal.durable().size(), 2U);
  EXPECT_TRUE(std::holds_alternative<engine::DefineZone>(engine::decode(api_.journal.durable()[0]).value().command));
  const std::string id = text_at(answer.body, "/id");
  const std::string path =
      std::string(kCards) + '/' + card(under("budget", id) + R"(,"limits":[{"amount":1,"window":"day"}])");
  const FakeExchange& read = api_.call(get(path), 1);
  EXPECT_EQ(at(read.body, "/time_zone"), "null");
  EXPECT_EQ(text_at(read.body, "/limits/0/resets_at"), "2026-11-24T15:00:00.000Z") << "midnight of the budget";
}

TEST_F(BudgetRoutesTest, ForbidsWhatARoleMayNotDo) {
  const std::string path = path_of(budget());
  api_.add_key(Role::reader, "token-of-a-reader");
  EXPECT_EQ(api_.call(get(path), 0, "token-of-a-reader").status, 200);
  for (const FakeRequest& request : {post(kBudgets, R"({"label":"x"})"), patch(path, "{}"), post(path + "/freeze"),
                                     post(path + "/unfreeze"), post(path + "/close")}) {
    EXPECT_EQ(api_.call(request, 0, "token-of-a-reader").status, 403);
  }
  EXPECT_EQ(api_.call(get(path), 0, "").status, 401);
}

}  // namespace
}  // namespace holdfast::net
