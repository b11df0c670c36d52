#include "net/http_framing.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <cstring>

#include "engine/ascii.h"

namespace holdfast::net {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;
using engine::is_digit;
using BeastView = boost::beast::string_view;

std::string_view view(BeastView text) {
  return {text.data(), text.size()};
}

bool is_control(char c) {
  return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F;
}
bool is_ascii(char c) {
  return static_cast<unsigned char>(c) < 0x80;
}

// The first byte that may not stand in a line, CR among them; null when there is none. The loop without a branch is the
// one that runs for every byte of every request: the compiler makes vectors of it.
const char* first_bad_byte(const char* begin, const char* end) {
  unsigned bad = 0;
  for (const char* at = begin; at != end; ++at)
    bad |= static_cast<unsigned>(is_control(*at));
  return bad == 0 ? nullptr : std::find_if(begin, end, is_control);
}

// `line` is the request line without CRLF. What remains for Beast is the method and the bytes of the target.
Refusal check_request_line(std::string_view line) {
  constexpr std::string_view kVersion = "HTTP/1.1";
  if (!std::all_of(line.begin(), line.end(), is_ascii)) return Refusal::bad_byte;
  const std::size_t space = line.rfind(' ');
  if (space == std::string_view::npos) return Refusal::bad_request_line;
  const std::string_view version = line.substr(space + 1);
  if (version == kVersion) return Refusal::none;
  const bool other_version = version.size() == kVersion.size() && version.starts_with("HTTP/") &&
                             is_digit(version[5]) && version[6] == '.' && is_digit(version[7]);
  return other_version ? Refusal::unsupported_version : Refusal::bad_request_line;
}

// One host, by name or address, and perhaps a port. Lists, user names and paths are out.
bool is_host(std::string_view value) {
  static constexpr std::string_view kOthers = ".-_:[]%";
  return !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || kOthers.find(c) != std::string_view::npos;
  });
}

Method method_of(http::verb verb) {
  switch (verb) {
    case http::verb::get:
      return Method::get;
    case http::verb::post:
      return Method::post;
    case http::verb::patch:
      return Method::patch;
    case http::verb::delete_:
      return Method::del;
    default:
      return Method::other;
  }
}

}  // namespace

// Beast's parser over one whole head, with the headers that frame a request noted as they pass.
class HttpFraming::HeadReader final : public http::basic_parser<true> {
 public:
  explicit HeadReader(HttpFraming& framing) : framing_(framing) {
    skip(true);  // bodies are not for Beast
    header_limit(static_cast<std::uint32_t>(framing.header_bytes_max_));
  }

  std::size_t header_count = 0;
  std::size_t hosts = 0;
  std::size_t lengths = 0;
  std::string_view host;
  std::string_view length;
  std::string_view expectation;
  bool transfer_encoding = false;
  bool content_encoding = false;
  bool upgrade_asked = false;
  bool expects = false;
  bool bad_target = false;

 private:
  void on_request_impl(http::verb verb, BeastView /*name*/, BeastView target, int /*version*/,
                       error_code& error) override {
    RequestHead& head = framing_.head_;
    head.method = method_of(verb);
    head.is_head = verb == http::verb::head;
    const std::string_view all = view(target);
    if (!all.starts_with('/') || all.find('#') != std::string_view::npos) {
      bad_target = true;
      error = http::error::bad_target;
      return;
    }
    const std::size_t mark = std::min(all.find('?'), all.size());
    head.path = all.substr(0, mark);
    head.query = all.substr(std::min(mark + 1, all.size()));
  }

  void on_field_impl(http::field field, BeastView name, BeastView value, error_code& error) override {
    if (header_count == kHeadersMax) {
      error = http::error::header_limit;
      return;
    }
    framing_.headers_[header_count++] = {view(name), view(value)};
    switch (field) {
      case http::field::host:
        ++hosts;
        host = view(value);
        break;
      case http::field::content_length:
        ++lengths;
        length = view(value);
        break;
      case http::field::expect:
        expects = true;
        expectation = view(value);
        break;
      case http::field::transfer_encoding:
        transfer_encoding = true;
        break;
      case http::field::content_encoding:
        content_encoding = true;
        break;
      case http::field::upgrade:
        upgrade_asked = true;
        break;
      default:
        break;
    }
  }

  void on_header_impl(error_code& /*error*/) override {}
  void on_finish_impl(error_code& /*error*/) override {}
  // Of responses, and of bodies, which are never given to it.
  void on_response_impl(int, BeastView, int, error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(BeastView body, error_code&) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t, BeastView, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, BeastView body, error_code&) override { return body.size(); }

  HttpFraming& framing_;
};

HttpFraming::State HttpFraming::refuse(Refusal refusal) {
  refusal_ = refusal;
  state_ = State::refused;
  return state_;
}

HttpFraming::State HttpFraming::advance(std::string_view bytes) {
  // Beyond the limit nothing is looked at, so that the verdict is the same whether the rest has come yet or not.
  const std::size_t end = std::min(bytes.size(), header_bytes_max_);
  while (state_ == State::incomplete && scanned_ < end) {
    const char* begin = bytes.data() + scanned_;
    const auto* feed = static_cast<const char*>(std::memchr(begin, '\n', end - scanned_));
    const char* last = feed != nullptr ? feed : bytes.data() + end;
    const bool carriage_return = last != begin && last[-1] == '\r';
    if (carriage_return) --last;
    if (const char* bad = first_bad_byte(begin, last); bad != nullptr) {
      return refuse(*bad == '\r' ? Refusal::bad_line_ending : Refusal::bad_byte);
    }
    scanned_ = static_cast<std::size_t>(last - bytes.data());  // a CR waits here for its LF
    if (feed == nullptr) break;
    if (!carriage_return) return refuse(Refusal::bad_line_ending);
    const std::string_view line = bytes.substr(line_begin_, scanned_ - line_begin_);
    scanned_ += 2;
    line_begin_ = scanned_;
    if (end_line(line)) return read_head(bytes.substr(0, scanned_));
  }
  if (state_ == State::incomplete && end == header_bytes_max_) return refuse(Refusal::header_too_large);
  return state_;
}

// True when `line` is the empty one that ends the head; refuses what a line alone tells.
bool HttpFraming::end_line(std::string_view line) {
  if (lines_++ == 0) {
    if (const Refusal refusal = check_request_line(line); refusal != Refusal::none) refuse(refusal);
    return false;
  }
  if (line.empty()) return true;
  if (line.front() == ' ' || line.front() == '\t') {
    refuse(Refusal::folded_header);
  } else if (lines_ > kHeadersMax + 1) {
    refuse(Refusal::too_many_headers);
  }
  return false;
}

HttpFraming::State HttpFraming::read_head(std::string_view bytes) {
  HeadReader reader(*this);
  error_code error;
  const std::size_t consumed = reader.put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
  if (error) {
    // Beast objects to a Transfer-Encoding next to a Content-Length; here any Transfer-Encoding is the offence.
    if (reader.transfer_encoding || error == http::error::bad_transfer_encoding) {
      return refuse(Refusal::transfer_encoding);
    }
    if (error == http::error::bad_content_length) return refuse(Refusal::bad_length);
    if (reader.bad_target || error == http::error::bad_target) return refuse(Refusal::bad_target);
    if (error == http::error::bad_method || error == http::error::bad_version) {
      return refuse(Refusal::bad_request_line);
    }
    return refuse(Refusal::bad_header);
  }
  if (consumed != bytes.size() || !reader.is_done()) return refuse(Refusal::bad_header);
  head_.head_bytes = bytes.size();
  head_.headers = std::span(headers_).first(reader.header_count);
  head_.close = !reader.keep_alive();
  if (const Refusal refusal = check_head(reader); refusal != Refusal::none) return refuse(refusal);
  state_ = State::complete;
  return state_;
}

Refusal HttpFraming::check_head(const HeadReader& reader) {
  constexpr std::size_t kLengthDigitsMax = 9;  // fits in an int whatever the configured limit
  if (reader.transfer_encoding) return Refusal::transfer_encoding;
  if (reader.hosts != 1 || !is_host(reader.host)) return Refusal::bad_host;
  if (reader.lengths > 1) return Refusal::bad_length;
  std::size_t length = 0;
  if (reader.lengths == 1) {
    const std::string_view digits = reader.length;
    if (digits.empty() || !std::all_of(digits.begin(), digits.end(), is_digit)) return Refusal::bad_length;
    if (digits.front() == '0' && digits.size() > 1) return Refusal::bad_length;
    if (digits.size() > kLengthDigitsMax) return Refusal::body_too_large;
    for (const char digit : digits)
      length = length * 10 + static_cast<std::size_t>(digit - '0');
  } else if (head_.method == Method::post || head_.method == Method::patch) {
    return Refusal::length_required;
  }
  if (reader.upgrade_asked) return Refusal::upgrade;
  if (reader.content_encoding) return Refusal::content_encoding;
  if (reader.expects) {
    if (!same_token(reader.expectation, "100-continue")) return Refusal::expectation;
    head_.expects_continue = true;
  }
  if (length > body_bytes_max_) return Refusal::body_too_large;
  head_.body_bytes = length;
  return Refusal::none;
}

void HttpFraming::moved(const char* from, const char* to) {
  if (state_ != State::complete) return;
  const auto follow = [from, to](std::string_view& text) {
    if (text.data() != nullptr) text = {to + (text.data() - from), text.size()};
  };
  follow(head_.path);
  follow(head_.query);
  for (HeaderView& header : std::span(headers_).first(head_.headers.size())) {
    follow(header.name);
    follow(header.value);
  }
}

void HttpFraming::restart() {
  state_ = State::incomplete;
  refusal_ = Refusal::none;
  scanned_ = 0;
  line_begin_ = 0;
  lines_ = 0;
  head_ = {};
}

}  // namespace holdfast::net
