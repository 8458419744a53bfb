#include "h5dcp/device_mesh.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "base/whole_box.hpp"
#include "h5dcp/error.hpp"

namespace h5dcp {
namespace {

struct Piece {
  std::int64_t offset;
  std::int64_t size;
};

// Piece `index` of `size` elements cut into `pieces`, as torch.chunk cuts them: all as long as the
// first, until none are left. Size 10 in 4 pieces: 3, 3, 3, 1.
Piece chunk(std::int64_t size, std::int64_t pieces, std::int64_t index) {
  const auto length = size / pieces + (size % pieces != 0 ? 1 : 0);
  if (length == 0 || index > size / length) return {size, 0};
  const auto offset = index * length;
  return {offset, std::min(length, size - offset)};
}

}  // namespace

DeviceMesh::DeviceMesh(Extents sizes) : sizes_(std::move(sizes)) {
  if (std::ranges::any_of(sizes_, [](std::int64_t size) { return size < 1; })) {
    throw Error(ErrorCode::invalid_argument,
                "make a mesh of " + to_string(sizes_) + ": every size must be at least 1");
  }
  static_cast<void>(size());  // refuses more ranks than there are numbers
}

std::int64_t DeviceMesh::size() const {
  return numel(sizes_);
}

Extents DeviceMesh::coordinates(int rank) const {
  if (rank < 0 || rank >= size()) {
    throw Error(ErrorCode::invalid_argument,
                "rank " + std::to_string(rank) + " is not in a mesh of " + to_string(sizes_));
  }
  Extents coordinates = sizes_;
  std::int64_t rest = rank;
  for (std::size_t d = sizes_.size(); d-- > 0; rest /= sizes_[d]) {
    coordinates[d] = rest % sizes_[d];
  }
  return coordinates;
}

Box local_box(const Extents& sizes, const DeviceMesh& mesh,
              const std::vector<Placement>& placements, int rank) {
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorCode::invalid_argument, "place a tensor of " + to_string(sizes) +
                                                 " on a mesh of " + to_string(mesh.sizes()) + ": " +
                                                 why);
  };
  if (placements.size() != mesh.sizes().size()) {
    refuse(std::to_string(placements.size()) + " placements, but the mesh has " +
           std::to_string(mesh.sizes().size()) + " dimensions");
  }
  static_cast<void>(numel(sizes));  // refuses negative sizes
  const Extents coordinates = mesh.coordinates(rank);
  Box box = whole_box(sizes);
  for (std::size_t i = 0; i < placements.size(); ++i) {
    const auto* const shard = std::get_if<Shard>(&placements[i]);
    if (shard == nullptr) continue;
    if (shard->dim >= sizes.size()) {
      refuse("placement " + std::to_string(i) + " cuts dimension " + std::to_string(shard->dim) +
             ", which the tensor does not have");
    }
    // What an outer mesh dimension has cut before is cut again.
    const Piece piece = chunk(box.sizes[shard->dim], mesh.sizes()[i], coordinates[i]);
    auto& offset = box.offsets[shard->dim];
    offset = piece.size == 0 ? sizes[shard->dim] : offset + piece.offset;
    box.sizes[shard->dim] = piece.size;
  }
  return box;
}

ShardedTensor distribute(const TensorView& local, const Extents& sizes, const DeviceMesh& mesh,
                         const std::vector<Placement>& placements, int rank) {
  const Box box = local_box(sizes, mesh, placements, rank);
  if (local.sizes != box.sizes) {
    throw Error(ErrorCode::invalid_argument, "distribute a tensor of " + to_string(sizes) +
                                                 ": rank " + std::to_string(rank) + " holds " +
                                                 to_string(box) + ", but its piece has sizes " +
                                                 to_string(local.sizes));
  }
  return {local.dtype, sizes, {{box, local}}};
}

}  // namespace h5dcp
