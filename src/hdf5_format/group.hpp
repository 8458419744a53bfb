// A group in one piece: object header, local heap, B-tree and the nodes of links.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "hdf5_format/byte_writer.hpp"

namespace h5dcp::hdf5_format {

struct GroupMember {
  std::string_view name;     // not empty, without '/' and NUL
  std::uint64_t header = 0;  // the address of its object header
};

// Where the parts of a group are.
struct GroupPlace {
  std::uint64_t header = 0;
  std::uint64_t heap = 0;
  std::uint64_t btree = 0;
  std::uint64_t link_nodes = 0;
  std::uint64_t end = 0;
};

// Of a group at `address` with so many members, whose names take `name_bytes` bytes in a heap.
GroupPlace place_group(std::uint64_t address, std::size_t members, std::size_t name_bytes);

// Its bytes, from place.header to place.end. Names ascend, byte by byte.
void put_group(ByteWriter& out, const GroupPlace& place, std::span<const GroupMember> members);

}  // namespace h5dcp::hdf5_format
