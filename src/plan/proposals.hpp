// Plans of all ranks, seen name by name.

#pragma once

#include <map>
#include <string>
#include <vector>

#include "h5dcp/planner.hpp"

namespace h5dcp {

// What plans[r], rank r's, propose under each FQN; Holder::item is the position in its plan.
//
// Throws Error{invalid_argument} if an item lacks what it is made of, or ranks have one FQN at
// different paths.
std::map<std::string, Proposals> proposals_of(const std::vector<SavePlan>& plans);

// Throws Error{invalid_argument} if the planner left the item without what it is made of.
void check_made(const WriteItem& item);

// Throws Error{invalid_argument}: two ranks have one FQN at different paths of their state dicts. A
// checkpoint stores one path, so one of them could not be unflattened.
[[noreturn]] void refuse_paths(const std::string& fqn, int rank, const Path& path, int other_rank,
                               const Path& other_path);

}  // namespace h5dcp
