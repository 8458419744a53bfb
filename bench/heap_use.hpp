// How much memory the program has allocated by `new`, as it asked for it. For programs of one
// thread.

#pragma once

#include <cstddef>

namespace bench {

std::size_t allocated_bytes();

// The most that was allocated at once since the last call.
std::size_t take_peak();

}  // namespace bench
