// What the routes of one event loop work with.
//
// Threads: one per loop, used on that loop only; what the references point at follows the rules of its own type.
// Ownership: everything outlives the context, which outlives the routes.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "engine/journal.h"
#include "engine/shards.h"
#include "net/access.h"
#include "net/archive.h"
#include "net/desk.h"
#include "net/issuing.h"
#include "net/json_document.h"
#include "net/published_keys.h"

namespace holdfast::net {

// Reads of the clock and of randomness, which the engine does not do.
class Surroundings {
 public:
  virtual ~Surroundings() = default;
  virtual engine::Instant now() = 0;
  virtual engine::Key128 random() = 0;
  virtual void random_bytes(std::span<std::byte> into) = 0;
  // Rules of an IANA zone; nullopt when there is no such zone.
  virtual std::optional<engine::ZoneRules> zone(std::string_view name) = 0;
};

struct ApiSettings {
  std::chrono::milliseconds authorization_deadline{1000};
  std::chrono::milliseconds command_deadline{5000};  // of calls that change cards or keys
  std::uint8_t expiry_years = 5;
  std::vector<std::string> endpoints;  // that a card may be bound to
};

struct LoopContext {
  unsigned loop = 0;
  engine::Shards& shards;
  engine::Journal& journal;
  Desk& desk;
  PublishedKeys& keys;
  const TokenHasher& tokens;
  const CardIssuer& issuer;
  Surroundings& surroundings;
  Archive& archive;
  JsonDocument& json;
  ApiSettings settings;
  // Runs a function on another loop, soon. For reads of what an owner keeps to itself; it allocates.
  std::function<void(unsigned loop, std::function<void()>)> on_loop;
};

// The margin that is kept before a deadline, so that the answer has left by then: a twentieth, at least 10 ms.
constexpr SteadyTime answer_by(SteadyTime first_byte, std::chrono::milliseconds deadline) {
  const auto margin = deadline / 20 > std::chrono::milliseconds(10) ? deadline / 20 : std::chrono::milliseconds(10);
  return first_byte + deadline - margin;
}

}  // namespace holdfast::net
