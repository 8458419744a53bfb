// The box of a whole tensor.

#pragma once

#include <algorithm>

#include "h5dcp/box.hpp"

namespace h5dcp {

// Offsets or strides that are all 0, of a tensor with the dimensions of `sizes`.
inline Extents zeros_like(const Extents& sizes) {
  Extents zeros = sizes;
  std::ranges::fill(zeros, 0);
  return zeros;
}

inline Box whole_box(const Extents& sizes) {
  return {zeros_like(sizes), sizes};
}

}  // namespace h5dcp
