#include "net/simulator/holders.h"

#include <utility>

#include "net/simulator/text.h"

namespace holdfast::net::simulator {

Holders::Holders(std::optional<Access> access, std::string endpoint, std::string run)
    : endpoint_(std::move(endpoint)), run_(std::move(run)) {
  if (!access) return;
  connection_.emplace(access->url);
  headers_ = "Authorization: Bearer " + access->key + "\r\nContent-Type: application/json\r\n";
}

HttpReply Holders::call(std::string_view method, const std::string& path, std::string_view body) {
  HttpReply reply = connection_->call(method, path, headers_, body);
  if (reply.status >= 300) throw Unplayable(path + " answers " + std::to_string(reply.status) + ": " + reply.body);
  return reply;
}

// Gives its id.
std::string Holders::make_one(const Holder& holder, std::string_view card_id) {
  std::string body = R"({"label":)";
  put(body, Quoted{"simulated " + holder.name});
  if (!holder.parent.empty()) {
    const std::string& path = paths_.at(holder.parent);
    put(body, holder.is_budget ? R"(,"parent":)" : R"(,"budget":)", Quoted{path.substr(path.rfind('/') + 1)});
  }
  if (!holder.is_budget && !endpoint_.empty())
    put(body, R"(,"processor":{"endpoint":)", Quoted{endpoint_}, R"(,"card_id":)", Quoted{card_id}, "}");
  if (holder.settings.size() > 2) put(body, ",", std::string_view(holder.settings).substr(1));
  if (holder.settings.size() <= 2) body += '}';
  const std::string calls = holder.is_budget ? "/api/v1/budgets" : "/api/v1/cards";
  const HttpReply reply = call("POST", calls, body);
  document_.parse(reply.body);
  std::string id(document_.object().required_string("id", engine::kIdBytesMax));
  if (!document_.ok()) throw Unplayable(calls + " gives no id: " + reply.body);
  paths_[holder.name] = calls + "/" + id;
  return id;
}

void Holders::make(const std::vector<Holder>& holders, const std::map<std::string, std::string>& given_cards) {
  references_.clear();
  paths_.clear();
  int number = 0;
  for (const Holder& holder : holders) {
    const auto given = given_cards.find(holder.name);
    if (given != given_cards.end()) {
      references_[holder.name] = given->second;
      continue;
    }
    const std::string card_id = "sim_" + run_ + "_" + std::to_string(++number);
    const std::string id = connection_ ? make_one(holder, card_id) : std::string();
    if (!holder.is_budget) references_[holder.name] = endpoint_.empty() ? id : card_id;
  }
}

ShownBalance Holders::balance(const std::string& name) {
  const std::string& path = paths_.at(name);
  const HttpReply reply = call("GET", path, {});
  document_.parse(reply.body);
  const JsonObject object = document_.object();
  ShownBalance shown;
  shown.over_limit = object.optional_bool("over_limit").value_or(false);
  bool first = true;
  object.required_array("limits", 100).for_each([&](const JsonValue& each) {
    if (!std::exchange(first, false)) return;
    const JsonObject limit = each.object();
    shown.held = limit.required_int64("held");
    shown.posted = limit.required_int64("posted");
    shown.remaining = limit.required_int64("remaining");
  });
  if (!document_.ok()) throw Unplayable(path + ": " + document_.error().detail);
  return shown;
}

}  // namespace holdfast::net::simulator
