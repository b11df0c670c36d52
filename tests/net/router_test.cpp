#include "net/router.h"

#include "tests/net/api_fixture.h"

namespace holdfast::net {
namespace {

class RouterTest : public ::testing::Test {
 protected:
  RouterTest() {
    const auto note = [this](std::string_view name) {
      return [this, name](const Call& call) {
        ran_ = std::string(name) + ":" + std::string(call.id);
        respond_json(call.exchange, 200, "{}");
      };
    };
    router_.add(Method::get, "/api/v1/things", Action::read_cards, note("list"));
    router_.add(Method::post, "/api/v1/things", Action::create_cards, note("create"));
    router_.add(Method::get, "/api/v1/things/{id}", Action::read_cards, note("show"));
    router_.add(Method::patch, "/api/v1/things/{id}", Action::change_cards, note("patch"));
    router_.add(Method::post, "/api/v1/things/{id}/stop", Action::tighten_cards, note("stop"));
    router_.add_open(Method::post, "/hooks/a%20b", note("hook"));
    for (const Role role : {Role::issuer, Role::processor, Role::agent, Role::reader})
      api_.add_key(role, token(role));
  }

  static std::string token(Role role) { return "token-of-role-" + std::string(role_name(role)); }

  FakeExchange send(Method method, std::string path, std::string body = {},
                    std::vector<std::pair<std::string, std::string>> headers = {
                        {"Authorization", "Bearer " + std::string(kAdminToken)},
                        {"Content-Type", "application/json"}}) {
    ran_.clear();
    FakeExchange exchange;
    FakeRequest{method, std::move(path), std::move(body), std::move(headers)}.send_to(router_, exchange);
    EXPECT_NE(exchange.status, 0);
    EXPECT_EQ(ran_.empty(), exchange.status != 200) << "a route ran for a request that was refused";
    return exchange;
  }

  Api api_;
  Router router_{api_.loops[0]->context};
  std::string ran_;
};

TEST_F(RouterTest, GivesOneAnswerToEveryFailureToAuthenticate) {
  const std::string unknown = "Bearer hf_01J9ZK3Q6T8V5W2X4Y6Z8A0B1C_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
  const std::string good = "Bearer " + std::string(kAdminToken);
  const std::vector<std::vector<std::pair<std::string, std::string>>> cases = {
      {},
      {{"Authorization", ""}},
      {{"Authorization", "Bearer"}},
      {{"Authorization", "Bearer "}},
      {{"Authorization", "Bearer short"}},
      {{"Authorization", unknown}},
      {{"Authorization", good + "x"}},
      {{"Authorization", good.substr(0, good.size() - 1)}},
      {{"Authorization", "Basic " + std::string(kAdminToken)}},
      {{"Authorization", std::string(kAdminToken)}},
      {{"Authorization", good}, {"Authorization", good}},
      {{"X-Authorization", good}},
  };
  const FakeExchange first = send(Method::get, "/api/v1/things", "", {});
  EXPECT_EQ(first.status, 401);
  EXPECT_EQ(first.type, "application/problem+json");
  EXPECT_EQ(first.header("WWW-Authenticate"), "Bearer realm=\"holdfast\"");
  EXPECT_EQ(text_at(first.body, "/code"), "unauthorized");
  for (const auto& headers : cases) {
    const FakeExchange answer = send(Method::get, "/api/v1/things", "", headers);
    EXPECT_EQ(answer.status, 401);
    EXPECT_EQ(answer.body, first.body);
    EXPECT_EQ(answer.headers, first.headers);
  }
}

TEST_F(RouterTest, ForbidsWhatTheRoleDoesNotPermit) {
  const struct {
    Role role;
    Method method;
    std::string path;
    int status;
  } cases[] = {
      {Role::reader, Method::get, "/api/v1/things", 200},
      {Role::reader, Method::post, "/api/v1/things", 403},
      {Role::reader, Method::post, "/api/v1/things/x/stop", 403},
      {Role::processor, Method::get, "/api/v1/things", 403},
      {Role::processor, Method::post, "/api/v1/things", 403},
      {Role::issuer, Method::post, "/api/v1/things", 200},
      {Role::issuer, Method::patch, "/api/v1/things/x", 200},
      // This agent is bound to nothing, so it may do nothing at all.
      {Role::agent, Method::get, "/api/v1/things", 403},
      {Role::agent, Method::post, "/api/v1/things/x/stop", 403},
  };
  for (const auto& each : cases) {
    const FakeExchange answer = send(each.method, each.path, "", {{"authorization", "bearer " + token(each.role)}});
    EXPECT_EQ(answer.status, each.status) << role_name(each.role) << ' ' << each.path;
    EXPECT_EQ(text_at(answer.body, "/code"), each.status == 403 ? "forbidden" : "(absent)");
  }
}

TEST_F(RouterTest, RefusesPathsThatItDoesNotHave) {
  for (const std::string path :
       {"/", "", "/api/v1", "/api/v1/things/", "/api/v1/thing", "/api/v1/thingss", "/api/v1/things/a/b",
        "/api/v1/things//stop", "/api/v1/things/a/stop/", "/API/v1/things", "//api/v1/things", "/hooks/a b"}) {
    const FakeExchange answer = send(Method::get, path);
    EXPECT_EQ(answer.status, 404) << path;
    EXPECT_EQ(text_at(answer.body, "/code"), "not_found");
    EXPECT_EQ(text_at(answer.body, "/request_id"), "req-1");
  }
}

TEST_F(RouterTest, RefusesEncodedPaths) {
  for (const std::string path : {"/api/v1/things%2Fa", "/api/v1/things/%61", "/%"}) {
    const FakeExchange answer = send(Method::get, path);
    EXPECT_EQ(answer.status, 400) << path;
    EXPECT_EQ(text_at(answer.body, "/code"), "invalid_path");
  }
}

TEST_F(RouterTest, NamesTheMethodsOfAPath) {
  const FakeExchange on_list = send(Method::del, "/api/v1/things");
  EXPECT_EQ(on_list.status, 405);
  EXPECT_EQ(on_list.header("Allow"), "GET, POST");
  EXPECT_EQ(send(Method::other, "/api/v1/things/a").header("Allow"), "GET, PATCH");
  EXPECT_EQ(send(Method::get, "/api/v1/things/a/stop").header("Allow"), "POST");
}

TEST_F(RouterTest, TakesNoBodyThatDoesNotSayItIsJson) {
  const std::pair<std::string, std::string> key = {"Authorization", "Bearer " + std::string(kAdminToken)};
  const auto status = [&](Method method, std::vector<std::pair<std::string, std::string>> headers) {
    headers.push_back(key);
    return send(method, method == Method::patch ? "/api/v1/things/a" : "/api/v1/things", "{}", headers).status;
  };
  EXPECT_EQ(status(Method::post, {}), 415);
  for (const std::string type : {"", "text/plain", "application/jsonp", "application/x-www-form-urlencoded",
                                 "application/ json", "json", "application/merge-patch+json"}) {
    EXPECT_EQ(status(Method::post, {{"Content-Type", type}}), 415) << type;
  }
  EXPECT_EQ(status(Method::post, {{"Content-Type", "application/json"}, {"Content-Type", "application/json"}}), 415);
  for (const std::string type :
       {"application/json", "Application/JSON", "application/json; charset=utf-8", "application/json ;charset=utf-8"}) {
    EXPECT_EQ(status(Method::post, {{"Content-Type", type}}), 200) << type;
  }
  EXPECT_EQ(status(Method::patch, {{"Content-Type", "application/merge-patch+json"}}), 200);
  EXPECT_EQ(send(Method::post, "/api/v1/things", "", {key}).status, 200) << "no body needs no type";
}

TEST_F(RouterTest, GivesTheRouteWhatStandsForTheId) {
  send(Method::get, "/api/v1/things/card_01?x=y");
  EXPECT_EQ(ran_, "show:card_01");
  send(Method::post, "/api/v1/things/card_01/stop");
  EXPECT_EQ(ran_, "stop:card_01");
  send(Method::get, "/api/v1/things/things");
  EXPECT_EQ(ran_, "show:things");
  send(Method::post, "/api/v1/things");
  EXPECT_EQ(ran_, "create:");
}

TEST_F(RouterTest, RunsOpenRoutesWithoutAKey) {
  EXPECT_EQ(send(Method::post, "/hooks/a%20b", "not json", {}).status, 200);
  EXPECT_EQ(ran_, "hook:");
}

TEST_F(RouterTest, StopsTakingAKeyOnceItIsNotPublishedAnyMore) {
  EXPECT_EQ(send(Method::get, "/api/v1/things").status, 200);
  api_.keys.publish(KeyRing());
  EXPECT_EQ(send(Method::get, "/api/v1/things").status, 401);
}

}  // namespace
}  // namespace holdfast::net
