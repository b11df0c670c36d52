#include "bench/load/answer.h"

#include <fmt/format.h>

#include <boost/beast/core/string.hpp>
#include <charconv>
#include <iterator>

namespace holdfast::load {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

// The next line without its end; moves `rest` behind it.
std::string_view take_line(std::string_view& rest) {
  const std::size_t end = rest.find(kLineEnd);
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + kLineEnd.size());
  return line;
}

bool named(std::string_view line, std::string_view name) {
  return line.size() > name.size() && line[name.size()] == ':' &&
         boost::beast::iequals(line.substr(0, name.size()), name);
}

std::string_view value_of(std::string_view line) {
  line.remove_prefix(line.find(':') + 1);
  const std::size_t from = line.find_first_not_of(" \t");
  return from == std::string_view::npos ? std::string_view() : line.substr(from);
}

template <class Number>
bool read_number(std::string_view text, Number& number) {
  return std::from_chars(text.data(), text.data() + text.size(), number).ec == std::errc();
}

}  // namespace

Framing read_answer(std::string_view bytes, HttpAnswer& answer) {
  const std::size_t head_end = bytes.find("\r\n\r\n");
  if (head_end == std::string_view::npos) return Framing::incomplete;
  std::string_view rest = bytes.substr(0, head_end);
  const std::string_view status_line = take_line(rest);
  if (!status_line.starts_with("HTTP/1.") || status_line.size() < 12 ||
      !read_number(status_line.substr(9, 3), answer.status))
    return Framing::malformed;

  std::size_t body = std::string_view::npos;
  answer.closes = false;
  while (!rest.empty()) {
    const std::string_view line = take_line(rest);
    if (named(line, "content-length") && !read_number(value_of(line), body)) return Framing::malformed;
    if (named(line, "connection") && boost::beast::iequals(value_of(line), "close")) answer.closes = true;
  }
  if (body == std::string_view::npos) return Framing::malformed;
  answer.length = head_end + 4 + body;
  if (bytes.size() < answer.length) return Framing::incomplete;
  answer.body = bytes.substr(head_end + 4, body);
  return Framing::complete;
}

void append_request(std::string& out, std::string_view method, std::string_view path, std::string_view host,
                    std::string_view headers, std::string_view body) {
  fmt::format_to(std::back_inserter(out), "{} {} HTTP/1.1\r\nHost: {}\r\n{}", method, path, host, headers);
  if (!body.empty()) fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\n", body.size());
  out += kLineEnd;
  out += body;
}

}  // namespace holdfast::load
