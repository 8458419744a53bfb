#include "layout/node_ranges.hpp"

#include <algorithm>

#include "layout/data_parts.hpp"
#include "layout/runs.hpp"

namespace h5dcp {
namespace {

// The bytes of each range of a box; 0 if it is one, or empty.
std::uint64_t range_of(const Extents& sizes, std::size_t itemsize, const Box& box) {
  const RunWalk walk(sizes, box, itemsize);
  const auto bytes = static_cast<std::uint64_t>(numel(box.sizes)) * itemsize;
  return walk.at_end() || walk.nbytes() == bytes ? 0 : walk.nbytes();
}

}  // namespace

std::uint64_t shortest_node_range(const Extents& sizes, std::size_t itemsize,
                                  const std::vector<Box>& boxes,
                                  const std::vector<std::uint32_t>& nodes) {
  // Most tensors end here: before what follows, which takes longer.
  const auto is_one_range = [&](const Box& box) { return range_of(sizes, itemsize, box) == 0; };
  if (std::ranges::all_of(boxes, is_one_range)) return 0;
  std::uint64_t shortest = 0;
  for (const auto& part : cut_by_groups(boxes, nodes).parts) {
    const auto range = range_of(sizes, itemsize, part.box);
    if (range > 0 && (shortest == 0 || range < shortest)) shortest = range;
  }
  return shortest;
}

}  // namespace h5dcp
