#include "plan/replicas.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

#include "tilings.hpp"

namespace h5dcp {
namespace {

constexpr std::int64_t kMiB = 1 << 20;

std::vector<Box> boxes_of(const std::vector<Share>& shares) {
  std::vector<Box> boxes;
  boxes.reserve(shares.size());
  for (const auto& share : shares) boxes.push_back(share.box);
  return boxes;
}

TEST(Replicas, CutsWhatIsLargeEnough) {
  struct Case {
    const char* why;
    Box box;  // of uint8
    std::size_t holders;
    std::vector<Box> expected;
  };
  const Case cases[] = {
      {"a byte short of two slices", {{0}, {2 * kMiB - 1}}, 2, {{{0}, {2 * kMiB - 1}}}},
      {"two slices", {{5}, {2 * kMiB}}, 2, {{{5}, {kMiB}}, {{kMiB + 5}, {kMiB}}}},
      {"more holders than MiB", {{0}, {2 * kMiB}}, 9, {{{0}, {kMiB}}, {{kMiB}, {kMiB}}}},
      {"the first slices are a row longer",
       {{0, 0}, {8, kMiB}},
       3,
       {{{0, 0}, {3, kMiB}}, {{3, 0}, {3, kMiB}}, {{6, 0}, {2, kMiB}}}},
      {"rows that would leave a slice below 1 MiB",
       {{0, 0}, {3, kMiB * 3 / 4}},
       2,
       {{{0, 0}, {3, kMiB * 3 / 8}}, {{0, kMiB * 3 / 8}, {3, kMiB * 3 / 8}}}},
      {"a first dimension of one",
       {{7, 0}, {1, 2 * kMiB}},
       2,
       {{{7, 0}, {1, kMiB}}, {{7, kMiB}, {1, kMiB}}}},
      {"the first dimension that gives enough",
       {{0, 0, 0}, {2, 3, kMiB}},
       5,
       {{{0, 0, 0}, {2, 3, 209716}},
        {{0, 0, 209716}, {2, 3, 209715}},
        {{0, 0, 419431}, {2, 3, 209715}},
        {{0, 0, 629146}, {2, 3, 209715}},
        {{0, 0, 838861}, {2, 3, 209715}}}},
      {"a scalar", {}, 4, {{}}},
      {"one holder", {{0}, {8 * kMiB}}, 1, {{{0}, {8 * kMiB}}}},
  };
  for (const auto& c : cases) {
    const auto shares = share_out("w", DType::uint8, c.box, c.holders, Replicas::split);
    EXPECT_EQ(boxes_of(shares), c.expected) << c.why;
  }
}

TEST(Replicas, WithoutALongDimensionThereAreFewerSlices) {
  const std::vector<std::int64_t> sizes(14, 3);  // 4.6 MiB
  const std::vector<std::int64_t> zeros(14, 0);
  const Box box{Extents(zeros), Extents(sizes)};
  const auto shares = share_out("w", DType::uint8, box, 4, Replicas::split);
  ASSERT_EQ(shares.size(), 3U);
  EXPECT_EQ(shares[2].box.offsets[0], 2);
  EXPECT_EQ(shares[2].box.sizes[0], 1);
}

TEST(Replicas, TheLowestRankWritesAllIfItShould) {
  const Box box{{0}, {8 * kMiB}};
  const auto shares = share_out("w", DType::float32, box, 4, Replicas::lowest_rank);
  ASSERT_EQ(shares.size(), 1U);
  EXPECT_EQ(shares[0].holder, 0U);
  EXPECT_EQ(shares[0].box, box);
}

TEST(Replicas, SmallPiecesSpreadOverTheHolders) {
  std::vector<int> pieces(8);
  for (int i = 0; i < 800; ++i) {
    ++pieces[sole_writer("layers." + std::to_string(i), {{0}, {64}}, 8, Replicas::split)];
  }
  for (const auto count : pieces) EXPECT_NEAR(count, 100, 40);

  // ... and those of one tensor, too.
  std::set<std::size_t> writers;
  for (std::int64_t i = 0; i < 64; ++i) {
    writers.insert(sole_writer("w", {{64 * i}, {64}}, 8, Replicas::split));
  }
  EXPECT_EQ(writers.size(), 8U);
}

// The most slices that leave 1 MiB to the smallest of them, tried one by one.
std::int64_t most_slices(const Extents& sizes, std::size_t dim, std::int64_t bytes,
                         std::int64_t most) {
  while (most > 1 && sizes[dim] / most * (bytes / sizes[dim]) < kMiB) --most;
  return most;
}

RC_GTEST_PROP(Replicas, SlicesAreTheBoxInBalancedOrder, ()) {
  const DType dtype = any_of(0, 1) == 0 ? DType::uint8 : DType::float32;
  const std::int64_t width = dtype == DType::uint8 ? 1 : 4;
  Box box;
  for (auto dims = any_of(1, 3); dims > 0; --dims) {
    std::vector<std::int64_t> sizes(box.sizes.begin(), box.sizes.end());
    sizes.push_back(*rc::gen::element<std::int64_t>(1, 2, 3, 7, 40, 1000, 4099, 262144));
    box.sizes = Extents(std::span<const std::int64_t>(sizes));
  }
  box.offsets = box.sizes;
  for (auto& offset : box.offsets) offset = any_of<std::int64_t>(0, 100);
  const auto holders = any_of<std::size_t>(1, 12);
  const auto shares = share_out("w", dtype, box, holders, Replicas::split);
  const auto bytes = numel(box.sizes) * width;
  RC_LOG() << to_string(box) << " x " << holders << " -> " << shares.size() << '\n';

  // As many slices as the best dimension gives.
  const auto enough = std::min<std::int64_t>(static_cast<std::int64_t>(holders), bytes / kMiB);
  std::int64_t best = 1;
  for (std::size_t d = 0; d < box.dims(); ++d) {
    best = std::max(best, most_slices(box.sizes, d, bytes, enough));
  }
  RC_ASSERT(static_cast<std::int64_t>(shares.size()) == best);
  if (shares.size() == 1) {
    RC_ASSERT(shares[0].box == box);
    return;
  }

  std::size_t dim = 0;
  while (shares[0].box.sizes[dim] == box.sizes[dim]) ++dim;
  for (std::size_t d = 0; d < dim; ++d) {
    RC_ASSERT(most_slices(box.sizes, d, bytes, enough) < best);  // no earlier one does
  }
  std::set<std::size_t> writers;
  std::int64_t next = box.offsets[dim];
  for (const auto& share : shares) {
    RC_ASSERT(share.holder < holders);
    writers.insert(share.holder);
    Box expected = box;
    expected.offsets[dim] = next;
    expected.sizes[dim] = share.box.sizes[dim];
    RC_ASSERT(share.box == expected);
    RC_ASSERT(numel(share.box.sizes) * width >= kMiB);
    RC_ASSERT(shares.front().box.sizes[dim] - share.box.sizes[dim] <= 1);
    RC_ASSERT(share.box.sizes[dim] >= shares.back().box.sizes[dim]);
    next += share.box.sizes[dim];
  }
  RC_ASSERT(next == box.offsets[dim] + box.sizes[dim]);
  RC_ASSERT(writers.size() == shares.size());
}

}  // namespace
}  // namespace h5dcp
