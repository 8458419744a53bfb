// Boxes that have something of a region are found among those of a tensor by their order alone,
// with few looks.

#include "layout/sorted_boxes.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include "tilings.hpp"

namespace h5dcp {
namespace {

std::vector<Box> sorted(std::vector<Box> boxes) {
  std::erase_if(boxes, [](const Box& box) { return numel(box.sizes) == 0; });
  std::ranges::sort(boxes, [](const Box& a, const Box& b) {
    return std::ranges::lexicographical_compare(a.offsets, b.offsets);
  });
  return boxes;
}

// Cuts in the order of dimensions, each stretch of one cut anew in the next.
void cut_in_order(const Box& box, std::size_t d, std::vector<Box>& boxes) {
  if (d == box.dims()) {
    boxes.push_back(box);
    return;
  }
  for (std::int64_t at = 0; at < box.sizes[d];) {
    Box part = box;
    part.offsets[d] += at;
    part.sizes[d] = any_of<std::int64_t>(1, box.sizes[d] - at);
    at += part.sizes[d];
    cut_in_order(part, d + 1, boxes);
  }
}

std::vector<Box> cells(const Extents& sizes, const Extents& cell) {
  std::vector<Box> boxes{whole_box(sizes)};
  for (std::size_t d = 0; d < sizes.size(); ++d) {
    for (std::size_t i = 0; i < boxes.size(); ++i) {
      if (boxes[i].sizes[d] > cell[d]) boxes.push_back(split_off(boxes[i], d, cell[d]));
    }
  }
  return sorted(boxes);
}

std::vector<std::uint64_t> numbers_of(const std::vector<BoxRange>& ranges) {
  std::vector<std::uint64_t> numbers;
  for (const auto& range : ranges) {
    for (auto i = range.first; i < range.end; ++i) numbers.push_back(i);
  }
  return numbers;
}

// Those with something of the region, by a look at all.
std::vector<std::uint64_t> overlapping(const std::vector<Box>& boxes, const Box& region) {
  std::vector<std::uint64_t> numbers;
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    const auto overlap = intersect(boxes[i], region);
    if (overlap && numel(overlap->sizes) > 0) numbers.push_back(i);
  }
  return numbers;
}

// What find_boxes finds, and the most often that it looks.
struct Found {
  std::vector<std::uint64_t> numbers;
  std::uint64_t looks = 0;
};

Found find(const Extents& sizes, const std::vector<Box>& boxes, const Box& region) {
  Found found;
  found.numbers = numbers_of(find_boxes(
      sizes, boxes.size(),
      [&](std::uint64_t i) {
        ++found.looks;
        return boxes.at(i);
      },
      region));
  return found;
}

RC_GTEST_PROP(SortedBoxes, AreFoundIfTheyAreCutInTheOrderOfDimensions, ()) {
  const Extents sizes = any_sizes(12);
  std::vector<Box> boxes;
  cut_in_order(whole_box(sizes), 0, boxes);
  const auto region = any_box(sizes);
  const auto wanted = overlapping(boxes, region);
  const auto found = find(sizes, boxes, region);
  RC_ASSERT(std::ranges::includes(found.numbers, wanted));
  RC_ASSERT(std::ranges::is_sorted(found.numbers, std::ranges::less_equal()) ||
            found.numbers.size() < 2);
  if (std::ranges::all_of(boxes, [&](const Box& box) { return box.sizes == boxes[0].sizes; })) {
    RC_ASSERT(found.numbers == wanted);
  }
}

RC_GTEST_PROP(SortedBoxes, OfAnyOtherOrderEndTheSearch, ()) {
  const Extents sizes = any_sizes(12);
  auto boxes = any_tiling(sizes);
  std::erase_if(boxes, [](const Box& box) { return numel(box.sizes) == 0; });
  const auto found = find(sizes, boxes, any_box(sizes));
  RC_ASSERT(std::ranges::all_of(found.numbers, [&](auto i) { return i < boxes.size(); }));
}

RC_GTEST_PROP(SortedBoxes, OfAGridAreComputed, ()) {
  const Extents sizes = any_sizes(12);
  Extents cell = sizes;
  for (std::size_t d = 0; d < sizes.size(); ++d) {
    RC_PRE(sizes[d] > 0);
    cell[d] = any_of<std::int64_t>(1, sizes[d]);
  }
  const auto boxes = cells(sizes, cell);
  const auto region = any_box(sizes);
  const auto found = cells_of(sizes, cell, boxes.size(), region);
  RC_ASSERT(found.has_value());
  RC_ASSERT(numbers_of(*found) == overlapping(boxes, region));
  RC_ASSERT(!cells_of(sizes, cell, boxes.size() + 1, region).has_value());
}

TEST(SortedBoxes, TakeFewLooks) {
  // Slabs of one row and of two in turn; a grid of 64 x 64 cells.
  const Extents sizes{6144, 4};
  std::vector<Box> slabs;
  for (std::int64_t at = 0; at < 6144; at += slabs.back().sizes[0]) {
    slabs.push_back({{at, 0}, {slabs.size() % 2 == 0 ? 1 : 2, 4}});
  }
  for (const std::int64_t first : {0, 1, 3000, 6143}) {
    const Box region{{first, 0}, {1, 4}};
    const auto found = find(sizes, slabs, region);
    EXPECT_EQ(found.numbers, overlapping(slabs, region)) << first;
    EXPECT_LE(found.looks, 3U * static_cast<unsigned>(std::bit_width(slabs.size()))) << first;
  }
  const auto grid = cells({64, 64}, {1, 1});
  const Box column{{0, 17}, {64, 1}};
  const auto found = find({64, 64}, grid, column);
  EXPECT_EQ(found.numbers, overlapping(grid, column));
  EXPECT_LT(found.looks, grid.size() / 4);
  EXPECT_EQ(likely_box(sizes, 2048, {{2999, 0}, {1, 4}}), 999U);
}

}  // namespace
}  // namespace h5dcp
