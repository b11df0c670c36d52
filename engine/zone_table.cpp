#include "engine/zone_table.h"

namespace holdfast::engine {

ZoneTable::ZoneTable() {
  zones_.push_back(std::make_unique<Zone>());
}

Zone* ZoneTable::find_locked(std::string_view name) const {
  for (const auto& zone : zones_) {
    if (zone->get().name == name) return zone.get();
  }
  return nullptr;
}

const Zone& ZoneTable::define(const ZoneRules& rules) {
  const std::lock_guard lock(mutex_);
  Zone* zone = find_locked(rules.name);
  if (zone != nullptr && zone->get() == rules) return *zone;
  rules_.push_back(std::make_unique<const ZoneRules>(rules));
  if (zone == nullptr) zone = zones_.emplace_back(std::make_unique<Zone>()).get();
  zone->rules_.store(rules_.back().get(), std::memory_order_release);
  return *zone;
}

const Zone* ZoneTable::find(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  return find_locked(name);
}

void ZoneTable::for_each(const std::function<void(const ZoneRules&)>& visit) const {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 1; i < zones_.size(); ++i)
    visit(zones_[i]->get());
}

}  // namespace holdfast::engine
