// What one peer, or all of them, may take of an HTTP server. This is the only place where these defaults stand.
//
// Threads: a value, copied into the server when it is made.
// Units: bytes and milliseconds of the steady clock, as the names say.
#pragma once

#include <chrono>
#include <cstddef>

namespace holdfast::net {

struct HttpLimits {
  // Connections open at once on this server (one loop, one listener). One more is answered 503 and closed.
  std::size_t connections_max = 10'000;
  // Request line, headers and the empty line behind them. More is 431 and close.
  std::size_t header_bytes_max = 8 * 1024;
  // Content-Length of a request. More is 413 and close, without reading it.
  std::size_t body_bytes_max = 256 * 1024;
  // Requests of one connection read ahead of their answers, 1 to 1024; with so many unanswered nothing more is read.
  std::size_t pipeline_depth_max = 32;
  // Answers that a peer has not taken yet; beyond this nothing more is read from it.
  std::size_t unsent_bytes_max = 256 * 1024;

  // From the first byte of a request to the end of its headers. Longer is 408 and close.
  std::chrono::milliseconds header_time_max{5'000};
  // From the end of the headers to the end of the body. Longer is 408 and close.
  std::chrono::milliseconds body_time_max{5'000};
  // Between two requests of a connection, and before the first. Longer is close.
  std::chrono::milliseconds idle_time_max{75'000};
  // A peer that takes not one byte of waiting answers for so long is cut.
  std::chrono::milliseconds write_time_max{5'000};
  // After the last answer of a connection what still arrives is read and dropped, so that no reset destroys the answer
  // on its way; a peer that has not closed by then is cut.
  std::chrono::milliseconds linger_time_max{1'000};
  // Pause of accepting when the process is out of file descriptors or the kernel out of memory.
  std::chrono::milliseconds accept_pause{100};
};

// Headers of one request; one more is 431 and close.
inline constexpr std::size_t kHeadersMax = 64;
// Bytes of an X-Request-Id that is taken over from a request.
inline constexpr std::size_t kRequestIdBytesMax = 64;
// Read buffer of a connection. It grows for a body that does not fit, as its bytes arrive, and shrinks again behind it.
inline constexpr std::size_t kReadBufferBytes = 16 * 1024;

}  // namespace holdfast::net
