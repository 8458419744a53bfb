// Comparing replicas by a few of their bytes.

#pragma once

#include <cstdint>

#include "h5dcp/tensor.hpp"

namespace h5dcp {

// XXH3-64 of a sample of the elements: of all if they have at most 256 bytes, else of blocks of 64
// bytes, one for each 64 KiB begun, but at most 1024. They are spread over the tensor in row-major
// order; where they lie follows from its dtype and sizes alone, so equal tensors have equal
// digests, whatever their strides are.
std::uint64_t sample_digest(const TensorView& view);

}  // namespace h5dcp
