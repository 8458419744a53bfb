// A drawing of who wrote which box.

#pragma once

#include <string>
#include <vector>

#include "h5dcp/checkpoint_file.hpp"

namespace tool {

// An SVG file: a tensor as a rectangle, in it one for each box, coloured by the rank that wrote it,
// and a legend. Of more than two dimensions it shows two, those that are cut if there are.
std::string draw_boxes(const h5dcp::CheckpointEntry& entry,
                       const std::vector<h5dcp::CheckpointChunk>& chunks);

}  // namespace tool
