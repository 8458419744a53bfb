#include "layout/blocks.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "any_box.hpp"
#include "base/whole_box.hpp"

namespace h5dcp {
namespace {

// A box somewhere in a tensor, and a grid on it: the one that the format prescribes, or any other.
BlockGrid draw_grid(const Extents& sizes) {
  const Box box = test::draw_box_in(whole_box(sizes));
  if (box.dims() == 0 || *rc::gen::arbitrary<bool>()) return block_grid(box, 4);
  return {box, *rc::gen::inRange<std::size_t>(0, box.dims()),
          *rc::gen::inRange<std::int64_t>(1, 9)};
}

std::vector<Box> all_blocks(const BlockGrid& grid) {
  std::vector<Box> blocks;
  for (std::int64_t i = 0; i < block_count(grid); ++i) blocks.push_back(block(grid, i));
  return blocks;
}

std::vector<std::int64_t> elements_of(const std::vector<Box>& boxes, const Extents& sizes) {
  std::vector<std::int64_t> numbers;
  for (const auto& box : boxes) {
    const auto some = test::elements_of(box, sizes);
    numbers.insert(numbers.end(), some.begin(), some.end());
  }
  return numbers;
}

TEST(Blocks, FollowEachOtherThroughTheBox) {
  EXPECT_TRUE(rc::check("blocks", [] {
    const Extents sizes = *test::any_sizes(4, 8);
    const auto grid = draw_grid(sizes);
    const auto blocks = all_blocks(grid);
    RC_ASSERT(elements_of(blocks, sizes) == test::elements_of(grid.box, sizes));
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      RC_ASSERT(numel(blocks[i].sizes) > 0);
      RC_ASSERT(block_at(grid, blocks[i].offsets) == static_cast<std::int64_t>(i));
    }
  }));
}

TEST(Blocks, AroundARegionAreThoseThatTouchIt) {
  EXPECT_TRUE(rc::check("whole blocks", [] {
    const Extents sizes = *test::any_sizes(4, 8);
    const auto grid = draw_grid(sizes);
    const Box region = test::draw_box_in(grid.box);
    RC_PRE(numel(region.sizes) > 0);
    const Box box = whole_blocks(grid, region);
    std::vector<Box> inside;
    for (const auto& candidate : all_blocks(grid)) {
      const bool touches = intersect(candidate, region).has_value();
      RC_ASSERT(contains(box, candidate) == intersect(candidate, box).has_value());
      if (touches) RC_ASSERT(contains(box, candidate));
      if (contains(box, candidate)) inside.push_back(candidate);
    }
    RC_ASSERT(elements_of(inside, sizes) == test::elements_of(box, sizes));
  }));
}

TEST(Blocks, ArePackedOneAfterTheOtherInEveryPiece) {
  EXPECT_TRUE(rc::check("pieces", [] {
    const Extents sizes = *test::any_sizes(4, 8);
    const auto grid = draw_grid(sizes);
    const Box region = test::draw_box_in(grid.box);
    RC_PRE(numel(region.sizes) > 0);
    const Box box = whole_blocks(grid, region);
    const auto most = *rc::gen::inRange<std::uint64_t>(1, 200);
    const auto cut = pieces(grid, box, 4, most);
    RC_ASSERT(elements_of(cut, sizes) == test::elements_of(box, sizes));
    for (const auto& piece : cut) {
      const auto blocks = blocks_of(grid, piece);
      RC_ASSERT(elements_of(blocks, sizes) == test::elements_of(piece, sizes));
      std::size_t next = 0;
      for_each_block(grid, piece, [&](std::int64_t number, std::int64_t elements) {
        RC_ASSERT(number == block_at(grid, blocks[next].offsets));
        RC_ASSERT(elements == numel(blocks[next++].sizes));
      });
      RC_ASSERT(next == blocks.size());
      RC_ASSERT(static_cast<std::uint64_t>(numel(piece.sizes)) * 4 <= most || blocks.size() == 1U);
    }
  }));
}

TEST(Blocks, HaveTheSizesThatTheFormatPrescribes) {
  struct Case {
    const char* why;
    Extents sizes;
    std::size_t itemsize;
    std::size_t dim;
    std::int64_t rows;
    std::int64_t count;
  };
  constexpr std::int64_t kMega = 1 << 20;
  const Case cases[] = {
      {"a scalar is one block", {}, 4, 0, 1, 1},
      {"nothing has no blocks", {0, 7}, 4, 0, 1, 0},
      {"4 KiB at least", {100, 8}, 4, 0, 100, 1},
      {"in whole rows", {1000, 24}, 4, 0, 42, 24},  // 4096 / 96 = 42.67
      {"a 512th of the box", {2048, 2048}, 4, 0, 4, 512},
      {"1 MiB at most", {1024, kMega}, 4, 1, kMega / 4, 4096},
      {"long rows are cut themselves", {2, 4000}, 4, 1, 1024, 8},
      {"and so are planes", {3, 2, 2048}, 4, 2, 1024, 12},
  };
  for (const auto& c : cases) {
    const auto grid = block_grid(whole_box(c.sizes), c.itemsize);
    EXPECT_EQ(grid.dim, c.dim) << c.why;
    EXPECT_EQ(grid.rows, c.rows) << c.why;
    EXPECT_EQ(block_count(grid), c.count) << c.why;
  }
}

}  // namespace
}  // namespace h5dcp
