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

// The leaf of that name. `verb` begins the message: "save" or "load".
//
// Throws Error{invalid_argument} if there is none: the planner did not plan such an item.
const Leaf& leaf_named(const std::string& verb, const std::string& fqn,
                       const std::vector<Leaf>& leaves,
                       const std::unordered_map<std::string, std::size_t>& places);

}  // namespace h5dcp
