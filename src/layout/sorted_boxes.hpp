// Which boxes of a tensor have something of a region, found without a look at all of them.
//
// The boxes tile the tensor and are ordered by their offsets, the first dimension first. Nothing
// here can tell whether that is so: whoever has read the boxes that were found must see whether
// they cover the region.

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "h5dcp/box.hpp"

namespace h5dcp {

// Boxes number `first` to `end` - 1.
struct BoxRange {
  std::uint64_t first = 0;
  std::uint64_t end = 0;

  bool operator==(const BoxRange&) const = default;
};

// Box number i.
using BoxAt = std::function<Box(std::uint64_t)>;

// The number of the box in which `region` begins, if the tensor is cut into `count` equal slabs of
// its first dimension.
std::uint64_t likely_box(const Extents& sizes, std::uint64_t count, const Box& region);

// The numbers of the cells that have something of `region`, if the boxes are the `count` cells of a
// grid, all as large as `cell` but for those at the ends of the tensor. nullopt if a tensor of
// `sizes` has another number of such cells.
std::optional<std::vector<BoxRange>> cells_of(const Extents& sizes, const Extents& cell,
                                              std::uint64_t count, const Box& region);

// The same for any boxes that are cut in the order of dimensions: boxes that begin at one place in
// a dimension, as they do in all before, have the same size in it. Looks at about log2(count) boxes
// for each stretch of boxes that it returns.
std::vector<BoxRange> find_boxes(const Extents& sizes, std::uint64_t count, const BoxAt& box_at,
                                 const Box& region);

// The same numbers, ascending, each once.
std::vector<BoxRange> merged(std::vector<BoxRange> ranges);

std::uint64_t boxes_in(const std::vector<BoxRange>& ranges);

}  // namespace h5dcp
