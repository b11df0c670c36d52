#include "engine/card.h"

#include <algorithm>

namespace holdfast::engine {

std::string_view card_status_name(CardStatus status) {
  switch (status) {
    case CardStatus::active:
      return "active";
    case CardStatus::frozen:
      return "frozen";
    case CardStatus::closed:
      return "closed";
  }
  return "";
}

std::optional<Instant> expiry_of(const CardIdentity& identity, const CardSettings& settings) {
  std::optional<Instant> expiry = settings.expires_at;
  if (identity.expiry_month != 0) {
    const auto month = std::chrono::year{identity.expiry_year} / std::chrono::month{identity.expiry_month};
    const Instant printed{std::chrono::sys_days{(month + std::chrono::months{1}) / 1}};
    expiry = expiry ? std::min(*expiry, printed) : printed;
  }
  return expiry;
}

}  // namespace holdfast::engine
