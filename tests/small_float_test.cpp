#include "base/small_float.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace h5dcp {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kFloatMax = std::numeric_limits<float>::max();

struct Case {
  const char* why;
  float number;
  unsigned bits;
};

template <SmallFloat Format>
void expect_encoded(std::initializer_list<Case> cases) {
  for (const auto& c : cases) EXPECT_EQ(encode<Format>(c.number), c.bits) << c.why;
}

TEST(SmallFloat, EncodesFloat16) {
  expect_encoded<kFloat16>({
      {"one", 1, 0x3c00},
      {"minus two", -2, 0xc000},
      {"minus zero", -0.0F, 0x8000},
      {"a tie, down to even", 1 + 0x1p-11F, 0x3c00},
      {"a tie, up to even", 1 + 3 * 0x1p-11F, 0x3c02},
      {"a carry into the exponent", 2 - 0x1p-12F, 0x4000},
      {"the least normal number", 0x1p-14F, 0x0400},
      {"just below it, rounded up to it", 0x1p-14F - 0x1p-26F, 0x0400},
      {"the least number", 0x1p-24F, 0x0001},
      {"half of it, down to even", 0x1p-25F, 0x0000},
      {"a little more than half of it", 0x1.8p-25F, 0x0001},
      {"the least float", -0x1p-149F, 0x8000},
      {"the largest number", 65504, 0x7bff},
      {"still nearest to it", 65519, 0x7bff},
      {"too large", 65520, 0x7c00},
      {"infinity", -kInf, 0xfc00},
      {"nan", kNan, 0x7e00},
  });
}

TEST(SmallFloat, EncodesBFloat16) {
  expect_encoded<kBFloat16>({
      {"one", 1, 0x3f80},
      {"a tie, down to even", 1 + 0x1p-8F, 0x3f80},
      {"a tie, up to even", 1 + 3 * 0x1p-8F, 0x3f82},
      {"the least normal number", 0x1p-126F, 0x0080},
      {"the least number", 0x1p-133F, 0x0001},
      {"half of it, down to even", -0x1p-134F, 0x8000},
      {"a little more than half of it", 0x1.8p-134F, 0x0001},
      {"too large", kFloatMax, 0x7f80},
      {"infinity", kInf, 0x7f80},
      {"nan", kNan, 0x7fc0},
  });
}

TEST(SmallFloat, EncodesFloat8) {
  expect_encoded<kFloat8E5M2>({
      {"one", 1, 0x3c},
      {"the least number", 0x1p-16F, 0x01},
      {"half of it, down to even", 0x1p-17F, 0x00},
      {"the largest number", 57344, 0x7b},
      {"still nearest to it", 61439, 0x7b},
      {"too large", -61440, 0xfc},
      {"nan", kNan, 0x7e},
  });
  expect_encoded<kFloat8E4M3Fn>({
      {"one", 1, 0x38},
      {"minus zero", -0.0F, 0x80},
      {"the least number", 0x1p-9F, 0x01},
      {"the largest number", 448, 0x7e},
      {"too large, kept the largest", 465, 0x7e},
      {"much too large", -kFloatMax, 0xfe},
      {"infinity", kInf, 0x7e},
      {"nan", kNan, 0x7f},
  });
  expect_encoded<kFloat8E5M2Fnuz>({
      {"one", 1, 0x40},
      {"minus zero has become nan", -0.0F, 0x00},
      {"what rounds to minus zero", -0x1p-30F, 0x00},
      {"the largest number", 57344, 0x7f},
      {"too large", -61440, 0x80},
      {"infinity", kInf, 0x80},
      {"nan", kNan, 0x80},
  });
  expect_encoded<kFloat8E4M3Fnuz>({
      {"one", 1, 0x40},
      {"the least number", -0x1p-10F, 0x81},
      {"half of it, down to even", -0x1p-11F, 0x00},
      {"the largest number", 240, 0x7f},
      {"still nearest to it", 247, 0x7f},
      {"too large", 248, 0x80},
      {"nan", -kNan, 0x80},
  });
}

TEST(SmallFloat, DecodesE8M0) {
  EXPECT_EQ(decode_e8m0(127), 1.0F);
  EXPECT_EQ(decode_e8m0(0), 0x1p-127F);
  EXPECT_EQ(decode_e8m0(1), 0x1p-126F);
  EXPECT_EQ(decode_e8m0(254), 0x1p127F);
  EXPECT_TRUE(std::isnan(decode_e8m0(255)));
}

// Every bit pattern comes back, and what lies between two neighbours goes to the nearer one, or
// from the middle to the even one.
template <SmallFloat Format>
void expect_nearest(unsigned finite, unsigned nans) {
  using Bits = SmallFloatBits<Format>;
  for (unsigned code = 0; code <= std::numeric_limits<Bits>::max(); ++code) {
    const auto bits = static_cast<Bits>(code);
    const auto next = static_cast<Bits>(code + 1);
    const float low = decode<Format>(bits);
    const float high = decode<Format>(next);
    if (std::isfinite(low)) --finite;
    if (std::isnan(low)) {
      --nans;
      ASSERT_TRUE(std::isnan(decode<Format>(encode<Format>(low)))) << code;
      continue;
    }
    ASSERT_EQ(encode<Format>(low), bits) << code;
    if (!std::isfinite(low) || !std::isfinite(high) || std::signbit(low) != std::signbit(high)) {
      continue;
    }
    ASSERT_LT(std::fabs(low), std::fabs(high)) << code;
    const float quarter = (high - low) / 4;
    ASSERT_EQ(encode<Format>(low + quarter), bits) << code;
    ASSERT_EQ(encode<Format>(low + 2 * quarter), code % 2 == 0 ? bits : next) << code;
    ASSERT_EQ(encode<Format>(low + 3 * quarter), next) << code;
  }
  EXPECT_EQ(finite, 0U);  // all those expected were met
  EXPECT_EQ(nans, 0U);
}

TEST(SmallFloat, RoundsToTheNearestAndThenToTheEven) {
  expect_nearest<kFloat16>(63488, 2046);
  expect_nearest<kBFloat16>(65280, 254);
  expect_nearest<kFloat8E5M2>(248, 6);
  expect_nearest<kFloat8E4M3Fn>(254, 2);
  expect_nearest<kFloat8E5M2Fnuz>(255, 1);
  expect_nearest<kFloat8E4M3Fnuz>(255, 1);
}

}  // namespace
}  // namespace h5dcp
