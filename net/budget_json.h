// A budget as the interface returns it.
//
// Threads: pure functions; profiles are read as net/node_view.h says.
// Units: amounts in minor units of the budget's currency.
#pragma once

#include <span>
#include <string>

#include "net/node_view.h"

namespace holdfast::net {

// Appends the budget path[0] as a JSON object. Windows that are over at `now` count as empty.
void append_budget(std::string& out, std::span<const NodeView> path, engine::Instant now);

}  // namespace holdfast::net
