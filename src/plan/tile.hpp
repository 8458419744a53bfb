// Whether boxes tile a tensor: every element is in exactly one of them.

#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <variant>

#include "h5dcp/box.hpp"

namespace h5dcp {

struct OutOfBounds {
  std::size_t box;  // its position among the boxes
};
struct Overlap {
  std::size_t first, second;  // positions, first < second
};
struct Hole {
  Box box;  // none of its elements is in any box
};
using TilingFault = std::variant<OutOfBounds, Overlap, Hole>;

// One reason why `boxes` do not tile a tensor of `sizes`; nullopt if they do. A box without
// elements must be inside the tensor like any other, and takes no further part.
//
// O(n log n) for grids, slabs and what else a program is likely to make of a tensor.
std::optional<TilingFault> find_tiling_fault(const Extents& sizes, std::span<const Box> boxes);

}  // namespace h5dcp
