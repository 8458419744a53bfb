#include "plan/read_passes.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <vector>

#include "tilings.hpp"

namespace h5dcp {
namespace {

using Passes = std::vector<std::uint32_t>;

std::array<std::uint8_t, 4096> memory;

TensorView view(std::int64_t offset, const Extents& sizes, const Extents& strides) {
  return {memory.data() + offset, DType::uint8, sizes, strides, nullptr, false};
}

Passes passes_of(const std::vector<TensorView>& views) {
  return read_passes(views.size(), [&](std::size_t i) { return views[i]; });
}

TEST(ReadPasses, FollowTheOrderOfThePlan) {
  const auto low = view(0, {10}, {1});
  const auto high = view(10, {10}, {1});
  const auto both = view(0, {20}, {1});
  EXPECT_EQ(passes_of({}), Passes{});
  EXPECT_EQ(passes_of({high, low}), Passes{}) << "side by side";
  EXPECT_EQ(passes_of({low, high, low}), (Passes{0, 0, 1}));
  EXPECT_EQ(passes_of({high, both, low}), (Passes{0, 1, 2}));
  EXPECT_EQ(passes_of({low, low, low}), (Passes{0, 1, 2}));
  EXPECT_EQ(passes_of({both, view(5, {0}, {1}), view(5, {1}, {7})}), (Passes{0, 0, 1}))
      << "without elements; one element";
}

TEST(ReadPasses, OfMemoryThatIsNotKnownAreTheFirst) {
  const auto low = view(0, {10}, {1});
  const auto passes = read_passes(
      3, [&](std::size_t i) { return i == 1 ? std::nullopt : std::optional<TensorView>(low); });
  EXPECT_EQ(passes, (Passes{0, 0, 1}));
}

TEST(ReadPasses, InterleavedViewsShareNothing) {
  std::vector<TensorView> columns;
  std::vector<TensorView> blocks;
  for (std::int64_t c = 0; c < 8; ++c) {
    columns.push_back(view(c, {16}, {8}));
    blocks.push_back(view(8 * (c / 4) * 16 + 2 * (c % 4), {16, 2}, {8, 1}));
  }
  EXPECT_EQ(passes_of(columns), Passes{});
  EXPECT_EQ(passes_of(blocks), Passes{});
  EXPECT_EQ(passes_of({view(0, {4, 4}, {32, 1}), view(8, {4, 4}, {32, 1})}), Passes{});
  EXPECT_EQ(passes_of({view(15 * 8, {16}, {-8}), view(1, {16}, {8})}), Passes{}) << "backwards";
  EXPECT_EQ(passes_of({view(15 * 8, {16}, {-8}), view(0, {16}, {8})}), (Passes{0, 1}));
}

std::vector<bool> bytes_of(const TensorView& view) {
  std::vector<bool> bytes(memory.size());
  const auto first = static_cast<const std::uint8_t*>(view.data) - memory.data();
  for (std::int64_t i = 0; i < view.sizes[0]; ++i) {
    for (std::int64_t j = 0; j < view.sizes[1]; ++j) {
      bytes[static_cast<std::size_t>(first + i * view.strides[0] + j * view.strides[1])] = true;
    }
  }
  return bytes;
}

RC_GTEST_PROP(ReadPasses, NoTwoReadsOfAPassShareAByte, ()) {
  std::vector<TensorView> views;
  for (auto count = any_of(0, 8); count > 0; --count) {
    views.push_back(view(any_of<std::int64_t>(1000, 1100), {any_of(0, 5), any_of(1, 4)},
                         {any_of(-20, 20), any_of(1, 9)}));
  }
  const auto passes = passes_of(views);
  for (std::size_t later = 0; later < views.size() && !passes.empty(); ++later) {
    for (std::size_t earlier = 0; earlier < later; ++earlier) {
      const auto a = bytes_of(views[earlier]);
      const auto b = bytes_of(views[later]);
      for (std::size_t i = 0; i < memory.size(); ++i) {
        if (a[i] && b[i]) RC_ASSERT(passes[earlier] < passes[later]);
      }
    }
  }
  if (!passes.empty()) return;
  std::vector<int> writers(memory.size());
  for (const auto& each : views) {
    const auto bytes = bytes_of(each);
    for (std::size_t i = 0; i < memory.size(); ++i) writers[i] += bytes[i];
  }
  RC_ASSERT(std::ranges::all_of(writers, [](int count) { return count < 2; }));
}

}  // namespace
}  // namespace h5dcp
