// The superblock, version 0: where an HDF5 file begins. "II.A. Disk Format: Level 0A".

#pragma once

#include <cstddef>
#include <cstdint>

#include "hdf5_format/byte_writer.hpp"

namespace h5dcp::hdf5_format {

// What nodes of groups hold, for all groups of the file: HDF5's defaults.
inline constexpr std::size_t kLeafK = 4;       // a symbol table node has up to 2 x kLeafK links
inline constexpr std::size_t kInternalK = 16;  // a node of a B-tree up to 2 x kInternalK children

struct Superblock {
  std::uint64_t user_block = 0;  // bytes before the superblock
  std::uint64_t file_bytes = 0;  // with the user block
  // Of the root group; relative to the superblock, as all addresses but file_bytes.
  std::uint64_t root_header = 0;
  std::uint64_t root_btree = 0;
  std::uint64_t root_heap = 0;
};

inline constexpr std::size_t kSuperblockBytes = 96;

inline void put_superblock(ByteWriter& out, const Superblock& superblock) {
  out.bytes("\x89HDF\r\n\x1a\n", 8);
  out.u8(0);  // versions: of the superblock,
  out.u8(0);  // the free space,
  out.u8(0);  // the root group's entry
  out.u8(0);
  out.u8(0);  // and shared messages
  out.u8(8);  // bytes of an address
  out.u8(8);  // and of a length
  out.u8(0);
  out.u16(kLeafK);
  out.u16(kInternalK);
  out.u32(0);  // flags
  out.u64(superblock.user_block);
  out.u64(kUndefined);  // no free space
  out.u64(superblock.file_bytes);
  out.u64(kUndefined);  // no driver
  out.u64(0);           // the root group has no name
  out.u64(superblock.root_header);
  out.u32(1);  // "cached": these two follow
  out.u32(0);
  out.u64(superblock.root_btree);
  out.u64(superblock.root_heap);
}

}  // namespace h5dcp::hdf5_format
