#include "config/load.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <system_error>
#include <tuple>
#include <utility>

#include "config/keys.h"
#include "config/parse_toml.h"
#include "config/text_file.h"

namespace holdfast::config {
namespace {

// Fit for one line, whatever it holds.
std::string one_line(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) {
      result.append("\\x").append(1, kHex[byte >> 4U]).append(1, kHex[byte & 0xFU]);
    } else {
      result += c;
    }
  }
  return result;
}

std::string quoted(std::string_view text) {
  constexpr std::size_t kShownBytesMax = 64;
  if (text.size() > kShownBytesMax) return "text of " + std::to_string(text.size()) + " bytes";
  return "\"" + one_line(text) + "\"";
}

std::string_view type_text(toml::node_type type) {
  switch (type) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "an array";
    case toml::node_type::string:
      return "text";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a floating-point number";
    case toml::node_type::boolean:
      return "a boolean";
    default:
      return "a date or time";
  }
}

Value value_of(const toml::node& node) {
  if (const auto* integer = node.as_integer()) return integer->get();
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* flag = node.as_boolean()) return flag->get();
  return {};
}

std::string shown(const toml::node& node) {
  if (const auto* integer = node.as_integer()) return std::to_string(integer->get());
  if (const auto* text = node.as_string()) return quoted(text->get());
  return std::string(type_text(node.type()));
}

// `shown_value` is left out for a list: somebody may have put a secret itself where a reference belongs.
std::string complaint(const Key& key, const std::string& shown_value) {
  std::string text = full_name(key) + " must be " + allowed(key);
  if (!is_list(key)) text += ", not " + shown_value;
  return text;
}

bool is_section(const std::vector<Key>& keys, std::string_view name) {
  const std::string inner = std::string(name) + ".";
  return std::ranges::any_of(keys,
                             [&](const Key& key) { return key.section == name || key.section.starts_with(inner); });
}

// What is different for each kind of endpoint.
struct KindRule {
  std::uint32_t deadline_default_ms;
  std::uint32_t deadline_max_ms;  // after which the processor decides by itself
};

const KindRule& rule_of(EndpointKind kind) {
  static constexpr std::array<KindRule, 3> kRules{{{1'500, 2'000}, {kSlowDeadlineMs, 6'000}, {kSlowDeadlineMs, 7'000}}};
  return kRules[static_cast<std::size_t>(kind)];
}

bool is_required(const EndpointOptions& endpoint, std::string_view key) {
  if (key == "name" || key == "kind") return true;
  if (endpoint.kind == EndpointKind::marqeta) return key == "username" || key == "password";
  return key == "secrets" && !(endpoint.kind == EndpointKind::lithic && endpoint.is_unsigned);
}

// Where each key that was given stands, by full name; the messages are empty.
using Origins = std::map<std::string, ConfigError, std::less<>>;

class Loader {
 public:
  Loader(std::string_view source_name, const Environment& environment)
      : source_name_(source_name), environment_(environment) {}

  std::variant<Options, ConfigErrors> load(std::string_view text);

 private:
  ConfigError at(const toml::source_position& position) const {
    return {source_name_, position.line, position.column, ""};
  }
  void fail(ConfigError origin, std::string message) {
    origin.message = std::move(message);
    errors_.push_back(std::move(origin));
  }

  void read_table(const toml::table& table, const std::string& section, const std::vector<Key>& keys, Origins& origins);
  void read_key(const Key& key, const toml::node& node, Origins& origins);
  void read_list(const Key& key, const toml::node& node);
  void read_endpoints(const toml::node& node);
  void read_endpoint(const toml::table& table);
  void check_endpoint(EndpointOptions& endpoint, const Origins& origins, const ConfigError& here);
  void override_key(const Key& key, std::string_view section, Origins& origins);
  void override_list(const Key& key, const ConfigError& origin, std::string_view text);
  void require_unique(Origins& taken, const std::string& what, const std::string& value, const ConfigError& origin);
  void check_storage(const Origins& origins);

  std::string source_name_;
  const Environment& environment_;
  Options options_;
  ConfigErrors errors_;
  Origins taken_names_;
  Origins taken_paths_;
};

std::variant<Options, ConfigErrors> Loader::load(std::string_view text) {
  const std::variant<toml::table, ParseError> parsed = parse_toml(text, source_name_);
  if (const auto* error = std::get_if<ParseError>(&parsed)) {
    fail(at(error->position), one_line(error->message));
    return errors_;
  }
  const std::vector<Key> keys = option_keys(options_);
  Origins origins;
  read_table(std::get<toml::table>(parsed), "", keys, origins);
  for (const Key& key : keys) {
    override_key(key, key.section, origins);
  }
  check_storage(origins);

  if (errors_.empty()) return options_;
  std::ranges::stable_sort(
      errors_, {}, [](const ConfigError& error) { return std::tuple(error.line == 0, error.line, error.column); });
  return errors_;
}

void Loader::read_table(const toml::table& table, const std::string& section, const std::vector<Key>& keys,
                        Origins& origins) {
  for (const auto& [toml_key, node] : table) {
    const std::string name(toml_key.str());
    std::string path = section;
    if (!path.empty()) path += '.';
    path += name;
    const auto key = std::ranges::find_if(
        keys, [&](const Key& candidate) { return candidate.section == section && candidate.name == name; });
    if (key != keys.end()) {
      read_key(*key, node, origins);
    } else if (is_section(keys, path)) {
      if (const toml::table* inner = node.as_table()) {
        read_table(*inner, path, keys, origins);
      } else {
        fail(at(node.source().begin), "[" + path + "] must be a table, not " + shown(node));
      }
    } else if (path == kEndpointSection) {
      read_endpoints(node);
    } else {
      fail(at(toml_key.source().begin), "unknown key " + quoted(path));
    }
  }
}

void Loader::read_key(const Key& key, const toml::node& node, Origins& origins) {
  const ConfigError origin = at(node.source().begin);
  origins.insert_or_assign(full_name(key), origin);
  if (is_list(key)) {
    read_list(key, node);
  } else if (!assign(key, value_of(node))) {
    fail(origin, complaint(key, shown(node)));
  }
}

void Loader::read_list(const Key& key, const toml::node& node) {
  const toml::array* list = node.as_array();
  if (list == nullptr || list->empty()) return fail(at(node.source().begin), complaint(key, ""));
  for (const toml::node& element : *list) {
    if (!assign(key, value_of(element))) fail(at(element.source().begin), complaint(key, ""));
  }
}

void Loader::read_endpoints(const toml::node& node) {
  const toml::array* list = node.as_array();
  if (list == nullptr) return fail(at(node.source().begin), "an endpoint is written as [[endpoint]]");
  for (const toml::node& element : *list) {
    if (const toml::table* table = element.as_table()) {
      read_endpoint(*table);
    } else {
      fail(at(element.source().begin), "[[endpoint]] must be a table, not " + shown(element));
    }
  }
}

void Loader::read_endpoint(const toml::table& table) {
  EndpointOptions endpoint;
  const std::vector<Key> keys = endpoint_keys(endpoint);
  const ConfigError here = at(table.source().begin);
  Origins origins;
  read_table(table, std::string(kEndpointSection), keys, origins);
  for (const Key& key : keys) {
    // An endpoint's variables are found by its name, so none of them can change that.
    if (!endpoint.name.empty() && key.name != "name") override_key(key, "endpoint." + endpoint.name, origins);
    if (is_required(endpoint, key.name) && !origins.contains(full_name(key))) {
      fail(here, full_name(key) + " is missing: it must be " + allowed(key));
    }
  }
  if (!endpoint.name.empty()) {
    require_unique(taken_names_, "endpoint.name", endpoint.name, origins.at("endpoint.name"));
    const auto path = origins.find("endpoint.path");
    if (path == origins.end()) endpoint.path = "/webhooks/" + endpoint.name;
    require_unique(taken_paths_, "endpoint.path", endpoint.path, path == origins.end() ? here : path->second);
  }
  check_endpoint(endpoint, origins, here);
  options_.endpoints.push_back(std::move(endpoint));
}

// What the keys mean together.
void Loader::check_endpoint(EndpointOptions& endpoint, const Origins& origins, const ConfigError& here) {
  const KindRule& rule = rule_of(endpoint.kind);
  const auto deadline = origins.find("endpoint.deadline_ms");
  if (deadline == origins.end()) {
    endpoint.deadline_ms = rule.deadline_default_ms;
  } else if (endpoint.deadline_ms > rule.deadline_max_ms) {
    fail(deadline->second, "endpoint.deadline_ms must be at most " + std::to_string(rule.deadline_max_ms) +
                               " for this kind, not " + std::to_string(endpoint.deadline_ms));
  }
  const bool both =
      !endpoint.usernames.empty() && !endpoint.passwords.empty();  // else one is missing, or neither needed
  if (both && endpoint.usernames.size() != endpoint.passwords.size()) {
    fail(here, "endpoint.password must have one for each endpoint.username");
  }
  if (endpoint.unknown_cards == UnknownCards::decline) return;
  if (endpoint.adopted_limits.empty()) {
    fail(here, "endpoint.adopted_limits is missing: a card without any would have no cap");
  }
  if (endpoint.is_unsigned) fail(here, "endpoint.unknown_cards must be \"decline\" where anybody could make cards");
}

void Loader::override_key(const Key& key, std::string_view section, Origins& origins) {
  const auto found = environment_.find(environment_name(section, key.name));
  if (found == environment_.end()) return;
  const ConfigError origin{found->first, 0, 0, ""};
  origins.insert_or_assign(full_name(key), origin);
  if (is_list(key)) {
    override_list(key, origin, found->second);
  } else if (!assign(key, value_from_text(key, found->second))) {
    fail(origin, complaint(key, quoted(found->second)));
  }
}

void Loader::override_list(const Key& key, const ConfigError& origin, std::string_view text) {
  clear_list(key);
  while (true) {
    const std::size_t comma = text.find(',');
    if (!assign(key, value_from_text(key, text.substr(0, comma)))) {
      return fail(origin, complaint(key, "") + ", separated by commas");
    }
    if (comma == std::string_view::npos) return;
    text.remove_prefix(comma + 1);
  }
}

void Loader::require_unique(Origins& taken, const std::string& what, const std::string& value,
                            const ConfigError& origin) {
  const auto [first, is_new] = taken.try_emplace(value, origin);
  if (is_new) return;
  const ConfigError& other = first->second;
  const std::string place = other.line == 0 ? other.source : "line " + std::to_string(other.line);
  fail(origin, what + " must be unique, " + quoted(value) + " is taken by " + place);
}

void Loader::check_storage(const Origins& origins) {
  if (options_.storage.preallocate <= options_.storage.map_size) return;
  // Their defaults agree, so at least one was given.
  auto origin = origins.find("storage.preallocate");
  if (origin == origins.end()) origin = origins.find("storage.map_size");
  fail(origin->second, "storage.preallocate must not be above storage.map_size, " +
                           size_text(options_.storage.preallocate) + " is above " +
                           size_text(options_.storage.map_size));
}

}  // namespace

std::string ConfigError::text() const {
  if (line == 0) return source + ": " + message;
  return source + ":" + std::to_string(line) + ":" + std::to_string(column) + ": " + message;
}

Environment process_environment() {
  Environment environment;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos) environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return environment;
}

std::variant<Options, ConfigErrors> load_text(std::string_view text, std::string_view source_name,
                                              const Environment& environment) {
  return Loader(source_name, environment).load(text);
}

std::variant<Options, ConfigErrors> load_file(const std::string& path, const Environment& environment) {
  std::string text;
  if (const std::error_code error = read_text_file(path, kConfigBytesMax, text)) {
    return ConfigErrors{{path, 0, 0, "the file cannot be read: " + error.message()}};
  }
  return load_text(text, path, environment);
}

}  // namespace holdfast::config
