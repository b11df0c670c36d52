// The time limits of connections, each reached: by configuring it short, never by sleeping.
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "tests/net/http_test_server.h"

namespace holdfast::net {
namespace {

using std::string;
using std::chrono::milliseconds;

// Limits that no test reaches but by shortening one.
HttpLimits patient() {
  HttpLimits limits;
  limits.header_time_max = limits.body_time_max = milliseconds(60'000);
  limits.idle_time_max = limits.write_time_max = limits.linger_time_max = milliseconds(60'000);
  return limits;
}

TEST(HttpTimeLimitsTest, CutsASlowHead) {
  HttpLimits limits = patient();
  limits.header_time_max = milliseconds(30);
  TestServer server(answer_with_path, limits);
  Client client(server.port());
  client.send("GET / HTTP/1.1\r\nHos");
  EXPECT_EQ(client.receive().status, 408);
  EXPECT_TRUE(client.ended_in_order());
  EXPECT_EQ(server.count(HttpCount::header_timeout), 1U);
}

TEST(HttpTimeLimitsTest, CutsASlowHeadThoughItsBytesKeepComing) {
  HttpLimits limits = patient();
  limits.header_time_max = milliseconds(30);
  limits.header_bytes_max = 1'000'000;  // more than fit into the time
  TestServer server(answer_with_path, limits);
  Client client(server.port());
  client.send("GET / HTTP/1.1\r\nHost: h\r\nX: ");
  while (server.count(HttpCount::header_timeout) == 0)
    client.send("a");
  EXPECT_EQ(client.receive().status, 408);
}

TEST(HttpTimeLimitsTest, CutsASlowBody) {
  HttpLimits limits = patient();
  limits.body_time_max = milliseconds(30);
  TestServer server(answer_with_path, limits);
  Client client(server.port());
  client.send(get("/a") + "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhell");
  EXPECT_EQ(client.receive().body, "/a");
  EXPECT_EQ(client.receive().status, 408);
  EXPECT_TRUE(client.ended_in_order());
  EXPECT_EQ(server.count(HttpCount::body_timeout), 1U);
}

TEST(HttpTimeLimitsTest, ClosesAnIdleConnectionWithoutAWord) {
  HttpLimits limits = patient();
  limits.idle_time_max = milliseconds(30);
  TestServer server(answer_with_path, limits);
  Client never_asked(server.port());
  EXPECT_TRUE(never_asked.ended_in_order());
  Client asked(server.port());
  asked.send(get("/a"));
  EXPECT_EQ(asked.receive().body, "/a");
  EXPECT_TRUE(asked.ended_in_order());
  EXPECT_EQ(server.count(HttpCount::idle_timeout), 2U);
}

TEST(HttpTimeLimitsTest, WaitsForTheHandlerLongerThanForThePeer) {
  HttpLimits limits;
  limits.header_time_max = limits.body_time_max = limits.idle_time_max = milliseconds(20);
  Held held;
  TestServer server(held.handler(), limits);
  Client waiting(server.port());
  waiting.send(get("/a"));
  ASSERT_TRUE(server.eventually([&] { return held.exchanges.size() == 1; }));
  Client idle(server.port());
  EXPECT_TRUE(idle.ended_in_order());  // the limit has passed for both
  server.on_loop([&](HttpServer&) { held.answer(0); });
  EXPECT_EQ(waiting.receive().body, "/a");
}

TEST(HttpTimeLimitsTest, CutsAPeerThatDoesNotTakeItsAnswers) {
  HttpLimits limits = patient();
  limits.write_time_max = milliseconds(30);
  const string large(8'000'000, 'x');
  TestServer server([&](const Request&, Exchange& exchange) { exchange.respond(200, "text/plain", large); }, limits);
  Client client(server.port(), 4096);
  client.send(get("/"));
  EXPECT_TRUE(server.eventually_counts(HttpCount::write_timeout, 1));
  EXPECT_EQ(server.count(HttpCount::connections_open), 0U);
}

TEST(HttpTimeLimitsTest, CutsAPeerThatDoesNotClose) {
  HttpLimits limits = patient();
  limits.linger_time_max = milliseconds(30);
  TestServer server(answer_with_path, limits);
  Client client(server.port());
  client.send(get("/a", "Connection: close\r\n"));
  EXPECT_EQ(client.receive().body, "/a");
  EXPECT_TRUE(server.eventually_counts(HttpCount::linger_timeout, 1));
  EXPECT_EQ(server.count(HttpCount::connections_open), 0U);
}

}  // namespace
}  // namespace holdfast::net
