// A box of a contiguous dataset as ranges of its bytes.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "h5dcp/box.hpp"

namespace h5dcp {

// Goes through the longest ranges of bytes that a box covers in a row-major tensor of `sizes`,
// ascending: the order of the box's own elements.
class RunWalk {
 public:
  RunWalk() = default;  // at its end
  RunWalk(const Extents& sizes, const Box& box, std::size_t itemsize);

  bool at_end() const { return at_end_; }
  std::uint64_t offset() const { return static_cast<std::uint64_t>(offset_); }  // in the tensor
  std::uint64_t nbytes() const { return run_bytes_; }                           // the same for all
  void next();

 private:
  std::size_t outer_ = 0;  // dimensions before this one are walked through
  std::uint64_t run_bytes_ = 0;
  std::int64_t offset_ = 0;
  bool at_end_ = true;
  Extents counts_;  // of the box
  Extents index_;
  Extents stride_bytes_;  // from one index to the next
};

// Calls `run(offset_bytes, nbytes)` for each of these ranges.
void for_each_run(const Extents& sizes, const Box& box, std::size_t itemsize,
                  const std::function<void(std::uint64_t, std::uint64_t)>& run);

}  // namespace h5dcp
