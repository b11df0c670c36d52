#include "engine/zone.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace holdfast::engine {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::local_days;
using std::chrono::milliseconds;
using std::chrono::months;
using std::chrono::seconds;
using std::chrono::year;
using std::chrono::year_month_day;
using std::chrono::years;

using LocalTime = std::chrono::local_time<milliseconds>;

constexpr Window kUnbounded{Instant::min(), Instant::max()};

// No zone has ever been further from UTC; POSIX and zic allow no more than this.
constexpr hours kOffsetMax{26};

// std::chrono's years end at 32767; instants near that are not dates of anybody's card, but they must not overflow.
constexpr Instant kCalendarFirst = std::chrono::sys_days{year{-30000} / 1 / 1};
constexpr Instant kCalendarLast = std::chrono::sys_days{year{30000} / 1 / 1};

// Segment n of a zone lies before transition n; the last one, with number transitions.size(), has no end.
std::size_t segment_at(const ZoneRules& zone, Instant instant) {
  const auto next = std::ranges::upper_bound(zone.transitions, instant, {}, &ZoneRules::Transition::at);
  return static_cast<std::size_t>(next - zone.transitions.begin());
}
seconds offset_of(const ZoneRules& zone, std::size_t segment) {
  return seconds{segment == 0 ? zone.first_offset_seconds : zone.transitions[segment - 1].offset_seconds};
}
Instant start_of(const ZoneRules& zone, std::size_t segment) {
  return segment == 0 ? Instant::min() : zone.transitions[segment - 1].at;
}
Instant end_of(const ZoneRules& zone, std::size_t segment) {
  return segment == zone.transitions.size() ? Instant::max() : zone.transitions[segment].at;
}
LocalTime to_local(Instant instant, seconds offset) {
  return LocalTime{instant.time_since_epoch() + offset};
}
Instant to_instant(LocalTime local, seconds offset) {
  return Instant{local.time_since_epoch() - offset};
}

// The first instant at which local clocks show midnight of `date` or later.
Instant first_instant(const ZoneRules& zone, local_days date) {
  const LocalTime midnight = date;
  // Before the segment of this instant no clock can be so far.
  std::size_t segment = segment_at(zone, to_instant(midnight, kOffsetMax));
  for (;; ++segment) {
    const Instant shown = to_instant(midnight, offset_of(zone, segment));
    // Clocks that show midnight before the segment begins jump over it, into this segment.
    if (shown < end_of(zone, segment)) return std::max(shown, start_of(zone, segment));
  }
}

local_days first_date(WindowKind kind, local_days date, Weekday week_start) {
  if (kind == WindowKind::day) return date;
  if (kind == WindowKind::week) {
    const std::chrono::weekday first{static_cast<unsigned>(week_start) + 1};  // std::chrono counts from Sunday, 0 or 7
    return date - (std::chrono::weekday{date} - first);                       // a difference of weekdays is 0 to 6 days
  }
  const year_month_day civil{date};
  if (kind == WindowKind::month) return local_days{civil.year() / civil.month() / 1};
  return local_days{civil.year() / 1 / 1};
}

// First date of the period after the one that begins on `first`.
local_days next_date(WindowKind kind, local_days first) {
  if (kind == WindowKind::day) return first + days{1};
  if (kind == WindowKind::week) return first + days{7};
  const year_month_day civil{first};
  return local_days{kind == WindowKind::month ? civil + months{1} : civil + years{1}};
}

Window hour_at(const ZoneRules& zone, Instant instant) {
  std::size_t segment = segment_at(zone, instant);
  const seconds offset = offset_of(zone, segment);
  const Instant start = to_instant(std::chrono::floor<hours>(to_local(instant, offset)), offset);
  const Instant end = start + hours{1};
  // A transition that leaves the offset as it was changes no clock: it cuts no hour.
  std::size_t last = segment;
  while (last < zone.transitions.size() && end_of(zone, last) < end && offset_of(zone, last + 1) == offset)
    ++last;
  while (segment > 0 && start_of(zone, segment) > start && offset_of(zone, segment - 1) == offset)
    --segment;
  return {std::max(start, start_of(zone, segment)), std::min(end, end_of(zone, last))};
}

Window dates_at(WindowKind kind, Instant instant, const ZoneRules& zone, Weekday week_start) {
  const LocalTime local = to_local(instant, seconds{offset_at(zone, instant)});
  const local_days first = first_date(kind, std::chrono::floor<days>(local), week_start);
  local_days next = next_date(kind, first);
  Window window{first_instant(zone, first), first_instant(zone, next)};
  // Clocks set back over midnight show the old date again, but the new one has begun and its window stays open.
  while (window.end <= instant) {
    next = next_date(kind, next);
    window = {window.end, first_instant(zone, next)};
  }
  return window;
}

constexpr std::array<std::string_view, kWindowKinds> kWindowNames{"authorization", "hour", "day",      "week",
                                                                  "month",         "year", "lifetime", "rolling"};
static_assert(static_cast<int>(WindowKind::rolling) + 1 == kWindowKinds);

}  // namespace

const ZoneRules& utc() {
  static const ZoneRules kUtc{"UTC", 0, {}};
  return kUtc;
}

std::int32_t offset_at(const ZoneRules& zone, Instant instant) {
  return static_cast<std::int32_t>(offset_of(zone, segment_at(zone, instant)).count());
}

std::string_view window_name(WindowKind kind) {
  return kWindowNames.at(static_cast<std::size_t>(kind));
}

Window window_at(WindowKind kind, Instant instant, const ZoneRules& zone, Weekday week_start) {
  if (kind == WindowKind::authorization || kind == WindowKind::lifetime) return kUnbounded;
  if (instant < kCalendarFirst || instant >= kCalendarLast) return kUnbounded;
  return kind == WindowKind::hour ? hour_at(zone, instant) : dates_at(kind, instant, zone, week_start);
}

}  // namespace holdfast::engine
