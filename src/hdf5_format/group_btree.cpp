#include "hdf5_format/group_btree.hpp"

#include <algorithm>

#include "hdf5_format/btree.hpp"
#include "hdf5_format/symbol_table.hpp"

namespace h5dcp::hdf5_format {
namespace {

// A key is where a name is in the heap.
constexpr Btree tree_above(std::size_t link_nodes) {
  return {.type = 0, .most = kMostChildren, .key_bytes = 8, .leaves = link_nodes};
}

}  // namespace

std::size_t group_btree_bytes(std::size_t link_nodes) {
  return btree_bytes(tree_above(link_nodes));
}

void put_group_btree(ByteWriter& out, std::uint64_t address, std::uint64_t first_link_node,
                     std::span<const std::uint64_t> last_names) {
  // The last name in the nodes before: it stands between them and the next.
  const auto put_key = [&](std::size_t before) {
    const auto nodes = std::min(before, last_names.size());
    out.u64(nodes == 0 ? 0 : last_names[nodes - 1]);
  };
  put_btree(out, address, tree_above(last_names.size()), put_key,
            [&](std::size_t node) { return first_link_node + node * kLinkNodeBytes; });
}

}  // namespace h5dcp::hdf5_format
