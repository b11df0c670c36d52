#include "config/keys.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <system_error>

namespace holdfast::config {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_letter(char c) {
  return is_lower(c) || (c >= 'A' && c <= 'Z');
}

// All of `text`, digits only but for a leading '-' of a signed type.
template <class Integer>
std::optional<Integer> integer_from_text(std::string_view text) {
  Integer result = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), result);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return result;
}

bool is_ip_literal(int family, std::string_view host) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  return inet_pton(family, std::string(host).c_str(), address.data()) == 1;
}

bool accepts_listen(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || text.find('\0') != std::string_view::npos) return false;
  const std::string_view port = text.substr(colon + 1);
  if (!integer_from_text<std::uint16_t>(port)) return false;
  const std::string_view host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    return is_ip_literal(AF_INET6, host.substr(1, host.size() - 2));
  }
  return is_ip_literal(AF_INET, host);
}

bool accepts_file_path(std::string_view text) {
  return !text.empty() && text.size() <= 4095 && text.find('\0') == std::string_view::npos;
}

bool accepts_bin(std::string_view text) {
  return text.size() >= 6 && text.size() <= 8 && std::ranges::all_of(text, is_digit);
}

bool accepts_endpoint_name(std::string_view text) {
  // "api" is what the API itself is called, in metrics and in the keys of messages.
  return !text.empty() && text.size() <= 32 && text != "api" &&
         std::ranges::all_of(text, [](char c) { return is_lower(c) || is_digit(c) || c == '-'; });
}

bool accepts_url_path(std::string_view text) {
  if (text.size() < 2 || text.size() > 128 || text.front() != '/') return false;
  // The daemon's own API lives there; an endpoint must not hide a part of it.
  if (text == "/api" || text.starts_with("/api/")) return false;
  return std::ranges::all_of(text, [](char c) {
    return is_letter(c) || is_digit(c) || c == '/' || c == '-' || c == '_' || c == '.' || c == '~';
  });
}

bool accepts_stripe_version(std::string_view text) {
  return text.size() <= 64 &&
         std::ranges::all_of(text, [](char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '.'; });
}

bool accepts_adopted_limits(std::string_view text) {
  return text.empty() || adopted_limits_from_text(text).has_value();
}

bool accepts_variable_name(std::string_view text) {
  return !text.empty() && text.size() <= 256 && !is_digit(text.front()) &&
         std::ranges::all_of(text, [](char c) { return is_letter(c) || is_digit(c) || c == '_'; });
}

template <class Enum>
ChoiceKey choice(Enum& target, std::vector<std::string_view> names) {
  return {std::move(names), [&target](std::size_t index) { target = static_cast<Enum>(index); }};
}

struct SizeUnit {
  std::string_view name;
  std::uint64_t bytes;
};
// Largest first: size_text takes the first that fits.
constexpr std::array<SizeUnit, 4> kSizeUnits{{{"TiB", kTiB}, {"GiB", kGiB}, {"MiB", kMiB}, {"KiB", kKiB}}};

constexpr std::string_view kEnvironmentPrefix = "env:";
constexpr std::string_view kFilePrefix = "file:";
constexpr std::string_view kListen = "\"IPv4:port\" or \"[IPv6]:port\" with a port from 0 to 65535";

// store: one overload for each kind of place; false, with nothing stored, when it does not take the value.

bool store(const IntegerKey& key, const Value& value) {
  const auto* number = std::get_if<std::int64_t>(&value);
  if (number == nullptr || *number < key.min || *number > key.max) return false;
  *key.target = static_cast<std::uint32_t>(*number);
  return true;
}

bool store(const SizeKey& key, const Value& value) {
  const auto* text = std::get_if<std::string>(&value);
  const std::optional<std::uint64_t> bytes = text == nullptr ? std::nullopt : size_from_text(*text);
  if (!bytes || *bytes < key.min || *bytes > key.max) return false;
  *key.target = *bytes;
  return true;
}

bool store(const TextKey& key, const Value& value) {
  const auto* text = std::get_if<std::string>(&value);
  if (text == nullptr || !key.accepts(*text)) return false;
  *key.target = *text;
  return true;
}

bool store(const ChoiceKey& key, const Value& value) {
  const auto* text = std::get_if<std::string>(&value);
  if (text == nullptr) return false;
  const auto found = std::ranges::find(key.names, *text);
  if (found == key.names.end()) return false;
  key.choose(static_cast<std::size_t>(found - key.names.begin()));
  return true;
}

bool store(const FlagKey& key, const Value& value) {
  const auto* flag = std::get_if<bool>(&value);
  if (flag == nullptr) return false;
  *key.target = *flag;
  return true;
}

bool store(const SecretsKey& key, const Value& value) {
  const auto* text = std::get_if<std::string>(&value);
  std::optional<SecretReference> reference = text == nullptr ? std::nullopt : secret_reference_from_text(*text);
  if (!reference || key.target->size() >= key.max) return false;
  key.target->push_back(*std::move(reference));
  return true;
}

// rule: what a kind of place takes, in words.

std::string rule(const IntegerKey& key) {
  return "an integer from " + std::to_string(key.min) + " to " + std::to_string(key.max);
}

std::string rule(const SizeKey& key) {
  return "text with a unit (KiB, MiB, GiB, TiB) from \"" + size_text(key.min) + "\" to \"" + size_text(key.max) + "\"";
}

std::string rule(const TextKey& key) {
  return std::string(key.allowed);
}

std::string rule(const ChoiceKey& key) {
  std::string text;
  for (std::size_t i = 0; i < key.names.size(); ++i) {
    if (i > 0) text += i + 1 == key.names.size() ? " or " : ", ";
    text.append("\"").append(key.names[i]).append("\"");
  }
  return text;
}

std::string rule(const FlagKey&) {
  return "true or false";
}

std::string rule(const SecretsKey& key) {
  return "1 to " + std::to_string(key.max) + " references to secrets, \"env:NAME\" or \"file:PATH\"";
}

}  // namespace

std::vector<Key> option_keys(Options& options) {
  using enum Reload;
  ServerOptions& server = options.server;
  ServerLimits& limits = server.limits;
  StorageOptions& storage = options.storage;
  IssuingOptions& issuing = options.issuing;
  DecisionOptions& decisions = options.decisions;
  return {
      {"server", "listen", at_restart, TextKey{&server.listen, accepts_listen, kListen}},
      {"server", "ops_listen", at_restart, TextKey{&server.ops_listen, accepts_listen, kListen}},
      {"server", "threads", at_restart, IntegerKey{&server.threads, 0, 256}},

      {"server.limits", "connections", at_restart, IntegerKey{&limits.connections, 1, 1'000'000}},
      {"server.limits", "header_bytes", at_restart, IntegerKey{&limits.header_bytes, 1'024, 65'536}},
      {"server.limits", "body_bytes", at_restart, IntegerKey{&limits.body_bytes, 1'024, 16'777'216}},
      {"server.limits", "header_timeout_ms", at_restart, IntegerKey{&limits.header_timeout_ms, 10, 60'000}},
      {"server.limits", "body_timeout_ms", at_restart, IntegerKey{&limits.body_timeout_ms, 10, 60'000}},
      {"server.limits", "idle_timeout_ms", at_restart, IntegerKey{&limits.idle_timeout_ms, 10, 3'600'000}},
      {"server.limits", "pipeline_depth", at_restart, IntegerKey{&limits.pipeline_depth, 1, 1'024}},
      {"server.limits", "json_depth", at_restart, IntegerKey{&limits.json_depth, 4, 256}},
      {"server.limits", "drain_timeout_ms", at_restart, IntegerKey{&limits.drain_timeout_ms, 0, 60'000}},

      {"storage", "path", at_restart, TextKey{&storage.path, accepts_file_path, "the path of a directory"}},
      {"storage", "map_size", at_restart, SizeKey{&storage.map_size, 64 * kMiB, 16 * kTiB}},
      {"storage", "preallocate", at_restart, SizeKey{&storage.preallocate, 0, 4 * kGiB}},
      {"storage", "checkpoint_interval_seconds", at_restart,
       IntegerKey{&storage.checkpoint_interval_seconds, 1, 86'400}},
      {"storage", "minimum_free_space", at_restart, SizeKey{&storage.minimum_free_space, 0, kTiB}},

      {"issuing", "bin", at_restart, TextKey{&issuing.bin, accepts_bin, "text of 6 to 8 digits"}},
      {"issuing", "expiry_years", at_restart, IntegerKey{&issuing.expiry_years, 1, 20}},

      {"decisions", "unconfirmed_after_seconds", at_restart,
       IntegerKey{&decisions.unconfirmed_after_seconds, 1, 86'400}},
      {"decisions", "duplicate_horizon_days", at_restart, IntegerKey{&decisions.duplicate_horizon_days, 1, 90}},
      {"decisions", "hold_days", at_restart, IntegerKey{&decisions.hold_days, 1, 365}},
      {"decisions", "travel_hold_days", at_restart, IntegerKey{&decisions.travel_hold_days, 1, 365}},
      {"decisions", "journal_queue_records", at_restart, IntegerKey{&decisions.journal_queue_records, 64, 1'048'576}},

      {"api", "deadline_ms", on_sighup, IntegerKey{&options.api.deadline_ms, 10, 10'000}},

      {"log", "level", on_sighup, choice(options.log.level, {"debug", "info", "warning", "error"})},
      {"log", "format", at_restart, choice(options.log.format, {"json", "logfmt"})},
  };
}

std::vector<Key> endpoint_keys(EndpointOptions& endpoint) {
  using enum Reload;
  return {
      {kEndpointSection, "name", at_restart,
       TextKey{&endpoint.name, accepts_endpoint_name, "1 to 32 characters of a-z, 0-9 and '-', but not 'api'"}},
      {kEndpointSection, "kind", at_restart, choice(endpoint.kind, {"stripe", "lithic", "marqeta"})},
      {kEndpointSection, "path", at_restart,
       TextKey{&endpoint.path, accepts_url_path,
               "a URL path of 2 to 128 characters that starts with '/' and is not under /api"}},
      {kEndpointSection, "unsigned", on_sighup, FlagKey{&endpoint.is_unsigned}},
      {kEndpointSection, "secrets", on_sighup, SecretsKey{&endpoint.secrets, 8}},
      {kEndpointSection, "username", on_sighup, SecretsKey{&endpoint.usernames, 2}},
      {kEndpointSection, "password", on_sighup, SecretsKey{&endpoint.passwords, 2}},
      {kEndpointSection, "webhook_secrets", on_sighup, SecretsKey{&endpoint.webhook_secrets, 8}},
      {kEndpointSection, "deadline_ms", on_sighup, IntegerKey{&endpoint.deadline_ms, 10, 7'000}},
      {kEndpointSection, "stripe_version", on_sighup,
       TextKey{&endpoint.stripe_version, accepts_stripe_version,
               "text of 0 to 64 letters, digits, '.' and '-', such as \"2025-03-31.basil\""}},
      {kEndpointSection, "unknown_cards", on_sighup, choice(endpoint.unknown_cards, {"decline", "adopt"})},
      {kEndpointSection, "adopted_limits", on_sighup,
       TextKey{&endpoint.adopted_limits, accepts_adopted_limits,
               "text of windows with amounts in minor units, such as \"day 5000, month 100000\""}},
  };
}

bool assign(const Key& key, const Value& value) {
  return std::visit([&](const auto& place) { return store(place, value); }, key.place);
}

void clear_list(const Key& key) {
  if (const auto* secrets = std::get_if<SecretsKey>(&key.place)) secrets->target->clear();
}

bool is_list(const Key& key) {
  return std::holds_alternative<SecretsKey>(key.place);
}

std::string full_name(const Key& key) {
  return std::string(key.section).append(".").append(key.name);
}

std::string allowed(const Key& key) {
  return std::visit([](const auto& place) { return rule(place); }, key.place);
}

Value value_from_text(const Key& key, std::string_view text) {
  if (std::holds_alternative<IntegerKey>(key.place)) {
    if (const auto number = integer_from_text<std::int64_t>(text)) return *number;
  }
  if (std::holds_alternative<FlagKey>(key.place)) {
    if (text == "true" || text == "false") return text == "true";
  }
  return std::string(text);
}

std::string environment_name(std::string_view section, std::string_view name) {
  std::string result = "HOLDFAST_";
  result.append(section).append("_").append(name);
  for (char& c : result) {
    if (is_lower(c)) c = static_cast<char>(c - 'a' + 'A');
    if (c == '.' || c == '-') c = '_';
  }
  return result;
}

std::optional<std::uint64_t> size_from_text(std::string_view text) {
  for (const SizeUnit& unit : kSizeUnits) {
    if (!text.ends_with(unit.name)) continue;
    const auto count = integer_from_text<std::uint64_t>(text.substr(0, text.size() - unit.name.size()));
    if (!count || *count > std::numeric_limits<std::uint64_t>::max() / unit.bytes) return std::nullopt;
    return *count * unit.bytes;
  }
  return std::nullopt;
}

std::string size_text(std::uint64_t bytes) {
  for (const SizeUnit& unit : kSizeUnits) {
    if (bytes >= unit.bytes && bytes % unit.bytes == 0) return std::to_string(bytes / unit.bytes).append(unit.name);
  }
  return std::to_string(bytes / kKiB) + "KiB";
}

std::optional<std::vector<AdoptedLimit>> adopted_limits_from_text(std::string_view text) {
  constexpr std::array<std::string_view, 7> kWindows = {"authorization", "hour", "day",     "week",
                                                        "month",         "year", "lifetime"};
  std::vector<AdoptedLimit> limits;
  while (true) {
    const std::size_t comma = std::min(text.find(','), text.size());
    std::string_view item = text.substr(0, comma);
    while (item.starts_with(' '))
      item.remove_prefix(1);
    const std::size_t space = item.find(' ');
    if (space == std::string_view::npos || limits.size() == 8) return std::nullopt;
    const std::string_view window = item.substr(0, space);
    const auto amount = integer_from_text<std::int64_t>(item.substr(space + 1));
    const bool is_new = std::ranges::none_of(limits, [&](const AdoptedLimit& each) { return each.window == window; });
    if (!amount || *amount < 0 || !is_new || std::ranges::find(kWindows, window) == kWindows.end()) return std::nullopt;
    limits.push_back({std::string(window), *amount});
    if (comma == text.size()) return limits;
    text.remove_prefix(comma + 1);
  }
}

std::optional<SecretReference> secret_reference_from_text(std::string_view text) {
  using enum SecretReference::Source;
  if (text.starts_with(kEnvironmentPrefix)) {
    const std::string_view name = text.substr(kEnvironmentPrefix.size());
    if (accepts_variable_name(name)) return SecretReference{environment, std::string(name)};
  } else if (text.starts_with(kFilePrefix)) {
    const std::string_view path = text.substr(kFilePrefix.size());
    if (accepts_file_path(path)) return SecretReference{file, std::string(path)};
  }
  return std::nullopt;
}

std::string secret_reference_text(const SecretReference& reference) {
  const bool from_environment = reference.source == SecretReference::Source::environment;
  return std::string(from_environment ? kEnvironmentPrefix : kFilePrefix) + reference.place;
}

}  // namespace holdfast::config
