// Strict JSON: one request body parsed, checked as a whole, and read member by member with errors that name the member.
//
// Threads: a JsonDocument and everything read from it belong to one event loop.
// Invariants: after parse() gave true, the text is exactly one JSON value of valid UTF-8, no object in it has two
// members of one name (escapes undone), and nothing nests deeper than the limit. The first error is kept and later ones
// are dropped: read all that is wanted, then look at ok() once. After an error the accessors give stand-ins (empty,
// zero). Ownership: text is copied in; every string_view and object read from a document is valid until its next
// parse(). Member names given to accessors must live as long (use literals). Units: sizes in bytes of UTF-8, after
// escapes are undone. Steady state allocates nothing: buffers are made once for the largest text; an error allocates
// its message.
//
// The DOM parser and not On-Demand: On-Demand checks only what is read, so it lets pass what the next parser would not.
#pragma once

#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast::net {

enum class JsonErrorCode : std::uint8_t {
  none = 0,
  // Of the text as a whole.
  too_large,
  malformed,
  too_deep,
  duplicate_member,
  // Of a member.
  missing_member,
  unknown_member,
  wrong_type,
  out_of_range,
  too_long,
  invalid_value,
};

// "duplicate_member": stable, for callers; "" for none.
std::string_view json_error_name(JsonErrorCode code);

struct JsonError {
  JsonErrorCode code = JsonErrorCode::none;
  std::string detail;  // one sentence for people; names members, never shows values
  std::string path;    // "limits[2].amount"; empty for the document
};

struct JsonLimits {
  std::size_t bytes_max = 256 * 1024;
  unsigned depth_max = 32;  // objects and arrays inside each other, the outermost counted
};

class JsonArray;
class JsonDocument;
class JsonObject;

// Where a value stands: the member or element of an enclosing object or array.
struct JsonStep {
  static constexpr std::uint32_t kRoot = 0xFFFF'FFFF;  // as parent: the value is the whole document
  std::uint32_t parent = kRoot;                        // index into the document's containers
  std::uint32_t index = 0;                             // in an array
  std::string_view name;                               // in an object; null data in an array
};

// A value that is there, null included.
class JsonValue {
 public:
  bool is_null() const { return element_.is_null(); }
  bool is_object() const { return element_.is_object(); }
  bool is_array() const { return element_.is_array(); }
  bool is_number() const { return element_.is_number(); }
  // The text of a string of any length and content; nullopt, and no error, when it is something else.
  std::optional<std::string_view> string_if_any() const;

  // 0 to bytes_max bytes, without U+0000.
  std::string_view string(std::size_t bytes_max) const;
  // A JSON integer: neither 1.0 nor 1e2 nor "5" is one.
  std::int64_t int64(std::int64_t min, std::int64_t max) const;
  bool boolean() const;
  JsonObject object() const;
  JsonArray array(std::size_t elements_max) const;
  // The text of a number exactly as it was sent, or of a string of at most 64 bytes: for decimal amounts, which must
  // not pass through a double. Whether the text is a decimal is the caller's question.
  std::string_view decimal_text() const;
  // One of the names; the value that belongs to it.
  template <class Enum>
  Enum enumerated(std::span<const std::pair<std::string_view, Enum>> names) const;

  // Reports what the accessors cannot know: "detail" completes a sentence that begins with the member's path.
  void fail(std::string_view detail, JsonErrorCode code = JsonErrorCode::invalid_value) const;

 private:
  friend class JsonArray;
  friend class JsonDocument;
  friend class JsonObject;
  JsonValue(JsonDocument* document, simdjson::dom::element element, JsonStep step)
      : document_(document), element_(element), step_(step) {}
  void fail_enumerated(std::span<const std::string_view> names) const;

  JsonDocument* document_;
  simdjson::dom::element element_;
  JsonStep step_;
};

// An object, or after an error the stand-in for one, which has no members and reports nothing more.
class JsonObject {
 public:
  JsonObject() = default;

  // The member, also when it is null; nullopt when there is none.
  std::optional<JsonValue> find(std::string_view name) const;
  bool has(std::string_view name) const { return find(name).has_value(); }
  bool is_null(std::string_view name) const;

  // required_*: missing and null are errors. optional_*: missing and null give nullopt.
  std::string_view required_string(std::string_view name, std::size_t bytes_max) const;  // at least 1 byte
  std::optional<std::string_view> optional_string(std::string_view name, std::size_t bytes_max) const;
  std::int64_t required_int64(std::string_view name, std::int64_t min = std::numeric_limits<std::int64_t>::min(),
                              std::int64_t max = std::numeric_limits<std::int64_t>::max()) const;
  std::optional<std::int64_t> optional_int64(std::string_view name,
                                             std::int64_t min = std::numeric_limits<std::int64_t>::min(),
                                             std::int64_t max = std::numeric_limits<std::int64_t>::max()) const;
  bool required_bool(std::string_view name) const;
  std::optional<bool> optional_bool(std::string_view name) const;
  JsonObject required_object(std::string_view name) const;
  std::optional<JsonObject> optional_object(std::string_view name) const;
  JsonArray required_array(std::string_view name, std::size_t elements_max) const;
  std::optional<JsonArray> optional_array(std::string_view name, std::size_t elements_max) const;
  std::string_view required_decimal_text(std::string_view name) const;
  std::optional<std::string_view> optional_decimal_text(std::string_view name) const;
  template <class Enum>
  Enum required_enumerated(std::string_view name, std::span<const std::pair<std::string_view, Enum>> names) const;
  template <class Enum>
  std::optional<Enum> optional_enumerated(std::string_view name,
                                          std::span<const std::pair<std::string_view, Enum>> names) const;

  // Calls visit(std::string_view name, JsonValue value) for each member in the order of the text.
  template <class Visit>
  void for_each(Visit&& visit) const;
  // Counts the members.
  std::size_t size() const;

  // As JsonValue::fail, of a member (which may be missing).
  void fail(std::string_view name, std::string_view detail, JsonErrorCode code = JsonErrorCode::invalid_value) const;

 private:
  friend class JsonDocument;
  friend class JsonValue;
  JsonObject(JsonDocument* document, simdjson::dom::object object, std::uint32_t container)
      : document_(document), object_(object), container_(container) {}
  std::optional<JsonValue> find_or_fail(std::string_view name) const;
  std::optional<JsonValue> find_unless_null(std::string_view name) const;

  JsonDocument* document_ = nullptr;  // null: a stand-in
  simdjson::dom::object object_;
  std::uint32_t container_ = 0;
};

// Reports the first member that `allowed` does not name: a misspelt control must not silently allow everything.
void reject_unknown_members(const JsonObject& object, std::span<const std::string_view> allowed);
inline void reject_unknown_members(const JsonObject& object, std::initializer_list<std::string_view> allowed) {
  reject_unknown_members(object, std::span<const std::string_view>(allowed.begin(), allowed.size()));
}

// An array, or the stand-in for one, which is empty.
class JsonArray {
 public:
  JsonArray() = default;
  std::size_t size() const { return document_ == nullptr ? 0 : array_.size(); }
  bool empty() const { return size() == 0; }
  // Calls visit(JsonValue value) for each element in order.
  template <class Visit>
  void for_each(Visit&& visit) const;

 private:
  friend class JsonValue;
  JsonArray(JsonDocument* document, simdjson::dom::array array, std::uint32_t container)
      : document_(document), array_(array), container_(container) {}

  JsonDocument* document_ = nullptr;
  simdjson::dom::array array_;
  std::uint32_t container_ = 0;
};

class JsonDocument {
 public:
  explicit JsonDocument(JsonLimits limits = {});
  JsonDocument(const JsonDocument&) = delete;
  JsonDocument& operator=(const JsonDocument&) = delete;

  // Forgets the text before and reads this one. False: error() says why.
  bool parse(std::string_view text);

  // Of the text that was parsed: the whole of it as an object. A stand-in, and an error, when it is something else.
  JsonObject object();
  // The whole of it, whatever it is. Only after parse() gave true.
  JsonValue value();

  bool ok() const { return error_.code == JsonErrorCode::none; }
  const JsonError& error() const { return error_; }

 private:
  friend class JsonObject;
  friend class JsonValue;

  // An object or array that was read, and how it was reached.
  struct Container {
    simdjson::dom::element element;
    JsonStep step;
  };

  bool check(simdjson::dom::element element, unsigned depth);
  bool check_object(simdjson::dom::object object, unsigned depth);
  bool check_array(simdjson::dom::array array, unsigned depth);
  bool check_names(std::size_t first_name);
  void note_outer_step(std::string step);
  std::uint32_t enter(simdjson::dom::element element, const JsonStep& step);
  std::string path_of(const JsonStep& step) const;
  std::size_t offset_of(const JsonStep& step) const;
  std::string_view number_text(const JsonStep& step) const;
  void fail(JsonErrorCode code, const JsonStep& step, std::string_view detail);
  void fail_text(JsonErrorCode code, std::string_view detail);

  const JsonLimits limits_;
  simdjson::dom::parser parser_;
  simdjson::dom::document parsed_;
  simdjson::dom::element root_;
  std::unique_ptr<char[]> text_;  // with the padding that the parser reads beyond the end
  std::size_t text_size_ = 0;
  std::vector<Container> containers_;
  std::vector<std::string_view> names_;  // of the objects that are being checked
  JsonError error_;
};

template <class Enum>
Enum JsonValue::enumerated(std::span<const std::pair<std::string_view, Enum>> names) const {
  std::string_view text;
  if (element_.get(text) == simdjson::SUCCESS) {
    for (const auto& [name, value] : names) {
      if (name == text) return value;
    }
  }
  std::vector<std::string_view> allowed;
  for (const auto& [name, value] : names)
    allowed.push_back(name);
  fail_enumerated(allowed);
  return Enum{};
}

template <class Enum>
Enum JsonObject::required_enumerated(std::string_view name,
                                     std::span<const std::pair<std::string_view, Enum>> names) const {
  const auto value = find_or_fail(name);
  return value ? value->enumerated(names) : Enum{};
}

template <class Enum>
std::optional<Enum> JsonObject::optional_enumerated(std::string_view name,
                                                    std::span<const std::pair<std::string_view, Enum>> names) const {
  const auto value = find_unless_null(name);
  if (!value) return std::nullopt;
  return value->enumerated(names);
}

template <class Visit>
void JsonObject::for_each(Visit&& visit) const {
  if (document_ == nullptr) return;
  for (const auto member : object_) {
    visit(member.key, JsonValue(document_, member.value, JsonStep{container_, 0, member.key}));
  }
}

template <class Visit>
void JsonArray::for_each(Visit&& visit) const {
  if (document_ == nullptr) return;
  std::uint32_t index = 0;
  for (const auto element : array_)
    visit(JsonValue(document_, element, JsonStep{container_, index++, {}}));
}

}  // namespace holdfast::net
