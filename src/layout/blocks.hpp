// The units of checksums: a written box cut into blocks, each hashed for itself.
//
// A block is a box: single indices in the dimensions before BlockGrid::dim, some rows of that
// dimension, and all of the dimensions behind it. So it is contiguous in the box's row-major order,
// and blocks follow each other there.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "h5dcp/box.hpp"

namespace h5dcp {

struct BlockGrid {
  Box box;                // that is cut
  std::size_t dim = 0;    // the dimension whose rows are counted
  std::int64_t rows = 1;  // of a block, the last one of each run may have fewer
};

// Of bytes. Readers hold one block in memory, whatever a file says.
inline constexpr std::int64_t kLargestBlock = std::int64_t{1} << 20;

// Blocks of about clamp(bytes of the box / 512, 4 KiB, 1 MiB), in whole rows: small enough that
// reading a part of the box costs little more than that part, large enough that checksums take no
// room.
BlockGrid block_grid(const Box& box, std::size_t itemsize);

// How many blocks there are; 0 if the box has no elements.
std::int64_t block_count(const BlockGrid& grid);

// Block i < block_count(grid), in row-major order.
Box block(const BlockGrid& grid, std::int64_t i);

// The number of the block that begins at `offsets`, the first element of a block.
std::int64_t block_at(const BlockGrid& grid, const Extents& offsets);

// A piece that is made of whole blocks, as runs of blocks whose numbers follow each other.
struct BlockRuns {
  std::int64_t count;  // 0 if the piece has no elements
  std::int64_t rows;   // of one run
  std::int64_t row_elements;
};
BlockRuns block_runs(const BlockGrid& grid, const Box& piece);

// The number of the block with which run i of the piece begins.
std::int64_t first_block(const BlockGrid& grid, const Box& piece, std::int64_t run);

// The smallest box of whole blocks that holds `region`, which lies inside grid.box and is not
// empty.
Box whole_blocks(const BlockGrid& grid, const Box& region);

// Appends `box`, made of whole blocks, cut into boxes of whole blocks of at most `max_bytes` each
// (but at least a block), in row-major order.
void pieces(const BlockGrid& grid, const Box& box, std::size_t itemsize, std::uint64_t max_bytes,
            std::vector<Box>& out);

// These boxes alone.
std::vector<Box> pieces(const BlockGrid& grid, const Box& box, std::size_t itemsize,
                        std::uint64_t max_bytes);

// Calls `use(number, elements)` for each block of a piece, made of whole blocks, in the order in
// which their bytes follow each other when it is packed: its number in `grid`, and its size. Makes
// no box of each, as a piece may have thousands.
template <class Use>
void for_each_block(const BlockGrid& grid, const Box& piece, const Use& use) {
  const auto runs = block_runs(grid, piece);
  for (std::int64_t run = 0; run < runs.count; ++run) {
    auto number = first_block(grid, piece, run);
    for (auto rows = runs.rows; rows > 0; rows -= grid.rows) {
      use(number++, std::min(rows, grid.rows) * runs.row_elements);
    }
  }
}

// The same blocks as boxes.
std::vector<Box> blocks_of(const BlockGrid& grid, const Box& piece);

}  // namespace h5dcp
