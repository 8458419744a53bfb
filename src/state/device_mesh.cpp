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

// The elements of one dimension that a rank holds, in the order in which it holds them.
using Runs = std::vector<Piece>;

std::int64_t total(const Runs& runs) {
  std::int64_t size = 0;
  for (const auto& run : runs) size += run.size;
  return size;
}

// Appends what `piece` is, of the elements of `held`.
void append_part(const Runs& held, const Piece& piece, Runs& part) {
  std::int64_t before = 0;  // elements of the runs so far
  for (const auto& run : held) {
    const auto first = std::max(piece.offset, before);
    const auto last = std::min(piece.offset + piece.size, before + run.size);
    if (first < last) {
      const Piece found{run.offset + first - before, last - first};
      if (!part.empty() && part.back().offset + part.back().size == found.offset) {
        part.back().size += found.size;
      } else {
        part.push_back(found);
      }
    }
    before += run.size;
  }
}

// What of `held` is left when it is cut into `pieces`, strided if there are several `splits`.
Runs cut(const Runs& held, std::int64_t splits, std::int64_t pieces, std::int64_t index) {
  Runs part;
  const auto size = total(held);
  for (std::int64_t i = 0; i < std::min(splits, std::max<std::int64_t>(size, 1)); ++i) {
    const Piece split = chunk(size, splits, i);
    const Piece piece = chunk(split.size, pieces, index);
    append_part(held, {split.offset + piece.offset, piece.size}, part);
  }
  return part;
}

std::string placing(const Extents& sizes, const DeviceMesh& mesh) {
  return "place a tensor of " + to_string(sizes) + " on a mesh of " + to_string(mesh.sizes()) +
         ": ";
}

// Along each dimension of the tensor.
std::vector<Runs> local_runs(const Extents& sizes, const DeviceMesh& mesh,
                             const std::vector<Placement>& placements, int rank) {
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorCode::invalid_argument, placing(sizes, mesh) + why);
  };
  if (placements.size() != mesh.sizes().size()) {
    refuse(std::to_string(placements.size()) + " placements, but the mesh has " +
           std::to_string(mesh.sizes().size()) + " dimensions");
  }
  static_cast<void>(numel(sizes));  // refuses negative sizes
  const Extents coordinates = mesh.coordinates(rank);
  std::vector<Runs> runs;
  for (const auto size : sizes) runs.push_back({{0, size}});
  for (std::size_t i = 0; i < placements.size(); ++i) {
    if (std::holds_alternative<Replicate>(placements[i])) continue;
    const auto* const strided = std::get_if<StridedShard>(&placements[i]);
    const auto dim = strided != nullptr ? strided->dim : std::get<Shard>(placements[i]).dim;
    const auto splits = strided != nullptr ? strided->split_factor : 1;
    if (dim >= sizes.size()) {
      refuse("placement " + std::to_string(i) + " cuts dimension " + std::to_string(dim) +
             ", which the tensor does not have");
    }
    if (splits < 1) {
      refuse("placement " + std::to_string(i) + " has a split factor of " + std::to_string(splits));
    }
    // What an outer mesh dimension has cut before is cut again.
    runs[dim] = cut(runs[dim], splits, mesh.sizes()[i], coordinates[i]);
  }
  return runs;
}

// The boxes of these runs, row by row: in the tensor, or `packed` as the local tensor has them. If
// there are no elements, one.
std::vector<Box> boxes_of(const Extents& sizes, const std::vector<Runs>& runs, bool packed) {
  const bool empty = std::ranges::any_of(runs, [](const Runs& held) { return total(held) == 0; });
  std::vector<Box> boxes{whole_box(sizes)};
  for (std::size_t d = 0; d < sizes.size(); ++d) {
    const Runs none{{packed ? 0 : sizes[d], 0}};
    const Runs& held = runs[d].empty() ? none : runs[d];
    const auto count = empty ? 1 : held.size();
    std::vector<Box> parts;
    parts.reserve(boxes.size() * count);
    for (const auto& box : boxes) {
      std::int64_t before = 0;
      for (std::size_t i = 0; i < count; before += held[i++].size) {
        Box& part = parts.emplace_back(box);
        part.offsets[d] = packed ? before : held[i].offset;
        part.sizes[d] = held[i].size;
      }
    }
    boxes = std::move(parts);
  }
  return boxes;
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

std::vector<Box> local_boxes(const Extents& sizes, const DeviceMesh& mesh,
                             const std::vector<Placement>& placements, int rank) {
  return boxes_of(sizes, local_runs(sizes, mesh, placements, rank), false);
}

Box local_box(const Extents& sizes, const DeviceMesh& mesh,
              const std::vector<Placement>& placements, int rank) {
  const auto boxes = local_boxes(sizes, mesh, placements, rank);
  if (boxes.size() == 1) return boxes.front();
  throw Error(ErrorCode::invalid_argument,
              placing(sizes, mesh) + "rank " + std::to_string(rank) + " holds " +
                  std::to_string(boxes.size()) + " boxes, from " + to_string(boxes.front()) +
                  " to " + to_string(boxes.back()) + "; local_boxes returns them all");
}

ShardedTensor distribute(const TensorView& local, const Extents& sizes, const DeviceMesh& mesh,
                         const std::vector<Placement>& placements, int rank) {
  const auto runs = local_runs(sizes, mesh, placements, rank);
  Extents local_sizes = sizes;
  for (std::size_t d = 0; d < sizes.size(); ++d) local_sizes[d] = total(runs[d]);
  const auto boxes = boxes_of(sizes, runs, false);
  if (local.sizes != local_sizes) {
    throw Error(ErrorCode::invalid_argument,
                "distribute a tensor of " + to_string(sizes) + ": rank " + std::to_string(rank) +
                    " holds " +
                    (boxes.size() == 1 ? to_string(boxes.front())
                                       : std::to_string(boxes.size()) + " boxes of together " +
                                             to_string(local_sizes)) +
                    ", but its piece has sizes " + to_string(local.sizes));
  }
  ShardedTensor tensor{local.dtype, sizes, {}};
  const auto in_local = boxes_of(sizes, runs, true);
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    tensor.shards.push_back({boxes[i], narrow(local, in_local[i])});
  }
  return tensor;
}

}  // namespace h5dcp
