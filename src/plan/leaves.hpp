// Leaves that a plan names.

#pragma once

#include <string>

#include "h5dcp/flatten.hpp"

namespace h5dcp {

// The leaf of that name. `verb` begins the message: "save" or "load".
//
// Throws Error{invalid_argument} if there is none: the planner did not plan such an item.
const Leaf& leaf_named(const char* verb, const std::string& fqn, const Leaves& leaves);

}  // namespace h5dcp
