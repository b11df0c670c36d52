#include "net/node_names.h"

#include "engine/identifier.h"

namespace holdfast::net {
namespace {

constexpr std::string_view kCardPrefix = "card_";
constexpr std::string_view kBudgetPrefix = "bud_";

// A name is entered before the node is there.
std::optional<engine::NodeIndex> existing(LoopContext& context, std::optional<engine::NodeIndex> node) {
  const auto guard = context.shards.epochs().pin(context.loop);
  return node && context.shards.nodes().profile(*node) != nullptr ? node : std::nullopt;
}

}  // namespace

void append_node_id(std::string& out, LoopContext& context, engine::NodeIndex node) {
  const auto guard = context.shards.epochs().pin(context.loop);
  const engine::NodeProfile* profile = context.shards.nodes().profile(node);
  if (profile == nullptr) return;
  engine::append_id(out, engine::is_budget(node) ? kBudgetPrefix : kCardPrefix, profile->identity.id);
}

std::optional<engine::NodeIndex> find_card(LoopContext& context, std::string_view id) {
  const auto key = engine::parse_id(kCardPrefix, id);
  if (!key) return std::nullopt;
  return existing(context, context.shards.directory().find(context.shards.card_name(*key)));
}

std::optional<engine::NodeIndex> find_node(LoopContext& context, std::string_view id) {
  const auto key = engine::parse_id(kBudgetPrefix, id);
  if (!key) return find_card(context, id);
  return existing(context, context.shards.directory().find(context.shards.budget_name(*key)));
}

}  // namespace holdfast::net
