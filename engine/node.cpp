#include "engine/node.h"

#include <algorithm>

namespace holdfast::engine {

std::string_view node_status_name(NodeStatus status) {
  switch (status) {
    case NodeStatus::active:
      return "active";
    case NodeStatus::frozen:
      return "frozen";
    case NodeStatus::closed:
      return "closed";
  }
  return "";
}

std::optional<Instant> expiry_of(const NodeIdentity& identity, const NodeSettings& settings) {
  std::optional<Instant> expiry = settings.expires_at;
  if (identity.expiry_month != 0) {
    const auto month = std::chrono::year{identity.expiry_year} / std::chrono::month{identity.expiry_month};
    const Instant printed{std::chrono::sys_days{(month + std::chrono::months{1}) / 1}};
    expiry = expiry ? std::min(*expiry, printed) : printed;
  }
  return expiry;
}

}  // namespace holdfast::engine
