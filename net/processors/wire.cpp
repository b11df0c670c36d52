#include "net/processors/wire.h"

#include <openssl/evp.h>

#include <array>
#include <cassert>
#include <charconv>

#include "engine/ascii.h"
#include "net/processors/event.h"

namespace holdfast::net::wire {

std::string_view text_or_empty(const JsonObject& object, std::string_view name) {
  const auto value = object.find(name);
  return value ? value->string_if_any().value_or(std::string_view{}) : std::string_view{};
}

JsonObject object_or_empty(const JsonObject& object, std::string_view name) {
  const auto value = object.find(name);
  return value && value->is_object() ? value->object() : JsonObject{};
}

std::string_view cut(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  std::size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
    --end;
  return text.substr(0, end);
}

std::string_view merchant_name(const JsonObject& object, std::string_view name) {
  return cut(text_or_empty(object, name), engine::kMerchantNameBytesMax);
}

engine::CategoryCode category(const JsonObject& object, std::string_view name) {
  return engine::category_from_digits(text_or_empty(object, name)).value_or(engine::kNoCategory);
}

engine::Country country(const JsonObject& object, std::string_view name) {
  return engine::country_from_text(text_or_empty(object, name)).value_or(engine::Country{});
}

engine::Currency currency(std::string_view alpha) {
  return engine::currency_from_alpha(alpha).value_or(engine::Currency{});
}

void append_integer(std::string& out, std::int64_t value) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

void append_message_id(std::string& out, std::string_view about, std::string_view body) {
  constexpr std::size_t kDigestBytes = 32;
  constexpr std::size_t kAboutBytesMax = kMessageIdBytesMax - 2 * kDigestBytes - 1;
  std::array<std::byte, kDigestBytes> digest{};
  [[maybe_unused]] const int hashed = EVP_Digest(
      body.data(), body.size(), reinterpret_cast<unsigned char*>(digest.data()), nullptr, EVP_sha256(), nullptr);
  assert(hashed == 1);
  out.append(cut(about, kAboutBytesMax));
  out += ':';
  engine::append_hex(out, digest);
}

}  // namespace holdfast::net::wire
