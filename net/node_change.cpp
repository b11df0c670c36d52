#include "net/node_change.h"

#include <openssl/crypto.h>

#include "engine/identifier.h"
#include "net/budget_json.h"
#include "net/card_json.h"
#include "net/node_json.h"

namespace holdfast::net {

using engine::NodeIndex;
using engine::NodeProfile;
using engine::NodeStatus;

const NodeKind& kind_of(NodeIndex node) {
  static constexpr NodeKind kCard{"/api/v1/cards", kCardIdPrefix, "card", "card_not_found", "card_closed"};
  static constexpr NodeKind kBudget{"/api/v1/budgets", kBudgetIdPrefix, "budget", "budget_not_found", "budget_closed"};
  return engine::is_budget(node) ? kBudget : kCard;
}

void append_node(std::string& out, std::span<const NodeView> path, engine::Instant now) {
  engine::is_budget(path[0].index) ? append_budget(out, path, now) : append_card(out, path, now);
}

// ---- Any change

std::string_view NodeChange::compose(const engine::Outcome&) {
  // On the owner's loop nobody replaces a profile of the path meanwhile.
  append_node(composed_, read_path(context_.shards.nodes(), node_), now_);
  return composed_;
}

void NodeChange::launch_behind(const std::optional<engine::ZoneRules>& zone, engine::Command command) {
  if (!zone || durable_zones_.contains(zone->name)) return launch(std::move(command));
  behind_zone_ = std::move(command);
  launch(engine::DefineZone{*zone}, false);
}

void NodeChange::decided(Flight& flight, const Answer& answer) {
  const auto* zone = std::get_if<engine::DefineZone>(&flight.command);
  if (zone == nullptr) return respond_node(answer);
  durable_zones_.insert(zone->rules.name);
  launch(std::move(behind_zone_));
}

void NodeChange::respond_node(const Answer& answer) {
  respond_json(exchange_, 200, answer.stored, {{"ETag", etag_of(version_in(answer.stored))}});
}

bool NodeChange::reject(Problem problem) {
  problem_ = std::move(problem);
  return false;
}

bool NodeChange::is_open(NodeIndex budget) {
  while (budget != engine::kNoNode) {
    const NodeProfile& above = *context_.shards.nodes().profile(budget);
    if (above.status == NodeStatus::closed) {
      return reject({409, "budget_closed", "Conflict", "the budget, or one above it, is closed, which is final"});
    }
    budget = above.settings.parent;
  }
  return true;
}

// ---- Creations

engine::NodeIdentity NodeCreation::new_identity(engine::Currency currency) const {
  engine::NodeIdentity identity;
  identity.id = engine::make_ulid(now_, context_.surroundings.random());
  identity.created_at = now_;
  identity.currency = currency;
  return identity;
}

void NodeCreation::respond_node(const Answer& answer) {
  std::string body = answer.stored;
  const std::string etag = etag_of(version_in(body));
  std::string location(kind_of(answer.card).path);
  location += '/';
  bool secret = false;
  {
    const auto guard = context_.shards.epochs().pin(context_.loop);
    const engine::NodeIdentity& identity = context_.shards.nodes().profile(answer.card)->identity;
    engine::append_id(location, kind_of(answer.card).id_prefix, identity.id);
    secret = add_secrets(body, identity);
  }
  if (!secret) return respond_json(exchange_, 201, body, {{"Location", location}, {"ETag", etag}});
  respond_json(exchange_, 201, body, {{"Location", location}, {"ETag", etag}, {"Cache-Control", "no-store"}});
  OPENSSL_cleanse(body.data(), body.size());
}

// ---- Changes of what is there

bool NodeUpdate::is_in_scope(unsigned loop) {
  return scope_.covers(context_.shards, loop, node_) || reject(outside_scope());
}

bool NodeUpdate::may_become(const engine::NodeSettings& settings) {
  if (!scope_.is_agent()) return true;
  const auto problem = agent_may_change(profile().settings, settings);
  return problem ? reject(*problem) : true;
}

bool NodeUpdate::has_version() {
  if (condition_.holds(profile().version)) return true;
  return reject({412, "version_mismatch", "Precondition failed",
                 "the " + std::string(kind_of(node_).noun) + " has another version than If-Match asks for"});
}

bool NodeUpdate::reject_closed() {
  const NodeKind& kind = kind_of(node_);
  return reject({409, kind.closed, "Conflict", "the " + std::string(kind.noun) + " is closed, which is final"});
}

bool NodeUpdate::reject_fault(std::string_view member, std::string_view detail) {
  return reject({400, "invalid_value", "Bad request", std::string(member) + ' ' + std::string(detail)});
}

void StatusRequest::start(NodeStatus status) {
  status_ = status;
  launch(engine::SetNodeStatus{node_, status});
}

// A status that the node has already is journaled all the same: what made it so may not be durable yet, and 200
// promises that it is.
bool StatusRequest::prepare(engine::Command&, unsigned loop) {
  if (!is_in_scope(loop) || !has_version()) return false;
  if (profile().status == status_) return true;
  return profile().status == NodeStatus::closed ? reject_closed() : true;
}

}  // namespace holdfast::net
