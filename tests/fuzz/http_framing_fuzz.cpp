// Any bytes as a request's beginning: refused, or read in one way only, whatever the pieces in which they come.
//
// The first byte of the input says where the rest is cut in two; the rest is the request and what follows it. A request
// that is accepted is read a second time by rules written down here, as simply as they can be.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "net/http_framing.h"

namespace {

using holdfast::net::HeaderView;
using holdfast::net::HttpFraming;
using holdfast::net::HttpLimits;
using holdfast::net::RequestHead;

void require(bool holds) {
  if (!holds) std::abort();
}

// Memory of exactly the size of the bytes, so that a read beyond them is seen.
struct Copy {
  explicit Copy(std::string_view bytes) : place(std::make_unique<char[]>(bytes.size())), size(bytes.size()) {
    if (size != 0) std::memcpy(place.get(), bytes.data(), size);
  }
  std::string_view view() const { return {place.get(), size}; }
  std::unique_ptr<char[]> place;
  std::size_t size;
};

bool same(const HeaderView& a, const HeaderView& b) {
  return a.name == b.name && a.value == b.value;
}

// The body's length by looking at the lines of the head alone.
std::size_t body_by_lines(std::string_view head) {
  std::size_t length = 0;
  std::size_t hosts = 0;
  for (std::size_t at = head.find("\r\n") + 2; at < head.size();) {
    const std::size_t end = head.find("\r\n", at);
    std::string name(head.substr(at, std::min(end, head.find(':', at)) - at));
    for (char& c : name)
      c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    require(name != "transfer-encoding" && name != "content-encoding" && name != "upgrade");
    hosts += name == "host" ? 1 : 0;
    if (name == "content-length") {
      require(length == 0);
      length = std::strtoull(std::string(head.substr(at + name.size() + 1, end)).c_str(), nullptr, 10);
    }
    at = end + 2;
  }
  require(hosts == 1);
  return length;
}

void check_accepted(std::string_view bytes, const RequestHead& head, const HttpLimits& limits) {
  const std::string_view text = bytes.substr(0, head.head_bytes);
  require(text.find("\r\n\r\n") + 4 == head.head_bytes);
  require(head.head_bytes <= limits.header_bytes_max && head.body_bytes <= limits.body_bytes_max);
  require(std::count(text.begin(), text.end(), '\n') == std::count(text.begin(), text.end(), '\r'));
  require(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) == head.headers.size() + 2);
  require(text.find('\0') == std::string_view::npos);
  require(text.substr(0, text.find("\r\n")).ends_with(" HTTP/1.1"));
  require(head.path.starts_with('/'));
  require(head.body_bytes == body_by_lines(text));
}

}  // namespace

// The name is libFuzzer's.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size);  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {  // NOLINT
  if (size < 2) return 0;
  const HttpLimits limits;
  const std::string request(input + 1, input + size);
  const Copy whole(request);
  HttpFraming framing(limits.header_bytes_max, limits.body_bytes_max);
  framing.advance(whole.view());

  HttpFraming pieces(limits.header_bytes_max, limits.body_bytes_max);
  const auto first = std::make_unique<Copy>(request.substr(0, std::min<std::size_t>(input[0], request.size())));
  pieces.advance(first->view());
  const Copy second(request);
  pieces.moved(first->view().data(), second.view().data());
  pieces.advance(second.view());

  require(framing.state() == pieces.state() && framing.refusal() == pieces.refusal());
  if (framing.state() != HttpFraming::State::complete) return 0;
  const RequestHead& head = framing.head();
  const RequestHead& other = pieces.head();
  require(head.path == other.path && head.query == other.query && head.method == other.method);
  require(head.head_bytes == other.head_bytes && head.body_bytes == other.body_bytes);
  require(std::equal(head.headers.begin(), head.headers.end(), other.headers.begin(), other.headers.end(), same));
  check_accepted(whole.view(), head, limits);
  return 0;
}
