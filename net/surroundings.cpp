#include "net/surroundings.h"

#include <absl/time/time.h>
#include <openssl/rand.h>

#include <cstdlib>

namespace holdfast::net {
namespace {

// Rules are laid down as a list of changes between these years; the last change holds for ever after.
constexpr int kFirstYear = 2000;
constexpr int kLastYear = 2100;

engine::Instant to_instant(absl::Time time) {
  return engine::from_millis(absl::ToUnixMillis(time));
}

}  // namespace

engine::Instant SystemSurroundings::now() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

void SystemSurroundings::random_bytes(std::span<std::byte> into) {
  // Without randomness keys and card ids could be guessed: there is nothing to go on with.
  if (RAND_bytes(reinterpret_cast<unsigned char*>(into.data()), static_cast<int>(into.size())) != 1) std::abort();
}

engine::Key128 SystemSurroundings::random() {
  engine::Key128 key;
  random_bytes(std::as_writable_bytes(std::span(&key, 1)));
  return key;
}

std::optional<engine::ZoneRules> SystemSurroundings::zone(std::string_view name) {
  absl::TimeZone zone;
  // "localtime" and file names would mean different rules on different machines.
  if (name.empty() || name.front() == '/' || name.front() == ':' || name == "localtime") return std::nullopt;
  if (name == "UTC") return engine::utc();
  if (!absl::LoadTimeZone(std::string(name), &zone)) return std::nullopt;
  engine::ZoneRules rules;
  rules.name = name;
  absl::Time at = absl::FromCivil(absl::CivilYear(kFirstYear), absl::UTCTimeZone());
  const absl::Time end = absl::FromCivil(absl::CivilYear(kLastYear), absl::UTCTimeZone());
  rules.first_offset_seconds = zone.At(at).offset;
  std::int32_t offset = rules.first_offset_seconds;
  absl::TimeZone::CivilTransition transition;
  while (at < end && zone.NextTransition(at, &transition)) {
    const absl::TimeZone::TimeInfo around = zone.At(transition.from);
    // A change of name or of the daylight saving flag alone has no gap and no repeat.
    at = around.kind == absl::TimeZone::TimeInfo::UNIQUE ? around.pre : around.trans;
    const std::int32_t then = zone.At(at).offset;
    if (then != offset && at < end) rules.transitions.push_back({to_instant(at), then});
    offset = then;
  }
  return rules;
}

}  // namespace holdfast::net
