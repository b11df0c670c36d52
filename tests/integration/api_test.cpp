// The native interface from the first card to the last: what a client of it sees.
#include <set>

#include "tests/integration/api.h"

namespace holdfast::integration {
namespace {

class Api : public testing::Test {
 protected:
  Api() : daemon_(start_daemon(sandbox_, {{"HOLDFAST_SERVER_THREADS", "2"}})), admin_(daemon_->port(), kAdminKey) {}

  // A call on a connection of its own, since some answers end theirs.
  HttpAnswer once(std::string_view method, std::string_view path, std::string_view body = {},
                  const Headers& headers = {}, std::string_view key = kAdminKey) {
    HttpClient client(daemon_->port(), key);
    return client.call(method, path, body, headers);
  }
  std::string make_key(std::string_view role) {
    const HttpAnswer made = admin_.post("/api/v1/keys", R"({"label":"of a test","role":")" + std::string(role) + "\"}");
    EXPECT_EQ(made.status, 201) << made.body;
    return json_text(made.body, "/key");
  }
  void expect_problem(const HttpAnswer& answer, int status, std::string_view code) {
    EXPECT_EQ(answer.status, status) << answer.body;
    EXPECT_EQ(answer.header("Content-Type"), "application/problem+json");
    EXPECT_EQ(json_text(answer.body, "/code"), code);
    EXPECT_EQ(json_integer(answer.body, "/status"), status);
    EXPECT_FALSE(answer.header("X-Request-Id").empty());
  }

  Sandbox sandbox_;
  std::unique_ptr<DaemonProcess> daemon_;
  HttpClient admin_;
};

// ---- Refusals

TEST_F(Api, RefusesWhoeverHasNoKeyInOneWay) {
  std::set<std::string> details;
  for (const std::string& key :
       {std::string(), std::string("x"), std::string(kAdminKey) + "x", std::string(kAdminKey).substr(1)}) {
    const HttpAnswer answer = once("GET", "/api/v1/cards", {}, {}, key);
    expect_problem(answer, 401, "unauthorized");
    EXPECT_NE(answer.header("WWW-Authenticate"), "");
    details.insert(json_text(answer.body, "/detail"));
  }
  EXPECT_EQ(details.size(), 1U);
}

TEST_F(Api, NamesWhatIsWrongWithARequest) {
  const std::string card = make_card(admin_, 100);
  expect_problem(once("GET", "/api/v1/nothing"), 404, "not_found");
  expect_problem(once("GET", "/api/v1/cards/card_00000000000000000000000000"), 404, "card_not_found");
  expect_problem(once("GET", "/api/v1/authorizations/nobody"), 404, "authorization_not_found");
  const HttpAnswer wrong_method = once("DELETE", "/api/v1/cards/" + card);
  expect_problem(wrong_method, 405, "method_not_allowed");
  EXPECT_NE(wrong_method.header("Allow").find("PATCH"), std::string::npos);
  expect_problem(once("POST", "/api/v1/cards", std::string(300'000, ' ')), 413, "body_too_large");
  expect_problem(once("POST", "/api/v1/cards", "label=x", {{"Content-Type", "text/plain"}}), 415,
                 "unsupported_media_type");
  for (const char* body : {R"({"label":"x","limit_usd":1,"limit_usd":2})", R"({"label":"x","blocked_categorys":[]})",
                           R"({"label":"x","limit_usd":1.001})", R"({"label":"x","limit_usd":-1})", R"({"label":)",
                           R"({"label":"x"} {})", R"([])"}) {
    EXPECT_EQ(once("POST", "/api/v1/cards", body).status, 400) << body;
  }
  for (const char* amount : {"-1", "1.5", "1e3", "\"5\"", "9223372036854775808", "007", "null"}) {
    const std::string body =
        R"({"id":"x","card":")" + card + R"(","currency":"USD","amount":)" + std::string(amount) + "}";
    EXPECT_EQ(once("POST", "/api/v1/authorizations", body).status, 400) << body;
  }
  EXPECT_EQ(held(admin_, card), 0);
}

// ---- Cards

TEST_F(Api, ShowsACardsNumberOnlyWhenItIsMade) {
  const std::string made = make_card_from(admin_, R"({"label":"Claude API Agent","limit_usd":100})");
  const std::string number = json_text(made, "/number");
  EXPECT_EQ(number.size(), 16U);
  EXPECT_EQ(json_text(made, "/cvv").size(), 3U);
  EXPECT_EQ(json_text(made, "/last4"), number.substr(12));
  EXPECT_EQ(json_text(made, "/status"), "active");
  EXPECT_EQ(json_integer(made, "/limits/0/amount"), 10'000);
  EXPECT_EQ(json_integer(made, "/limits/0/remaining"), 10'000);
  const std::string id = json_text(made, "/id");
  for (const std::string& path : {"/api/v1/cards/" + id, std::string("/api/v1/cards")}) {
    const HttpAnswer shown = admin_.get(path);
    EXPECT_EQ(shown.status, 200);
    EXPECT_EQ(shown.body.find(number), std::string::npos);
    EXPECT_EQ(shown.body.find("\"cvv\""), std::string::npos);
    EXPECT_NE(shown.body.find(id), std::string::npos);
  }
}

TEST_F(Api, ListsAllCardsOnceNewestFirstThroughItsCursors) {
  std::vector<std::string> made;
  for (int i = 0; i < 45; ++i)
    made.push_back(make_card(admin_, 100));
  std::vector<std::string> listed;
  std::string path = "/api/v1/cards?limit=20";
  for (int page = 0; page < 3; ++page) {
    const std::string body = admin_.get(path).body;
    for (std::size_t i = 0; i < json_size(body, "/data"); ++i)
      listed.push_back(json_text(body, "/data/" + std::to_string(i) + "/id"));
    EXPECT_EQ(json_flag(body, "/has_more"), page < 2);
    path = "/api/v1/cards?limit=20&cursor=" + json_text(body, "/next_cursor");
  }
  std::reverse(listed.begin(), listed.end());
  EXPECT_EQ(listed, made);
  for (const char* query : {"?limit=0", "?limit=101", "?limit=x", "?cursor=x", "?unknown=1"})
    EXPECT_EQ(once("GET", std::string("/api/v1/cards") + query).status, 400) << query;
}

TEST_F(Api, ChangesACardOnlyInTheVersionThatTheCallerMeans) {
  const std::string path = "/api/v1/cards/" + make_card(admin_, 100);
  const std::string etag = admin_.get(path).header("ETag");
  EXPECT_EQ(etag, "\"1\"");
  const HttpAnswer changed = admin_.call("PATCH", path, R"({"label":"new"})", {{"If-Match", etag}});
  EXPECT_EQ(changed.status, 200) << changed.body;
  EXPECT_EQ(json_text(changed.body, "/label"), "new");
  EXPECT_EQ(changed.header("ETag"), "\"2\"");
  expect_problem(admin_.call("PATCH", path, R"({"label":"newer"})", {{"If-Match", etag}}), 412, "version_mismatch");
  expect_problem(admin_.call("POST", path + "/freeze", "", {{"If-Match", etag}}), 412, "version_mismatch");
  EXPECT_EQ(json_text(admin_.get(path).body, "/label"), "new");
  EXPECT_EQ(json_text(admin_.get(path).body, "/status"), "active");
  expect_problem(admin_.call("PATCH", path, R"({"currency":"EUR"})"), 400, "invalid_value");
}

TEST_F(Api, StopsAFrozenCardAtOnceAndAClosedOneForGood) {
  const std::string card = make_card(admin_, 10'000);
  const std::string path = "/api/v1/cards/" + card;
  EXPECT_TRUE(approved(authorize(admin_, "a-1", card, 100)));
  EXPECT_EQ(json_text(admin_.post(path + "/freeze", "").body, "/status"), "frozen");
  EXPECT_EQ(decline_reason(authorize(admin_, "a-2", card, 100)), "card_frozen");
  EXPECT_EQ(decline_reason(authorize(admin_, "a-3", card, 100'000)), "card_frozen") << "first in the order of reasons";
  EXPECT_EQ(admin_.post(path + "/freeze", "").status, 200) << "again is no mistake";
  EXPECT_EQ(json_text(admin_.post(path + "/unfreeze", "").body, "/status"), "active");
  EXPECT_TRUE(approved(authorize(admin_, "a-4", card, 100)));
  EXPECT_EQ(json_text(admin_.post(path + "/close", "").body, "/status"), "closed");
  EXPECT_EQ(decline_reason(authorize(admin_, "a-5", card, 100)), "card_closed");
  expect_problem(admin_.post(path + "/unfreeze", ""), 409, "card_closed");
  expect_problem(admin_.call("PATCH", path, R"({"label":"new"})"), 409, "card_closed");
  EXPECT_EQ(held(admin_, card), 200) << "its holds are still holds";
}

TEST_F(Api, KeepsControlsAndSeveralWindowsAndNamesTheLimitThatFailed) {
  const std::string made = make_card_from(
      admin_,
      R"({"label":"full","currency":"USD","time_zone":"Europe/Berlin","metadata":{"team":"red"},)"
      R"("limits":[{"amount":500,"window":"authorization"},{"amount":800,"window":"day"},)"
      R"({"count":3,"window":"month"},{"amount":100000,"window":"lifetime"}],)"
      R"("controls":{"blocked_categories":["7995","3000-3299"],"allowed_countries":["US","DEU"],"cash":false}})");
  const std::string card = json_text(made, "/id");
  const auto ask = [&](std::string_view id, std::int64_t amount, std::string_view merchant) {
    const std::string body = R"({"id":")" + std::string(id) + R"(","card":")" + card + R"(","amount":)" +
                             std::to_string(amount) + R"(,"currency":"USD","merchant":)" + std::string(merchant) + "}";
    return admin_.post("/api/v1/authorizations", body);
  };
  constexpr std::string_view kGood = R"({"id":"m","category":"5734","country":"US"})";
  EXPECT_EQ(decline_reason(ask("c-1", 10, R"({"id":"m","category":"7995","country":"US"})")), "category_not_allowed");
  EXPECT_EQ(decline_reason(ask("c-2", 10, R"({"id":"m","category":"3150","country":"US"})")), "category_not_allowed");
  EXPECT_EQ(decline_reason(ask("c-3", 10, R"({"id":"m","category":"6011","country":"US"})")), "category_not_allowed");
  EXPECT_EQ(decline_reason(ask("c-4", 10, R"({"id":"m","category":"5734","country":"FR"})")), "country_not_allowed");
  EXPECT_EQ(decline_reason(ask("c-5", 501, kGood)), "authorization_limit");
  EXPECT_TRUE(approved(ask("c-6", 500, kGood)));
  const HttpAnswer past_day = ask("c-7", 301, kGood);
  EXPECT_EQ(decline_reason(past_day), "card_limit");
  EXPECT_EQ(json_integer(past_day.body, "/declined_by/limit"), 1);
  EXPECT_EQ(json_integer(past_day.body, "/would_approve"), 300);
  EXPECT_EQ(json_text(past_day.body, "/retryable"), "after");
  EXPECT_NE(json_text(past_day.body, "/retry_after"), "");
  EXPECT_TRUE(approved(ask("c-8", 299, kGood)));
  EXPECT_TRUE(approved(ask("c-9", 1, kGood)));
  EXPECT_TRUE(approved(ask("c-10", 0, kGood))) << "a verification counts nothing";
  EXPECT_EQ(decline_reason(ask("c-11", 1, kGood)), "count_limit");
  const std::string shown = admin_.get("/api/v1/cards/" + card).body;
  EXPECT_EQ(json_integer(shown, "/limits/1/remaining"), 0);
  EXPECT_EQ(json_integer(shown, "/limits/2/used"), 3);
  EXPECT_EQ(json_integer(shown, "/limits/3/held"), 800);
  EXPECT_EQ(json_text(shown, "/metadata/team"), "red");
}

TEST_F(Api, LowersALimitBelowWhatIsUsedWithoutTakingAnythingBack) {
  const std::string card = make_card(admin_, 10'000);
  ASSERT_TRUE(approved(authorize(admin_, "l-1", card, 6000)));
  const HttpAnswer lowered = admin_.call("PATCH", "/api/v1/cards/" + card, R"({"limit_usd":50})");
  EXPECT_EQ(json_integer(lowered.body, "/limits/0/held"), 6000);
  EXPECT_EQ(json_integer(lowered.body, "/limits/0/remaining"), 0);
  EXPECT_TRUE(json_flag(lowered.body, "/over_limit"));
  EXPECT_EQ(decline_reason(authorize(admin_, "l-2", card, 1)), "card_limit");
}

// ---- Decisions

TEST_F(Api, AuthorizesByNumberAndChecksWhatIsGivenBesideIt) {
  const std::string made = make_card_from(admin_, R"({"label":"by number","limit_usd":100})");
  const std::string number = json_text(made, "/number");
  const std::string cvv = json_text(made, "/cvv");
  const std::string expiration = json_text(made, "/expiration");
  const auto ask = [&](std::string_view id, const std::string& rest) {
    return admin_.post("/api/v1/authorizations",
                       R"({"id":")" + std::string(id) + R"(","amount":100,"currency":"USD",)" + rest + "}");
  };
  const std::string by_number = R"("number":")" + number + "\"";
  EXPECT_TRUE(approved(ask("n-1", by_number)));
  EXPECT_TRUE(approved(ask("n-2", by_number + R"(,"cvv":")" + cvv + R"(","expiration":")" + expiration + "\"")));
  const std::string other_cvv = cvv == "123" ? "124" : "123";
  EXPECT_EQ(decline_reason(ask("n-3", by_number + R"(,"cvv":")" + other_cvv + "\"")), "verification_failed");
  EXPECT_EQ(decline_reason(ask("n-4", by_number + R"(,"expiration":"01/20")")), "verification_failed");
  std::string unknown = number;
  unknown[15] = unknown[15] == '0' ? '1' : '0';  // the check digit is wrong now
  EXPECT_EQ(decline_reason(ask("n-5", R"("number":")" + unknown + "\"")), "card_not_found");
  EXPECT_EQ(ask("n-6", by_number + R"(,"card":")" + json_text(made, "/id") + "\"").status, 400);
  EXPECT_EQ(held(admin_, json_text(made, "/id")), 200);
}

TEST_F(Api, DryRunDecidesAndChangesNothing) {
  const std::string card = make_card(admin_, 1000);
  const std::size_t records = journal_records(sandbox_);
  const auto dry = [&](std::int64_t amount) {
    std::string body = authorization_body("dry", card, amount);
    body.back() = ',';
    return admin_.post("/api/v1/authorizations", body + R"("dry_run":true})");
  };
  EXPECT_TRUE(approved(dry(1000)));
  EXPECT_TRUE(json_flag(dry(1000).body, "/dry_run"));
  EXPECT_EQ(decline_reason(dry(1001)), "card_limit");
  EXPECT_EQ(held(admin_, card), 0);
  EXPECT_EQ(journal_records(sandbox_), records);
  EXPECT_EQ(admin_.get("/api/v1/authorizations/dry").status, 404);
  EXPECT_TRUE(approved(authorize(admin_, "dry", card, 900))) << "the id is free";
  EXPECT_EQ(decline_reason(dry(101)), "card_limit");
}

TEST_F(Api, ShowsAuthorizationsAndListsThoseOfACard) {
  const std::string card = make_card(admin_, 1000);
  for (int i = 1; i <= 5; ++i)
    authorize(admin_, "s-" + std::to_string(i), card, 300);
  const HttpAnswer shown = admin_.get("/api/v1/authorizations/s-1");
  EXPECT_EQ(shown.status, 200);
  EXPECT_EQ(json_text(shown.body, "/status"), "pending");
  EXPECT_EQ(json_integer(shown.body, "/held"), 300);
  EXPECT_EQ(json_text(shown.body, "/card"), card);
  EXPECT_EQ(json_text(shown.body, "/merchant/name"), "OpenAI");
  EXPECT_EQ(json_text(admin_.get("/api/v1/authorizations/s-5").body, "/decline_reason"), "card_limit");
  const std::string path = "/api/v1/cards/" + card + "/authorizations?limit=3";
  const std::string first = admin_.get(path).body;
  EXPECT_EQ(json_text(first, "/data/0/id"), "s-5");
  EXPECT_EQ(json_text(first, "/data/2/id"), "s-3");
  EXPECT_TRUE(json_flag(first, "/has_more"));
  const std::string second = admin_.get(path + "&cursor=" + json_text(first, "/next_cursor")).body;
  EXPECT_EQ(json_size(second, "/data"), 2U);
  EXPECT_EQ(json_text(second, "/data/1/id"), "s-1");
  EXPECT_FALSE(json_flag(second, "/has_more"));
}

// ---- Idempotency-Key

TEST_F(Api, RepeatsAnAnswerForItsIdempotencyKeyWithTheNumberAndAfterAKill) {
  const std::string body = R"({"label":"once","limit_usd":100})";
  const Headers key = {{"Idempotency-Key", "create-0001"}};
  const HttpAnswer first = admin_.post("/api/v1/cards", body, key);
  ASSERT_EQ(first.status, 201);
  const auto same_again = [&](HttpClient& client) {
    const HttpAnswer again = client.post("/api/v1/cards", body, key);
    EXPECT_EQ(again.status, 201);
    EXPECT_EQ(again.body, first.body);
    EXPECT_EQ(json_size(client.get("/api/v1/cards").body, "/data"), 1U);
    const HttpAnswer other = client.post("/api/v1/cards", R"({"label":"another"})", key);
    EXPECT_EQ(other.status, 422) << other.body;
  };
  same_again(admin_);
  daemon_->kill();
  daemon_ = start_daemon(sandbox_);
  HttpClient client(daemon_->port(), kAdminKey);
  same_again(client);
}

TEST_F(Api, TakesTheIdOfAnAuthorizationFromTheHeaderToo) {
  const std::string card = make_card(admin_, 1000);
  const std::string body = R"({"card":")" + card + R"(","amount":100,"currency":"USD"})";
  const HttpAnswer first = admin_.post("/api/v1/authorizations", body, {{"Idempotency-Key", "from-the-header"}});
  EXPECT_TRUE(approved(first));
  EXPECT_EQ(json_text(first.body, "/id"), "from-the-header");
  EXPECT_EQ(admin_.post("/api/v1/authorizations", body, {{"Idempotency-Key", "from-the-header"}}).body, first.body);
  EXPECT_EQ(admin_.post("/api/v1/authorizations", body).status, 400);
  EXPECT_EQ(held(admin_, card), 100);
}

// ---- Keys

TEST_F(Api, LetsEachRoleDoWhatIsItsOwnAndNothingElse) {
  const std::string card = make_card(admin_, 1'000'000);
  const std::string path = "/api/v1/cards/" + card;
  struct Route {
    const char* method;
    std::string path;
    std::string body;
    std::set<std::string> roles;
  };
  const std::string authorization = authorization_body("role", card, 1);
  const std::set<std::string> everybody = {"admin", "issuer", "processor", "reader"};
  const Route routes[] = {
      {"GET", "/api/v1/cards", "", {"admin", "issuer", "reader"}},
      {"GET", path, "", {"admin", "issuer", "reader"}},
      {"GET", path + "/authorizations", "", everybody},
      {"POST", "/api/v1/cards", R"({"label":"x"})", {"admin", "issuer"}},
      {"PATCH", path, R"({"label":"y"})", {"admin", "issuer"}},
      {"POST", path + "/freeze", "", {"admin", "issuer"}},
      {"POST", path + "/unfreeze", "", {"admin", "issuer"}},
      {"POST", "/api/v1/authorizations", authorization, {"admin", "processor"}},
      {"POST", "/api/v1/keys", R"({"label":"k","role":"reader"})", {"admin"}},
      {"GET", "/api/v1/keys", "", {"admin"}},
      {"DELETE", "/api/v1/keys/key_00000000000000000000000000", "", {"admin"}},
  };
  for (const std::string& role : everybody) {
    HttpClient client(daemon_->port(), make_key(role));
    for (const Route& route : routes) {
      const HttpAnswer answer = client.call(route.method, route.path, route.body);
      const bool refused = answer.status == 403;
      EXPECT_NE(refused, route.roles.contains(role)) << role << ": " << route.method << " " << route.path;
    }
  }
}

TEST_F(Api, ForgetsADeletedKeyAtOnceAndKeepsTheLastAdmin) {
  const HttpAnswer made = admin_.post("/api/v1/keys", R"({"label":"short","role":"reader"})");
  const std::string key = json_text(made.body, "/key");
  const std::string path = "/api/v1/keys/" + json_text(made.body, "/id");
  EXPECT_EQ(admin_.get(path).body.find(key), std::string::npos);
  EXPECT_EQ(once("GET", "/api/v1/cards", {}, {}, key).status, 200);
  EXPECT_EQ(admin_.call("DELETE", path).status, 204);
  EXPECT_EQ(once("GET", "/api/v1/cards", {}, {}, key).status, 401);
  EXPECT_EQ(admin_.get(path).status, 404);
  const std::string last = json_text(admin_.get("/api/v1/keys").body, "/data/0/id");
  expect_problem(admin_.call("DELETE", "/api/v1/keys/" + last), 409, "last_admin_key");
  daemon_->kill();
  daemon_ = start_daemon(sandbox_);
  EXPECT_EQ(once("GET", "/api/v1/cards", {}, {}, key).status, 401);
  EXPECT_EQ(once("GET", "/api/v1/cards").status, 200);
}

// ---- Framing

TEST_F(Api, AnswersPipelinedRequestsInTheirOrder) {
  const std::string card = make_card(admin_, 100'000);
  std::string all;
  for (int i = 0; i < 30; ++i)
    all += authorization_request("p-" + std::to_string(i), card, 10);
  HttpClient client(daemon_->port());
  client.send_raw(all);
  for (int i = 0; i < 30; ++i)
    EXPECT_EQ(json_text(client.receive().body, "/id"), "p-" + std::to_string(i));
  EXPECT_EQ(held(admin_, card), 300);
}

TEST_F(Api, ReadsNoSecondRequestOutOfABodyAndJournalsNothingOfARefusedOne) {
  const std::string card = make_card(admin_, 100'000);
  const std::string hidden = authorization_request("hidden", card, 10);
  const std::string start =
      "POST /api/v1/authorizations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
      "Authorization: Bearer " +
      std::string(kAdminKey) + "\r\n";
  const std::size_t records = journal_records(sandbox_);
  for (const char* head :
       {"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "Transfer-Encoding: xchunked\r\n\r\n", "\r\n",
        "Content-Length: 0\r\nContent-Length: 0\r\n\r\n", "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "Content-Length: 0, 0\r\n\r\n", "Content-Length: +0\r\n\r\n", "Content-Length:\r\n 0\r\n\r\n",
        "Content-Length: 0\r\nHost: y\r\n\r\n", "Content-Length: 0\r\nContent-Encoding: gzip\r\n\r\n"}) {
    HttpClient client(daemon_->port());
    client.send_raw(start + std::string(head) + hidden);
    EXPECT_GE(client.receive().status, 400) << head;
    EXPECT_TRUE(client.ends_within(kPatience)) << head;
  }
  EXPECT_EQ(journal_records(sandbox_), records);
  EXPECT_EQ(held(admin_, card), 0);
}

}  // namespace
}  // namespace holdfast::integration
