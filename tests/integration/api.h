// The native interface as a client sees it: bodies to send, members of answers, metrics.
//
// Threads: pure functions and calls on the client that is given.
// Errors: std::runtime_error when an answer is not what a step of a test needs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/integration/daemon_process.h"
#include "tests/integration/http_client.h"

namespace holdfast::integration {

// Members by JSON pointer ("/limits/0/held"). A missing one, or one of another type, is an error.
std::string json_text(std::string_view json, std::string_view pointer);  // "" for null
std::int64_t json_integer(std::string_view json, std::string_view pointer);
bool json_flag(std::string_view json, std::string_view pointer);
std::size_t json_size(std::string_view json, std::string_view pointer);  // of an array

// Id of a new card with one lifetime limit, in US dollars.
std::string make_card(HttpClient& client, std::int64_t limit_minor);
// The whole answer to the creation.
std::string make_card_from(HttpClient& client, std::string_view body);

std::string authorization_body(std::string_view id, std::string_view card, std::int64_t amount);
// A whole request for a Load.
std::string authorization_request(std::string_view id, std::string_view card, std::int64_t amount);
HttpAnswer authorize(HttpClient& client, std::string_view id, std::string_view card, std::int64_t amount);

bool approved(const HttpAnswer& answer);
// 0 for a decline.
std::int64_t approved_amount(std::string_view answer);
std::string decline_reason(const HttpAnswer& answer);

// Of the card's first limit.
std::int64_t held(HttpClient& client, std::string_view card);

// The sum of a metric's samples whose labels contain `labels`; 0 without any.
double metric(const DaemonProcess& daemon, std::string_view name, std::string_view labels = {});
HttpAnswer ready(const DaemonProcess& daemon);

// What `holdfast inspect --json` says of authorizations.
struct Journaled {
  std::string authorization;
  std::string message;
  bool approved = false;
  std::int64_t approved_amount = 0;
  bool withdrawn = false;
  unsigned records = 0;
};
std::vector<Journaled> journaled_authorizations(const Sandbox& sandbox);
// Lines of `holdfast inspect`.
std::size_t journal_records(const Sandbox& sandbox);

}  // namespace holdfast::integration
