// What must hold of a card that was spent until the smallest amount no longer fits: of the daemon (cap_test.cpp), and
// not of a check that stands apart from its charge (cap_control_test.cpp).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace holdfast {

inline constexpr std::int64_t kCap = 100'003;
inline constexpr std::int64_t kCapAmounts[] = {97, 103, 211, 499};  // none divides the cap
inline constexpr std::int64_t kCapSmallest = 97;

inline std::vector<std::string> cap_faults(std::int64_t approved_sum, std::int64_t held) {
  std::vector<std::string> faults;
  if (approved_sum > kCap)
    faults.push_back("approved " + std::to_string(approved_sum) + " of a cap of " + std::to_string(kCap));
  if (kCap - approved_sum >= kCapSmallest) faults.emplace_back("room was left");
  if (held != approved_sum)
    faults.push_back("held " + std::to_string(held) + ", approved " + std::to_string(approved_sum));
  return faults;
}

}  // namespace holdfast
