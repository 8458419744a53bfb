// Where pieces lie in their file, and which of them one can go through one after the other.

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "layout/record.hpp"
#include "transfer/engine.hpp"

namespace h5dcp {

// The first range of a piece; nothing if it has no elements.
Range first_range(const Piece& piece);

// Takes those out of `order` that begin before the one ahead of them in the same file has ended,
// and returns them. `order` is of numbers of pieces, ascending by file and by where they begin.
std::vector<std::size_t> take_overlaps(const std::vector<Piece>& pieces,
                                       std::vector<std::size_t>& order);

}  // namespace h5dcp
