// The framing of HTTP/1.1 answers, as far as a client of this program needs it: a status, a Content-Length, a body.
//
// Threads: pure functions. Ownership: what is read views the bytes. Errors: `malformed`; an answer without a
// Content-Length is one, since its end could not be told.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::load {

enum class Framing : std::uint8_t { incomplete, complete, malformed };

struct HttpAnswer {
  int status = 0;
  std::string_view body;
  bool closes = false;     // the server ends the connection after it
  std::size_t length = 0;  // of the whole answer in bytes
};

// Reads the first answer in `bytes`; `answer` is set when it is complete.
Framing read_answer(std::string_view bytes, HttpAnswer& answer);

// Appends a whole request. `headers` are complete lines, each with its CRLF; Host and Content-Length are added.
void append_request(std::string& out, std::string_view method, std::string_view path, std::string_view host,
                    std::string_view headers, std::string_view body);

}  // namespace holdfast::load
