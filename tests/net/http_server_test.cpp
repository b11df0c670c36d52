#include "net/http_server.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "tests/net/http_test_server.h"

namespace holdfast::net {
namespace {

using boost::asio::ip::tcp;
using std::string;
using std::chrono::milliseconds;
using std::chrono::seconds;

bool ready(std::future<void>& future) {
  return future.wait_for(seconds(20)) == std::future_status::ready;
}
bool ready_now(std::future<void>& future) {
  return future.wait_for(seconds(0)) == std::future_status::ready;
}

// Listening

string listen_error(const tcp::endpoint& endpoint, HttpServer::Bind bind = HttpServer::Bind::first) {
  boost::asio::io_context loop;
  FunctionHandler handler(answer_with_path);
  HttpCounters counters;
  HttpServer server(loop, handler, {}, counters);
  try {
    server.listen(endpoint, bind);
  } catch (const std::system_error& error) {
    return error.what();
  }
  return "no error";
}

TEST(HttpServerTest, NamesTheAddressItCannotListenOn) {
  EXPECT_EQ(listen_error({boost::asio::ip::make_address("192.0.2.1"), 8080}),
            "cannot listen on 192.0.2.1:8080: Cannot assign requested address");
}

TEST(HttpServerTest, NamesTheAddressThatIsTaken) {
  boost::asio::io_context loop;
  const tcp::acceptor taken(loop, {boost::asio::ip::address_v4::loopback(), 0}, false);
  const string address = "127.0.0.1:" + std::to_string(taken.local_endpoint().port());
  EXPECT_EQ(listen_error(taken.local_endpoint()), "cannot listen on " + address + ": Address already in use");
}

TEST(HttpServerTest, SharesItsAddressWithTheServersOfOtherLoopsAndNobodyElse) {
  const TestServer server;
  const tcp::endpoint address(boost::asio::ip::address_v4::loopback(), server.port());
  EXPECT_EQ(listen_error(address, HttpServer::Bind::join), "no error");
  EXPECT_EQ(listen_error(address),
            "cannot listen on 127.0.0.1:" + std::to_string(server.port()) + ": Address already in use")
      << "another daemon that takes the address for its own";
}

// Connections

TEST(HttpServerTest, TurnsAwayMoreConnectionsThanTheLimit) {
  HttpLimits limits;
  limits.connections_max = 2;
  TestServer server(answer_with_path, limits);
  auto first = std::make_unique<Client>(server.port());
  Client second(server.port());
  second.send(get("/a"));
  EXPECT_EQ(second.receive().body, "/a");
  Client third(server.port());
  const ClientAnswer refused = third.receive();
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.header("Connection"), "close");
  EXPECT_NE(refused.body.find("\"code\":\"too_many_connections\""), string::npos);
  EXPECT_TRUE(third.ended_in_order());
  EXPECT_EQ(server.count(HttpCount::connections_refused), 1U);
  EXPECT_EQ(server.count(HttpCount::connections_open), 2U);

  first.reset();
  ASSERT_TRUE(server.eventually([&] { return server.count(HttpCount::connections_open) == 1; }));
  Client fourth(server.port());
  fourth.send(get("/b"));
  EXPECT_EQ(fourth.receive().body, "/b");
}

// Leaves the process without a free descriptor while it lives.
class NoDescriptors {
 public:
  NoDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const int lowest_free = ::dup(0);
    ::close(lowest_free);
    rlimit none = before_;
    none.rlim_cur = static_cast<rlim_t>(lowest_free);
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit before_{};
};

TEST(HttpServerTest, NeitherSpinsNorHarmsOthersWithoutDescriptors) {
  HttpLimits limits;
  limits.accept_pause = milliseconds(20);
  TestServer server(answer_with_path, limits);
  Client served(server.port());
  served.send(get("/a"));
  ASSERT_EQ(served.receive().body, "/a");

  // The client's descriptor is taken before there are none, the server's would be after.
  const int waiting = ::socket(AF_INET, SOCK_STREAM, 0);
  std::uint64_t failures = 0;
  std::uint64_t turns = 0;
  {
    const NoDescriptors none;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server.port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::connect(waiting, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    const auto begin = std::chrono::steady_clock::now();
    while (server.count(HttpCount::accept_failed) < 3) {
      served.send(get("/b"));
      ASSERT_EQ(served.receive().body, "/b");
      ++turns;
    }
    failures = server.count(HttpCount::accept_failed);
    EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(39));
  }
  EXPECT_EQ(failures, 3U);
  EXPECT_GT(turns, 3U);

  const string request = get("/c");
  ASSERT_EQ(::send(waiting, request.data(), request.size(), MSG_NOSIGNAL), static_cast<ssize_t>(request.size()));
  char byte = 0;
  EXPECT_EQ(::recv(waiting, &byte, 1, 0), 1);
  ::close(waiting);
}

// Drain

TEST(HttpServerTest, DrainsWithoutConnectionsAtOnce) {
  TestServer server;
  std::future<void> drained = server.drain();
  EXPECT_TRUE(ready(drained));
}

TEST(HttpServerTest, DrainAnswersWhatIsInFlight) {
  std::vector<Exchange*> held;
  TestServer server([&](const Request&, Exchange& exchange) { held.push_back(&exchange); });
  Client client(server.port());
  client.send(get("/a") + get("/b"));
  ASSERT_TRUE(server.eventually([&] { return held.size() == 2; }));
  std::future<void> drained = server.drain();
  client.send(get("/too-late"));
  EXPECT_FALSE(ready_now(drained));
  server.on_loop([&](HttpServer&) {
    held[0]->respond(200, "text/plain", "a");
    held[1]->respond(200, "text/plain", "b");
  });
  EXPECT_EQ(client.receive().body, "a");
  const ClientAnswer last = client.receive();
  if (last.header("Connection") == "close") {
    EXPECT_EQ(last.body, "b");
  } else {
    // The third request had arrived before the second was answered: then it is answered too.
    ASSERT_TRUE(server.eventually([&] { return held.size() == 3; }));
    server.on_loop([&](HttpServer&) { held[2]->respond(200, "text/plain", "c"); });
    EXPECT_EQ(client.receive().header("Connection"), "close");
  }
  EXPECT_TRUE(client.ended_in_order());
  client.close();
  EXPECT_TRUE(ready(drained));
  EXPECT_EQ(server.count(HttpCount::connections_open), 0U);
}

TEST(HttpServerTest, DrainAnswersWhatHasBegunToArrive) {
  TestServer server;
  Client client(server.port());
  client.send("GET /a HT");
  ASSERT_TRUE(server.eventually_counts(HttpCount::bytes_received, 9));
  std::future<void> drained = server.drain();
  client.send("TP/1.1\r\nHost: h\r\n\r\n");
  const ClientAnswer answer = client.receive();
  EXPECT_EQ(answer.body, "/a");
  EXPECT_EQ(answer.header("Connection"), "close");
  EXPECT_TRUE(client.ended_in_order());
  client.close();
  EXPECT_TRUE(ready(drained));
}

TEST(HttpServerTest, DrainAnswersWhatLiesInTheSocket) {
  TestServer server;
  Client known(server.port());
  known.send(get("/a"));
  EXPECT_EQ(known.receive().body, "/a");
  std::unique_ptr<Client> unknown;
  std::shared_ptr<std::promise<void>> drained = std::make_shared<std::promise<void>>();
  server.on_loop([&](HttpServer& http) {
    // The loop is busy here: it has seen neither the request of the one nor the connection of the other.
    known.send(get("/b"));
    unknown = std::make_unique<Client>(server.port());
    unknown->send(get("/c"));
    http.drain([drained] { drained->set_value(); });
  });
  EXPECT_EQ(known.receive().body, "/b");
  EXPECT_TRUE(known.ended_in_order());
  EXPECT_EQ(unknown->receive().body, "/c");
  EXPECT_TRUE(unknown->ended_in_order());
  known.close();
  unknown.reset();
  std::future<void> future = drained->get_future();
  EXPECT_TRUE(ready(future));
}

TEST(HttpServerTest, DrainClosesIdleConnectionsAndTheListener) {
  TestServer server;
  Client client(server.port());
  client.send(get("/a"));
  EXPECT_EQ(client.receive().body, "/a");
  std::future<void> drained = server.drain();
  EXPECT_TRUE(client.ended_in_order());
  client.close();
  EXPECT_TRUE(ready(drained));
  boost::asio::io_context loop;
  tcp::socket late(loop);
  boost::system::error_code error;
  late.connect({boost::asio::ip::address_v4::loopback(), server.port()}, error);
  EXPECT_EQ(error, boost::asio::error::connection_refused);
}

TEST(HttpServerTest, DrainWaitsForTheAnswersOfPeersThatHaveGone) {
  Exchange* held = nullptr;
  TestServer server([&](const Request&, Exchange& exchange) { held = &exchange; });
  Client client(server.port());
  client.send(get("/a"));
  ASSERT_TRUE(server.eventually([&] { return held != nullptr; }));
  client.reset();
  ASSERT_TRUE(server.eventually_counts(HttpCount::peer_disconnected, 1));
  std::future<void> drained = server.drain();
  EXPECT_FALSE(ready_now(drained));
  server.on_loop([&](HttpServer&) { held->respond(200, "", ""); });
  EXPECT_TRUE(ready(drained));
}

TEST(HttpServerTest, AbortClosesWhatDrainWouldWaitFor) {
  Exchange* held = nullptr;
  TestServer server([&](const Request&, Exchange& exchange) { held = &exchange; });
  Client waiting(server.port());
  waiting.send(get("/a"));
  Client half(server.port());
  half.send("GET /");
  ASSERT_TRUE(server.eventually([&] { return held != nullptr && server.count(HttpCount::connections_open) == 2; }));
  std::future<void> drained = server.drain();
  server.on_loop([](HttpServer& http) { http.abort(); });
  waiting.receive_to_end();
  half.receive_to_end();
  server.on_loop([&](HttpServer&) { held->respond(200, "", ""); });
  EXPECT_TRUE(ready(drained));
}

TEST(HttpServerTest, MayBeDestroyedWithConnectionsOpen) {
  boost::asio::io_context loop;
  FunctionHandler handler([](const Request&, Exchange&) {});
  HttpCounters counters;
  auto server = std::make_unique<HttpServer>(loop, handler, HttpLimits{}, counters);
  server->listen({boost::asio::ip::address_v4::loopback(), 0});
  Client unanswered(server->local_endpoint().port());
  unanswered.send(get("/a"));
  Client idle(server->local_endpoint().port());
  while (counters.value(HttpCount::requests) == 0 || counters.value(HttpCount::connections_open) != 2)
    loop.run_one();
  server.reset();
  loop.run();
  unanswered.receive_to_end();
  idle.receive_to_end();
}

}  // namespace
}  // namespace holdfast::net
