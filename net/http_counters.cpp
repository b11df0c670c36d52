#include "net/http_counters.h"

namespace holdfast::net {
namespace {

constexpr std::array<std::string_view, kHttpCounts> kNames = {
    "connections_open", "connections_accepted", "connections_refused", "accept_failed",
    "requests",         "bytes_received",       "bytes_sent",          "writes",
    "bad_framing",      "header_too_large",     "too_many_headers",    "body_too_large",
    "pipeline_full",    "unsent_full",          "header_timeout",      "body_timeout",
    "idle_timeout",     "write_timeout",        "linger_timeout",      "peer_disconnected"};

static_assert(static_cast<std::size_t>(HttpCount::peer_disconnected) + 1 == kHttpCounts);
static_assert(!kNames.back().empty());

}  // namespace

std::string_view http_count_name(HttpCount count) {
  return kNames[static_cast<std::size_t>(count)];
}

}  // namespace holdfast::net
