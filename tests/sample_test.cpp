#include "plan/sample.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdint>
#include <cstring>

#include "tilings.hpp"

namespace h5dcp {
namespace {

TensorView filled(DType dtype, const Extents& sizes, std::uint8_t seed) {
  auto view = allocate(dtype, sizes);
  auto* const bytes = static_cast<std::uint8_t*>(view.data);
  for (std::int64_t i = 0; i < nbytes(dtype, sizes); ++i) {
    bytes[i] = static_cast<std::uint8_t>(seed + i * 7 + i / 251);
  }
  return view;
}

TEST(Sample, SeesEveryByteOfAFewBytes) {
  for (const std::int64_t size : {1, 63, 256}) {
    const auto view = filled(DType::uint8, {size}, 1);
    const auto digest = sample_digest(view);
    for (std::int64_t i = 0; i < size; ++i) {
      static_cast<std::uint8_t*>(view.data)[i] ^= 1;
      EXPECT_NE(sample_digest(view), digest) << i << " of " << size;
      static_cast<std::uint8_t*>(view.data)[i] ^= 1;
    }
    EXPECT_EQ(sample_digest(view), digest);
  }
}

// How many of the bytes of a tensor the sample has.
TEST(Sample, IsSpreadOverALargeTensor) {
  struct Case {
    std::int64_t size, expected;
  };
  for (const auto& [size, expected] :
       {Case{257, 64}, Case{65535, 64}, Case{65536, 128}, Case{(1 << 20) + 100, 17 * 64}}) {
    const auto view = allocate(DType::uint8, {size});
    auto* const bytes = static_cast<std::uint8_t*>(view.data);
    const auto digest = sample_digest(view);
    // Halving: a range without a byte of the sample is not looked at more closely.
    std::int64_t seen = 0;
    std::int64_t most_unseen = 0;
    std::int64_t unseen = 0;
    for (std::int64_t first = 0; first < size; first += 16) {
      const auto count = std::min<std::int64_t>(16, size - first);
      std::memset(bytes + first, 1, static_cast<std::size_t>(count));
      const bool any = sample_digest(view) != digest;
      std::memset(bytes + first, 0, static_cast<std::size_t>(count));
      unseen = any ? 0 : unseen + count;
      most_unseen = std::max(most_unseen, unseen);
      for (std::int64_t i = first; any && i < first + count; ++i) {
        bytes[i] = 1;
        seen += sample_digest(view) != digest;
        bytes[i] = 0;
      }
    }
    EXPECT_EQ(seen, expected) << size;
    EXPECT_LE(most_unseen, 2 * size / (expected / 64)) << size;
  }
}

RC_GTEST_PROP(Sample, DoesNotDependOnStrides, ()) {
  const auto rows = any_of<std::int64_t>(1, 100);
  const auto columns = any_of<std::int64_t>(1, 100);
  const auto dtype = any_of(0, 1) == 0 ? DType::complex128 : DType::int16;
  const auto straight = filled(dtype, {rows, columns}, 3);
  const auto turned = allocate(dtype, {columns, rows});
  TensorView transposed = turned;
  transposed.sizes = {rows, columns};
  transposed.strides = {1, rows};
  copy_elements(straight, transposed);
  RC_ASSERT(sample_digest(transposed) == sample_digest(straight));
}

}  // namespace
}  // namespace h5dcp
