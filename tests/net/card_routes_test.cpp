#include "net/card_routes.h"

#include "engine/record.h"
#include "tests/net/fake_requests.h"

namespace holdfast::net {
namespace {

constexpr std::string_view kCards = "/api/v1/cards";

FakeRequest create(std::string body = R"({"label":"agent","limit_usd":100})", std::string idempotency_key = {}) {
  return post(std::string(kCards), std::move(body), std::move(idempotency_key));
}
FakeRequest bound(std::string_view card_id, std::string idempotency_key = {}) {
  return create(R"({"label":"bound","processor":{"endpoint":"stripe-main","card_id":")" + std::string(card_id) + "\"}}",
                std::move(idempotency_key));
}

class CardRoutesTest : public ::testing::Test {
 protected:
  // The path of a new card.
  std::string made(std::string body = R"({"label":"agent","limit_usd":100})") {
    const FakeExchange& answer = api_.call(create(std::move(body)));
    EXPECT_EQ(answer.status, 201) << answer.body;
    return answer.header("Location");
  }
  std::string code_of(const FakeExchange& answer) { return text_at(answer.body, "/code"); }
  // Whether the bytes of any record hold this text.
  bool journal_has(std::string_view text) {
    return std::any_of(api_.journal.durable().begin(), api_.journal.durable().end(), [&](const engine::Bytes& record) {
      return std::string_view(reinterpret_cast<const char*>(record.data()), record.size()).find(text) !=
             std::string_view::npos;
    });
  }
  engine::Command command_at(std::size_t record) {
    return engine::decode(api_.journal.durable()[record]).value().command;
  }

  Api api_;
};

TEST_F(CardRoutesTest, AnswersACreationOnlyWhenItIsDurable) {
  FakeExchange& answer = api_.begin(create());
  EXPECT_EQ(answer.status, 0);
  EXPECT_EQ(api_.journal.pending(), 1U);
  api_.finish();
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer.header("Location"), "/api/v1/cards/" + text_at(answer.body, "/id"));
  EXPECT_EQ(answer.header("ETag"), "\"1\"");
  EXPECT_EQ(answer.header("Cache-Control"), "no-store");
  const std::string number = text_at(answer.body, "/number");
  EXPECT_TRUE(luhn_valid(number));
  EXPECT_TRUE(number.starts_with("400000"));
  EXPECT_EQ(text_at(answer.body, "/last4"), number.substr(12));
  EXPECT_EQ(text_at(answer.body, "/cvv").size(), 3U);
  EXPECT_EQ(text_at(answer.body, "/expiration"), "11/31");
  EXPECT_EQ(at(answer.body, "/exp_month"), "11");
  EXPECT_EQ(at(answer.body, "/exp_year"), "2031");
  EXPECT_EQ(api_.shards.directory().find(api_.issuer.number_hash(*CardIssuer::read_number(number))), 1U);
}

TEST_F(CardRoutesTest, NeverStoresOrShowsANumberAgain) {
  const FakeExchange& answer = api_.call(create(R"({"label":"agent"})", "key-1"));
  const std::string number = text_at(answer.body, "/number");
  const std::string path = answer.header("Location");
  ASSERT_EQ(number.size(), 16U);
  EXPECT_FALSE(journal_has(number));
  EXPECT_FALSE(journal_has("\"cvv\""));
  for (const FakeRequest& request :
       {get(path), get(std::string(kCards)), post(path + "/freeze"), patch(path, R"({"label":"b"})")}) {
    const std::string body = api_.call(request).body;
    EXPECT_EQ(body.find(number), std::string::npos);
    EXPECT_EQ(body.find("cvv"), std::string::npos);
  }
}

TEST_F(CardRoutesTest, RefusesWhatTheJournalCannotTakeAndTakesNoNames) {
  api_.journal.set_health(engine::JournalHealth::out_of_space);
  const FakeExchange& no_space = api_.call(bound("ic_1"));
  EXPECT_EQ(no_space.status, 503);
  EXPECT_EQ(code_of(no_space), "storage_unavailable");
  EXPECT_EQ(no_space.header("Retry-After"), "1");
  api_.journal.set_health(engine::JournalHealth::ready);
  api_.journal.set_room(false);
  const FakeExchange& no_room = api_.call(bound("ic_1"));
  EXPECT_EQ(no_room.status, 503);
  EXPECT_EQ(code_of(no_room), "overloaded");
  EXPECT_EQ(text_at(no_room.body, "/request_id"), "req-1");
  api_.journal.set_room(true);
  EXPECT_TRUE(api_.journal.durable().empty());
  EXPECT_EQ(api_.call(bound("ic_1")).status, 201) << "the refused ones left nothing behind";
}

TEST_F(CardRoutesTest, RefusesWhenTooManyAreUnderWay) {
  for (std::size_t i = 0; i < Api::kFlights; ++i)
    EXPECT_EQ(api_.begin(create()).status, 0);
  const FakeExchange& refused = api_.begin(create());
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(code_of(refused), "overloaded");
  api_.finish();
  EXPECT_EQ(api_.call(create()).status, 201) << "flights come back";
  for (const auto& loop : api_.loops)
    EXPECT_EQ(loop->desk.under_way(), 0U);
}

TEST_F(CardRoutesTest, BindsACardOfAProcessorOnce) {
  const FakeExchange& first = api_.begin(bound("ic_1"), 0);
  const FakeExchange& second = api_.begin(bound("ic_1"), 1);
  api_.finish();
  EXPECT_EQ(first.status + second.status, 201 + 409);
  const FakeExchange& later = api_.call(bound("ic_1"), 2);
  EXPECT_EQ(later.status, 409);
  EXPECT_EQ(code_of(later), "processor_card_taken");
  EXPECT_EQ(api_.journal.durable().size(), 1U);
  const FakeExchange& other = api_.call(bound("ic_2"), 2);
  EXPECT_EQ(other.status, 201);
  EXPECT_EQ(at(other.body, "/number"), "(absent)");
  EXPECT_EQ(at(other.body, "/last4"), "null");
  EXPECT_EQ(at(other.body, "/processor"), R"({"endpoint":"stripe-main","card_id":"ic_2"})");
}

TEST_F(CardRoutesTest, TakesAnotherNumberWhenOneIsTaken) {
  const engine::Key128 id = engine::make_ulid(api_.surroundings.now_, FakeSurroundings::random_at(1));
  for (const std::uint8_t attempt : {std::uint8_t{0}, std::uint8_t{1}})
    api_.shards.directory().insert(api_.issuer.number_hash(api_.issuer.number(id, attempt)), 99);
  const FakeExchange& answer = api_.call(create());
  ASSERT_EQ(answer.status, 201);
  const CardNumber number = api_.issuer.number(id, 2);
  EXPECT_EQ(text_at(answer.body, "/number"), number.reveal());
  const auto created = std::get<engine::CreateNode>(command_at(0));
  EXPECT_EQ(created.identity.number_attempt, 2);
  EXPECT_EQ(api_.shards.directory().find(created.identity.number_hash), created.node);
}

TEST_F(CardRoutesTest, GivesUpWhenNoNumberIsFree) {
  const engine::Key128 id = engine::make_ulid(api_.surroundings.now_, FakeSurroundings::random_at(1));
  for (unsigned attempt = 0; attempt <= 255; ++attempt) {
    api_.shards.directory().insert(api_.issuer.number_hash(api_.issuer.number(id, static_cast<std::uint8_t>(attempt))),
                                   99);
  }
  const FakeExchange& answer = api_.call(create());
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(code_of(answer), "no_number_left");
  EXPECT_TRUE(api_.journal.durable().empty());
}

TEST_F(CardRoutesTest, AnswersARepeatWithTheSameBytesOnEveryLoopAndAfterARestart) {
  const std::string body = R"({"label":"agent","limit_usd":5,"metadata":{"version":"7"}})";
  const FakeExchange& first = api_.call(create(body, "key-1"));
  ASSERT_EQ(first.status, 201);
  ASSERT_EQ(text_at(first.body, "/number").size(), 16U);
  // What happens to the card later does not change what its creation answered.
  EXPECT_EQ(api_.call(patch(first.header("Location"), R"({"label":"other"})")).status, 200);
  const std::size_t records = api_.journal.durable().size();
  for (unsigned loop = 0; loop < Api::kLoops; ++loop) {
    const FakeExchange& repeat = api_.call(create(body, "key-1"), loop);
    EXPECT_EQ(repeat.status, 201);
    EXPECT_EQ(repeat.body, first.body);
    EXPECT_EQ(repeat.headers, first.headers);
  }
  EXPECT_EQ(api_.journal.durable().size(), records);
  Api restarted(api_.journal.durable());
  const FakeExchange& repeat = restarted.call(create(body, "key-1"), 1);
  EXPECT_EQ(repeat.body, first.body);
  EXPECT_EQ(repeat.headers, first.headers);
  EXPECT_TRUE(restarted.journal.durable().empty());
}

TEST_F(CardRoutesTest, RefusesARepeatWhileTheFirstIsUnderWay) {
  FakeExchange& first = api_.begin(create(R"({"label":"a"})", "key-1"), 0);
  for (unsigned loop = 0; loop < Api::kLoops; ++loop) {
    const FakeExchange& repeat = api_.begin(create(R"({"label":"a"})", "key-1"), loop);
    EXPECT_EQ(repeat.status, 409);
    EXPECT_EQ(code_of(repeat), "idempotency_in_progress");
  }
  api_.finish();
  EXPECT_EQ(first.status, 201);
  EXPECT_EQ(api_.journal.durable().size(), 1U);
}

TEST_F(CardRoutesTest, RefusesAKeyThatWasUsedForSomethingElse) {
  const FakeExchange& first = api_.call(create(R"({"label":"a"})", "key-1"));
  const std::string path = first.header("Location");
  for (const FakeRequest& request : {create(R"({"label":"b"})", "key-1"), create(R"({"label": "a"})", "key-1"),
                                     post(path + "/freeze", "", "key-1")}) {
    const FakeExchange& other = api_.call(request, 1);
    EXPECT_EQ(other.status, 422);
    EXPECT_EQ(code_of(other), "idempotency_conflict");
  }
  EXPECT_EQ(text_at(api_.call(get(path)).body, "/status"), "active");
  for (const std::string& key : {std::string(" "), std::string("a b"), std::string(201, 'k'), std::string("\x7f")}) {
    const FakeExchange& refused = api_.call(create(R"({"label":"a"})", key));
    EXPECT_EQ(refused.status, 400);
    EXPECT_EQ(code_of(refused), "invalid_idempotency_key");
  }
  EXPECT_EQ(api_.call(create(R"({"label":"a"})", std::string(200, 'k'))).status, 201);
}

TEST_F(CardRoutesTest, AnswersARepeatOfACreationThatWasLate) {
  api_.loops[0]->context.settings.command_deadline = std::chrono::milliseconds(250);
  FakeExchange& first = api_.begin(create(R"({"label":"a"})", "key-1"));
  api_.io.restart();
  while (first.status == 0)
    api_.io.run_one();
  EXPECT_EQ(first.status, 504);
  EXPECT_EQ(code_of(first), "deadline_exceeded");
  api_.finish();
  const FakeExchange& repeat = api_.call(create(R"({"label":"a"})", "key-1"), 1);
  EXPECT_EQ(repeat.status, 201);
  EXPECT_EQ(text_at(repeat.body, "/number").size(), 16U);
  EXPECT_EQ(api_.journal.durable().size(), 1U);
}

TEST_F(CardRoutesTest, UsesATimeZoneOnlyWhenItsRulesAreDurable) {
  const std::string body = R"({"label":"a","time_zone":"Asia/Tokyo"})";
  FakeExchange& answer = api_.begin(create(body));
  EXPECT_EQ(api_.journal.pending(), 1U) << "the zone, and not the card";
  api_.journal.commit();
  api_.run();
  EXPECT_EQ(answer.status, 0);
  ASSERT_EQ(api_.journal.durable().size(), 1U);
  EXPECT_EQ(std::get<engine::DefineZone>(command_at(0)).rules.name, "Asia/Tokyo");
  api_.finish();
  EXPECT_EQ(answer.status, 201);
  EXPECT_TRUE(std::holds_alternative<engine::CreateNode>(command_at(1)));
  // Known on this loop now; another loop does not know whether it is durable, and makes sure.
  EXPECT_EQ(api_.call(create(body)).status, 201);
  EXPECT_EQ(api_.journal.durable().size(), 3U);
  EXPECT_EQ(api_.call(create(body), 1).status, 201);
  EXPECT_EQ(api_.journal.durable().size(), 5U);
  Api restarted(api_.journal.durable());
  EXPECT_EQ(restarted.call(create(body), 2).status, 201);
  EXPECT_EQ(restarted.journal.durable().size(), 1U) << "what was there at the start is durable";
}

TEST_F(CardRoutesTest, RefusesACreationWhoseZoneIsNotDurable) {
  FakeExchange& answer = api_.begin(bound("ic_1"));
  api_.finish();
  ASSERT_EQ(answer.status, 201);
  FakeExchange& late = api_.begin(
      create(R"({"label":"a","time_zone":"Asia/Tokyo","processor":{"endpoint":"stripe-main","card_id":"ic_2"}})"));
  api_.journal.set_health(engine::JournalHealth::out_of_space);
  api_.finish();
  EXPECT_EQ(late.status, 503);
  EXPECT_EQ(api_.journal.durable().size(), 2U);
  api_.journal.set_health(engine::JournalHealth::ready);
  EXPECT_EQ(api_.call(bound("ic_2")).status, 201);
  EXPECT_EQ(api_.loops[0]->desk.under_way(), 0U);
}

TEST_F(CardRoutesTest, RefusesBodiesWithTheMemberThatIsWrong) {
  const FakeExchange& unknown = api_.call(create(R"({"label":"a","limits_usd":5})"));
  EXPECT_EQ(unknown.status, 400);
  EXPECT_EQ(code_of(unknown), "unknown_member");
  EXPECT_NE(text_at(unknown.body, "/detail").find("limits_usd"), std::string::npos);
  const FakeExchange& rolling = api_.call(create(R"({"label":"a","limits":[{"amount":5,"rolling":59}]})"));
  EXPECT_EQ(rolling.status, 400);
  EXPECT_EQ(code_of(rolling), "out_of_range");
  EXPECT_NE(text_at(rolling.body, "/detail").find("limits[0].rolling"), std::string::npos);
  EXPECT_EQ(code_of(api_.call(create("{"))), "malformed");
  EXPECT_EQ(code_of(api_.call(create(""))), "malformed");
  EXPECT_TRUE(api_.journal.durable().empty());
  EXPECT_EQ(api_.shards.nodes().cards.last(), engine::kNoNode) << "no number is used up by a bad request";
}

TEST_F(CardRoutesTest, DoesNotKnowCardsThatAreNotThere) {
  made();
  for (const std::string path : {"/api/v1/cards/card_01J9ZK3Q6T8V5W2X4Y6Z8A0B1C", "/api/v1/cards/1",
                                 "/api/v1/cards/key_01J9ZK3Q6T8V5W2X4Y6Z8A0B1C"}) {
    for (const FakeRequest& request : {get(path), patch(path, "{}"), post(path + "/freeze"), post(path + "/close")}) {
      const FakeExchange& answer = api_.call(request);
      EXPECT_EQ(answer.status, 404);
      EXPECT_EQ(code_of(answer), "card_not_found");
    }
  }
}

TEST_F(CardRoutesTest, LetsOneOfTwoChangesOfAVersionWin) {
  const std::string path = made();
  const FakeExchange& first = api_.begin(patch(path, R"({"label":"first"})", "\"1\""), 0);
  const FakeExchange& second = api_.begin(patch(path, R"({"label":"second"})", "\"1\""), 1);
  api_.finish();
  EXPECT_EQ(first.status + second.status, 200 + 412);
  const FakeExchange& lost = first.status == 412 ? first : second;
  EXPECT_EQ(code_of(lost), "version_mismatch");
  const FakeExchange& read = api_.call(get(path));
  EXPECT_EQ(read.header("ETag"), "\"2\"");
  EXPECT_EQ(api_.call(patch(path, R"({"label":"third"})", "\"2\"")).header("ETag"), "\"3\"");
  EXPECT_EQ(api_.call(patch(path, R"({"label":"fourth"})", "*")).status, 200);
  EXPECT_EQ(api_.call(patch(path, R"({"label":"fifth"})")).status, 200);
  for (const std::string if_match : {"5", "\"x\"", "\"\"", "W/\"5\"", "\"5\", \"6\"", "\"-1\"", "\"5"}) {
    EXPECT_EQ(code_of(api_.call(patch(path, R"({"label":"x"})", if_match))), "invalid_if_match") << if_match;
  }
  FakeRequest freeze = post(path + "/freeze");
  freeze.headers.emplace_back("If-Match", "\"1\"");
  EXPECT_EQ(api_.call(freeze).status, 412);
  EXPECT_EQ(text_at(api_.call(get(path)).body, "/status"), "active");
}

TEST_F(CardRoutesTest, ChangesSettingsAndKeepsUsage) {
  const std::string path = made(R"({"label":"a","controls":{"cash":false},"metadata":{"a":"1"}})");
  const FakeExchange& answer = api_.call(
      patch(path, R"({"limit_usd":"7.50","controls":{"blocked_countries":["DEU"]},"metadata":{"a":null,"b":"2"},
                      "time_zone":"Asia/Kolkata"})"));
  ASSERT_EQ(answer.status, 200);
  EXPECT_EQ(text_at(answer.body, "/label"), "a");
  EXPECT_EQ(at(answer.body, "/limits/0/amount"), "750");
  EXPECT_EQ(at(answer.body, "/controls"), R"({"blocked_countries":["DE"],"cash":false})");
  EXPECT_EQ(at(answer.body, "/metadata"), R"({"b":"2"})");
  EXPECT_EQ(text_at(answer.body, "/time_zone"), "Asia/Kolkata");
  EXPECT_EQ(api_.call(get(path)).body, answer.body);
  const std::string euros = made(R"({"label":"a","currency":"EUR"})");
  const FakeExchange& refused = api_.call(patch(euros, R"({"limit_usd":5})"));
  EXPECT_EQ(refused.status, 400);
  EXPECT_NE(text_at(refused.body, "/detail").find("limit_usd"), std::string::npos);
  EXPECT_EQ(api_.call(patch(path, R"({"currency":"EUR"})")).status, 400);
  EXPECT_EQ(at(api_.call(get(euros)).body, "/version"), "1");
}

TEST_F(CardRoutesTest, TakesAndShowsAllThatACardCanBeLimitedBy) {
  const std::string path = made(R"({"label":"a","limits":[{"amount":500,"rolling":3600,"categories":["5734"]}],
      "controls":{"merchant_lock":"first_use","max_authorizations":5,"verification":{"avs":"require_match"},
                  "loop_breaker":{"declines":3,"seconds":60}}})");
  const FakeExchange& read = api_.call(get(path), 1);
  EXPECT_EQ(at(read.body, "/limits"), R"([{"amount":500,"rolling":3600,"categories":["5734"],"held":0,"posted":0,)"
                                      R"("remaining":500,"beyond":0,"resets_at":null}])");
  EXPECT_EQ(at(read.body, "/controls"),
            R"({"merchant_lock":"first_use","max_authorizations":5,"verification":{"avs":"require_match"},)"
            R"("loop_breaker":{"declines":3,"seconds":60,"cooldown_seconds":300}})");
  EXPECT_EQ(at(read.body, "/loop_breaker_state"), R"({"state":"closed","until":null,"trips":0,"last_trips":[]})");
  Api restarted(api_.journal.durable());
  EXPECT_EQ(restarted.call(get(path)).body, read.body);
}

TEST_F(CardRoutesTest, LeavesAClosedCardClosed) {
  const std::string path = made();
  EXPECT_EQ(text_at(api_.call(post(path + "/close")).body, "/status"), "closed");
  for (const FakeRequest& request :
       {post(path + "/unfreeze"), post(path + "/freeze"), patch(path, R"({"label":"b"})")}) {
    const FakeExchange& answer = api_.call(request);
    EXPECT_EQ(answer.status, 409);
    EXPECT_EQ(code_of(answer), "card_closed");
  }
  const FakeExchange& again = api_.call(post(path + "/close", "{}"));
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(text_at(again.body, "/status"), "closed");
  Api restarted(api_.journal.durable());
  EXPECT_EQ(text_at(restarted.call(get(path)).body, "/status"), "closed");
}

TEST_F(CardRoutesTest, FreezesAndUnfreezes) {
  const std::string path = made();
  EXPECT_EQ(text_at(api_.call(post(path + "/freeze")).body, "/status"), "frozen");
  EXPECT_EQ(text_at(api_.call(post(path + "/unfreeze", "", "key-1")).body, "/status"), "active");
  EXPECT_EQ(text_at(api_.call(post(path + "/freeze")).body, "/status"), "frozen");
  const FakeExchange& repeat = api_.call(post(path + "/unfreeze", "", "key-1"), 1);
  EXPECT_EQ(text_at(repeat.body, "/status"), "active") << "the stored answer";
  EXPECT_EQ(text_at(api_.call(get(path)).body, "/status"), "frozen") << "and nothing done again";
  EXPECT_EQ(code_of(api_.call(post(path + "/freeze", R"({"for":"ever"})"))), "unknown_member");
  EXPECT_EQ(code_of(api_.call(post(path + "/freeze", "[]"))), "wrong_type");
}

// 200 says that the card is frozen whatever happens now, so it must not overtake the freeze it relies on.
TEST_F(CardRoutesTest, SaysThatAFrozenCardIsFrozenOnlyWhenThatIsDurable) {
  const std::string path = made();
  const FakeExchange& first = api_.begin(post(path + "/freeze"), 0);
  const FakeExchange& second = api_.begin(post(path + "/freeze"), 1);
  EXPECT_EQ(first.status, 0);
  EXPECT_EQ(second.status, 0);
  api_.finish();
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(second.status, 200);
  EXPECT_EQ(text_at(second.body, "/status"), "frozen");
}

TEST_F(CardRoutesTest, ListsNewestFirstPageByPage) {
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) {
    api_.surroundings.now_ += std::chrono::milliseconds(1);
    ids.push_back(made().substr(kCards.size() + 1));
    // A creation that does not come about leaves a gap that no list shows.
    api_.journal.set_health(engine::JournalHealth::out_of_space);
    api_.call(create());
    api_.journal.set_health(engine::JournalHealth::ready);
  }
  std::vector<std::string> listed;
  std::string path = std::string(kCards) + "?limit=2";
  for (int pages = 0; pages < 3; ++pages) {
    const FakeExchange& page = api_.call(get(path), 1);
    ASSERT_EQ(page.status, 200);
    for (int i = 0; i < 2; ++i) {
      const std::string id = text_at(page.body, "/data/" + std::to_string(i) + "/id");
      if (id != "(absent)") listed.push_back(id);
    }
    EXPECT_EQ(at(page.body, "/has_more"), pages < 2 ? "true" : "false");
    path = std::string(kCards) + "?limit=2&cursor=" + text_at(page.body, "/next_cursor");
  }
  EXPECT_EQ(listed, (std::vector<std::string>{ids[4], ids[3], ids[2], ids[1], ids[0]}));
  EXPECT_EQ(at(api_.call(get(std::string(kCards) + "?limit=5")).body, "/next_cursor"), "null");
  for (const std::string query : {"limit=0", "limit=101", "cursor=x", "cursor=01J9ZK3Q6T8V5W2X4Y6Z8A0B1C", "page=2"}) {
    EXPECT_EQ(api_.call(get(std::string(kCards) + '?' + query)).status, 400) << query;
  }
}

TEST_F(CardRoutesTest, ListsNothingWhenThereIsNothing) {
  EXPECT_EQ(api_.call(get(std::string(kCards))).body, R"({"data":[],"has_more":false,"next_cursor":null})");
}

TEST_F(CardRoutesTest, ForbidsWhatARoleMayNotDo) {
  const std::string path = made();
  api_.add_key(Role::reader, "token-of-a-reader");
  EXPECT_EQ(api_.call(get(path), 0, "token-of-a-reader").status, 200);
  for (const FakeRequest& request :
       {create(), patch(path, "{}"), post(path + "/freeze"), post(path + "/unfreeze"), post(path + "/close")}) {
    EXPECT_EQ(api_.call(request, 0, "token-of-a-reader").status, 403);
  }
  EXPECT_EQ(api_.call(create(), 0, "").status, 401);
}

}  // namespace
}  // namespace holdfast::net
