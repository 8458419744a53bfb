// The B-tree, version 1, of the chunks of a dataset: finds where a chunk is in the file. "III.A.1".

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "hdf5_format/byte_writer.hpp"

namespace h5dcp::hdf5_format {

// Chunks without filters, in the order of their offsets, row-major.
struct ChunkTree {
  std::size_t chunks = 0;                    // one at least
  std::span<const std::int64_t> shape = {};  // of a chunk
  std::size_t itemsize = 0;
};

// Where a chunk begins: in the dataset, and in the file.
struct ChunkPlaced {
  std::span<const std::int64_t> offsets = {};
  std::uint64_t address = 0;
};

// Of the whole tree, all of its nodes full but for the last ones.
std::size_t chunk_btree_bytes(const ChunkTree& tree);

// The tree at `address`, where its root is. What `chunk(i)` refers to is good until the next call.
void put_chunk_btree(ByteWriter& out, std::uint64_t address, const ChunkTree& tree,
                     const std::function<ChunkPlaced(std::size_t)>& chunk);

}  // namespace h5dcp::hdf5_format
