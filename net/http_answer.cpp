#include "net/http_answer.h"

#include <algorithm>
#include <boost/beast/http/status.hpp>
#include <charconv>
#include <ctime>
#include <random>

namespace holdfast::net {
namespace {

void append_number(std::string& out, std::size_t number) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

void append_header(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  out += value;
  out += "\r\n";
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

bool may_stand_in_id(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

}  // namespace

bool RequestId::assign(std::string_view text) {
  if (text.empty() || text.size() > bytes_.size()) return false;
  if (!std::all_of(text.begin(), text.end(), may_stand_in_id)) return false;
  std::copy(text.begin(), text.end(), bytes_.begin());
  size_ = text.size();
  return true;
}

RequestIds::RequestIds() {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::random_device device;
  for (char& digit : prefix_)
    digit = kHex[device() % kHex.size()];
}

void RequestIds::next(RequestId& id) {
  static_assert(std::tuple_size_v<decltype(prefix_)> + 1 + 16 <= kRequestIdBytesMax);
  char* at = std::copy(prefix_.begin(), prefix_.end(), id.bytes_.data());
  *at++ = '-';
  at = std::to_chars(at, id.bytes_.data() + id.bytes_.size(), ++made_, 16).ptr;
  id.size_ = static_cast<std::size_t>(at - id.bytes_.data());
}

void append_answer_head(std::string& out, const AnswerHead& head) {
  const auto reason = boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(head.status));
  out += "HTTP/1.1 ";
  append_number(out, static_cast<std::size_t>(head.status));
  out += ' ';
  out.append(reason.data(), reason.size());
  out += "\r\n";
  append_header(out, "Date", head.date);
  if (!head.content_type.empty()) append_header(out, "Content-Type", head.content_type);
  if (head.status != 204 && head.status != 304) {
    out += "Content-Length: ";
    append_number(out, head.body_bytes);
    out += "\r\n";
  }
  append_header(out, "X-Request-Id", head.request_id);
  if (head.close) append_header(out, "Connection", "close");
  for (const HeaderView& header : head.extra_headers) {
    // Nothing that a header was made from may begin another header.
    if (!has_control(header.name) && !has_control(header.value)) append_header(out, header.name, header.value);
  }
  out += "\r\n";
}

void write_http_date(std::string& out, std::chrono::system_clock::time_point now) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  // Not strftime's %a and %b: they speak the language of the locale.
  constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto append_two = [&out](int number) {
    out += static_cast<char>('0' + number / 10 % 10);
    out += static_cast<char>('0' + number % 10);
  };
  out = kDays[static_cast<std::size_t>(parts.tm_wday)];
  out += ", ";
  append_two(parts.tm_mday);
  out += ' ';
  out += kMonths[static_cast<std::size_t>(parts.tm_mon)];
  out += ' ';
  append_number(out, static_cast<std::size_t>(parts.tm_year) + 1900);
  out += ' ';
  append_two(parts.tm_hour);
  out += ':';
  append_two(parts.tm_min);
  out += ':';
  append_two(parts.tm_sec);
  out += " GMT";
}

}  // namespace holdfast::net
