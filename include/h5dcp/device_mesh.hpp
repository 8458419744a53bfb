// Which part of a tensor each rank holds, by the rules of PyTorch's DTensor.

#pragma once

#include <cstddef>
#include <cstdint>
#include <variant>
#include <vector>

#include "h5dcp/box.hpp"
#include "h5dcp/tensor.hpp"

namespace h5dcp {

// The ranks as an n-dimensional grid, row-major: on a mesh of {2, 3}, rank 4 is at [1, 1].
class DeviceMesh {
 public:
  // Throws Error{invalid_argument} unless every size is at least 1.
  explicit DeviceMesh(Extents sizes);

  const Extents& sizes() const { return sizes_; }
  std::int64_t size() const;  // ranks in the mesh

  // The position of `rank`. Throws Error{invalid_argument} if it is not in the mesh.
  Extents coordinates(int rank) const;

 private:
  Extents sizes_;
};

// What happens to a tensor along one dimension of the mesh.
struct Shard {
  std::size_t dim = 0;  // of the tensor: cut as torch.chunk does, the last pieces may be empty
};
// As DTensor's _StridedShard, which FSDP2 puts before the Shard of tensor parallelism on the same
// dimension: cut into `split_factor` pieces, each of these again into one for each coordinate of
// the mesh dimension, which holds its piece of all of them.
struct StridedShard {
  std::size_t dim = 0;
  std::int64_t split_factor = 1;  // at least 1: how often mesh dimensions further in cut `dim`
};
struct Replicate {};
using Placement = std::variant<Shard, Replicate, StridedShard>;

// The boxes of a tensor of `sizes` that `rank` holds: placements[i] says what mesh dimension i
// does. Dimensions cut twice are cut from the outermost mesh dimension inwards. Without
// StridedShard that is one box, and with one mostly, too. Boxes ascend row by row, as their
// elements follow each other in the rank's local tensor. If the rank holds nothing, one empty box
// at the end of the dimension.
//
// Throws Error{invalid_argument} if the numbers of placements and mesh dimensions differ, one names
// no dimension of the tensor, a split_factor is below 1, or the rank is not in the mesh.
std::vector<Box> local_boxes(const Extents& sizes, const DeviceMesh& mesh,
                             const std::vector<Placement>& placements, int rank);

// The one box that local_boxes returns.
//
// Throws Error{invalid_argument} as local_boxes does, or if there are several.
Box local_box(const Extents& sizes, const DeviceMesh& mesh,
              const std::vector<Placement>& placements, int rank);

// The ShardedTensor of which `rank` holds `local`: a shard for each of its local_boxes.
//
// Throws Error{invalid_argument} as local_boxes does, or if `local` has other sizes than they have
// together.
ShardedTensor distribute(const TensorView& local, const Extents& sizes, const DeviceMesh& mesh,
                         const std::vector<Placement>& placements, int rank);

}  // namespace h5dcp
