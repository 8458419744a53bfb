#include "h5dcp/tensor.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "h5dcp/error.hpp"

namespace h5dcp {
namespace {

TEST(Tensor, ContiguousViewIsRowMajor) {
  struct Case {
    const char* why;
    Extents sizes, strides;
  };
  const Case cases[] = {
      {"a scalar has none", {}, {}},
      {"the last dimension is the fastest", {2, 3, 4}, {12, 4, 1}},
      {"without elements, as if the size were one", {2, 0, 4}, {4, 4, 1}},
      {"huge, but without elements", {INT64_MAX, INT64_MAX, 0}, {INT64_MAX, 1, 1}},
  };
  for (const auto& c : cases) {
    float memory = 0;
    const auto view = contiguous_view(&memory, DType::float32, c.sizes);
    EXPECT_EQ(view.data, &memory) << c.why;
    EXPECT_EQ(view.dtype, DType::float32) << c.why;
    EXPECT_EQ(view.sizes, c.sizes) << c.why;
    EXPECT_EQ(view.strides, c.strides) << c.why;
    EXPECT_TRUE(is_contiguous(view)) << c.why;
  }
}

TEST(Tensor, CppNumbersHaveDTypes) {
  static_assert(dtype_of<bool>() == DType::boolean);
  static_assert(dtype_of<float>() == DType::float32);
  static_assert(dtype_of<double>() == DType::float64);
  static_assert(dtype_of<std::complex<float>>() == DType::complex64);
  static_assert(dtype_of<std::complex<double>>() == DType::complex128);
  static_assert(dtype_of<std::int8_t>() == DType::int8);
  static_assert(dtype_of<std::int16_t>() == DType::int16);
  static_assert(dtype_of<std::int32_t>() == DType::int32);
  static_assert(dtype_of<std::int64_t>() == DType::int64);
  static_assert(dtype_of<std::uint8_t>() == DType::uint8);
  static_assert(dtype_of<std::uint16_t>() == DType::uint16);
  static_assert(dtype_of<std::uint32_t>() == DType::uint32);
  static_assert(dtype_of<std::uint64_t>() == DType::uint64);
  static_assert(dtype_of<long long>() == DType::int64);
  static_assert(dtype_of<unsigned char>() == DType::uint8);
  static_assert(!Number<long double> && !Number<const double> && !Number<void*>);

  std::vector<std::uint16_t> numbers(6);
  const TensorView view = contiguous_view(numbers.data(), {2, 3});
  EXPECT_EQ(view.data, numbers.data());
  EXPECT_EQ(view.dtype, DType::uint16);
  EXPECT_EQ(view.strides, (Extents{3, 1}));
}

TEST(Tensor, AllocateOwnsZeroedMemory) {
  TensorView view = allocate(DType::complex128, {100, 3});
  const std::weak_ptr<const void> memory = view.keepalive;
  const auto* const bytes = static_cast<const std::byte*>(view.data);
  EXPECT_TRUE(std::all_of(bytes, bytes + 4800, [](std::byte b) { return b == std::byte{0}; }));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(bytes) % 16, 0U);
  EXPECT_EQ(view.strides, (Extents{3, 1}));
  view = allocate(DType::int8, {0, 5});
  EXPECT_TRUE(memory.expired());
  EXPECT_EQ(view.sizes, (Extents{0, 5}));
  EXPECT_THROW(allocate(DType::int64, {-1}), Error);
}

TEST(Tensor, IsContiguousIfTheElementsLieSideBySide) {
  struct Case {
    const char* why;
    Extents sizes, strides;
    bool expected;
  };
  const Case cases[] = {
      {"row-major", {2, 3}, {3, 1}, true},
      {"transposed", {3, 2}, {1, 3}, false},
      {"rows with a gap", {2, 3}, {4, 1}, false},
      {"every second element", {3}, {2}, false},
      {"a dimension of one may have any stride", {2, 1, 3}, {3, 77, 1}, true},
      {"expanded", {2, 3}, {0, 1}, false},
      {"one element", {1, 1}, {5, 5}, true},
      {"no elements", {0, 3}, {7, 7}, true},
      {"backwards", {3}, {-1}, false},
  };
  for (const auto& c : cases) {
    int memory = 0;
    EXPECT_EQ(is_contiguous({&memory, DType::int32, c.sizes, c.strides, nullptr}), c.expected)
        << c.why;
  }
}

TEST(Tensor, NarrowSharesTheMemoryOfItsPart) {
  const TensorView view = allocate(DType::int16, {4, 6});
  const TensorView part = narrow(view, {{1, 2}, {3, 4}});
  EXPECT_EQ(part.data, static_cast<std::int16_t*>(view.data) + 8);
  EXPECT_EQ(part.sizes, (Extents{3, 4}));
  EXPECT_EQ(part.strides, view.strides);
  EXPECT_EQ(part.keepalive, view.keepalive);

  const TensorView again = narrow(part, {{1, 3}, {1, 1}});  // in the part's own coordinates
  EXPECT_EQ(again.data, static_cast<std::int16_t*>(view.data) + 17);

  EXPECT_EQ(narrow(view, {{4, 0}, {0, 6}}).sizes, (Extents{0, 6})) << "nothing, at the end";
  EXPECT_EQ(narrow(allocate(DType::int8, {0}), {{0}, {0}}).data, nullptr);
}

TEST(Tensor, NarrowRefusesWhatIsNotInside) {
  const TensorView view = allocate(DType::int16, {4, 6});
  for (const auto& box : {Box{{2, 0}, {3, 6}}, Box{{0, 0}, {4, 7}}, Box{{-1, 0}, {1, 1}},
                          Box{{5, 0}, {0, 0}}, Box{{1}, {1}}, Box{}}) {
    try {
      narrow(view, box);
      ADD_FAILURE() << "no error: " << to_string(box);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
      EXPECT_EQ(error.what(),
                "narrow a view of sizes [4, 6] to " + to_string(box) + ": the box is not inside");
    }
  }
}

}  // namespace
}  // namespace h5dcp
