// In which order reads fill memory that several of them share.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "h5dcp/tensor.hpp"

namespace h5dcp {

// The pass in which each of `count` reads is made, so that no two reads of one pass fill the same
// memory, and of reads that share memory an earlier one is in an earlier pass. Empty if all are in
// pass 0. `destination(i)` is where read i ends up, nullopt if that is memory of its own; may be
// called twice.
//
// O(n log n), and a comparison for each two destinations of which one reaches into the other.
// Interleaved views of one array, such as its columns, are seen to share nothing.
std::vector<std::uint32_t> read_passes(
    std::size_t count, const std::function<std::optional<TensorView>(std::size_t)>& destination);

}  // namespace h5dcp
