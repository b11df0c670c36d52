#include "net/key_routes.h"

#include "tests/net/fake_requests.h"

namespace holdfast::net {
namespace {

constexpr std::string_view kKeys = "/api/v1/keys";

FakeRequest create(std::string role, std::string idempotency_key = {}) {
  FakeRequest request{Method::post, std::string(kKeys), R"({"label":"ci","role":")" + role + "\"}", {}};
  if (!idempotency_key.empty()) request.headers.emplace_back("Idempotency-Key", std::move(idempotency_key));
  return request;
}
FakeRequest remove(std::string id) {
  return {Method::del, std::string(kKeys) + '/' + std::move(id), {}, {}};
}
const FakeRequest kCards{Method::get, "/api/v1/cards", {}, {}};

class KeyRoutesTest : public ::testing::Test {
 protected:
  struct Made {
    std::string id;
    std::string token;
  };
  Made made(std::string role) {
    const FakeExchange& answer = api_.call(create(std::move(role)));
    EXPECT_EQ(answer.status, 201) << answer.body;
    return {text_at(answer.body, "/id"), text_at(answer.body, "/key")};
  }
  // Status of a read with this token, on each loop.
  std::vector<int> statuses(std::string_view token) {
    std::vector<int> statuses;
    for (unsigned loop = 0; loop < Api::kLoops; ++loop)
      statuses.push_back(api_.begin(kCards, loop, token).status);
    return statuses;
  }
  std::string code_of(const FakeExchange& answer) { return text_at(answer.body, "/code"); }
  std::string admin_id() { return text_at(api_.call(get(std::string(kKeys))).body, "/data/0/id"); }

  const std::vector<int> in_force_ = {200, 200, 200};
  const std::vector<int> dead_ = {401, 401, 401};
  Api api_;
};

TEST_F(KeyRoutesTest, TakesNoKeyForAnAgentWithoutANode) {
  const FakeExchange& answer = api_.call(create("agent"));
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(code_of(answer), "missing_member");
}

TEST_F(KeyRoutesTest, RefusesWhatIsNotAKey) {
  for (const std::string body : {"", "{}", R"({"label":"x"})", R"({"role":"reader"})",
                                 R"({"label":"","role":"reader"})", R"({"label":"x","role":"root"})",
                                 R"({"label":"x","role":1})", R"({"label":"x","role":"reader","node":"card_1"})"}) {
    EXPECT_EQ(api_.call({Method::post, std::string(kKeys), body, {}}).status, 400) << body;
  }
  EXPECT_TRUE(api_.journal.durable().empty());
}

TEST_F(KeyRoutesTest, KeepsTheLastKeyOfAnAdmin) {
  const std::string first = admin_id();
  made("reader");
  EXPECT_EQ(code_of(api_.call(remove(first))), "last_admin_key");
  EXPECT_EQ(api_.call(kCards).status, 200);
  // Two admins, each removed at the same time from another loop: one of them stays.
  const std::string second = made("admin").id;
  const FakeExchange& one = api_.begin(remove(first), 1);
  const FakeExchange& other = api_.begin(remove(second), 2);
  api_.finish();
  EXPECT_EQ(one.status + other.status, 204 + 409);
}

TEST_F(KeyRoutesTest, PutsAKeyInForceEverywhereOnceItIsDurable) {
  FakeExchange& answer = api_.begin(create("reader"), 1);
  EXPECT_EQ(answer.status, 0);
  EXPECT_EQ(at(api_.begin(get(std::string(kKeys))).body, "/data/1"), "(absent)");
  api_.finish();
  ASSERT_EQ(answer.status, 201);
  const std::string token = text_at(answer.body, "/key");
  EXPECT_EQ(token.size(), kMadeTokenBytes);
  EXPECT_EQ(answer.header("Cache-Control"), "no-store");
  EXPECT_EQ(answer.header("Location"), std::string(kKeys) + '/' + text_at(answer.body, "/id"));
  EXPECT_EQ(statuses(token), in_force_);
  Api restarted(api_.journal.durable());
  EXPECT_EQ(restarted.call(kCards, 2, token).status, 200);
}

TEST_F(KeyRoutesTest, KillsAKeyEverywhereBeforeItSaysSo) {
  const Made key = made("reader");
  EXPECT_EQ(statuses(key.token), in_force_);
  FakeExchange& answer = api_.begin(remove(key.id), 2);
  EXPECT_EQ(answer.status, 0) << "not durable yet";
  EXPECT_EQ(statuses(key.token), in_force_);
  api_.journal.commit();
  api_.io.restart();
  // Handler by handler: at no moment has 204 left while a loop still takes the key.
  while (answer.status == 0)
    api_.io.run_one();
  EXPECT_EQ(answer.status, 204);
  EXPECT_TRUE(answer.body.empty());
  for (unsigned loop = 0; loop < Api::kLoops; ++loop) {
    FakeExchange exchange;
    FakeRequest{Method::get, "/api/v1/cards", {}, {{"Authorization", "Bearer " + key.token}}}.send_to(
        api_.loops[loop]->router, exchange);
    EXPECT_EQ(exchange.status, 401) << loop;
  }
  api_.finish();
  EXPECT_EQ(statuses(key.token), dead_);
  EXPECT_EQ(code_of(api_.call(remove(key.id))), "key_not_found");
  Api restarted(api_.journal.durable());
  EXPECT_EQ(restarted.call(kCards, 0, key.token).status, 401);
}

TEST_F(KeyRoutesTest, KillsAKeyThoughItsRemovalWasLate) {
  const Made key = made("reader");
  for (const unsigned loop : {0U, 1U})
    api_.loops[loop]->context.settings.command_deadline = std::chrono::milliseconds(250);
  FakeExchange& answer = api_.begin(remove(key.id), 1);
  api_.io.restart();
  while (answer.status == 0)
    api_.io.run_one();
  EXPECT_EQ(answer.status, 504);
  api_.finish();
  EXPECT_EQ(statuses(key.token), dead_);
}

TEST_F(KeyRoutesTest, RefusesWhatTheJournalCannotTake) {
  const Made key = made("reader");
  api_.journal.set_health(engine::JournalHealth::out_of_space);
  EXPECT_EQ(code_of(api_.call(create("reader"))), "storage_unavailable");
  EXPECT_EQ(code_of(api_.call(remove(key.id))), "storage_unavailable");
  EXPECT_EQ(statuses(key.token), in_force_);
}

TEST_F(KeyRoutesTest, DoesNotShowATokenTwice) {
  const FakeExchange& first = api_.call(create("reader", "key-1"));
  const FakeExchange& repeat = api_.call(create("reader", "key-1"), 1);
  EXPECT_EQ(repeat.status, 201);
  EXPECT_EQ(repeat.headers, first.headers);
  EXPECT_EQ(text_at(repeat.body, "/id"), text_at(first.body, "/id"));
  EXPECT_EQ(at(repeat.body, "/key"), "null");
  const std::string token = text_at(first.body, "/key");
  for (const std::string& path : {std::string(kKeys), first.header("Location")}) {
    const std::string body = api_.call(get(path)).body;
    EXPECT_EQ(body.find(token), std::string::npos);
    EXPECT_EQ(body.find("digest"), std::string::npos);
  }
  for (const engine::Bytes& record : api_.journal.durable()) {
    const std::string_view bytes(reinterpret_cast<const char*>(record.data()), record.size());
    EXPECT_EQ(bytes.find(token.substr(token.size() - 43)), std::string_view::npos);
  }
  EXPECT_EQ(api_.journal.durable().size(), 1U);
}

TEST_F(KeyRoutesTest, ShowsKeysNewestFirst) {
  std::vector<std::string> ids = {admin_id()};
  for (int i = 0; i < 2; ++i) {
    api_.surroundings.now_ += std::chrono::milliseconds(1);
    ids.push_back(made("issuer").id);
  }
  const FakeExchange& first = api_.call(get(std::string(kKeys) + "?limit=2"));
  EXPECT_EQ(text_at(first.body, "/data/0/id"), ids[2]);
  EXPECT_EQ(text_at(first.body, "/data/1/id"), ids[1]);
  EXPECT_EQ(text_at(first.body, "/data/1/role"), "issuer");
  EXPECT_EQ(text_at(first.body, "/data/1/created_at"), "2026-11-23T15:00:00.001Z");
  // The page goes on behind a key that is gone.
  EXPECT_EQ(api_.call(remove(ids[1])).status, 204);
  const FakeExchange& second =
      api_.call(get(std::string(kKeys) + "?limit=2&cursor=" + text_at(first.body, "/next_cursor")));
  EXPECT_EQ(text_at(second.body, "/data/0/id"), ids[0]);
  EXPECT_EQ(at(second.body, "/has_more"), "false");
  EXPECT_EQ(api_.call(get(std::string(kKeys) + "?limit=0")).status, 400);
  const FakeExchange& shown = api_.call(get(std::string(kKeys) + '/' + ids[2]));
  EXPECT_EQ(shown.header("ETag"), "\"1\"");
  EXPECT_EQ(text_at(shown.body, "/object"), "key");
  EXPECT_EQ(api_.call(get(std::string(kKeys) + "/card_1")).status, 404);
}

TEST_F(KeyRoutesTest, TakesIfMatch) {
  const Made key = made("reader");
  FakeRequest request = remove(key.id);
  request.headers = {{"If-Match", "\"2\""}};
  EXPECT_EQ(api_.call(request).status, 412);
  request.headers = {{"If-Match", "\"1\""}};
  EXPECT_EQ(api_.call(request).status, 204);
}

TEST_F(KeyRoutesTest, IsForAdminsOnly) {
  for (const std::string role : {"issuer", "processor", "reader"}) {
    const Made key = made(role);
    EXPECT_EQ(api_.call(create("admin"), 0, key.token).status, 403);
    EXPECT_EQ(api_.call(get(std::string(kKeys)), 0, key.token).status, 403);
    EXPECT_EQ(api_.call(remove(key.id), 0, key.token).status, 403);
  }
}

}  // namespace
}  // namespace holdfast::net
