#include "hdf5_format/chunk_btree.hpp"

#include <algorithm>
#include <vector>

namespace h5dcp::hdf5_format {
namespace {

// Superblock version 0 has no number for this: it is HDF5's default, 2 x 32.
constexpr std::size_t kMostChunks = 64;

// Bytes of a chunk, filters that were left out, and offsets, of which the last is in the element.
constexpr std::size_t key_bytes(std::size_t dims) {
  return 8 + 8 * (dims + 1);
}

constexpr std::size_t node_bytes(std::size_t dims) {
  return 24 + kMostChunks * 8 + (kMostChunks + 1) * key_bytes(dims);
}

// How many nodes each level has, the lowest first.
std::vector<std::size_t> levels_above(std::size_t chunks) {
  const auto parents_of = [](std::size_t nodes) { return (nodes + kMostChunks - 1) / kMostChunks; };
  std::vector<std::size_t> levels{parents_of(chunks)};
  while (levels.back() > 1) levels.push_back(parents_of(levels.back()));
  return levels;
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
  std::size_t nodes = 0;
  for (const auto level : levels_above(tree.chunks)) nodes += level;
  return nodes * node_bytes(tree.shape.size());
}

void put_chunk_btree(ByteWriter& out, std::uint64_t address, const ChunkTree& tree,
                     const std::function<ChunkPlaced(std::size_t)>& chunk) {
  const auto levels = levels_above(tree.chunks);
  const auto size = node_bytes(tree.shape.size());
  std::size_t below = 1;  // chunks below a child of a node of the level
  for (std::size_t l = 1; l < levels.size(); ++l) below *= kMostChunks;

  std::uint64_t first_node = address;  // of the level
  for (std::size_t l = levels.size(); l-- > 0; below /= kMostChunks) {
    const auto nodes = levels[l];
    const auto children = l == 0 ? tree.chunks : levels[l - 1];
    const auto first_child = first_node + nodes * size;
    for (std::size_t n = 0; n < nodes; ++n) {
      const auto first = n * kMostChunks;
      const auto used = std::min(children - first, kMostChunks);
      const auto node = first_node + n * size;
      out.bytes("TREE", 4);
      out.u8(1);  // of chunks
      out.u8(static_cast<std::uint8_t>(l));
      out.u16(static_cast<std::uint16_t>(used));
      out.u64(n == 0 ? kUndefined : node - size);
      out.u64(n + 1 == nodes ? kUndefined : node + size);
      put_key(out, tree, first * below, chunk);
      for (auto child = first; child < first + used; ++child) {
        out.u64(l == 0 ? chunk(child).address : first_child + child * size);
        put_key(out, tree, (child + 1) * below, chunk);
      }
      out.zeros((kMostChunks - used) * (8 + key_bytes(tree.shape.size())));
    }
    first_node = first_child;
  }
}

}  // namespace h5dcp::hdf5_format
