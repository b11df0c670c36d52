// How often this thread has called an allocator: the whole test binary counts what operator new is asked for.
#pragma once

#include <cstdint>

namespace holdfast::net {

std::uint64_t allocations_of_this_thread();

}  // namespace holdfast::net
