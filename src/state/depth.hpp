// How deep lists and maps may be nested in a state dict.

#pragma once

#include <cstddef>

#include "h5dcp/state_dict.hpp"

namespace h5dcp {

// Flattening, copying and destroying nested values recurse: a thread's stack of 8 MiB carries ten
// times as many. No model or optimizer comes near.
inline constexpr std::size_t kMostDepth = 1000;

// Throws Error{unsupported}, which names the key of `map`, if lists and maps are nested more than
// kMostDepth deep, of which `above` lie above `map`. Does not recurse itself.
void check_depth(const Map& map, std::size_t above = 0);

}  // namespace h5dcp
