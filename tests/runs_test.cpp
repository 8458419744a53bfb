#include "layout/runs.hpp"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "any_box.hpp"
#include "base/whole_box.hpp"

namespace h5dcp {
namespace {

using ByteRange = std::pair<std::uint64_t, std::uint64_t>;

std::vector<ByteRange> runs_of(const Extents& sizes, const Box& box, std::size_t itemsize) {
  std::vector<ByteRange> runs;
  for_each_run(sizes, box, itemsize, [&](std::uint64_t offset, std::uint64_t nbytes) {
    runs.emplace_back(offset, nbytes);
  });
  return runs;
}

TEST(Runs, AreTheElementsOfTheBoxInItsOrder) {
  EXPECT_TRUE(rc::check("runs", [] {
    const Extents sizes = *test::any_sizes(4, 7);
    const Box box = test::draw_box_in(whole_box(sizes));
    constexpr std::size_t kItem = 4;
    std::vector<std::int64_t> covered;
    for (const auto& [offset, nbytes] : runs_of(sizes, box, kItem)) {
      RC_ASSERT(offset % kItem == 0U);
      RC_ASSERT(nbytes % kItem == 0U);
      for (std::uint64_t i = 0; i < nbytes / kItem; ++i) {
        covered.push_back(static_cast<std::int64_t>(offset / kItem + i));
      }
    }
    RC_ASSERT(covered == test::elements_of(box, sizes));
  }));
}

TEST(Runs, AreAsLongAsTheyCanBe) {
  struct Case {
    const char* why;
    Extents sizes;
    Box box;
    std::vector<ByteRange> expected;
  };
  const Case cases[] = {
      {"whole rows follow each other", {4, 5}, {{1, 0}, {2, 5}}, {{10, 20}}},
      {"parts of rows do not", {4, 5}, {{1, 1}, {2, 3}}, {{12, 6}, {22, 6}}},
      {"everything is one", {2, 3, 4}, {{0, 0, 0}, {2, 3, 4}}, {{0, 48}}},
      {"whole planes of a part", {2, 3, 4}, {{0, 1, 0}, {2, 2, 4}}, {{8, 16}, {32, 16}}},
      {"a scalar", {}, {}, {{0, 2}}},
      {"nothing", {3, 0}, {{0, 0}, {3, 0}}, {}},
  };
  for (const auto& c : cases) EXPECT_EQ(runs_of(c.sizes, c.box, 2), c.expected) << c.why;
}

}  // namespace
}  // namespace h5dcp
