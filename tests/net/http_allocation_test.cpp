// That a connection's steady state calls no allocator.
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>

#include "tests/net/allocation_count.h"
#include "tests/net/http_test_server.h"

namespace holdfast::net {
namespace {

std::uint64_t allocations_of_server(TestServer& server) {
  std::uint64_t seen = 0;
  server.on_loop([&](HttpServer&) { seen = allocations_of_this_thread(); });
  return seen;
}

// What the server allocates while `round` runs a thousand times, after it has run a hundred times.
template <typename Round>
std::uint64_t allocated_in_steady_state(TestServer& server, Round round) {
  for (int i = 0; i < 100; ++i)
    round();
  const std::uint64_t before = allocations_of_server(server);
  for (int i = 0; i < 1000; ++i)
    round();
  // Both looks at the counter cost the same, which the difference of two looks without rounds shows.
  const std::uint64_t after = allocations_of_server(server);
  const std::uint64_t look = allocations_of_server(server) - after;
  return after - before - look;
}

TEST(HttpAllocationTest, TheCountWorks) {
  const std::uint64_t before = allocations_of_this_thread();
  const auto text = std::make_unique<std::string>(100, 'x');
  const std::uint64_t after = allocations_of_this_thread();
  EXPECT_EQ(after - before, 2U) << *text;
}

TEST(HttpAllocationTest, RequestsOneByOneAllocateNothing) {
  TestServer server;
  Client client(server.port());
  const std::string request = post("/path", std::string(1500, 'b'), "X-A: some header\r\n");
  EXPECT_EQ(allocated_in_steady_state(server,
                                      [&] {
                                        client.send(request);
                                        EXPECT_EQ(client.receive().status, 200);
                                      }),
            0U);
}

TEST(HttpAllocationTest, PipelinedRequestsAnsweredInReverseAllocateNothing) {
  std::array<Exchange*, 8> held{};
  std::size_t count = 0;
  TestServer server([&](const Request&, Exchange& exchange) {
    held[count++] = &exchange;
    if (count < held.size()) return;
    while (count > 0)
      held[--count]->respond(200, "text/plain", "a short answer of the handler");
  });
  Client client(server.port());
  std::string requests;
  for (std::size_t i = 0; i < held.size(); ++i)
    requests += get("/");
  EXPECT_EQ(allocated_in_steady_state(server,
                                      [&] {
                                        client.send(requests);
                                        for (std::size_t i = 0; i < held.size(); ++i) {
                                          EXPECT_EQ(client.receive().status, 200);
                                        }
                                      }),
            0U);
}

TEST(HttpAllocationTest, AnswersGivenLaterAllocateNothing) {
  std::array<Exchange*, 4> held{};
  std::size_t count = 0;
  TestServer server([&](const Request&, Exchange& exchange) {
    held[count++] = &exchange;
    if (count < held.size()) return;
    // Three of the four belong to other connections than the one whose turn this is.
    while (count > 0)
      held[--count]->respond(200, "text/plain", "a short answer of the handler");
  });
  std::array<std::unique_ptr<Client>, 4> clients;
  for (auto& client : clients)
    client = std::make_unique<Client>(server.port());
  EXPECT_EQ(allocated_in_steady_state(server,
                                      [&] {
                                        for (auto& client : clients)
                                          client->send(get("/"));
                                        for (auto& client : clients)
                                          EXPECT_EQ(client->receive().status, 200);
                                      }),
            0U);
}

}  // namespace
}  // namespace holdfast::net
