// That a connection's steady state calls no allocator: the whole test binary counts what operator new is asked for.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>

#include "tests/net/http_test_server.h"

namespace {

// By thread, so that what the test's own client allocates does not count; atomic, so that the compiler, which knows
// that operator new changes nothing, looks again.
thread_local std::atomic<std::uint64_t> allocations = 0;

#ifdef __has_feature
#define HOLDFAST_TSAN __has_feature(thread_sanitizer)
#else
#define HOLDFAST_TSAN 0
#endif

#if !HOLDFAST_TSAN
void* counted(std::size_t size) {
  ++allocations;
  if (void* place = std::malloc(size == 0 ? 1 : size)) return place;  // NOLINT: this is the allocator
  throw std::bad_alloc();
}
#endif

}  // namespace

#if HOLDFAST_TSAN
// ThreadSanitizer brings an operator new that cannot be replaced, but tells of what it hands out.
extern "C" int __sanitizer_install_malloc_and_free_hooks(  // NOLINT: its name
    void (*malloc_hook)(const volatile void*, std::size_t), void (*free_hook)(const volatile void*));
namespace {
const int installed = __sanitizer_install_malloc_and_free_hooks(
    [](const volatile void*, std::size_t) { ++allocations; }, [](const volatile void*) {});
}  // namespace
#else
void* operator new(std::size_t size) {
  return counted(size);
}
void* operator new[](std::size_t size) {
  return counted(size);
}
void operator delete(void* place) noexcept {
  std::free(place);
}  // NOLINT
void operator delete[](void* place) noexcept {
  std::free(place);
}  // NOLINT
void operator delete(void* place, std::size_t /*size*/) noexcept {
  std::free(place);
}  // NOLINT
void operator delete[](void* place, std::size_t /*size*/) noexcept {
  std::free(place);
}  // NOLINT
#endif

namespace holdfast::net {
namespace {

std::uint64_t allocations_of_server(TestServer& server) {
  std::uint64_t seen = 0;
  server.on_loop([&](HttpServer&) { seen = allocations; });
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
  const std::uint64_t before = allocations;
  const auto text = std::make_unique<std::string>(100, 'x');
  const std::uint64_t after = allocations;
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
