// The leaves of a state dict in the order of their names.

#pragma once

#include <vector>

#include "h5dcp/flatten.hpp"

namespace h5dcp {

// As flatten_state_dict, but for the order: that a name comes twice is seen without a hash table.
std::vector<Leaf> leaves_by_name(StateDict& state_dict);

}  // namespace h5dcp
