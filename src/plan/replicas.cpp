#include "plan/replicas.hpp"

#include <algorithm>
#include <cstdint>

#include "base/checksum.hpp"

namespace h5dcp {
namespace {

constexpr std::int64_t kMinSliceBytes = 1 << 20;  // below that a write costs more than it spreads

std::uint64_t hash(const std::string& fqn, const Box& box) {
  const auto add = [](const Extents& extents, std::uint64_t seed) {
    return xxh3(extents.data(), extents.size() * sizeof(std::int64_t), seed);
  };
  return add(box.sizes, add(box.offsets, xxh3(fqn.data(), fqn.size())));
}

struct Slicing {
  std::size_t dim = 0;
  std::int64_t slices = 1;
};

// The first dimension that can be cut into as many slices as there are holders or MiB; else that
// which gives the most.
Slicing choose_slicing(DType dtype, const Extents& sizes, std::size_t holders) {
  const auto bytes = nbytes(dtype, sizes);
  const auto enough = std::min(static_cast<std::int64_t>(holders), bytes / kMinSliceBytes);
  Slicing best;
  for (std::size_t d = 0; d < sizes.size() && best.slices < enough; ++d) {
    const auto row_bytes = bytes / sizes[d];
    const auto rows = (kMinSliceBytes + row_bytes - 1) / row_bytes;  // in the smallest slice
    const auto slices = std::min(enough, sizes[d] / rows);
    if (slices > best.slices) best = {d, slices};
  }
  return best;
}

}  // namespace

std::size_t sole_writer(const std::string& fqn, const Box& box, std::size_t holders,
                        Replicas replicas) {
  return replicas == Replicas::lowest_rank ? 0 : hash(fqn, box) % holders;
}

std::vector<Share> share_out(const std::string& fqn, DType dtype, const Box& box,
                             std::size_t holders, Replicas replicas) {
  const auto first = sole_writer(fqn, box, holders, replicas);
  if (replicas == Replicas::lowest_rank) return {{first, box}};
  const Slicing slicing = choose_slicing(dtype, box.sizes, holders);
  if (slicing.slices == 1) return {{first, box}};

  const auto rows = box.sizes[slicing.dim] / slicing.slices;
  const auto longer = box.sizes[slicing.dim] % slicing.slices;  // slices of one row more
  std::vector<Share> shares;
  Box slice = box;
  for (std::int64_t i = 0; i < slicing.slices; ++i) {
    slice.sizes[slicing.dim] = i < longer ? rows + 1 : rows;
    shares.push_back({(first + static_cast<std::size_t>(i)) % holders, slice});
    slice.offsets[slicing.dim] += slice.sizes[slicing.dim];
  }
  return shares;
}

}  // namespace h5dcp
