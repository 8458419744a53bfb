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
struct Replicate {};
using Placement = std::variant<Shard, Replicate>;

// The box of a tensor of `sizes` that `rank` holds: placements[i] says what mesh dimension i does.
// Dimensions cut twice are cut from the outermost mesh dimension inwards. An empty piece lies at
// the end of its dimension.
//
// Throws Error{invalid_argument} if the numbers of placements and mesh dimensions differ, a Shard
// names no dimension of the tensor, or the rank is not in the mesh.
Box local_box(const Extents& sizes, const DeviceMesh& mesh,
              const std::vector<Placement>& placements, int rank);

// The ShardedTensor whose piece on `rank` is `local`.
//
// Throws Error{invalid_argument} as local_box does, or if `local` has other sizes than its box.
ShardedTensor distribute(const TensorView& local, const Extents& sizes, const DeviceMesh& mesh,
                         const std::vector<Placement>& placements, int rank);

}  // namespace h5dcp
