#include "layout/chunk_shape.hpp"

#include <algorithm>
#include <numeric>

namespace h5dcp {
namespace {

constexpr std::int64_t kSmallestChunk = std::int64_t{4} << 10;
constexpr std::int64_t kWantedChunk = std::int64_t{64} << 10;
constexpr std::int64_t kLargestWanted = std::int64_t{1} << 20;
constexpr std::int64_t kChunksOfABox = 64;

// The largest cells of a regular grid of which every box is made; the last ones may be cut off at
// the tensor's end.
Extents common_cells(const Extents& sizes, const std::vector<Box>& boxes) {
  Extents cells = sizes;
  for (std::size_t d = 0; d < sizes.size(); ++d) {
    std::int64_t divisor = 0;
    for (const auto& box : boxes) {
      divisor = std::gcd(divisor, box.offsets[d]);
      if (box.offsets[d] + box.sizes[d] < sizes[d]) divisor = std::gcd(divisor, box.sizes[d]);
    }
    if (divisor > 0) cells[d] = divisor;
  }
  return cells;
}

// The divisor of `rows` that is the largest of those up to `wanted`, or the smallest if that is
// so small that there are many in its place: a prime number of rows is cut into rows, or not at
// all.
std::int64_t rows_of_chunk(std::int64_t rows, std::int64_t row_bytes, std::int64_t wanted) {
  std::int64_t below = 1;
  std::int64_t above = rows;
  for (std::int64_t small = 1; small * small <= rows; ++small) {
    if (rows % small != 0) continue;
    for (const auto divisor : {small, rows / small}) {
      if (divisor * row_bytes <= wanted) {
        below = std::max(below, divisor);
      } else {
        above = std::min(above, divisor);
      }
    }
  }
  return below * row_bytes * 4 >= wanted || above * row_bytes > kLargestChunk ? below : above;
}

}  // namespace

std::optional<Extents> chunk_shape(const Extents& sizes, const std::vector<Box>& boxes,
                                   std::size_t itemsize) {
  const auto item = static_cast<std::int64_t>(itemsize);
  if (sizes.empty() || boxes.empty() || numel(sizes) * item < kSmallestChunk) return std::nullopt;
  const Extents cells = common_cells(sizes, boxes);
  std::int64_t box_bytes = 0;
  std::size_t dim = 0;  // the one that is cut; single indices before it, one cell behind it
  for (const auto& box : boxes) {
    box_bytes = std::max(box_bytes, numel(box.sizes) * item);
    for (std::size_t d = 0; d < sizes.size(); ++d) {
      if (box.sizes[d] > cells[d]) dim = std::max(dim, d);
    }
  }
  const auto wanted = std::clamp(box_bytes / kChunksOfABox, kWantedChunk, kLargestWanted);
  const auto row_bytes = [&](std::size_t d) {
    std::int64_t bytes = item;
    for (std::size_t behind = d + 1; behind < cells.size(); ++behind) bytes *= cells[behind];
    return bytes;
  };
  while (dim + 1 < sizes.size() && row_bytes(dim) > wanted) ++dim;

  Extents shape = cells;
  for (std::size_t d = 0; d < dim; ++d) shape[d] = 1;
  shape[dim] = rows_of_chunk(cells[dim], row_bytes(dim), wanted);
  const auto bytes = shape[dim] * row_bytes(dim);
  if (bytes < std::min(kSmallestChunk, box_bytes) || bytes > kLargestChunk) return std::nullopt;
  return shape;
}

BlockGrid chunk_grid(const Box& box, const Extents& shape) {
  std::size_t dim = 0;
  while (dim + 1 < shape.size() && shape[dim] == 1) ++dim;
  return {box, dim, std::min(shape[dim], box.sizes[dim])};
}

}  // namespace h5dcp
