// The time zones in use, by name: each a cell whose rules can be replaced for all nodes that point at it.
//
// Threads: get() of a Zone from any thread without waiting. define() and find() take a lock: they run when a card is
// made or changed, never while a request is decided. Invariants: a Zone's address never changes; rules, once published,
// live as long as the table, so a reader needs no guard. "UTC" is always defined.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "engine/zone.h"

namespace holdfast::engine {

class Zone {
 public:
  const ZoneRules& get() const { return *rules_.load(std::memory_order_acquire); }

 private:
  friend class ZoneTable;
  std::atomic<const ZoneRules*> rules_{&utc()};
};

class ZoneTable {
 public:
  ZoneTable();
  // Defines the zone, or replaces its rules when they differ.
  const Zone& define(const ZoneRules& rules);
  // Null when the name was never defined.
  const Zone* find(std::string_view name) const;
  // Every zone but UTC, in order of definition.
  void for_each(const std::function<void(const ZoneRules&)>& visit) const;

 private:
  Zone* find_locked(std::string_view name) const;

  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Zone>> zones_;
  std::vector<std::unique_ptr<const ZoneRules>> rules_;
};

}  // namespace holdfast::engine
