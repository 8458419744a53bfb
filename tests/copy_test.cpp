#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "float_environments.hpp"
#include "h5dcp/error.hpp"
#include "h5dcp/tensor.hpp"

namespace h5dcp {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

template <typename T>
TensorView view_of(std::vector<T>& elements, DType dtype) {
  return contiguous_view(elements.data(), dtype, {static_cast<std::int64_t>(elements.size())});
}

template <typename To, typename From>
std::vector<To> converted(std::vector<From> elements, DType from, DType to) {
  std::vector<To> result(elements.size());
  copy_elements(view_of(elements, from), view_of(result, to));
  return result;
}

TEST(Copy, FromFloatToIntegerDropsTheFraction) {
  EXPECT_EQ((converted<std::int8_t, double>({-1.9, -0.5, 0.5, 1.9, 127.9, -128.9}, DType::float64,
                                            DType::int8)),
            (std::vector<std::int8_t>{-1, 0, 0, 1, 127, -128}));
  EXPECT_EQ((converted<std::uint32_t, float>({4294967040.0F}, DType::float32, DType::uint32)),
            (std::vector<std::uint32_t>{4294967040U}));
  EXPECT_EQ((converted<std::uint64_t, double>({0x1p63, 0x1.fffffffffffffp63, -1}, DType::float64,
                                              DType::uint64)),
            (std::vector<std::uint64_t>{1ULL << 63, 0xfffffffffffff800U, ~0ULL}));
}

TEST(Copy, FromFloatOutOfRangeIsTheLeastInt64AsOnX86) {
  constexpr auto kLeast = std::numeric_limits<std::int64_t>::min();
  EXPECT_EQ((converted<std::int64_t, double>({kNan, kInf, -kInf, 0x1p63, -0x1p63, 1e300},
                                             DType::float64, DType::int64)),
            (std::vector<std::int64_t>(6, kLeast)));
  EXPECT_EQ((converted<std::int8_t, float>({300, -300, std::numeric_limits<float>::infinity()},
                                           DType::float32, DType::int8)),
            (std::vector<std::int8_t>{44, -44, 0}));
}

TEST(Copy, BetweenIntegersWraps) {
  EXPECT_EQ((converted<std::uint8_t, std::int16_t>({-1, 256, 511}, DType::int16, DType::uint8)),
            (std::vector<std::uint8_t>{255, 0, 255}));
  EXPECT_EQ((converted<std::int64_t, std::uint64_t>({~0ULL}, DType::uint64, DType::int64)),
            (std::vector<std::int64_t>{-1}));
  EXPECT_EQ((converted<std::uint64_t, std::int8_t>({-2}, DType::int8, DType::uint64)),
            (std::vector<std::uint64_t>{~0ULL - 1}));
}

TEST(Copy, RoundsLargeIntegersToTheNearestFloat) {
  EXPECT_EQ((converted<double, std::uint64_t>({~0ULL}, DType::uint64, DType::float64)),
            (std::vector<double>{0x1p64}));
  EXPECT_EQ((converted<float, std::int64_t>({16777217, 16777219}, DType::int64, DType::float32)),
            (std::vector<float>{16777216, 16777220}));
}

TEST(Copy, ToBoolIsNotZero) {
  const std::vector<std::uint8_t> expected = {0, 0, 1, 1, 1};
  EXPECT_EQ(
      (converted<std::uint8_t, double>({0, -0.0, kNan, 0.1, -3}, DType::float64, DType::boolean)),
      expected);
  EXPECT_EQ(
      (converted<std::uint8_t, std::int64_t>({0, 0, 1, 256, -1}, DType::int64, DType::boolean)),
      expected);
  EXPECT_EQ((converted<double, std::uint8_t>({0, 1, 2}, DType::boolean, DType::float64)),
            (std::vector<double>{0, 1, 1}));
}

TEST(Copy, ToSmallFloatGoesThroughFloat) {
  // Just above the middle of 1 and the next float16, but not as a float.
  EXPECT_EQ(
      (converted<std::uint16_t, double>({1 + 0x1p-11 + 0x1p-40}, DType::float64, DType::float16)),
      (std::vector<std::uint16_t>{0x3c00}));
}

// Whatever the program has set for its own arithmetic.
TEST(Copy, RoundsToTheNearestInEveryFloatEnvironment) {
  const std::vector<double> numbers{1.0 / 3, -2.0 / 3, 1e-40, 3e-8, -3e-6, 0.0123, 1e300, 5e-324};
  const std::vector<std::uint8_t> powers{0, 1, 127, 254};
  const auto convert_all = [&] {
    std::vector<std::vector<std::uint8_t>> all;
    const auto keep = [&all](const auto& elements) {
      const auto* const bytes = reinterpret_cast<const std::uint8_t*>(elements.data());
      all.emplace_back(bytes, bytes + elements.size() * sizeof(elements[0]));
    };
    keep(converted<float>(numbers, DType::float64, DType::float32));
    for (const auto to : {DType::float16, DType::bfloat16}) {
      keep(converted<std::uint16_t>(numbers, DType::float64, to));
    }
    for (const auto to : {DType::boolean, DType::float8_e5m2, DType::float8_e4m3fn,
                          DType::float8_e5m2fnuz, DType::float8_e4m3fnuz}) {
      keep(converted<std::uint8_t>(numbers, DType::float64, to));
    }
    keep(converted<float, std::int64_t>({16777217, 16777219, -33554435}, DType::int64,
                                        DType::float32));
    keep(converted<double>(powers, DType::float8_e8m0fnu, DType::float64));
    keep(converted<double, float>({0x1p-149F}, DType::float32, DType::float64));
    return all;
  };
  const auto expected = convert_all();
  for (const auto& [name, set] : test::float_environments()) {
    std::vector<std::vector<std::uint8_t>> all;
    {
      const test::FloatEnvironment environment(set);
      all = convert_all();
    }
    EXPECT_EQ(all, expected) << name;
  }
}

TEST(Copy, ToComplexHasNoImaginaryPart) {
  EXPECT_EQ((converted<std::complex<float>, std::int32_t>({-7}, DType::int32, DType::complex64)),
            (std::vector<std::complex<float>>{{-7, 0}}));
  EXPECT_EQ((converted<std::complex<double>, std::complex<float>>({{1, -2}}, DType::complex64,
                                                                  DType::complex128)),
            (std::vector<std::complex<double>>{{1, -2}}));
  EXPECT_EQ((converted<std::uint32_t, std::complex<double>>({{1, -2}}, DType::complex128,
                                                            DType::complex32)),
            (std::vector<std::uint32_t>{0xc0003c00}));
  EXPECT_EQ((converted<std::uint32_t, float>({1}, DType::float32, DType::complex32)),
            (std::vector<std::uint32_t>{0x3c00}));
}

TEST(Copy, OfTheSameTypeKeepsEveryBit) {
  // A signalling nan, a bool that is neither 0 nor 1: no conversion touches them.
  EXPECT_EQ((converted<std::uint32_t, std::uint32_t>({0x7f800001}, DType::float32, DType::float32)),
            (std::vector<std::uint32_t>{0x7f800001}));
  EXPECT_EQ((converted<std::uint8_t, std::uint8_t>({2}, DType::boolean, DType::boolean)),
            (std::vector<std::uint8_t>{2}));
  EXPECT_EQ(
      (converted<std::uint8_t, std::uint8_t>({255}, DType::float8_e8m0fnu, DType::float8_e8m0fnu)),
      (std::vector<std::uint8_t>{255}));
}

TEST(Copy, ConvertsLongRuns) {
  std::vector<std::int32_t> numbers(1000);
  std::iota(numbers.begin(), numbers.end(), -500);
  const auto result = converted<double>(numbers, DType::int32, DType::float64);
  for (std::size_t i = 0; i < numbers.size(); ++i) ASSERT_EQ(result[i], numbers[i]);
}

TEST(Copy, TransposesManyStrips) {
  std::vector<std::int32_t> from(3 * 37 * 50);
  std::iota(from.begin(), from.end(), 0);
  std::vector<std::int32_t> to(from.size());
  // Dimensions [3, 37, 50] in the order [50, 3, 37].
  copy_elements({from.data(), DType::int32, {50, 3, 37}, {1, 37 * 50, 50}, nullptr},
                contiguous_view(to.data(), DType::int32, {50, 3, 37}));
  for (int i = 0; i < 50; ++i) {
    for (int j = 0; j < 3; ++j) {
      for (int k = 0; k < 37; ++k) {
        ASSERT_EQ(to[static_cast<std::size_t>((i * 3 + j) * 37 + k)], (j * 37 + k) * 50 + i);
      }
    }
  }
}

TEST(Copy, RefusesWhatCannotBe) {
  struct Case {
    const char* why;
    TensorView from, to;
    ErrorCode code;
    const char* expected;
  };
  std::vector<double> memory(64);
  double* const data = memory.data();
  const auto f32 = [&](const Extents& sizes) {
    return contiguous_view(data, DType::float32, sizes);
  };
  const Case cases[] = {
      {"other sizes", f32({2, 3}), f32({3, 2}), ErrorCode::invalid_argument,
       "copy [2, 3] float32 to [3, 2] float32: the sizes differ"},
      {"a scalar is no list of one", f32({}), f32({1}), ErrorCode::invalid_argument,
       "copy [] float32 to [1] float32: the sizes differ"},
      {"an expanded target",
       f32({2, 3}),
       {data, DType::float32, {2, 3}, {0, 1}, nullptr},
       ErrorCode::invalid_argument,
       "copy [2, 3] float32 to [2, 3] float32: dimension 0 of the target is expanded: one element "
       "would be written several times"},
      {"complex to real", contiguous_view(data, DType::complex64, {2}), f32({2}),
       ErrorCode::unsupported,
       "copy [2] complex64 to [2] float32: the imaginary part would be lost"},
      {"to powers of two", f32({}), contiguous_view(data, DType::float8_e8m0fnu, {}),
       ErrorCode::unsupported,
       "copy [] float32 to [] float8_e8m0fnu: nothing else becomes float8_e8m0fnu"},
  };
  for (const auto& c : cases) {
    try {
      copy_elements(c.from, c.to);
      ADD_FAILURE() << "no error: " << c.why;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), c.code) << c.why;
      EXPECT_STREQ(error.what(), c.expected) << c.why;
    }
  }
}

TEST(Copy, AllowsWhatIsExpandedOnlyByName) {
  float from = 3;
  float to = 0;
  copy_elements({&from, DType::float32, {1, 1}, {0, 0}, nullptr},
                {&to, DType::float32, {1, 1}, {0, 0}, nullptr});
  EXPECT_EQ(to, 3);
  copy_elements({nullptr, DType::float32, {0, 2}, {1, 1}, nullptr},
                {nullptr, DType::float32, {0, 2}, {1, 1}, nullptr});
}

TEST(Copy, ConvertsAllButComplexToRealAndToE8M0) {
  int refused = 0;
  for (std::uint8_t from = 0; from < kDTypes; ++from) {
    for (std::uint8_t to = 0; to < kDTypes; ++to) {
      refused += can_convert(DType{from}, DType{to}) ? 0 : 1;
    }
  }
  EXPECT_EQ(refused, 3 * 17 + 20);  // 3 complex types to 17 real ones, 20 others to e8m0
  EXPECT_FALSE(can_convert(DType::complex32, DType::boolean));
  EXPECT_TRUE(can_convert(DType::complex128, DType::complex32));
  EXPECT_TRUE(can_convert(DType::float8_e8m0fnu, DType::float8_e8m0fnu));
  EXPECT_TRUE(can_convert(DType::float8_e8m0fnu, DType::int8));
}

// Memory and a view of it that visits it in any order, with gaps.
struct Scattered {
  std::vector<std::byte> memory;
  TensorView view;
};

Scattered any_scattered(DType dtype, const Extents& sizes, bool may_expand) {
  using rc::gen::inRange;
  const auto item = static_cast<std::int64_t>(itemsize(dtype));
  Scattered scattered;
  scattered.view = {nullptr, dtype, sizes, sizes, nullptr};
  std::vector<std::size_t> order(sizes.size());
  std::iota(order.begin(), order.end(), 0U);
  std::int64_t extent = 1;
  std::int64_t first = 0;
  for (; !order.empty();) {  // dimensions from the innermost in memory outwards
    const auto pick = order.end() - 1 - *inRange<std::ptrdiff_t>(0, std::ssize(order));
    const std::size_t d = *pick;
    order.erase(pick);
    const auto gap = *rc::gen::weightedElement<std::int64_t>({{3, 0}, {1, 1}, {1, 2}});
    const auto kind = *inRange(0, 8);
    scattered.view.strides[d] = extent + gap;
    if (kind == 0 && may_expand) {
      scattered.view.strides[d] = 0;
      continue;
    }
    if (kind == 1) {  // backwards
      first += std::max<std::int64_t>(sizes[d] - 1, 0) * (extent + gap);
      scattered.view.strides[d] = -(extent + gap);
    }
    extent = (extent + gap) * std::max<std::int64_t>(sizes[d], 1);
  }
  const auto bytes = static_cast<std::size_t>(extent * item);
  scattered.memory = *rc::gen::container<std::vector<std::byte>>(
      bytes, rc::gen::map(inRange(0, 256), [](int byte) { return static_cast<std::byte>(byte); }));
  scattered.view.data = scattered.memory.data() + first * item;
  return scattered;
}

// Calls f(byte offset in a, byte offset in b) for each element.
template <typename F>
void each_element(const TensorView& a, const TensorView& b, const F& f) {
  const auto count = numel(a.sizes);
  for (std::int64_t n = 0; n < count; ++n) {
    std::int64_t rest = n;
    std::int64_t in_a = 0;
    std::int64_t in_b = 0;
    for (std::size_t d = a.sizes.size(); d-- > 0; rest /= a.sizes[d]) {
      in_a += rest % a.sizes[d] * a.strides[d];
      in_b += rest % a.sizes[d] * b.strides[d];
    }
    f(in_a * static_cast<std::int64_t>(itemsize(a.dtype)),
      in_b * static_cast<std::int64_t>(itemsize(b.dtype)));
  }
}

Extents any_sizes() {
  const auto dims = *rc::gen::inRange<std::size_t>(0, 6);
  const auto size =
      rc::gen::weightedElement<std::int64_t>({{1, 0}, {4, 1}, {6, 2}, {6, 3}, {6, 4}, {2, 8}});
  return Extents(*rc::gen::container<std::vector<std::int64_t>>(dims, size));
}

RC_GTEST_PROP(Copy, OfStridedViewsIsThatOfEachElement, ()) {
  const auto dtype = *rc::gen::element(DType::int8, DType::bfloat16, DType::float32, DType::int64,
                                       DType::complex128);
  const Extents sizes = any_sizes();
  RC_PRE(numel(sizes) <= 2000);
  const Scattered from = any_scattered(dtype, sizes, true);
  Scattered to = any_scattered(dtype, sizes, false);

  auto expected = to.memory;
  const auto start = static_cast<std::byte*>(to.view.data) - to.memory.data();
  each_element(from.view, to.view, [&](std::int64_t in_from, std::int64_t in_to) {
    std::memcpy(expected.data() + start + in_to,
                static_cast<const std::byte*>(from.view.data) + in_from, itemsize(dtype));
  });

  copy_elements(from.view, to.view);
  RC_ASSERT(to.memory == expected);  // gaps included
}

RC_GTEST_PROP(Copy, OfStridedViewsConvertsEachElement, ()) {
  const Extents sizes = any_sizes();
  RC_PRE(numel(sizes) <= 2000);
  const Scattered from = any_scattered(DType::int16, sizes, true);
  Scattered to = any_scattered(DType::float64, sizes, false);

  auto expected = to.memory;
  const auto start = static_cast<std::byte*>(to.view.data) - to.memory.data();
  each_element(from.view, to.view, [&](std::int64_t in_from, std::int64_t in_to) {
    std::int16_t integer = 0;
    std::memcpy(&integer, static_cast<const std::byte*>(from.view.data) + in_from, sizeof integer);
    const double number = integer;
    std::memcpy(expected.data() + start + in_to, &number, sizeof number);
  });

  copy_elements(from.view, to.view);
  RC_ASSERT(to.memory == expected);
}

}  // namespace
}  // namespace h5dcp
