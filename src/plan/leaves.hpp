// Leaves by name.

#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>
#include <vector>

#include "h5dcp/flatten.hpp"

namespace h5dcp {

// The place of each FQN in `leaves`, whose FQNs differ.
std::unordered_map<std::string, std::size_t> places_of(const std::vector<Leaf>& leaves);

}  // namespace h5dcp
