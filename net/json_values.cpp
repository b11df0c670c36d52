// Reading the values of a JsonDocument; the document itself is in json_document.cpp.
#include <algorithm>

#include "net/json_document.h"

namespace holdfast::net {
namespace {

using simdjson::dom::element_type;

constexpr std::size_t kDecimalTextBytesMax = 64;

std::string integer_range(std::int64_t min, std::int64_t max) {
  const bool no_min = min == std::numeric_limits<std::int64_t>::min();
  const bool no_max = max == std::numeric_limits<std::int64_t>::max();
  if (no_min && no_max) return "must be an integer of 64 bits";
  if (no_max) return "must be an integer of at least " + std::to_string(min);
  if (no_min) return "must be an integer of at most " + std::to_string(max);
  return "must be an integer from " + std::to_string(min) + " to " + std::to_string(max);
}

}  // namespace

std::optional<std::string_view> JsonValue::string_if_any() const {
  std::string_view text;
  if (element_.get(text) != simdjson::SUCCESS) return std::nullopt;
  return text;
}

std::string_view JsonValue::string(std::size_t bytes_max) const {
  std::string_view text;
  if (element_.get(text) != simdjson::SUCCESS) {
    fail("must be a string", JsonErrorCode::wrong_type);
    return {};
  }
  if (text.size() > bytes_max) {
    fail("must be at most " + std::to_string(bytes_max) + " bytes long", JsonErrorCode::too_long);
    return {};
  }
  if (text.find('\0') != std::string_view::npos) {
    fail("must not contain U+0000");
    return {};
  }
  return text;
}

std::int64_t JsonValue::int64(std::int64_t min, std::int64_t max) const {
  const auto type = element_.type();
  if (type != element_type::INT64 && type != element_type::UINT64) {
    fail(integer_range(min, max), JsonErrorCode::wrong_type);
    return 0;
  }
  std::int64_t number = 0;
  if (element_.get(number) != simdjson::SUCCESS || number < min || number > max) {
    fail(integer_range(min, max), JsonErrorCode::out_of_range);
    return 0;
  }
  return number;
}

bool JsonValue::boolean() const {
  bool value = false;
  if (element_.get(value) != simdjson::SUCCESS) fail("must be true or false", JsonErrorCode::wrong_type);
  return value;
}

JsonObject JsonValue::object() const {
  simdjson::dom::object object;
  if (element_.get(object) != simdjson::SUCCESS) {
    fail("must be an object", JsonErrorCode::wrong_type);
    return {};
  }
  return JsonObject(document_, object, document_->enter(element_, step_));
}

JsonArray JsonValue::array(std::size_t elements_max) const {
  simdjson::dom::array array;
  if (element_.get(array) != simdjson::SUCCESS) {
    fail("must be an array", JsonErrorCode::wrong_type);
    return {};
  }
  if (array.size() > elements_max) {
    fail("must have at most " + std::to_string(elements_max) + " elements", JsonErrorCode::too_long);
    return {};
  }
  return JsonArray(document_, array, document_->enter(element_, step_));
}

std::string_view JsonValue::decimal_text() const {
  if (element_.is_string()) return string(kDecimalTextBytesMax);
  if (!element_.is_number()) {
    fail("must be a number or a decimal string", JsonErrorCode::wrong_type);
    return {};
  }
  const std::string_view token = document_->number_text(step_);
  if (token.size() > kDecimalTextBytesMax) {
    fail("must be at most " + std::to_string(kDecimalTextBytesMax) + " characters long", JsonErrorCode::too_long);
    return {};
  }
  return token;
}

void JsonValue::fail(std::string_view detail, JsonErrorCode code) const {
  document_->fail(code, step_, detail);
}

void JsonValue::fail_enumerated(std::span<const std::string_view> names) const {
  std::string detail = "must be one of";
  for (const auto name : names)
    detail.append(name.data() == names.front().data() ? " " : ", ").append(name);
  fail(detail, element_.is_string() ? JsonErrorCode::invalid_value : JsonErrorCode::wrong_type);
}

std::optional<JsonValue> JsonObject::find(std::string_view name) const {
  if (document_ == nullptr) return std::nullopt;
  simdjson::dom::element element;
  if (object_.at_key(name).get(element) != simdjson::SUCCESS) return std::nullopt;
  return JsonValue(document_, element, JsonStep{container_, 0, name});
}

bool JsonObject::is_null(std::string_view name) const {
  const auto value = find(name);
  return value && value->is_null();
}

std::optional<JsonValue> JsonObject::find_or_fail(std::string_view name) const {
  auto value = find_unless_null(name);
  if (!value) fail(name, "is required", JsonErrorCode::missing_member);
  return value;
}

std::optional<JsonValue> JsonObject::find_unless_null(std::string_view name) const {
  auto value = find(name);
  if (value && value->is_null()) value.reset();
  return value;
}

std::string_view JsonObject::required_string(std::string_view name, std::size_t bytes_max) const {
  const auto value = find_or_fail(name);
  if (!value) return {};
  const std::string_view text = value->string(bytes_max);
  if (text.empty()) value->fail("must not be empty");
  return text;
}

std::optional<std::string_view> JsonObject::optional_string(std::string_view name, std::size_t bytes_max) const {
  const auto value = find_unless_null(name);
  if (!value) return std::nullopt;
  return value->string(bytes_max);
}

std::int64_t JsonObject::required_int64(std::string_view name, std::int64_t min, std::int64_t max) const {
  const auto value = find_or_fail(name);
  return value ? value->int64(min, max) : 0;
}

std::optional<std::int64_t> JsonObject::optional_int64(std::string_view name, std::int64_t min,
                                                       std::int64_t max) const {
  const auto value = find_unless_null(name);
  if (!value) return std::nullopt;
  return value->int64(min, max);
}

bool JsonObject::required_bool(std::string_view name) const {
  const auto value = find_or_fail(name);
  return value && value->boolean();
}

std::optional<bool> JsonObject::optional_bool(std::string_view name) const {
  const auto value = find_unless_null(name);
  if (!value) return std::nullopt;
  return value->boolean();
}

JsonObject JsonObject::required_object(std::string_view name) const {
  const auto value = find_or_fail(name);
  return value ? value->object() : JsonObject{};
}

std::optional<JsonObject> JsonObject::optional_object(std::string_view name) const {
  const auto value = find_unless_null(name);
  if (!value) return std::nullopt;
  return value->object();
}

JsonArray JsonObject::required_array(std::string_view name, std::size_t elements_max) const {
  const auto value = find_or_fail(name);
  return value ? value->array(elements_max) : JsonArray{};
}

std::optional<JsonArray> JsonObject::optional_array(std::string_view name, std::size_t elements_max) const {
  const auto value = find_unless_null(name);
  if (!value) return std::nullopt;
  return value->array(elements_max);
}

std::string_view JsonObject::required_decimal_text(std::string_view name) const {
  const auto value = find_or_fail(name);
  return value ? value->decimal_text() : std::string_view{};
}

std::optional<std::string_view> JsonObject::optional_decimal_text(std::string_view name) const {
  const auto value = find_unless_null(name);
  if (!value) return std::nullopt;
  return value->decimal_text();
}

std::size_t JsonObject::size() const {
  std::size_t members = 0;
  for_each([&members](std::string_view, const JsonValue&) { ++members; });
  return members;
}

void JsonObject::fail(std::string_view name, std::string_view detail, JsonErrorCode code) const {
  if (document_ != nullptr) document_->fail(code, JsonStep{container_, 0, name}, detail);
}

void reject_unknown_members(const JsonObject& object, std::span<const std::string_view> allowed) {
  object.for_each([allowed](std::string_view name, const JsonValue& value) {
    if (std::find(allowed.begin(), allowed.end(), name) == allowed.end()) {
      value.fail("is not a known member", JsonErrorCode::unknown_member);
    }
  });
}

}  // namespace holdfast::net
