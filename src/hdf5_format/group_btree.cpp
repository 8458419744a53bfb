#include "hdf5_format/group_btree.hpp"

#include <algorithm>
#include <vector>

#include "hdf5_format/symbol_table.hpp"

namespace h5dcp::hdf5_format {
namespace {

constexpr std::size_t parents_of(std::size_t nodes) {
  return (nodes + kMostChildren - 1) / kMostChildren;
}

// How many nodes each level has, the lowest first. There always is a root.
std::vector<std::size_t> levels_above(std::size_t link_nodes) {
  std::vector<std::size_t> levels{std::max<std::size_t>(1, parents_of(link_nodes))};
  while (levels.back() > 1) levels.push_back(parents_of(levels.back()));
  return levels;
}

}  // namespace

std::size_t group_btree_bytes(std::size_t link_nodes) {
  std::size_t nodes = 0;
  for (const auto level : levels_above(link_nodes)) nodes += level;
  return nodes * kBtreeNodeBytes;
}

void put_group_btree(ByteWriter& out, std::uint64_t address, std::uint64_t first_link_node,
                     std::span<const std::uint64_t> last_names) {
  const auto levels = levels_above(last_names.size());
  // The last name under the first `children` children of a level whose children have `below` nodes
  // of links each: the key that stands between them and the next.
  const auto key = [&](std::size_t children, std::size_t below) -> std::uint64_t {
    const auto nodes = std::min(children * below, last_names.size());
    return nodes == 0 ? 0 : last_names[nodes - 1];
  };
  std::size_t below = 1;
  for (std::size_t l = 1; l < levels.size(); ++l) below *= kMostChildren;

  std::uint64_t first_node = address;  // of the level
  for (std::size_t l = levels.size(); l-- > 0; below /= kMostChildren) {
    const auto nodes = levels[l];
    const auto children = l == 0 ? last_names.size() : levels[l - 1];
    const auto first_child = l == 0 ? first_link_node : first_node + nodes * kBtreeNodeBytes;
    const auto child_bytes = l == 0 ? kLinkNodeBytes : kBtreeNodeBytes;
    for (std::size_t n = 0; n < nodes; ++n) {
      const auto first = n * kMostChildren;
      const auto used = std::min(children - first, kMostChildren);
      const auto node = first_node + n * kBtreeNodeBytes;
      out.bytes("TREE", 4);
      out.u8(0);  // of a group
      out.u8(static_cast<std::uint8_t>(l));
      out.u16(static_cast<std::uint16_t>(used));
      out.u64(n == 0 ? kUndefined : node - kBtreeNodeBytes);
      out.u64(n + 1 == nodes ? kUndefined : node + kBtreeNodeBytes);
      out.u64(key(first, below));
      for (auto child = first; child < first + used; ++child) {
        out.u64(first_child + child * child_bytes);
        out.u64(key(child + 1, below));
      }
      out.zeros((kMostChildren - used) * 16);
    }
    first_node = first_child;
  }
}

}  // namespace h5dcp::hdf5_format
