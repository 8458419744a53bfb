#include "hdf5_format/group.hpp"

#include <algorithm>
#include <vector>

#include "hdf5_format/group_btree.hpp"
#include "hdf5_format/local_heap.hpp"
#include "hdf5_format/object_header.hpp"
#include "hdf5_format/symbol_table.hpp"

namespace h5dcp::hdf5_format {
namespace {

constexpr std::size_t kGroupHeaderBytes = kHeaderPrefixBytes + message_bytes(kSymbolTableBytes);

std::size_t link_nodes_of(std::size_t members) {
  return (members + kMostLinks - 1) / kMostLinks;
}

}  // namespace

GroupPlace place_group(std::uint64_t address, std::size_t members, std::size_t name_bytes) {
  const auto nodes = link_nodes_of(members);
  GroupPlace place{.header = address};
  place.heap = place.header + kGroupHeaderBytes;
  place.btree = place.heap + kHeapPrefixBytes + kFirstName + name_bytes;
  place.link_nodes = place.btree + group_btree_bytes(nodes);
  place.end = place.link_nodes + nodes * kLinkNodeBytes;
  return place;
}

void put_group(ByteWriter& out, const GroupPlace& place, std::span<const GroupMember> members) {
  put_header_prefix(out, 1, message_bytes(kSymbolTableBytes));
  put_message_prefix(out, Message::symbol_table, kSymbolTableBytes);
  put_symbol_table(out, place.btree, place.heap);

  const auto heap_data = place.heap + kHeapPrefixBytes;
  put_heap_prefix(out, heap_data, place.btree - heap_data);
  out.zeros(kFirstName);
  std::vector<std::uint64_t> last_names;
  last_names.reserve(link_nodes_of(members.size()));
  std::uint64_t name = kFirstName;
  for (std::size_t m = 0; m < members.size(); ++m) {
    put_heap_name(out, members[m].name);
    if (m % kMostLinks == kMostLinks - 1 || m + 1 == members.size()) last_names.push_back(name);
    name += heap_name_bytes(members[m].name);
  }

  put_group_btree(out, place.btree, place.link_nodes, last_names);

  name = kFirstName;
  for (std::size_t first = 0; first < members.size(); first += kMostLinks) {
    const auto node = members.subspan(first, std::min(kMostLinks, members.size() - first));
    put_link_node_prefix(out, node.size());
    for (const auto& member : node) {
      put_link(out, name, member.header);
      name += heap_name_bytes(member.name);
    }
    out.zeros((kMostLinks - node.size()) * kLinkBytes);
  }
}

}  // namespace h5dcp::hdf5_format
