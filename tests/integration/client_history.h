// Many clients on one daemon at once, each with a connection that it keeps: they authorize, follow up, repeat what
// others asked, and change cards and budgets meanwhile. Everything that was asked is remembered with its instants and
// its answer.
//
// Threads: one of its own for each client.
// Invariants: a request is sent only after its instant was read, and its answer's instant is read when all of it is
// there; what follows an authorization is asked by a client only after somebody was told of its approval.
// Units: minor units.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/integration/api.h"

namespace holdfast::integration {

// A request, the same for each delivery of it.
struct Asked {
  enum class Kind { authorize, increment, capture, reverse, expire, refund, reverse_refund, post, change };
  Kind kind = Kind::authorize;
  std::string message;  // its id
  std::string method = "POST";
  std::string path;
  std::string body;
  std::string card;           // not of a change
  std::string authorization;  // likewise
  std::int64_t amount = -1;   // -1: all
  bool final_capture = true;
  bool partial = false;
};

struct Delivery {
  std::shared_ptr<const Asked> asked;
  std::chrono::steady_clock::time_point sent_at;
  std::chrono::steady_clock::time_point answered_at;
  int status = 0;  // 0: no answer came
  std::string answer;
};
using Deliveries = std::vector<Delivery>;

// Cards and budgets for all that may happen to them.
struct Cards {
  static constexpr std::int64_t kSteadyLimit = 10'000;

  explicit Cards(HttpClient& client);
  std::vector<std::string> budgets;
  std::vector<std::string> moving;    // attached to budgets, moved, detached, frozen
  std::vector<std::string> changing;  // in no tree; their limits and controls change
  std::vector<std::string> steady;    // in no tree, one lifetime limit of kSteadyLimit, and nothing ever changes
};

struct ClientPlan {
  std::uint16_t port = 0;
  unsigned clients = 64;
  unsigned requests = 1;  // of each client
  std::uint64_t seed = 0;
};
Deliveries run_clients(const ClientPlan& plan, const Cards& cards);

}  // namespace holdfast::integration
