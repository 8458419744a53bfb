// The values that the ranks of a node load, each read once.

#pragma once

#include <vector>

#include "comm/node.hpp"
#include "files/index.hpp"
#include "files/posix_file.hpp"
#include "h5dcp/planner.hpp"

namespace h5dcp {

// Reads the values that items of a plan ask for, in any order, and gives each to
// `planner.load_bytes`. All ranks of the node call it, with or without items: what several want is
// read once, in long ranges. If the session of another rank has failed, gives none or only some.
//
// Throws Error{not_found} if there is no such entry; Error{corrupt}, Error{io}.
void read_values(NodeSession& session, const PosixFile& file, const Index& index,
                 const std::vector<const ReadItem*>& items, LoadPlanner& planner);

}  // namespace h5dcp
