// Who writes what several ranks hold.

#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "h5dcp/box.hpp"
#include "h5dcp/default_planner.hpp"
#include "h5dcp/tensor.hpp"

namespace h5dcp {

// Which of the `holders` ranks that hold `box` writes all of it: a position among them, ascending.
// With Replicas::split the FQN and the box decide, so that the small pieces of many names spread.
std::size_t sole_writer(const std::string& fqn, const Box& box, std::size_t holders,
                        Replicas replicas);

struct Share {
  std::size_t holder;  // a position among those that hold the box
  Box box;             // what it writes
};

// `box` as its holders write it, in ascending slices that differ by one row at most; at most one
// slice a holder. The box must have elements.
std::vector<Share> share_out(const std::string& fqn, DType dtype, const Box& box,
                             std::size_t holders, Replicas replicas);

}  // namespace h5dcp
