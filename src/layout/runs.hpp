// A box of a contiguous dataset as ranges of its bytes.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "h5dcp/box.hpp"

namespace h5dcp {

// Calls `run(offset_bytes, nbytes)` for each longest range of bytes that the box covers in a
// row-major tensor of `sizes`, ascending. Their order is that of the box's own elements.
void for_each_run(const Extents& sizes, const Box& box, std::size_t itemsize,
                  const std::function<void(std::uint64_t, std::uint64_t)>& run);

}  // namespace h5dcp
