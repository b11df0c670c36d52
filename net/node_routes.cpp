#include "net/node_routes.h"

#include "engine/identifier.h"
#include "net/list_page.h"
#include "net/node_json.h"

namespace holdfast::net {
namespace {

using engine::NodeIndex;
using engine::NodeProfile;
using engine::NodeStatus;

std::optional<BudgetAbove> find_budget(LoopContext& context, std::string_view text) {
  const auto id = engine::parse_id(kBudgetIdPrefix, text);
  const auto index = id ? context.shards.directory().find(context.shards.budget_name(*id)) : std::nullopt;
  if (!index) return std::nullopt;
  const auto guard = context.shards.epochs().pin(context.loop);
  const NodeProfile* profile = context.shards.nodes().profile(*index);
  if (profile == nullptr) return std::nullopt;  // its creation is under way
  BudgetAbove budget{*index, profile->identity.currency, 0};
  for (; profile != nullptr; profile = context.shards.nodes().profile(profile->settings.parent))
    ++budget.depth;
  return budget;
}

InputLookups lookups_of(LoopContext& context) {
  return {[&context](std::string_view name) { return context.surroundings.zone(name); },
          [&context](std::string_view id) { return find_budget(context, id); }};
}

}  // namespace

NodeRoutes::NodeRoutes(LoopContext& context, engine::NodeTable& table, const NodeKind& kind)
    : context_(context), lookups_(lookups_of(context)), table_(table), kind_(kind) {
  context_.shards.zones().for_each([this](const engine::ZoneRules& rules) { durable_zones_.insert(rules.name); });
}

engine::Key128 NodeRoutes::name_of(engine::Key128 id) const {
  return &table_ == &context_.shards.nodes().budgets ? context_.shards.budget_name(id) : context_.shards.card_name(id);
}

NodeIndex NodeRoutes::find(const Call& call) {
  const auto id = engine::parse_id(kind_.id_prefix, call.id);
  const auto node = id ? context_.shards.directory().find(name_of(*id)) : std::nullopt;
  if (node && context_.shards.nodes().profile(*node) != nullptr) {
    if (AgentScope(call).covers(context_.shards, context_.loop, *node)) return *node;
    respond_problem(call, outside_scope());
    return engine::kNoNode;
  }
  respond_problem(call.exchange, call.request, 404, kind_.not_found, "Not found",
                  "there is no " + std::string(kind_.noun) + " with this id");
  return engine::kNoNode;
}

bool NodeRoutes::may_patch(const Call& call) {
  if (!AgentScope(call).is_agent() || names_limits_only(context_.json.object())) return true;
  respond_problem(call, limits_only());
  return false;
}

NodeIndex NodeRoutes::allocate(const Call& call) {
  const NodeIndex node = table_.allocate();
  if (node == engine::kNoNode) {
    const std::string noun(kind_.noun);
    respond_problem(call.exchange, call.request, 503, "too_many_" + noun + 's', "Too many " + noun + 's',
                    "this store holds as many " + noun + "s as it can");
  }
  return node;
}

void NodeRoutes::list(const Call& call) {
  const auto page = read_list_page(call.request.query);
  NodeIndex node = table_.last();
  std::optional<NodeIndex> after;
  if (page && page->after) after = context_.shards.directory().find(name_of(*page->after));
  if (!page || (page->after && !after)) {
    return respond_problem(call.exchange, call.request, 400, "invalid_value", "Bad request", kListPageRule);
  }
  if (after) node = *after - 1;
  const AgentScope scope(call);
  const engine::Instant now = context_.surroundings.now();
  const auto guard = context_.shards.epochs().pin(context_.loop);
  std::string body = "{\"data\":[";
  std::size_t listed = 0;
  std::optional<engine::Key128> last;
  bool more = false;
  for (; (node & ~engine::kBudgetBit) != 0; --node) {
    const auto path = read_path(context_.shards.nodes(), node);
    if (path.empty()) continue;  // a number whose creation did not come about
    if (!scope.covers(context_.shards, context_.loop, node)) continue;
    more = listed == page->limit;
    if (more) break;
    if (listed++ != 0) body += ',';
    append_node(body, path, now);
    last = path[0].profile->identity.id;
  }
  append_list_end(body, more ? last : std::nullopt);
  respond_json(call.exchange, 200, body);
}

void NodeRoutes::show(const Call& call) {
  const NodeIndex node = find(call);
  if (node == engine::kNoNode) return;
  const auto guard = context_.shards.epochs().pin(context_.loop);
  const auto path = read_path(context_.shards.nodes(), node);
  std::string body;
  append_node(body, path, context_.surroundings.now());
  respond_json(call.exchange, 200, body, {{"ETag", etag_of(path[0].profile->version)}});
}

void NodeRoutes::set_status(const Call& call, NodeStatus status) {
  const NodeIndex node = find(call);
  if (node == engine::kNoNode) return;
  auto message = read_message(call, context_.shards.hasher());
  if (!message) return;
  const auto condition = read_if_match(call);
  if (!condition) return;
  if (!call.request.body.empty()) {
    if (context_.json.parse(call.request.body)) reject_unknown_members(context_.json.object(), {});
    if (!context_.json.ok()) return respond_json_error(call.exchange, call.request, context_.json.error());
  }
  ChangeRequest::make<StatusRequest>(under_way_, context_, call, std::move(*message), node, durable_zones_, *condition)
      .start(status);
}

}  // namespace holdfast::net
