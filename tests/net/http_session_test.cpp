#include "net/http_session.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "tests/net/http_hostile_requests.h"
#include "tests/net/http_test_server.h"

namespace holdfast::net {
namespace {

using std::string;
using std::chrono::milliseconds;

TEST(HttpSessionTest, AnswersRequestAfterRequest) {
  TestServer server([](const Request& request, Exchange& exchange) {
    const string body = string(request.path) + "|" + string(request.query) + "|" + string(request.body) + "|" +
                        string(request.header("x-a"));
    exchange.respond(201, "text/plain", body, {{"ETag", "\"1\""}, {"X-Bad", "a\r\nX-Injected: b"}});
  });
  Client client(server.port());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client.send(post("/p?q=1", "body", "X-A: v\r\n")));
    const ClientAnswer answer = client.receive();
    EXPECT_EQ(answer.status, 201);
    EXPECT_EQ(answer.body, "/p|q=1|body|v");
    EXPECT_EQ(answer.header("Content-Type"), "text/plain");
    EXPECT_EQ(answer.header("ETag"), "\"1\"");
    EXPECT_EQ(answer.header("X-Injected"), "");
    EXPECT_EQ(answer.header("Connection"), "");
    EXPECT_TRUE(answer.header("Date").ends_with(" GMT"));
    EXPECT_TRUE(answer.head.starts_with("HTTP/1.1 201 Created\r\n"));
  }
  EXPECT_EQ(server.count(HttpCount::requests), 3U);
  EXPECT_EQ(server.count(HttpCount::writes), 3U);
}

TEST(HttpSessionTest, CountsTheTimeFromTheReadOfTheFirstByte) {
  SteadyTime first_byte;
  TestServer server([&](const Request& request, Exchange& exchange) {
    first_byte = request.first_byte;
    exchange.respond(200, "", "");
  });
  Client client(server.port());
  const auto before = std::chrono::steady_clock::now();
  const string request = post("/", "body");
  client.send(request.substr(0, 1));
  ASSERT_TRUE(server.eventually_counts(HttpCount::bytes_received, 1));
  const auto between = std::chrono::steady_clock::now();
  client.send(request.substr(1));
  EXPECT_EQ(client.receive().status, 200);
  EXPECT_GE(first_byte, before);
  EXPECT_LE(first_byte, between);
}

// Hostile requests

TEST(HttpSessionTest, RefusesHostileRequestsAndReadsNothingBehindThem) {
  TestServer server([](const Request& request, Exchange& exchange) {
    ADD_FAILURE() << request.path << " reached the handler";
    exchange.respond(200, "", "");
  });
  for (const HostileRequest& row : hostile_requests()) {
    Client client(server.port());
    client.send(row.bytes + "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n");
    const ClientAnswer answer = client.receive();
    EXPECT_EQ(answer.status, row.status) << row.name;
    EXPECT_EQ(answer.header("Connection"), "close") << row.name;
    EXPECT_EQ(answer.header("Content-Type"), "application/problem+json") << row.name;
    EXPECT_NE(answer.body.find("\"request_id\":\"" + answer.header("X-Request-Id")), string::npos) << row.name;
    EXPECT_TRUE(client.ended_in_order()) << row.name;
  }
  const std::uint64_t refused = server.count(HttpCount::bad_framing) + server.count(HttpCount::header_too_large) +
                                server.count(HttpCount::too_many_headers) + server.count(HttpCount::body_too_large);
  EXPECT_EQ(refused, hostile_requests().size());
  EXPECT_EQ(server.count(HttpCount::requests), 0U);
}

TEST(HttpSessionTest, AnswersWhatCameBeforeAHostileRequestFirst) {
  Held held;
  TestServer server(held.handler());
  Client client(server.port());
  client.send(get("/a") + get("/b") + "GET / HTTP/1.0\r\n\r\n" + get("/smuggled"));
  ASSERT_TRUE(server.eventually_counts(HttpCount::bad_framing, 1));
  server.on_loop([&](HttpServer&) {
    held.answer(1);
    held.answer(0);
  });
  EXPECT_EQ(client.receive().body, "/a");
  EXPECT_EQ(client.receive().body, "/b");
  EXPECT_EQ(client.receive().status, 505);
  EXPECT_TRUE(client.ended_in_order());
  EXPECT_EQ(held.paths.size(), 2U);
}

// Bytes in pieces

TEST(HttpSessionTest, ReadsARequestHoweverItIsCut) {
  TestServer server([](const Request& request, Exchange& exchange) {
    exchange.respond(200, "text/plain", string(request.path) + string(request.header("X-A")) + string(request.body));
  });
  const string request = post("/path?q", "hello world", "X-A: value\r\n");
  Client client(server.port());
  std::uint64_t received = 0;
  for (std::size_t cut = 1; cut < request.size(); ++cut) {
    client.send(request.substr(0, cut));
    ASSERT_TRUE(server.eventually_counts(HttpCount::bytes_received, received + cut));
    client.send(request.substr(cut));
    ASSERT_EQ(client.receive().body, "/pathvaluehello world") << cut;
    received += request.size();
  }
  for (const char byte : request) {
    client.send({&byte, 1});
    ASSERT_TRUE(server.eventually_counts(HttpCount::bytes_received, ++received));
  }
  EXPECT_EQ(client.receive().body, "/pathvaluehello world");
}

TEST(HttpSessionTest, ReadsPipelinedRequestsCutAnywhere) {
  TestServer server;
  const string requests = post("/a", "1234") + get("/b") + post("/c", "56");
  for (std::size_t cut = 1; cut < requests.size(); cut += 3) {
    Client client(server.port());
    const std::uint64_t received = server.count(HttpCount::bytes_received);
    client.send(requests.substr(0, cut));
    ASSERT_TRUE(server.eventually_counts(HttpCount::bytes_received, received + cut));
    client.send(requests.substr(cut));
    for (const char* path : {"/a", "/b", "/c"})
      ASSERT_EQ(client.receive().body, path) << cut;
  }
}

// Pipelining

TEST(HttpSessionTest, AnswersInOrderWhateverTheOrderOfTheHandler) {
  Held held;
  TestServer server(held.handler());
  Client client(server.port());
  string requests;
  for (int i = 0; i < 32; ++i)
    requests += get("/" + std::to_string(i));
  client.send(requests);
  ASSERT_TRUE(server.eventually([&] { return held.exchanges.size() == 32; }));
  server.on_loop([&](HttpServer&) {
    for (std::size_t i = 32; i-- > 0;)
      held.answer(i * 7 % 32);
  });
  for (int i = 0; i < 32; ++i)
    EXPECT_EQ(client.receive().body, "/" + std::to_string(i));
  EXPECT_EQ(server.count(HttpCount::writes), 1U);  // all of one turn together
}

TEST(HttpSessionTest, SendsTheAnswersOfOneReadTogether) {
  TestServer server;
  Client client(server.port());
  string requests;
  for (int i = 0; i < 100; ++i)
    requests += get("/" + std::to_string(i));
  client.send(requests);
  for (int i = 0; i < 100; ++i)
    ASSERT_EQ(client.receive().body, "/" + std::to_string(i));
  EXPECT_EQ(server.count(HttpCount::pipeline_full), 0U);
  EXPECT_LE(server.count(HttpCount::writes), 3U);  // the bytes may have come in as many reads
}

TEST(HttpSessionTest, TakesTheThirtyThirdOnlyWhenThereIsRoom) {
  Held held;
  TestServer server(held.handler());
  Client client(server.port());
  string requests;
  for (int i = 0; i < 40; ++i)
    requests += get("/" + std::to_string(i));
  client.send(requests);
  ASSERT_TRUE(server.eventually_counts(HttpCount::pipeline_full, 1));
  EXPECT_EQ(server.count(HttpCount::requests), 32U);
  // Not the answer makes room, but its turn.
  server.on_loop([&](HttpServer& http) {
    held.answer(5);
    http.flush();
    EXPECT_EQ(held.exchanges.size(), 32U);
    held.answer(0);
    http.flush();
    EXPECT_EQ(held.exchanges.size(), 33U);
    for (std::size_t i = 0; i < held.exchanges.size(); ++i) {
      if (i != 0 && i != 5) held.answer(i);
    }
    http.flush();
    EXPECT_EQ(held.exchanges.size(), 40U);
    for (std::size_t i = 33; i < 40; ++i)
      held.answer(i);
  });
  for (int i = 0; i < 40; ++i)
    EXPECT_EQ(client.receive().body, "/" + std::to_string(i));
}

TEST(HttpSessionTest, StopsReadingAPeerThatDoesNotTakeItsAnswers) {
  HttpLimits limits;
  limits.unsent_bytes_max = 100'000;
  const string large(50'000, 'x');
  TestServer server([&](const Request&, Exchange& exchange) { exchange.respond(200, "text/plain", large); }, limits);
  Client client(server.port(), 4096);
  string requests;
  for (int i = 0; i < 400; ++i)
    requests += get("/");
  client.send(requests);
  ASSERT_TRUE(server.eventually_counts(HttpCount::unsent_full, 1));
  EXPECT_LT(server.count(HttpCount::requests), 400U);
  for (int i = 0; i < 400; ++i)
    ASSERT_EQ(client.receive().body.size(), large.size());
  EXPECT_EQ(server.count(HttpCount::requests), 400U);
}

// Sizes

TEST(HttpSessionTest, TakesABodyOfExactlyTheLimitAndGivesItsMemoryBack) {
  const HttpLimits limits;
  TestServer server([](const Request& request, Exchange& exchange) {
    const bool intact = request.body.find_first_not_of('b') == std::string_view::npos;
    exchange.respond(intact ? 200 : 500, "text/plain", std::to_string(request.body.size()));
  });
  Client client(server.port());
  for (int i = 0; i < 3; ++i) {
    client.send(post("/", string(limits.body_bytes_max, 'b'), "X-A: a\r\n") + get("/"));
    const ClientAnswer answer = client.receive();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, std::to_string(limits.body_bytes_max));
    EXPECT_EQ(client.receive().body, "0");
  }
}

TEST(HttpSessionTest, RefusesABodyOneByteBeyondTheLimitSoThatThePeerSeesIt) {
  const HttpLimits limits;
  TestServer server;
  Client client(server.port());
  // All of it is sent before the answer is read: closing at once would reset it away.
  client.send(post("/", string(limits.body_bytes_max + 1, 'b')));
  EXPECT_EQ(client.receive().status, 413);
  EXPECT_TRUE(client.ended_in_order());
  EXPECT_EQ(server.count(HttpCount::body_too_large), 1U);
}

TEST(HttpInputTest, GrowsOnlyAsBytesComeAndShrinksBehindThem) {
  HttpFraming framing(8192, 1 << 20);
  HttpInput input(16'384);
  constexpr std::size_t kRequest = 100'000;
  std::size_t total = 0;
  while (total < kRequest) {
    const std::span<char> room = input.room(kRequest, framing);
    std::fill(room.begin(), room.end(), 'x');
    input.commit(room.size());
    EXPECT_LE(input.capacity(), std::max<std::size_t>(16'384, 2 * total));
    total += room.size();
  }
  EXPECT_EQ(total, kRequest);
  input.consume(kRequest);
  EXPECT_EQ(input.room(0, framing).size(), 16'384U);
}

// Expect

TEST(HttpSessionTest, AsksForTheBodyThatWaits) {
  TestServer server(
      [](const Request& request, Exchange& exchange) { exchange.respond(200, "text/plain", request.body); });
  Client client(server.port());
  client.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(client.receive().head, "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("hello");
  EXPECT_EQ(client.receive().body, "hello");
}

TEST(HttpSessionTest, DoesNotAskForABodyThatIsThere) {
  TestServer server;
  Client client(server.port());
  client.send(post("/a", "hello", "Expect: 100-continue\r\n") + post("/b", "", "Expect: 100-continue\r\n"));
  EXPECT_EQ(client.receive().body, "/a");
  EXPECT_EQ(client.receive().body, "/b");
}

TEST(HttpSessionTest, AsksForTheBodyInTurn) {
  Held held;
  TestServer server(held.handler());
  Client client(server.port());
  client.send(get("/a") + "POST /b HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  ASSERT_TRUE(server.eventually([&] { return held.exchanges.size() == 1; }));
  server.on_loop([&](HttpServer&) { held.answer(0); });
  EXPECT_EQ(client.receive().body, "/a");
  EXPECT_EQ(client.receive().status, 100);
  client.send("hello");
  ASSERT_TRUE(server.eventually([&] { return held.exchanges.size() == 2; }));
  server.on_loop([&](HttpServer&) { held.answer(1); });
  EXPECT_EQ(client.receive().body, "/b");
}

// Ends of a connection

TEST(HttpSessionTest, ClosesWhenThePeerAsksForIt) {
  TestServer server;
  Client client(server.port());
  client.send(get("/a") + get("/b", "Connection: close\r\n") + get("/c"));
  EXPECT_EQ(client.receive().header("Connection"), "");
  const ClientAnswer last = client.receive();
  EXPECT_EQ(last.body, "/b");
  EXPECT_EQ(last.header("Connection"), "close");
  EXPECT_TRUE(client.ended_in_order());
  EXPECT_EQ(server.count(HttpCount::requests), 2U);
}

TEST(HttpSessionTest, AnswersAPeerThatHasEndedItsSide) {
  Held held;
  TestServer server(held.handler());
  Client client(server.port());
  client.send(get("/a") + get("/b") + "GET /unfinished");
  client.end_sending();
  ASSERT_TRUE(server.eventually([&] { return held.exchanges.size() == 2; }));
  server.on_loop([&](HttpServer&) {
    held.answer(0);
    held.answer(1);
  });
  EXPECT_EQ(client.receive().body, "/a");
  EXPECT_EQ(client.receive().body, "/b");
  EXPECT_TRUE(client.ended_in_order());
  EXPECT_TRUE(server.eventually([&] { return server.count(HttpCount::connections_open) == 0; }));
}

TEST(HttpSessionTest, KeepsTheExchangeOfAPeerThatHasGone) {
  Held held;
  TestServer server(held.handler());
  Client client(server.port());
  client.send(get("/a") + get("/b"));
  ASSERT_TRUE(server.eventually([&] { return held.exchanges.size() == 2; }));
  client.reset();
  ASSERT_TRUE(server.eventually_counts(HttpCount::peer_disconnected, 1));
  EXPECT_EQ(server.count(HttpCount::connections_open), 1U);
  server.on_loop([&](HttpServer&) {
    held.answer(1);
    held.answer(0);
  });
  EXPECT_EQ(server.count(HttpCount::connections_open), 0U);
}

TEST(HttpSessionTest, SurvivesAPeerThatGoesAtAnyByteOfItsAnswer) {
  TestServer server;
  const string request = post("/a", "hello");
  for (std::size_t cut = 0; cut <= request.size(); cut += 5) {
    Client client(server.port());
    client.send(request.substr(0, cut));
    client.reset();
  }
  Client client(server.port());
  client.send(request);
  EXPECT_EQ(client.receive().body, "/a");
  EXPECT_TRUE(server.eventually([&] { return server.count(HttpCount::connections_open) == 1; }));
}

TEST(HttpSessionTest, SendsNoBodyForHead) {
  TestServer server;
  Client client(server.port());
  client.send("HEAD /abc HTTP/1.1\r\nHost: h\r\n\r\n" + get("/d"));
  const ClientAnswer answer = client.receive(true);
  EXPECT_EQ(answer.header("Content-Length"), "4");
  EXPECT_EQ(client.receive().body, "/d");
}

// Names of requests

TEST(HttpSessionTest, TakesOverARequestIdOrMakesOne) {
  TestServer server(
      [](const Request& request, Exchange& exchange) { exchange.respond(200, "text/plain", request.id); });
  Client client(server.port());
  const auto id_for = [&](const string& headers) {
    client.send(get("/", headers));
    const ClientAnswer answer = client.receive();
    EXPECT_EQ(answer.header("X-Request-Id"), answer.body);
    return answer.body;
  };
  EXPECT_EQ(id_for("X-Request-Id: aZ0_-\r\n"), "aZ0_-");
  EXPECT_EQ(id_for("x-request-id: " + string(64, 'a') + "\r\n"), string(64, 'a'));
  std::vector<string> made;
  for (const string& headers :
       {string(""), string("X-Request-Id:\r\n"), string("X-Request-Id: a b\r\n"), string("X-Request-Id: a\xc3\xa9\r\n"),
        "X-Request-Id: " + string(65, 'a') + "\r\n", string("X-Request-Id: a\r\nX-Request-Id: a\r\n")}) {
    made.push_back(id_for(headers));
    EXPECT_GE(made.back().size(), 17U);
    EXPECT_LE(made.back().size(), 64U);
  }
  std::sort(made.begin(), made.end());
  EXPECT_EQ(std::unique(made.begin(), made.end()), made.end());
}

TEST(HttpAnswerTest, DatesAreInTheFormOfTheStandard) {
  string date = "of before";
  write_http_date(date, std::chrono::system_clock::from_time_t(784'111'777));
  EXPECT_EQ(date, "Sun, 06 Nov 1994 08:49:37 GMT");
}

}  // namespace
}  // namespace holdfast::net
