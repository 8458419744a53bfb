#include "layout/chunk_shape.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <vector>

#include "base/whole_box.hpp"

namespace h5dcp {
namespace {

// Cuts each dimension where it likes, or regularly, and returns all boxes of the grid.
std::vector<Box> draw_tiling(const Extents& sizes) {
  std::vector<Box> boxes{whole_box(sizes)};
  for (std::size_t d = 0; d < sizes.size(); ++d) {
    const auto step = *rc::gen::inRange<std::int64_t>(1, sizes[d] + 1);
    const bool regular = *rc::gen::weightedElement<bool>({{3, true}, {1, false}});
    std::vector<Box> cut;
    for (const auto& box : boxes) {
      for (std::int64_t first = 0; first < sizes[d];) {
        const auto size = regular ? step : *rc::gen::inRange<std::int64_t>(1, sizes[d] + 1);
        Box part = box;
        part.offsets[d] = first;
        part.sizes[d] = std::min(size, sizes[d] - first);
        first += part.sizes[d];
        cut.push_back(part);
      }
    }
    boxes = std::move(cut);
  }
  return boxes;
}

TEST(ChunkShape, GivesEachBlockAChunkOfItsOwn) {
  int found = 0;
  EXPECT_TRUE(rc::check("chunks", [&found] {
    Extents sizes(std::vector<std::int64_t>(*rc::gen::inRange<std::size_t>(1, 4)));
    for (auto& size : sizes) size = *rc::gen::inRange<std::int64_t>(1, 13);
    const auto boxes = draw_tiling(sizes);
    // So that little tensors are large enough; of 4096, one element is a chunk.
    const auto itemsize = *rc::gen::element<std::size_t>(512, 4096);
    const auto shape = chunk_shape(sizes, boxes, itemsize);
    if (!shape) return;
    ++found;
    std::map<std::vector<std::int64_t>, int> owners;  // blocks in each chunk
    for (const auto& box : boxes) {
      const auto grid = chunk_grid(box, *shape);
      std::int64_t elements = 0;
      for (std::int64_t i = 0; i < block_count(grid); ++i) {
        const Box block = h5dcp::block(grid, i);
        elements += numel(block.sizes);
        std::vector<std::int64_t> chunk;
        for (std::size_t d = 0; d < sizes.size(); ++d) {
          RC_ASSERT(block.offsets[d] % (*shape)[d] == 0);
          const auto end = std::min(block.offsets[d] + (*shape)[d], sizes[d]);
          RC_ASSERT(block.offsets[d] + block.sizes[d] == end);
          chunk.push_back(block.offsets[d] / (*shape)[d]);
        }
        RC_ASSERT(++owners[chunk] == 1);
      }
      RC_ASSERT(elements == numel(box.sizes));
    }
  }));
  EXPECT_GT(found, 20) << "cases in which there were chunks";
}

std::vector<Box> rows(std::int64_t count, std::int64_t each, const Extents& sizes) {
  std::vector<Box> boxes;
  for (std::int64_t first = 0; first < count; first += each) {
    Box box = whole_box(sizes);
    box.offsets[0] = first;
    box.sizes[0] = std::min(each, count - first);
    boxes.push_back(box);
  }
  return boxes;
}

TEST(ChunkShape, HasASensibleSize) {
  const auto shape = [](const Extents& sizes, const std::vector<Box>& boxes) {
    return chunk_shape(sizes, boxes, 4).value_or(Extents{});
  };
  // 4 ranks with 12565 rows of 16 KiB: in their divisors there is one of 35 rows, 573,440 bytes.
  EXPECT_EQ(shape({50257, 4096}, rows(50257, 12565, {50257, 4096})), (Extents{35, 4096}));
  // A prime number of short rows: all of them, as it is not much.
  EXPECT_EQ(shape({2 * 10007, 16}, rows(2 * 10007, 10007, {2 * 10007, 16})), (Extents{10007, 16}));
  // By columns.
  const Box left{{0, 0}, {1024, 512}};
  const Box right{{0, 512}, {1024, 512}};
  EXPECT_EQ(shape({1024, 1024}, {left, right}), (Extents{32, 512}));
  // A vector, and a long row.
  EXPECT_EQ(shape({1 << 20}, {whole_box({1 << 20})}), (Extents{1 << 14}));
  EXPECT_EQ(shape({2, 1 << 24}, rows(2, 1, {2, 1 << 24})), (Extents{1, 1 << 18}));
}

TEST(ChunkShape, IsNoneWhereNoChunksSuitTheBoxes) {
  EXPECT_FALSE(chunk_shape({}, {Box{}}, 4));
  EXPECT_FALSE(chunk_shape({0, 5}, {}, 4));
  EXPECT_FALSE(chunk_shape({10, 10}, {whole_box({10, 10})}, 4)) << "less than 4 KiB";
  // Rows of 16 bytes that are cut anywhere: chunks of one row.
  const std::vector<Box> uneven{{{0, 0}, {1000, 4}}, {{1000, 0}, {1001, 4}}, {{2001, 0}, {999, 4}}};
  EXPECT_FALSE(chunk_shape({3000, 4}, uneven, 4));
}

}  // namespace
}  // namespace h5dcp
