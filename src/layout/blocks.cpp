#include "layout/blocks.hpp"

#include <algorithm>

namespace h5dcp {
namespace {

constexpr std::int64_t kSmallestBlock = std::int64_t{4} << 10;
constexpr std::int64_t kBlocksOfABox = 512;

// Elements of one row of dimension `dim`: all that lies behind it.
std::int64_t row_elements(const Extents& sizes, std::size_t dim) {
  std::int64_t elements = 1;
  for (std::size_t d = dim + 1; d < sizes.size(); ++d) elements *= sizes[d];
  return elements;
}

std::int64_t blocks_along(const BlockGrid& grid, std::size_t dim, std::int64_t size) {
  return dim < grid.dim ? size : (size + grid.rows - 1) / grid.rows;
}

// How many indices of dimension d belong together: those of one block.
std::int64_t unit(const BlockGrid& grid, std::size_t dim) {
  return dim == grid.dim ? grid.rows : 1;
}

void cut(const BlockGrid& grid, const Box& box, std::size_t dim, std::size_t itemsize,
         std::uint64_t max_bytes, std::vector<Box>& out) {
  const auto elements = static_cast<std::uint64_t>(numel(box.sizes));
  if (elements * itemsize <= max_bytes || dim > grid.dim || dim >= box.dims()) {
    out.push_back(box);
    return;
  }
  const auto unit_bytes = static_cast<std::uint64_t>(row_elements(box.sizes, dim) *
                                                     std::min(unit(grid, dim), box.sizes[dim])) *
                          itemsize;
  const auto units = static_cast<std::int64_t>(std::max<std::uint64_t>(1, max_bytes / unit_bytes));
  const auto step = units * unit(grid, dim);
  for (std::int64_t first = 0; first < box.sizes[dim]; first += step) {
    Box part = box;
    part.offsets[dim] += first;
    part.sizes[dim] = std::min(step, box.sizes[dim] - first);
    cut(grid, part, dim + 1, itemsize, max_bytes, out);
  }
}

}  // namespace

BlockGrid block_grid(const Box& box, std::size_t itemsize) {
  BlockGrid grid{box, 0, 1};
  const auto item = static_cast<std::int64_t>(itemsize);
  const auto bytes = numel(box.sizes) * item;
  if (box.dims() == 0 || bytes == 0) return grid;
  const auto target = std::clamp(bytes / kBlocksOfABox, kSmallestBlock, kLargestBlock);
  while (grid.dim + 1 < box.dims() && row_elements(box.sizes, grid.dim) * item > target) ++grid.dim;
  const auto row = row_elements(box.sizes, grid.dim) * item;
  grid.rows = std::clamp<std::int64_t>(target / row, 1, box.sizes[grid.dim]);
  return grid;
}

std::int64_t block_count(const BlockGrid& grid) {
  if (numel(grid.box.sizes) == 0) return 0;
  std::int64_t count = 1;
  for (std::size_t d = 0; d < grid.box.dims() && d <= grid.dim; ++d) {
    count *= blocks_along(grid, d, grid.box.sizes[d]);
  }
  return count;
}

Box block(const BlockGrid& grid, std::int64_t i) {
  Box box = grid.box;
  for (std::size_t next = std::min(grid.dim + 1, box.dims()); next > 0; --next) {
    const auto d = next - 1;
    const auto along = blocks_along(grid, d, grid.box.sizes[d]);
    const auto first = i % along * unit(grid, d);
    box.offsets[d] += first;
    box.sizes[d] = std::min(unit(grid, d), grid.box.sizes[d] - first);
    i /= along;
  }
  return box;
}

std::int64_t block_at(const BlockGrid& grid, const Extents& offsets) {
  std::int64_t i = 0;
  for (std::size_t d = 0; d < grid.box.dims() && d <= grid.dim; ++d) {
    i = i * blocks_along(grid, d, grid.box.sizes[d]) +
        (offsets[d] - grid.box.offsets[d]) / unit(grid, d);
  }
  return i;
}

BlockRuns block_runs(const BlockGrid& grid, const Box& piece) {
  if (numel(piece.sizes) == 0) return {0, 0, 0};
  if (piece.dims() == 0) return {1, 1, 1};
  std::int64_t count = 1;
  for (std::size_t d = 0; d < grid.dim; ++d) count *= piece.sizes[d];
  return {count, piece.sizes[grid.dim], row_elements(piece.sizes, grid.dim)};
}

std::int64_t first_block(const BlockGrid& grid, const Box& piece, std::int64_t run) {
  if (run == 0) return block_at(grid, piece.offsets);
  Extents offsets = piece.offsets;
  for (std::size_t next = grid.dim; next > 0; --next) {
    offsets[next - 1] += run % piece.sizes[next - 1];
    run /= piece.sizes[next - 1];
  }
  return block_at(grid, offsets);
}

Box whole_blocks(const BlockGrid& grid, const Box& region) {
  Box box = region;
  for (std::size_t d = grid.dim; d < box.dims(); ++d) {
    const auto begin = grid.box.offsets[d];
    const auto rows = d == grid.dim ? grid.rows : grid.box.sizes[d];
    const auto first = (region.offsets[d] - begin) / rows * rows;
    const auto last = (region.offsets[d] - begin + region.sizes[d] + rows - 1) / rows * rows;
    box.offsets[d] = begin + first;
    box.sizes[d] = std::min(last, grid.box.sizes[d]) - first;
  }
  return box;
}

void pieces(const BlockGrid& grid, const Box& box, std::size_t itemsize, std::uint64_t max_bytes,
            std::vector<Box>& out) {
  if (numel(box.sizes) > 0) cut(grid, box, 0, itemsize, max_bytes, out);
}

std::vector<Box> pieces(const BlockGrid& grid, const Box& box, std::size_t itemsize,
                        std::uint64_t max_bytes) {
  std::vector<Box> out;
  pieces(grid, box, itemsize, max_bytes, out);
  return out;
}

std::vector<Box> blocks_of(const BlockGrid& grid, const Box& piece) {
  std::vector<Box> out;
  for_each_block(grid, piece,
                 [&](std::int64_t i, std::int64_t /*elements*/) { out.push_back(block(grid, i)); });
  return out;
}

}  // namespace h5dcp
