// Whether boxes tile a tensor: every element is in exactly one of them.

#pragma once

#include <cstddef>
#include <cstdint>
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

// Whether `count` boxes follow each other along one dimension of a tensor of `sizes`, and are whole
// in all others: then they tile it. `box(i)` is box i; all are inside. Most tensors are cut so, and
// this is known without a list of the boxes.
template <class BoxAt>
bool are_slabs(const Extents& sizes, std::size_t count, const BoxAt& box) {
  if (sizes.empty()) return count == 1;
  if (count == 0) return false;
  std::size_t dim = 0;
  while (dim + 1 < sizes.size() && box(0).sizes[dim] == sizes[dim]) ++dim;
  std::int64_t next = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const Box& slab = box(i);
    if (slab.offsets[dim] != next) return false;
    for (std::size_t d = 0; d < sizes.size(); ++d) {
      if (d != dim && slab.sizes[d] != sizes[d]) return false;
    }
    next += slab.sizes[dim];
  }
  return next == sizes[dim];
}

// One reason why `boxes` do not tile a tensor of `sizes`; nullopt if they do. A box without
// elements must be inside the tensor like any other, and takes no further part.
//
// O(n log n) for grids, slabs and what else a program is likely to make of a tensor.
std::optional<TilingFault> find_tiling_fault(const Extents& sizes, std::span<const Box> boxes);

}  // namespace h5dcp
