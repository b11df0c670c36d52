#include "net/exposure_routes.h"

#include "tests/net/api_fixture.h"

namespace holdfast::net {
namespace {

// The clock of the tests stands at 2026-11-23T15:00:00Z.
class ExposureRoutesTest : public ::testing::Test {
 protected:
  ExposureRoutesTest() {
    organisation_ = made("budgets", R"({"label":"organisation","currency":"USD"})");
    team_ = made("budgets", R"({"label":"team","currency":"USD","parent":")" + organisation_ + "\"}");
    for (int i = 0; i < 10; ++i)
      card_ =
          made("cards", R"({"label":"agent","budget":")" + team_ + R"(","limits":[{"amount":5000,"window":"day"}]})");
  }

  std::string made(std::string path, std::string body) {
    const FakeExchange& answer = api_.call({Method::post, "/api/v1/" + std::move(path), std::move(body), {}});
    EXPECT_EQ(answer.status, 201) << answer.body;
    return text_at(answer.body, "/id");
  }
  const FakeExchange& ask(const std::string& query, unsigned loop = 1) {
    return api_.call({Method::get, "/api/v1/exposure" + (query.empty() ? "" : '?' + query), {}, {}}, loop);
  }
  const FakeExchange& ask_with(std::string body) {
    return api_.call({Method::post, "/api/v1/exposure", std::move(body), {}}, 2);
  }
  void limit(const std::string& budget, const std::string& limits) {
    const FakeExchange& answer =
        api_.call({Method::patch, "/api/v1/budgets/" + budget, R"({"limits":)" + limits + "}", {}});
    EXPECT_EQ(answer.status, 200) << answer.body;
  }

  Api api_;
  std::string organisation_;
  std::string team_;
  std::string card_;
};

TEST_F(ExposureRoutesTest, OfTenCardsAtFiftyADay) {
  const std::string today = ask("budget=" + team_).body;
  EXPECT_EQ(at(today, "/exposure"), "50000") << today;
  EXPECT_EQ(text_at(today, "/node"), team_);
  EXPECT_EQ(text_at(today, "/from"), "2026-11-23T15:00:00.000Z");
  EXPECT_EQ(text_at(today, "/until"), "2026-11-24T00:00:00.000Z");
  EXPECT_EQ(at(today, "/own"), "null");
  EXPECT_EQ(at(today, "/nodes_total"), "11");
  EXPECT_EQ(at(today, "/nodes/10/exposure"), "5000");
  EXPECT_EQ(text_at(today, "/nodes/10/parent"), team_);
  for (const std::string until : {"2026-11-25T00:00:00Z", "2026-11-25T01:00:00%2B01:00", "2026-11-25T01:00:00+01:00"})
    EXPECT_EQ(at(ask("budget=" + team_ + "&until=" + until).body, "/exposure"), "100000") << until;
  limit(team_, R"([{"amount":30000,"window":"lifetime"}])");
  EXPECT_EQ(at(ask("until=2026-11-25T00:00:00Z&budget=" + team_).body, "/exposure"), "30000");
  EXPECT_EQ(at(ask("budget=" + organisation_).body, "/exposure"), "30000");
}

TEST_F(ExposureRoutesTest, IsNoMoreThanWhatIsAboveLetsPass) {
  limit(organisation_, R"([{"amount":700,"window":"day"}])");
  const std::string found = ask("budget=" + team_).body;
  EXPECT_EQ(at(found, "/exposure"), "700");
  EXPECT_EQ(at(found, "/nodes/0/exposure"), "50000") << "by itself";
  EXPECT_EQ(at(ask("card=" + card_).body, "/exposure"), "700");
  EXPECT_EQ(at(ask("card=" + card_).body, "/nodes_total"), "1");
}

TEST_F(ExposureRoutesTest, TellsHeldAndPostedApart) {
  const std::string spent = R"(","currency":"USD","amount":)";
  api_.call({Method::post, "/api/v1/authorizations", R"({"id":"a","card":")" + card_ + spent + "600}", {}});
  api_.call({Method::post, "/api/v1/postings", R"({"id":"p","card":")" + card_ + spent + "150}", {}});
  const std::string found = ask("card=" + card_).body;
  EXPECT_EQ(at(found, "/exposure"), "4250");
  EXPECT_EQ(at(found, "/held"), "600");
  EXPECT_EQ(at(found, "/posted"), "150");
  EXPECT_EQ(at(ask("budget=" + team_).body, "/exposure"), "49250");
}

TEST_F(ExposureRoutesTest, OfACardWithoutABudget) {
  const std::string card = made("cards", R"({"label":"alone","limit_usd":7})");
  for (unsigned loop = 0; loop < Api::kLoops; ++loop)
    EXPECT_EQ(at(ask("card=" + card, loop).body, "/exposure"), "700");
  const std::string unlimited = made("cards", R"({"label":"alone","limits":[]})");
  EXPECT_EQ(at(ask("card=" + unlimited).body, "/exposure"), "null");
}

TEST_F(ExposureRoutesTest, ThinksOfCardsThatAreNotThere) {
  const std::string body = R"({"budget":")" + organisation_ + R"(","until":"2026-11-25T00:00:00Z","what_if":[)" +
                           R"({"parent":")" + team_ + R"(","limits":[{"amount":100,"window":"day"}],"count":10},)" +
                           R"({"parent":")" + organisation_ + R"(","limits":[{"amount":7,"rolling":86400}]}]})";
  const std::size_t records = api_.journal.durable().size();
  const std::string found = ask_with(body).body;
  // The rolling day has come round once when the next day ends.
  EXPECT_EQ(at(found, "/exposure"), std::to_string(100'000 + 2'000 + 14)) << found;
  EXPECT_EQ(at(found, "/nodes_total"), "14");
  EXPECT_EQ(at(found, "/nodes/12/node"), "null");
  EXPECT_EQ(at(found, "/nodes/12/count"), "10");
  EXPECT_EQ(at(found, "/nodes/12/exposure"), "2000");
  EXPECT_EQ(at(found, "/nodes/13/exposure"), "14");
  EXPECT_EQ(api_.journal.durable().size(), records);
  EXPECT_EQ(at(ask("budget=" + organisation_).body, "/nodes_total"), "12");
}

TEST_F(ExposureRoutesTest, NamesAThousandNodesAndCountsAll) {
  for (int i = 0; i < 1000; ++i)
    made("cards", R"({"label":"agent","budget":")" + team_ + R"(","limits":[{"amount":1,"window":"day"}]})");
  const std::string found = ask_with(R"({"budget":")" + team_ + R"(","what_if":[{"parent":")" + team_ +
                                     R"(","limits":[{"amount":3,"window":"day"}]}]})")
                                .body;
  EXPECT_EQ(at(found, "/exposure"), "51003");
  EXPECT_EQ(at(found, "/nodes_total"), "1012");
  EXPECT_NE(at(found, "/nodes/999/node"), "null");
  EXPECT_EQ(at(found, "/nodes/1000/node"), "null") << "what was thought of";
  EXPECT_EQ(at(found, "/nodes/1001"), "(absent)");
}

TEST_F(ExposureRoutesTest, RefusesWhatItDoesNotUnderstand) {
  const std::string budget = "budget=" + team_;
  for (const std::string& query :
       {std::string(), budget + "&card=" + card_, budget + '&' + budget, budget + "&depth=1",
        budget + "&until=", budget + "&until=tomorrow", budget + "&until=%4", budget + "&until=%zz",
        budget + "&until=2026-11-23T15:00:00Z", budget + "&until=2027-12-28T15:00:00.001Z"}) {
    EXPECT_EQ(ask(query).status, 400) << query;
  }
  EXPECT_EQ(ask(budget + "&until=2027-12-28T15:00:00Z").status, 200) << "400 days";
  EXPECT_EQ(text_at(ask("budget=" + card_).body, "/code"), "budget_not_found");
  EXPECT_EQ(text_at(ask("card=card_01J9ZK3Q6T8V5W2X4Y6Z8A0B1C").body, "/code"), "card_not_found");
  const auto what_if = [&](const std::string& card) {
    return R"({"budget":")" + team_ + R"(","what_if":[{)" + card + "}]}";
  };
  for (const std::string& body :
       {std::string(), std::string("{}"), what_if(R"("limits":[])"), what_if(R"("parent":")" + organisation_ + '"'),
        what_if(R"("parent":")" + card_ + '"'), what_if(R"("parent":")" + team_ + R"(","count":0)"),
        what_if(R"("parent":")" + team_ + R"(","count":1000001)"),
        what_if(R"("parent":")" + team_ + R"(","limit":5)")}) {
    EXPECT_EQ(ask_with(body).status, 400) << body;
  }
}

}  // namespace
}  // namespace holdfast::net
