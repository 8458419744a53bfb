// Boxes against the tensor they are in.

#pragma once

#include <string>

#include "h5dcp/box.hpp"

namespace h5dcp {

// Whether `box` is a region, be it an empty one, of a tensor of `sizes`. Any numbers may be asked
// about; of a box that is inside, offset + size does not overflow.
bool is_inside(const Box& box, const Extents& sizes);

// "offsets [4, 0], sizes [2, 8]": of boxes that to_string() cannot be trusted with, as they may be
// inside nothing.
std::string raw_text(const Box& box);

}  // namespace h5dcp
