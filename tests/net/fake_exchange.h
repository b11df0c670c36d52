// An exchange that keeps its answer, and a request that owns its text.
//
// Threads: the test's.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "net/exchange.h"

namespace holdfast::net {

class FakeExchange final : public Exchange {
 public:
  using Exchange::respond;
  void respond(int answer_status, std::string_view content_type, std::string_view answer_body,
               std::span<const HeaderView> extra_headers) override {
    EXPECT_EQ(status, 0) << "answered twice";
    status = answer_status;
    type = content_type;
    body = answer_body;
    for (const HeaderView& each : extra_headers)
      headers.emplace_back(each.name, each.value);
  }
  std::string header(std::string_view name) const {
    for (const auto& [each, value] : headers) {
      if (each == name) return value;
    }
    return {};
  }

  int status = 0;  // 0: not answered yet
  std::string type;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

struct FakeRequest {
  Method method = Method::get;
  std::string path;  // with its query
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;

  // Hands the request over as the server does: nothing of it stays valid afterwards.
  void send_to(RequestHandler& handler, Exchange& exchange,
               SteadyTime first_byte = std::chrono::steady_clock::now()) const {
    FakeRequest copy = *this;
    std::vector<HeaderView> views;
    for (const auto& [name, value] : copy.headers)
      views.push_back({name, value});
    std::string id = "req-1";
    Request request;
    request.method = method;
    const std::string_view target = copy.path;
    request.path = target.substr(0, target.find('?'));
    if (request.path.size() < target.size()) request.query = target.substr(request.path.size() + 1);
    request.headers = views;
    request.body = copy.body;
    request.first_byte = first_byte;
    request.id = id;
    handler.on_request(request, exchange);
    std::fill(copy.path.begin(), copy.path.end(), '#');
    std::fill(copy.body.begin(), copy.body.end(), '#');
    std::fill(id.begin(), id.end(), '#');
  }
};

}  // namespace holdfast::net
