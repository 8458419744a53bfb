// A whole model on 512 ranks, merged name by name as owners do, against the simplest counting.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string>
#include <vector>

#include "h5dcp/tensor.hpp"
#include "plan/merge.hpp"

namespace h5dcp {
namespace {

constexpr int kRanks = 512;
constexpr std::int64_t kPages = 64;  // of each tensor, which is counted page by page

// What the ranks hold of a tensor of [kPages * rows, kPages * columns].
struct Layout {
  const char* name;
  std::int64_t row_pieces, column_pieces;  // the grid
};
constexpr Layout kLayouts[] = {
    {"replicated", 1, 1},       // on all 512
    {"row sharded", 64, 1},     // ... on 8 each
    {"column sharded", 1, 32},  // ... on 16 each
    {"on a 2-D mesh", 32, 16},  // ... on one each
    {"on a small mesh", 8, 4},  // ... on 16 each
};

Proposals propose(const std::string& fqn, const Layout& layout, const Extents& size) {
  Proposals proposals{fqn, {fqn}, {}};
  const auto pieces = layout.row_pieces * layout.column_pieces;
  for (int rank = 0; rank < kRanks; ++rank) {
    const auto piece = rank % pieces;
    const Extents sizes{size[0] / layout.row_pieces, size[1] / layout.column_pieces};
    const Box box{
        {piece / layout.column_pieces * sizes[0], piece % layout.column_pieces * sizes[1]}, sizes};
    proposals.holders.push_back(
        {rank, 0, WriteItemType::shard, {box, {DType::bfloat16}, size}, {}});
  }
  return proposals;
}

// How many ranks write each element of a page by page raster, if only ranks that hold it do.
std::vector<std::int64_t> elements_by_page(const Proposals& proposals,
                                           const std::vector<PlannedWrite>& writes) {
  const Extents& size = proposals.holders.front().tensor.size;
  const std::int64_t rows = size[0] / kPages;
  const std::int64_t columns = size[1] / kPages;
  std::vector<std::int64_t> counts(static_cast<std::size_t>(kPages * kPages));
  for (const auto& write : writes) {
    EXPECT_EQ(intersect(write.box, proposals.holders[write.holder].tensor.chunk), write.box);
    const Extents& offsets = write.box.offsets;
    const Extents& sizes = write.box.sizes;
    for (auto i = offsets[0] / rows; i * rows < offsets[0] + sizes[0]; ++i) {
      for (auto j = offsets[1] / columns; j * columns < offsets[1] + sizes[1]; ++j) {
        const auto page = intersect(write.box, {{i * rows, j * columns}, {rows, columns}});
        counts[static_cast<std::size_t>(i * kPages + j)] += numel(page.value().sizes);
      }
    }
  }
  return counts;
}

TEST(MergeScale, AModelOn512Ranks) {
  std::vector<std::int64_t> bytes_of_rank(kRanks);
  std::int64_t bytes = 0;
  for (std::int64_t tensor = 0; tensor < 200; ++tensor) {
    const auto& layout = kLayouts[tensor % std::ssize(kLayouts)];
    const auto rows = 1 + tensor % 7 * 16;  // of a page: from small ones to 25 MiB
    const auto columns = 1 + tensor % 3 * 16;
    const Extents size{kPages * rows, kPages * columns};
    const auto proposals = propose("layers." + std::to_string(tensor) + ".weight", layout, size);
    const auto writes = merge(proposals, Replicas::split);

    const auto counts = elements_by_page(proposals, writes);
    const auto page = rows * columns;
    EXPECT_TRUE(std::ranges::all_of(counts, [&](auto count) { return count == page; }))
        << layout.name << " " << to_string(size);
    for (std::size_t i = 0; i < writes.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        EXPECT_FALSE(intersect(writes[i].box, writes[j].box)) << layout.name;
      }
      bytes_of_rank[static_cast<std::size_t>(proposals.holders[writes[i].holder].rank)] +=
          nbytes(DType::bfloat16, writes[i].box.sizes);
    }
    bytes += nbytes(DType::bfloat16, size);
  }
  // Nobody writes much more than a fair share.
  EXPECT_LT(std::ranges::max(bytes_of_rank), 3 * bytes / kRanks);
}

}  // namespace
}  // namespace h5dcp
