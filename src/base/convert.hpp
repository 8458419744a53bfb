// Elements of one dtype as elements of another.

#pragma once

#include <cstddef>

#include "h5dcp/tensor.hpp"

namespace h5dcp {

// Equally spaced elements: in bytes, may be 0 or negative.
template <typename Byte>
struct Run {
  Byte* data;
  std::ptrdiff_t step_bytes;
};

// Converts `count` elements, as torch's copy_ does on a CPU. `from` must differ from `to`, and
// can_convert() must allow it. Rounds as the floating-point environment says: the caller must have
// a DefaultFloatEnvironment.
void convert(DType from, Run<const std::byte> source, DType to, Run<std::byte> target,
             std::size_t count);

}  // namespace h5dcp
