#include "net/json_document.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace holdfast::net {
namespace {

using simdjson::dom::element_type;

// Names longer than this are shown cut.
constexpr std::size_t kShownNameBytesMax = 64;
// A name with so many digits may be a card number: it is not repeated to anybody.
constexpr int kShownDigitsMax = 11;
// The parser refuses to be made for less; limits_ holds all the same.
constexpr std::size_t kParserBytesMin = 64;
// Objects with more members are checked for duplicates by sorting.
constexpr std::size_t kPairwiseMembersMax = 24;

// A name as it may be shown: what came from outside can hold anything.
std::string shown(std::string_view name) {
  const auto digits = std::count_if(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (digits > kShownDigitsMax) return "(a long number)";
  std::string text(name.substr(0, kShownNameBytesMax));
  for (char& c : text) {
    if (c < 0x20 || c > 0x7E || c == '"' || c == '\\') c = '?';
  }
  if (name.size() > kShownNameBytesMax) text += "...";
  return text;
}

std::string too_deep(unsigned depth_max) {
  return "nests deeper than " + std::to_string(depth_max) + " levels";
}

// What distinguishes nearly all names of one object, in one word: the length and three characters.
std::uint32_t fingerprint(std::string_view name) {
  if (name.empty()) return 0;
  const auto at = [name](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(name[i])); };
  return static_cast<std::uint32_t>(name.size()) << 24 | at(0) << 16 | at(name.size() / 2) << 8 | at(name.size() - 1);
}

// The rest of this section walks over text that was parsed before: it is well-formed, so nothing here can run off its
// end.

constexpr std::string_view kSpace = " \t\r\n";

std::size_t skip_space(std::string_view text, std::size_t at) {
  while (kSpace.find(text[at]) != std::string_view::npos)
    ++at;
  return at;
}

// Behind the string that begins at `at`.
std::size_t skip_string(std::string_view text, std::size_t at) {
  for (++at; text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return at + 1;
}

// Behind the number, true, false or null that begins at `at`.
std::size_t skip_plain(std::string_view text, std::size_t at) {
  return std::min(text.find_first_of(",]} \t\r\n", at), text.size());
}

// Behind the value that begins at `at`, space behind it included unless it ends the text.
std::size_t skip_value(std::string_view text, std::size_t at) {
  unsigned depth = 0;
  do {
    at = skip_space(text, at);
    const char c = text[at];
    if (c == '"') {
      at = skip_string(text, at);
    } else if (c == '{' || c == '[') {
      ++depth;
      ++at;
    } else if (c == '}' || c == ']') {
      --depth;
      ++at;
    } else if (c == ',' || c == ':') {
      ++at;
    } else {
      at = skip_plain(text, at);
    }
  } while (depth != 0);
  return at;
}

}  // namespace

std::string_view json_error_name(JsonErrorCode code) {
  constexpr std::array<std::string_view, 11> kNames = {
      "",           "too_large",    "malformed", "too_deep",     "duplicate_member", "missing_member", "unknown_member",
      "wrong_type", "out_of_range", "too_long",  "invalid_value"};
  static_assert(kNames.size() == static_cast<std::size_t>(JsonErrorCode::invalid_value) + 1);
  return kNames[static_cast<std::size_t>(code)];
}

JsonDocument::JsonDocument(JsonLimits limits)
    : limits_(limits),
      parser_(std::max(limits.bytes_max, kParserBytesMin)),
      text_(std::make_unique<char[]>(limits.bytes_max + simdjson::SIMDJSON_PADDING)) {
  // The depth that counts is checked by check(); the parser gets more so that its own count is never the stricter.
  // Failing here is failing to allocate, which parse() reports.
  const std::size_t capacity = std::max(limits.bytes_max, kParserBytesMin);
  if (parser_.allocate(capacity, limits.depth_max + 2) != simdjson::SUCCESS) return;
  if (parsed_.allocate(capacity) != simdjson::SUCCESS) return;
  containers_.reserve(64);
  names_.reserve(256);
}

bool JsonDocument::parse(std::string_view text) {
  error_ = {};
  containers_.clear();
  if (text.size() > limits_.bytes_max) {
    fail_text(JsonErrorCode::too_large, "is larger than " + std::to_string(limits_.bytes_max) + " bytes");
    return false;
  }
  if (!text.empty()) std::memcpy(text_.get(), text.data(), text.size());
  std::memset(text_.get() + text.size(), ' ', simdjson::SIMDJSON_PADDING);
  text_size_ = text.size();
  const auto result = parser_.parse_into_document(parsed_, text_.get(), text.size(), false).get(root_);
  switch (result) {
    case simdjson::SUCCESS:
      names_.clear();
      if (check(root_, 1)) return true;
      if (error_.code == JsonErrorCode::duplicate_member) error_.detail = error_.path + " appears twice in one object";
      return false;
    case simdjson::DEPTH_ERROR:
      fail_text(JsonErrorCode::too_deep, too_deep(limits_.depth_max));
      return false;
    case simdjson::UTF8_ERROR:
      fail_text(JsonErrorCode::malformed, "is not valid UTF-8");
      return false;
    case simdjson::NUMBER_ERROR:
      fail_text(JsonErrorCode::malformed, "has a number that is malformed or too large");
      return false;
    case simdjson::EMPTY:
      fail_text(JsonErrorCode::malformed, "is empty");
      return false;
    default:
      fail_text(JsonErrorCode::malformed, "is not one JSON value");
      return false;
  }
}

// `depth` is that of the element if it is a container.
bool JsonDocument::check(simdjson::dom::element element, unsigned depth) {
  const auto type = element.type();
  if (type != element_type::OBJECT && type != element_type::ARRAY) return true;
  if (depth > limits_.depth_max) {
    fail_text(JsonErrorCode::too_deep, too_deep(limits_.depth_max));
    return false;
  }
  if (type == element_type::OBJECT) return check_object(element.get_object().value_unsafe(), depth);
  return check_array(element.get_array().value_unsafe(), depth);
}

bool JsonDocument::check_object(simdjson::dom::object object, unsigned depth) {
  const std::size_t first_name = names_.size();
  for (const auto member : object) {
    names_.push_back(member.key);
    if (!check(member.value, depth + 1)) {
      note_outer_step(shown(member.key));
      return false;
    }
  }
  const bool unique = check_names(first_name);
  names_.resize(first_name);
  return unique;
}

bool JsonDocument::check_array(simdjson::dom::array array, unsigned depth) {
  std::size_t index = 0;
  for (const auto element : array) {
    if (!check(element, depth + 1)) {
      note_outer_step("[" + std::to_string(index) + "]");
      return false;
    }
    ++index;
  }
  return true;
}

bool JsonDocument::check_names(std::size_t first_name) {
  const auto names = std::span(names_).subspan(first_name);
  const auto fail_duplicate = [this](std::string_view name) {
    error_.code = JsonErrorCode::duplicate_member;
    error_.path = shown(name);
    return false;
  };
  if (names.size() > kPairwiseMembersMax) {
    std::sort(names.begin(), names.end());
    const auto twice = std::adjacent_find(names.begin(), names.end());
    return twice == names.end() || fail_duplicate(*twice);
  }
  std::array<std::uint32_t, kPairwiseMembersMax> prints;
  for (std::size_t i = 0; i < names.size(); ++i) {
    prints[i] = fingerprint(names[i]);
    for (std::size_t j = 0; j < i; ++j) {
      if (prints[i] == prints[j] && names[i] == names[j]) return fail_duplicate(names[i]);
    }
  }
  return true;
}

// The path of a duplicate grows from its end, while check() returns through the objects and arrays around it.
void JsonDocument::note_outer_step(std::string step) {
  if (error_.code != JsonErrorCode::duplicate_member) return;
  if (error_.path.front() != '[') step += '.';
  error_.path.insert(0, step);
}

JsonValue JsonDocument::value() {
  return JsonValue(this, root_, JsonStep{});
}

JsonObject JsonDocument::object() {
  if (!ok()) return {};
  return value().object();
}

std::uint32_t JsonDocument::enter(simdjson::dom::element element, const JsonStep& step) {
  containers_.push_back({element, step});
  return static_cast<std::uint32_t>(containers_.size() - 1);
}

std::string JsonDocument::path_of(const JsonStep& step) const {
  if (step.parent == JsonStep::kRoot) return {};
  std::string path = path_of(containers_[step.parent].step);
  if (step.name.data() == nullptr) return path + "[" + std::to_string(step.index) + "]";
  if (!path.empty()) path += '.';
  return path + shown(step.name);
}

// Where in the text the value begins. The parsed form has no positions, but it has the order of the members: as many
// values are skipped in the text as stand before the one wanted.
std::size_t JsonDocument::offset_of(const JsonStep& step) const {
  const std::string_view text(text_.get(), text_size_);
  if (step.parent == JsonStep::kRoot) return skip_space(text, 0);
  const Container& parent = containers_[step.parent];
  std::size_t at = offset_of(parent.step) + 1;  // behind the bracket
  const bool in_object = parent.element.is_object();
  std::size_t before = step.index;
  if (in_object) {
    before = 0;
    const simdjson::dom::object object = parent.element.get_object().value_unsafe();
    for (const auto member : object) {
      if (member.key == step.name) break;
      ++before;
    }
  }
  for (std::size_t i = 0;; ++i) {
    at = skip_space(text, at);
    if (in_object) {
      at = skip_space(text, skip_string(text, at)) + 1;  // behind the colon
      at = skip_space(text, at);
    }
    if (i == before) return at;
    at = skip_space(text, skip_value(text, at)) + 1;  // behind the comma
  }
}

std::string_view JsonDocument::number_text(const JsonStep& step) const {
  const std::string_view text(text_.get(), text_size_);
  const std::size_t begin = offset_of(step);
  return text.substr(begin, skip_plain(text, begin) - begin);
}

void JsonDocument::fail(JsonErrorCode code, const JsonStep& step, std::string_view detail) {
  if (!ok()) return;
  error_.code = code;
  error_.path = path_of(step);
  error_.detail = error_.path.empty() ? "the body" : error_.path;
  error_.detail += ' ';
  error_.detail += detail;
}

void JsonDocument::fail_text(JsonErrorCode code, std::string_view detail) {
  fail(code, JsonStep{}, detail);
}

}  // namespace holdfast::net
