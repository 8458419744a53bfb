// Which part of a tensor, as Python writes it.

#pragma once

#include <string_view>
#include <vector>

#include "h5dcp/box.hpp"

namespace tool {

struct Slice {
  h5dcp::Box box;                 // of the tensor
  std::vector<std::size_t> kept;  // its dimensions but for those that had a single index
};

// "0:4, -1, :" of a tensor of `sizes`, with the rules of NumPy: ranges are clamped, negative
// numbers count from the end, what is left out at the end or for "..." is whole. No steps. All of
// the tensor if `text` is empty.
//
// Throws UsageError, which says what does not fit.
Slice parse_slice(std::string_view text, const h5dcp::Extents& sizes);

}  // namespace tool
