// A group's symbol table: the message that has it, and a node of links. "IV.A.2.r", "III.B",
// "III.C".

#pragma once

#include <cstddef>
#include <cstdint>

#include "hdf5_format/byte_writer.hpp"
#include "hdf5_format/superblock.hpp"

namespace h5dcp::hdf5_format {

inline constexpr std::size_t kSymbolTableBytes = 16;

inline void put_symbol_table(ByteWriter& out, std::uint64_t btree, std::uint64_t heap) {
  out.u64(btree);
  out.u64(heap);
}

inline constexpr std::size_t kMostLinks = 2 * kLeafK;
inline constexpr std::size_t kLinkBytes = 40;
inline constexpr std::size_t kLinkNodeBytes = 8 + kMostLinks * kLinkBytes;

// `links` put_link() follow, then zeros up to kLinkNodeBytes.
inline void put_link_node_prefix(ByteWriter& out, std::size_t links) {
  out.bytes("SNOD", 4);
  out.u8(1);  // version
  out.u8(0);
  out.u16(static_cast<std::uint16_t>(links));
}

// `name`: where it is in the heap. `header`: the address of the object.
inline void put_link(ByteWriter& out, std::uint64_t name, std::uint64_t header) {
  out.u64(name);
  out.u64(header);
  out.zeros(24);  // nothing of the object is cached here
}

}  // namespace h5dcp::hdf5_format
