// Times as text: RFC 3339, written in UTC with milliseconds, read with any offset.
//
// Threads: pure functions.
// Units: milliseconds; digits beyond the third of a second are read and dropped.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/instant.h"

namespace holdfast::net {

// "2026-11-23T15:00:00.000Z". Years beyond 0 to 9999, which the form does not have, are written as the nearest that it
// has.
void append_rfc3339(std::string& out, engine::Instant instant);

// A date and time with an offset, "2026-11-23T10:00:00.5-05:00": the form of RFC 3339 section 5.6 with an upper-case T
// and Z, a date that the calendar has, and no leap second. nullopt for everything else, and for instants outside the
// years 0 to 9999 in UTC.
std::optional<engine::Instant> parse_rfc3339(std::string_view text);

}  // namespace holdfast::net
