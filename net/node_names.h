// Cards and budgets by their public ids: "card_..." and "bud_...".
//
// Threads: on the context's loop.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "net/loop_context.h"

namespace holdfast::net {

// Appends the id of a card or budget; nothing when there is no such node.
void append_node_id(std::string& out, LoopContext& context, engine::NodeIndex node);
// nullopt when the text is no id, or that of nothing that is there.
std::optional<engine::NodeIndex> find_node(LoopContext& context, std::string_view id);
std::optional<engine::NodeIndex> find_card(LoopContext& context, std::string_view id);

}  // namespace holdfast::net
