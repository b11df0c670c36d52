// The clock, randomness and the time zone database of this machine.
//
// Threads: any.
#pragma once

#include "net/loop_context.h"

namespace holdfast::net {

class SystemSurroundings final : public Surroundings {
 public:
  engine::Instant now() override;
  engine::Key128 random() override;
  void random_bytes(std::span<std::byte> into) override;
  std::optional<engine::ZoneRules> zone(std::string_view name) override;
};

}  // namespace holdfast::net
