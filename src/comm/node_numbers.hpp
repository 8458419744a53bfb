// Which ranks are on one node.

#pragma once

#include <cstdint>
#include <vector>

namespace h5dcp {

// The same number on all ranks of a node, and another one on other nodes; never 0. A node is a
// machine, and on it those containers that have the same name and the same shared memory.
std::uint64_t node_key();

// Numbers from 0 on for those that have the same key, in the order in which they come first.
std::vector<std::uint32_t> number_nodes(const std::vector<std::uint64_t>& keys);

// The same ranks with at most so many a node, neighbours together; 0: as they are.
std::vector<std::uint32_t> split_nodes(const std::vector<std::uint32_t>& nodes, int most);

}  // namespace h5dcp
