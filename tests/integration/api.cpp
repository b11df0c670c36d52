#include "tests/integration/api.h"

#include <simdjson.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <sstream>
#include <stdexcept>

namespace holdfast::integration {
namespace {

[[noreturn]] void unexpected(std::string_view json, std::string_view pointer) {
  throw std::runtime_error("no such member: " + std::string(pointer) + " in " + std::string(json));
}

template <class Read>
auto read_member(std::string_view json, std::string_view pointer, Read&& read) {
  simdjson::dom::parser parser;
  const simdjson::padded_string padded(json);
  simdjson::dom::element document;
  simdjson::dom::element member;
  if (parser.parse(padded).get(document) != simdjson::SUCCESS) unexpected(json, pointer);
  if (document.at_pointer(pointer).get(member) != simdjson::SUCCESS) unexpected(json, pointer);
  return read(member);
}

template <class Value>
Value value_of(std::string_view json, std::string_view pointer) {
  return read_member(json, pointer, [&](simdjson::dom::element member) {
    Value value{};
    if (member.get(value) != simdjson::SUCCESS) unexpected(json, pointer);
    return value;
  });
}

std::string money(std::int64_t minor) {
  const std::string cents = std::to_string(100 + minor % 100);
  return std::to_string(minor / 100) + "." + cents.substr(1);
}

}  // namespace

std::string json_text(std::string_view json, std::string_view pointer) {
  return read_member(json, pointer, [&](simdjson::dom::element member) -> std::string {
    if (member.is_null()) return {};
    std::string_view text;
    if (member.get(text) != simdjson::SUCCESS) unexpected(json, pointer);
    return std::string(text);
  });
}

std::int64_t json_integer(std::string_view json, std::string_view pointer) {
  return value_of<std::int64_t>(json, pointer);
}

bool json_flag(std::string_view json, std::string_view pointer) {
  return value_of<bool>(json, pointer);
}

std::size_t json_size(std::string_view json, std::string_view pointer) {
  return read_member(json, pointer, [&](simdjson::dom::element member) {
    simdjson::dom::array array;
    if (member.get(array) != simdjson::SUCCESS) unexpected(json, pointer);
    return array.size();
  });
}

std::string make_card_from(HttpClient& client, std::string_view body) {
  const HttpAnswer answer = client.post("/api/v1/cards", body);
  if (answer.status != 201) throw std::runtime_error("no card: " + answer.head + answer.body);
  return answer.body;
}

std::string make_card(HttpClient& client, std::int64_t limit_minor) {
  return json_text(make_card_from(client, R"({"label":"of a test","limit_usd":")" + money(limit_minor) + "\"}"), "/id");
}

std::string authorization_body(std::string_view id, std::string_view card, std::int64_t amount) {
  std::string body = R"({"id":")";
  body.append(id).append(R"(","card":")").append(card).append(R"(","amount":)").append(std::to_string(amount));
  return body.append(R"(,"currency":"USD","merchant":{"id":"m_77","name":"OpenAI","category":"5734","country":"US"}})");
}

std::string authorization_request(std::string_view id, std::string_view card, std::int64_t amount) {
  return request_text("POST", "/api/v1/authorizations", authorization_body(id, card, amount),
                      {{"Authorization", "Bearer " + std::string(kAdminKey)}});
}

HttpAnswer authorize(HttpClient& client, std::string_view id, std::string_view card, std::int64_t amount) {
  return client.post("/api/v1/authorizations", authorization_body(id, card, amount));
}

bool approved(const HttpAnswer& answer) {
  return answer.status == 200 && json_flag(answer.body, "/approved");
}

std::int64_t approved_amount(std::string_view answer) {
  return json_flag(answer, "/approved") ? json_integer(answer, "/approved_amount") : 0;
}

std::string decline_reason(const HttpAnswer& answer) {
  return answer.status == 200 ? json_text(answer.body, "/decline_reason") : "status " + std::to_string(answer.status);
}

std::int64_t held(HttpClient& client, std::string_view card) {
  return json_integer(client.get("/api/v1/cards/" + std::string(card)).body, "/limits/0/held");
}

double metric(const DaemonProcess& daemon, std::string_view name, std::string_view labels) {
  HttpClient client(daemon.ops_port());
  std::istringstream lines(client.get("/metrics").body);
  double sum = 0;
  for (std::string line; std::getline(lines, line);) {
    const std::size_t end = line.find_first_of("{ ");
    if (line.substr(0, end) != name || line.find(labels) == std::string::npos) continue;
    sum += std::strtod(line.c_str() + line.rfind(' '), nullptr);
  }
  return sum;
}

HttpAnswer ready(const DaemonProcess& daemon) {
  return HttpClient(daemon.ops_port()).get("/readyz");
}

std::vector<Journaled> journaled_authorizations(const Sandbox& sandbox) {
  std::istringstream lines(run_holdfast({"inspect", sandbox.store().string(), "--json"}).out);
  std::map<std::string, Journaled> found;
  for (std::string line; std::getline(lines, line);) {
    const std::string type = json_text(line, "/type");
    if (type != "authorize" && type != "withdraw") continue;
    const std::string message = json_text(line, "/message");
    Journaled& entry = found[message];
    entry.message = message;
    entry.authorization = json_text(line, "/authorization");
    if (type == "withdraw") {
      entry.withdrawn = true;
      continue;
    }
    ++entry.records;
    entry.approved = json_flag(line, "/approved");
    entry.approved_amount = json_integer(line, "/approved_amount");
  }
  std::vector<Journaled> all;
  for (auto& [message, entry] : found)
    all.push_back(std::move(entry));
  return all;
}

std::size_t journal_records(const Sandbox& sandbox) {
  const std::string out = run_holdfast({"inspect", sandbox.store().string()}).out;
  return static_cast<std::size_t>(std::count(out.begin(), out.end(), '\n'));
}

}  // namespace holdfast::integration
