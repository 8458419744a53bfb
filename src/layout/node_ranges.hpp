// How what several nodes have of a dataset lies between each other.

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "h5dcp/box.hpp"

namespace h5dcp {

// The bytes of the shortest range of a row-major tensor of `sizes` that one node has, of a node
// that has several; 0 if none has, as then nodes meet only where one begins and another ends.
// `nodes[i]` has box i. What a node has in boxes that together are none counts box by box.
std::uint64_t shortest_node_range(const Extents& sizes, std::size_t itemsize,
                                  const std::vector<Box>& boxes,
                                  const std::vector<std::uint32_t>& nodes);

}  // namespace h5dcp
