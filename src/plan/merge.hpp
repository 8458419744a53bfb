// What all ranks propose to write under one FQN, made into who writes what.

#pragma once

#include <vector>

#include "h5dcp/default_planner.hpp"
#include "h5dcp/planner.hpp"

namespace h5dcp {

// Every element of a tensor is written once, by a rank that holds it; a value by one rank.
// Ascending by box; empty for a tensor without elements. The order of one rank's holders is of no
// account.
//
// Throws Error{invalid_argument} if the holders contradict each other, or their boxes do not tile
// the tensor once equal ones are taken together.
std::vector<PlannedWrite> merge(const Proposals& proposals, Replicas replicas);

}  // namespace h5dcp
