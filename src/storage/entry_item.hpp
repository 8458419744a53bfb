// An item of a load plan, and which entry of the index it is about.

#pragma once

#include <cstddef>
#include <string>

#include "h5dcp/planner.hpp"

namespace h5dcp {

struct EntryItem {
  const ReadItem* item;
  std::size_t entry;

  // In the tensor. The stored piece is the whole tensor.
  Box region() const { return {item->storage_offsets, item->lengths}; }
};

// Names `box`, of the tensor that the item is about, in errors:
// "'lm_head.weight' [0:4, 0:768] float32".
std::string describe(const EntryItem& item, const Box& box, DType dtype);

// Where its elements go. Throws Error{invalid_argument} if the planner gives anything else than
// item->lengths, and what the planner throws.
TensorView resolve(LoadPlanner& planner, const EntryItem& item);

}  // namespace h5dcp
