// The one table of configurable keys: what each is called, what it may be, and where its value goes.
//
// Reading a file, overriding from the environment and checking the documented file all walk this table; a new key is
// one row here, its default in options.h and its lines in holdfast.toml.
//
// Threads: built and used by one thread.
// Ownership: a Key points into the options it was made for and must not outlive them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/options.h"

namespace holdfast::config {

// When a changed value is taken over.
enum class Reload : std::uint8_t { at_restart = 0, on_sighup };

// An integer from `min` to `max`.
struct IntegerKey {
  std::uint32_t* target;
  std::uint32_t min;
  std::uint32_t max;
};

// Bytes, written as text with a unit, from `min` to `max`.
struct SizeKey {
  std::uint64_t* target;
  std::uint64_t min;
  std::uint64_t max;
};

// Text that `accepts` says yes to; `allowed` tells a reader what that is.
struct TextKey {
  std::string* target;
  bool (*accepts)(std::string_view);
  std::string_view allowed;
};

// One of `names`; `choose` takes its index.
struct ChoiceKey {
  std::vector<std::string_view> names;
  std::function<void(std::size_t)> choose;
};

// true or false.
struct FlagKey {
  bool* target;
};

// References to secrets, at most `max`; each assign() adds one.
struct SecretsKey {
  std::vector<SecretReference>* target;
  std::size_t max;
};

struct Key {
  std::string_view section;  // "server.limits"
  std::string_view name;     // "connections"
  Reload reload;
  std::variant<IntegerKey, SizeKey, TextKey, ChoiceKey, FlagKey, SecretsKey> place;
};

// A value as it was written; monostate for one that no key takes (a date, a table).
using Value = std::variant<std::monostate, std::int64_t, std::string, bool>;

inline constexpr std::string_view kEndpointSection = "endpoint";

// Every key outside [[endpoint]], in the order of options.h.
std::vector<Key> option_keys(Options& options);
// The keys of one [[endpoint]].
std::vector<Key> endpoint_keys(EndpointOptions& endpoint);

// Stores `value`; false, with nothing stored, when the key does not take it.
bool assign(const Key& key, const Value& value);
// Forgets what assign() added to a list, so that a later source replaces it; does nothing to the other keys.
void clear_list(const Key& key);
bool is_list(const Key& key);

// "server.threads".
std::string full_name(const Key& key);
// What the key takes, to follow "must be": "an integer from 0 to 256".
std::string allowed(const Key& key);
// A value from text alone, as the environment has it: an integer or a boolean where the key wants one, else the text.
Value value_from_text(const Key& key, std::string_view text);
// "HOLDFAST_SERVER_LIMITS_CONNECTIONS".
std::string environment_name(std::string_view section, std::string_view name);

// "64GiB" or "4096KiB" to bytes; nullopt when there is no unit, no number, or no room in 64 bits.
std::optional<std::uint64_t> size_from_text(std::string_view text);
// Bytes to text in the largest unit that is exact; "0KiB" for none.
std::string size_text(std::uint64_t bytes);
// "day 5000, month 100000": windows with amounts in minor units, 1 to 8 of them, no window twice; nullopt for anything
// else.
std::optional<std::vector<AdoptedLimit>> adopted_limits_from_text(std::string_view text);
// "env:NAME" or "file:PATH".
std::optional<SecretReference> secret_reference_from_text(std::string_view text);
std::string secret_reference_text(const SecretReference& reference);

}  // namespace holdfast::config
