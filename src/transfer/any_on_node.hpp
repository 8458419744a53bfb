// What any rank of a node wants.

#pragma once

#include <vector>

#include "comm/node.hpp"

namespace h5dcp {

// Whether `mine[i]` holds on any rank of the node. All its ranks call it, with as many, at most
// NodeMemory::kRoomBytes. The session must be for that alone. Returns some answer if the session of
// a rank has failed.
std::vector<bool> any_on_node(NodeSession& session, const std::vector<bool>& mine);

}  // namespace h5dcp
