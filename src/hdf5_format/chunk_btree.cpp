#include "hdf5_format/chunk_btree.hpp"

#include "hdf5_format/btree.hpp"

namespace h5dcp::hdf5_format {
namespace {

// Superblock version 0 has no number for this: it is HDF5's default, 2 x 32.
constexpr std::size_t kMostChunks = 64;

// A key: bytes of a chunk, filters that were left out, and offsets, of which the last is in the
// element.
Btree btree_of(const ChunkTree& tree) {
  return {.type = 1,
          .most = kMostChunks,
          .key_bytes = 8 + 8 * (tree.shape.size() + 1),
          .leaves = tree.chunks};
}

std::uint32_t bytes_of_chunk(const ChunkTree& tree) {
  std::uint64_t nbytes = tree.itemsize;
  for (const auto size : tree.shape) nbytes *= static_cast<std::uint64_t>(size);
  return static_cast<std::uint32_t>(nbytes);
}

// Of chunk i; behind the last one, of where that ends.
void put_key(ByteWriter& out, const ChunkTree& tree, std::size_t i,
             const std::function<ChunkPlaced(std::size_t)>& chunk) {
  const bool at_end = i >= tree.chunks;
  const auto offsets = chunk(at_end ? tree.chunks - 1 : i).offsets;
  out.u32(at_end ? 0 : bytes_of_chunk(tree));
  out.u32(0);
  for (std::size_t d = 0; d < offsets.size(); ++d) {
    out.u64(static_cast<std::uint64_t>(offsets[d] + (at_end ? tree.shape[d] : 0)));
  }
  out.u64(at_end ? tree.itemsize : 0);
}

}  // namespace

std::size_t chunk_btree_bytes(const ChunkTree& tree) {
  return btree_bytes(btree_of(tree));
}

void put_chunk_btree(ByteWriter& out, std::uint64_t address, const ChunkTree& tree,
                     const std::function<ChunkPlaced(std::size_t)>& chunk) {
  put_btree(
      out, address, btree_of(tree), [&](std::size_t before) { put_key(out, tree, before, chunk); },
      [&](std::size_t i) { return chunk(i).address; });
}

}  // namespace h5dcp::hdf5_format
