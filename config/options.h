// What can be configured: plain values, each with its default. This file is the only place where a default stands.
//
// Threads: values without behaviour; a configuration that is in use is shared as const.
// Invariants: options that came out of load.h keep the ranges given here; both ends of a range are allowed.
// Units: part of the name (`_ms`, `_seconds`, `_days`, `_years`, `_bytes`); sizes of storage are bytes, written in the
// file as text with a unit ("64GiB").
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace holdfast::config {

inline constexpr std::uint64_t kKiB = 1024;
inline constexpr std::uint64_t kMiB = 1024 * kKiB;
inline constexpr std::uint64_t kGiB = 1024 * kMiB;
inline constexpr std::uint64_t kTiB = 1024 * kGiB;

// [server.limits]: what one peer, or all of them, may take.
struct ServerLimits {
  std::uint32_t connections = 10'000;       // open at once, all loops together; 1 to 1000000
  std::uint32_t header_bytes = 8'192;       // request line and headers, else 431; 1024 to 65536
  std::uint32_t body_bytes = 262'144;       // else 413; 1024 to 16777216
  std::uint32_t header_timeout_ms = 5'000;  // first byte to end of headers, else 408; 10 to 60000
  std::uint32_t body_timeout_ms = 5'000;    // end of headers to end of body, else 408; 10 to 60000
  std::uint32_t idle_timeout_ms = 75'000;   // between two requests of a connection; 10 to 3600000
  std::uint32_t pipeline_depth = 32;        // requests read ahead of their answers; 1 to 1024
  std::uint32_t json_depth = 32;            // nested arrays and objects of a body, else 400; 4 to 256
  std::uint32_t drain_timeout_ms = 5'000;   // for requests in flight at shutdown; 0 to 60000

  friend bool operator==(const ServerLimits&, const ServerLimits&) = default;
};

// [server]
struct ServerOptions {
  std::string listen = "127.0.0.1:8080";      // API and webhooks; IPv4:port or [IPv6]:port, port 0 takes a free one
  std::string ops_listen = "127.0.0.1:9090";  // health and metrics; likewise
  std::uint32_t threads = 0;                  // event loops; 0: one less than the cores, at least one; 0 to 256
  ServerLimits limits;

  friend bool operator==(const ServerOptions&, const ServerOptions&) = default;
};

// [storage]
struct StorageOptions {
  std::string path = "./data";                     // directory, made with mode 0700 when missing
  std::uint64_t map_size = 64 * kGiB;              // most the journal's file may grow to; 64 MiB to 16 TiB
  std::uint64_t preallocate = 64 * kMiB;           // written ahead of the journal; 0 to 4 GiB, not above map_size
  std::uint32_t checkpoint_interval_seconds = 60;  // bounds the time a restart takes; 1 to 86400
  std::uint64_t minimum_free_space = 256 * kMiB;   // of the file system, below it every request is declined; 0 to 1 TiB

  friend bool operator==(const StorageOptions&, const StorageOptions&) = default;
};

// [issuing]: cards whose numbers are made here.
struct IssuingOptions {
  std::string bin = "400000";      // leading digits of every number; 6 to 8 digits
  std::uint32_t expiry_years = 5;  // from the month of issue; 1 to 20

  friend bool operator==(const IssuingOptions&, const IssuingOptions&) = default;
};

// [decisions]
struct DecisionOptions {
  std::uint32_t unconfirmed_after_seconds = 60;  // an approval nobody confirmed counts as unconfirmed; 1 to 86400
  std::uint32_t duplicate_horizon_days = 7;      // how long a repeated request gets its first answer; 1 to 90
  std::uint32_t hold_days = 7;                   // after which what is still held is given back; 1 to 365
  std::uint32_t travel_hold_days = 31;           // the same for lodging, car rental and cruises; 1 to 365
  std::uint32_t journal_queue_records = 65'536;  // decided, not yet durable; full means `overloaded`; 64 to 1048576

  friend bool operator==(const DecisionOptions&, const DecisionOptions&) = default;
};

// [api]
struct ApiOptions {
  std::uint32_t deadline_ms = 1'000;  // native authorization, from its first byte; 10 to 10000

  friend bool operator==(const ApiOptions&, const ApiOptions&) = default;
};

enum class LogLevel : std::uint8_t { debug = 0, info, warning, error };
enum class LogFormat : std::uint8_t { json = 0, logfmt };

// [log]
struct LogOptions {
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::json;

  friend bool operator==(const LogOptions&, const LogOptions&) = default;
};

// Where a secret is found. The configuration never holds the secret itself.
struct SecretReference {
  enum class Source : std::uint8_t { environment = 0, file };
  Source source = Source::environment;
  std::string place;  // name of the variable, or path of the file

  friend bool operator==(const SecretReference&, const SecretReference&) = default;
};

enum class EndpointKind : std::uint8_t { stripe = 0, lithic, marqeta };

// What becomes of a card that nobody bound to limits here.
enum class UnknownCards : std::uint8_t { decline = 0, adopt };

// One limit of the cards that an endpoint adopts.
struct AdoptedLimit {
  std::string window;       // "authorization", "hour", "day", "week", "month", "year" or "lifetime"
  std::int64_t amount = 0;  // minor units of the card's currency

  friend bool operator==(const AdoptedLimit&, const AdoptedLimit&) = default;
};

// [[endpoint]]: one processor's webhook. `name` and `kind` have no default: they must be given; so must `secrets` for
// Stripe, and for Lithic unless `unsigned`, and `username` and `password` for Marqeta.
struct EndpointOptions {
  std::string name{};  // in metrics and keys; unique; 1 to 32 of a-z, 0-9 and '-'
  EndpointKind kind = EndpointKind::stripe;
  std::string path{};                      // of the URL, unique, not under /api; default /webhooks/<name>
  bool is_unsigned = false;                // Lithic: its program has no signatures
  std::vector<SecretReference> secrets{};  // any of them may sign, so that one can be rolled; 1 to 8
  // Marqeta: Basic authentication. The first name goes with the first password and so on, so that they can be rolled;
  // 1 to 2 of each.
  std::vector<SecretReference> usernames{};
  std::vector<SecretReference> passwords{};
  std::vector<SecretReference> webhook_secrets{};  // Marqeta: of the webhook's signatures; none: it is not signed
  // From the first byte; 10 to 2000 for Stripe, which gives up after 2000, to 6000 for Lithic, to 7000 for Marqeta,
  // whose default is kSlowDeadlineMs for both.
  std::uint32_t deadline_ms = 1'500;
  std::string stripe_version{};  // sent as Stripe-Version; empty: the event's own api_version
  UnknownCards unknown_cards = UnknownCards::decline;
  std::string adopted_limits{};  // of adopted cards, see adopted_limits_from_text(); must be given with `adopt`

  friend bool operator==(const EndpointOptions&, const EndpointOptions&) = default;
};

inline constexpr std::uint32_t kSlowDeadlineMs = 2'500;

struct Options {
  ServerOptions server;
  StorageOptions storage;
  IssuingOptions issuing;
  DecisionOptions decisions;
  ApiOptions api;
  LogOptions log;
  std::vector<EndpointOptions> endpoints;

  friend bool operator==(const Options&, const Options&) = default;
};

}  // namespace holdfast::config
