// The B-tree, version 1, of a group: finds the node of links that has a name. "III.A.1".

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "hdf5_format/byte_writer.hpp"
#include "hdf5_format/superblock.hpp"

namespace h5dcp::hdf5_format {

inline constexpr std::size_t kMostChildren = 2 * kInternalK;

// Of a whole tree above `link_nodes` nodes of links, all of its nodes full but for the last ones.
std::size_t group_btree_bytes(std::size_t link_nodes);

// The tree at `address`, where its root is. Nodes of links are at `first_link_node`, one behind the
// other. `last_names` has for each, in order, where its last name is in the heap.
void put_group_btree(ByteWriter& out, std::uint64_t address, std::uint64_t first_link_node,
                     std::span<const std::uint64_t> last_names);

}  // namespace h5dcp::hdf5_format
