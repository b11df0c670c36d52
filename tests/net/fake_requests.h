// The requests that tests of routes make.
//
// Threads: none.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "tests/net/api_fixture.h"

namespace holdfast::net {

inline FakeRequest post(std::string_view path, std::string body = {}, std::string idempotency_key = {}) {
  FakeRequest request{Method::post, std::string(path), std::move(body), {}};
  if (!idempotency_key.empty()) request.headers.emplace_back("Idempotency-Key", std::move(idempotency_key));
  return request;
}

inline FakeRequest get(std::string path) {
  return {Method::get, std::move(path), {}, {}};
}

inline FakeRequest patch(std::string path, std::string body, std::string if_match = {}) {
  FakeRequest request{Method::patch, std::move(path), std::move(body), {}};
  if (!if_match.empty()) request.headers.emplace_back("If-Match", std::move(if_match));
  return request;
}

}  // namespace holdfast::net
