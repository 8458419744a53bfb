// The nodes of a B-tree, version 1, of which all are full but for the last ones. "III.A.1".

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "hdf5_format/byte_writer.hpp"

namespace h5dcp::hdf5_format {

struct Btree {
  std::uint8_t type = 0;  // 0 of a group, 1 of chunks
  std::size_t most = 0;   // children of a node
  std::size_t key_bytes = 0;
  std::size_t leaves = 0;  // what the lowest nodes have as children
};

constexpr std::size_t btree_node_bytes(const Btree& tree) {
  return 24 + tree.most * 8 + (tree.most + 1) * tree.key_bytes;
}

// How many nodes each level has, the lowest first. There always is a root.
inline std::vector<std::size_t> btree_levels(const Btree& tree) {
  const auto parents_of = [&](std::size_t nodes) { return (nodes + tree.most - 1) / tree.most; };
  std::vector<std::size_t> levels{std::max<std::size_t>(1, parents_of(tree.leaves))};
  while (levels.back() > 1) levels.push_back(parents_of(levels.back()));
  return levels;
}

inline std::size_t btree_bytes(const Btree& tree) {
  std::size_t nodes = 0;
  for (const auto level : btree_levels(tree)) nodes += level;
  return nodes * btree_node_bytes(tree);
}

// The tree at `address`, where its root is, level below level. `put_key(n)` puts the key that
// stands behind the first n leaves; n may be more than there are. `address_of(leaf)`.
template <class PutKey, class AddressOf>
void put_btree(ByteWriter& out, std::uint64_t address, const Btree& tree, const PutKey& put_key,
               const AddressOf& address_of) {
  const auto levels = btree_levels(tree);
  const auto size = btree_node_bytes(tree);
  std::size_t below = 1;  // leaves below a child of a node of the level
  for (std::size_t l = 1; l < levels.size(); ++l) below *= tree.most;

  std::uint64_t first_node = address;  // of the level
  for (std::size_t l = levels.size(); l-- > 0; below /= tree.most) {
    const auto nodes = levels[l];
    const auto children = l == 0 ? tree.leaves : levels[l - 1];
    const auto first_child = first_node + nodes * size;
    for (std::size_t n = 0; n < nodes; ++n) {
      const auto first = n * tree.most;
      const auto used = std::min(children - first, tree.most);
      const auto node = first_node + n * size;
      out.bytes("TREE", 4);
      out.u8(tree.type);
      out.u8(static_cast<std::uint8_t>(l));
      out.u16(static_cast<std::uint16_t>(used));
      out.u64(n == 0 ? kUndefined : node - size);
      out.u64(n + 1 == nodes ? kUndefined : node + size);
      put_key(first * below);
      for (auto child = first; child < first + used; ++child) {
        out.u64(l == 0 ? address_of(child) : first_child + child * size);
        put_key((child + 1) * below);
      }
      out.zeros((tree.most - used) * (8 + tree.key_bytes));
    }
    first_node = first_child;
  }
}

}  // namespace h5dcp::hdf5_format
