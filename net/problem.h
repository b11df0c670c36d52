// Error bodies of the API: RFC 9457 problem details, and the JSON strings in them.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>

namespace holdfast::net {

inline constexpr std::string_view kProblemContentType = "application/problem+json";

// Appends `text` as a JSON string with its quotes (RFC 8259 section 7). Quotes, backslashes and control bytes are
// escaped; a byte that is not part of valid UTF-8 becomes U+FFFD, so the result is always valid JSON.
void append_json_string(std::string& out, std::string_view text);

// A problem details object. `status` is the HTTP status of the answer that carries it; `code` is for programs, stable,
// snake_case; `title` says the same to people; `detail` says what was wrong this time and names the offending member.
std::string problem_json(int status, std::string_view code, std::string_view title, std::string_view detail,
                         std::string_view request_id);

}  // namespace holdfast::net
