// What a rank proposes of a tensor of which it has no piece: the owner of the name learns so that
// there is such a tensor, even if no rank has a piece of it.

#pragma once

#include "base/whole_box.hpp"
#include "h5dcp/box.hpp"

namespace h5dcp {

// An empty box at the end of the first dimension. A scalar has no empty box: its is of another
// number of dimensions.
inline Box no_piece(const Extents& sizes) {
  if (sizes.empty()) return {{0}, {0}};
  Box box = whole_box(sizes);
  box.offsets[0] = sizes[0];
  box.sizes[0] = 0;
  return box;
}

}  // namespace h5dcp
