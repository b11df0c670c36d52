#include "net/rfc3339.h"

#include <algorithm>

namespace holdfast::net {
namespace {

using engine::Instant;

constexpr Instant kFirst{std::chrono::sys_days{std::chrono::year{0} / 1 / 1}};
constexpr Instant kLast =
    Instant{std::chrono::sys_days{std::chrono::year{10'000} / 1 / 1}} - std::chrono::milliseconds{1};
constexpr std::size_t kDateBytes = 10;      // "2026-11-23"
constexpr std::size_t kDateTimeBytes = 19;  // "2026-11-23T15:00:00"

void append_digits(std::string& out, unsigned number, unsigned digits) {
  for (unsigned divisor = digits == 4 ? 1000 : digits == 3 ? 100 : 10; divisor != 0; divisor /= 10) {
    out += static_cast<char>('0' + number / divisor % 10);
  }
}

// Exactly `count` digits at `at`; nullopt when one is missing.
std::optional<unsigned> digits_at(std::string_view text, std::size_t at, std::size_t count) {
  unsigned number = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (i >= text.size() || text[i] < '0' || text[i] > '9') return std::nullopt;
    number = number * 10 + static_cast<unsigned>(text[i] - '0');
  }
  return number;
}

bool has(std::string_view text, std::size_t at, char c) {
  return at < text.size() && text[at] == c;
}

std::optional<Instant> parse_local(std::string_view text) {
  const auto year = digits_at(text, 0, 4);
  const auto month = digits_at(text, 5, 2);
  const auto day = digits_at(text, 8, 2);
  const auto hour = digits_at(text, 11, 2);
  const auto minute = digits_at(text, 14, 2);
  const auto second = digits_at(text, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  if (!has(text, 4, '-') || !has(text, 7, '-') || !has(text, kDateBytes, 'T') || !has(text, 13, ':') ||
      !has(text, 16, ':')) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year{static_cast<int>(*year)}, std::chrono::month{*month},
                                         std::chrono::day{*day}};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  return Instant{std::chrono::sys_days{date}} + std::chrono::hours{*hour} + std::chrono::minutes{*minute} +
         std::chrono::seconds{*second};
}

// Reads ".5" and takes it from the text; nullopt when digits must follow and do not.
std::optional<std::chrono::milliseconds> take_fraction(std::string_view& text) {
  if (!has(text, 0, '.')) return std::chrono::milliseconds{0};
  std::size_t end = text.find_first_not_of("0123456789", 1);
  if (end == std::string_view::npos) end = text.size();
  if (end == 1) return std::nullopt;
  unsigned millis = 0;
  for (std::size_t i = 1; i <= 3; ++i)
    millis = millis * 10 + (i < end ? static_cast<unsigned>(text[i] - '0') : 0);
  text.remove_prefix(end);
  return std::chrono::milliseconds{millis};
}

std::optional<std::chrono::minutes> parse_offset(std::string_view text) {
  if (text == "Z") return std::chrono::minutes{0};
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return std::nullopt;
  const auto hours = digits_at(text, 1, 2);
  const auto minutes = digits_at(text, 4, 2);
  if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  const std::chrono::minutes offset{static_cast<int>(*hours * 60 + *minutes)};
  return text[0] == '-' ? -offset : offset;
}

}  // namespace

void append_rfc3339(std::string& out, Instant instant) {
  instant = std::clamp(instant, kFirst, kLast);
  const auto day = std::chrono::floor<std::chrono::days>(instant);
  const std::chrono::year_month_day date{day};
  auto rest = static_cast<unsigned>((instant - day).count());
  append_digits(out, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  out += '-';
  append_digits(out, static_cast<unsigned>(date.month()), 2);
  out += '-';
  append_digits(out, static_cast<unsigned>(date.day()), 2);
  out += 'T';
  append_digits(out, rest / 3'600'000, 2);
  out += ':';
  append_digits(out, rest / 60'000 % 60, 2);
  out += ':';
  append_digits(out, rest / 1000 % 60, 2);
  out += '.';
  append_digits(out, rest % 1000, 3);
  out += 'Z';
}

std::optional<Instant> parse_rfc3339(std::string_view text) {
  const auto local = parse_local(text);
  if (!local) return std::nullopt;
  std::string_view rest = text.substr(kDateTimeBytes);
  const auto fraction = take_fraction(rest);
  const auto offset = parse_offset(rest);
  if (!fraction || !offset) return std::nullopt;
  const Instant instant = *local + *fraction - *offset;
  if (instant < kFirst || instant > kLast) return std::nullopt;
  return instant;
}

}  // namespace holdfast::net
