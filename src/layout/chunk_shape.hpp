// Chunks of HDF5 that suit the boxes in which a tensor is written: each belongs to one box, and is
// one block of it. A chunk is compressed as a whole, so two ranks could not write one.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "h5dcp/box.hpp"
#include "layout/blocks.hpp"

namespace h5dcp {

// Of bytes. Readers hold one chunk in memory, whatever a file says.
inline constexpr std::int64_t kLargestChunk = std::int64_t{16} << 20;

// The shape of the chunks of a tensor of `sizes` that `boxes` tile. nullopt if no chunks of a
// sensible size suit them: boxes that begin anywhere, or a tensor of less than 4 KiB.
std::optional<Extents> chunk_shape(const Extents& sizes, const std::vector<Box>& boxes,
                                   std::size_t itemsize);

// The blocks of one of these boxes: its chunks, without what of them lies outside of the tensor.
BlockGrid chunk_grid(const Box& box, const Extents& shape);

}  // namespace h5dcp
