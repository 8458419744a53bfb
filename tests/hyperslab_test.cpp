#include "layout/hyperslab.hpp"

#include <gtest/gtest.h>

#include "any_box.hpp"
#include "base/whole_box.hpp"

namespace h5dcp {
namespace {

// The indices that HDF5 selects in one dimension, by the words of its manual.
std::vector<std::int64_t> selected(const Hyperslab& slab, std::size_t d) {
  std::vector<std::int64_t> indices;
  for (unsigned long long i = 0; i < slab.count[d]; ++i) {
    for (unsigned long long j = 0; j < slab.block[d]; ++j) {
      indices.push_back(static_cast<std::int64_t>(slab.start[d] + i * slab.stride[d] + j));
    }
  }
  return indices;
}

TEST(Hyperslab, SelectsTheElementsOfTheBox) {
  EXPECT_TRUE(rc::check("hyperslab", [] {
    const Box box = test::draw_box_in(whole_box(*test::any_sizes(4, 9)));
    const auto slab = hyperslab_of(box);
    RC_ASSERT(slab.start.size() == box.dims());
    for (std::size_t d = 0; d < box.dims(); ++d) {
      std::vector<std::int64_t> expected;
      for (std::int64_t i = 0; i < box.sizes[d]; ++i) expected.push_back(box.offsets[d] + i);
      RC_ASSERT(selected(slab, d) == expected);
      RC_ASSERT(slab.stride[d] >= 1U);  // HDF5 refuses 0
    }
  }));
}

TEST(Hyperslab, IsOneBlockADimension) {
  const auto slab = hyperslab_of({{2, 0}, {3, 5}});
  EXPECT_EQ(slab.start, (std::vector<unsigned long long>{2, 0}));
  EXPECT_EQ(slab.stride, (std::vector<unsigned long long>{1, 1}));
  EXPECT_EQ(slab.count, (std::vector<unsigned long long>{1, 1}));
  EXPECT_EQ(slab.block, (std::vector<unsigned long long>{3, 5}));
}

}  // namespace
}  // namespace h5dcp
