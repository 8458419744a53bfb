// The floating-point formats narrower than 32 bits, described once and converted by one algorithm.

#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace h5dcp {

// Which bit patterns are no finite numbers, and what a number too large for the format becomes.
enum class Specials {
  ieee,  // the largest exponent: infinities and nan; too large becomes infinite
  fn,    // nan is all bits set, nothing is infinite; too large becomes the largest number
  fnuz,  // nan takes the place of -0, nothing is infinite; too large becomes nan
};

// A sign, an exponent and a mantissa, from the highest bit down.
struct SmallFloat {
  int exponent_bits;
  int mantissa_bits;
  int bias;  // of the exponent
  Specials specials;
};

inline constexpr SmallFloat kFloat16{5, 10, 15, Specials::ieee};
inline constexpr SmallFloat kBFloat16{8, 7, 127, Specials::ieee};
inline constexpr SmallFloat kFloat8E5M2{5, 2, 15, Specials::ieee};
inline constexpr SmallFloat kFloat8E4M3Fn{4, 3, 7, Specials::fn};
inline constexpr SmallFloat kFloat8E5M2Fnuz{5, 2, 16, Specials::fnuz};
inline constexpr SmallFloat kFloat8E4M3Fnuz{4, 3, 8, Specials::fnuz};

template <SmallFloat Format>
using SmallFloatBits = std::conditional_t<Format.exponent_bits + Format.mantissa_bits == 7,
                                          std::uint8_t, std::uint16_t>;

namespace small_float {

inline constexpr int kMantissaBits = 23;  // those of float
inline constexpr int kBias = 127;
inline constexpr std::uint32_t kInfinity = 0x7f800000;
inline constexpr std::uint32_t kQuietNan = 0x7fc00000;

constexpr float power_of_two(int exponent) {
  float power = 1;
  for (; exponent > 0; --exponent) power *= 2;
  for (; exponent < 0; ++exponent) power /= 2;
  return power;
}

// The numbers of a format without their sign; as such their bits are in the order of their values.
template <SmallFloat Format>
struct Limits {
  static constexpr std::uint32_t kSign = 1U << (Format.exponent_bits + Format.mantissa_bits);
  static constexpr std::uint32_t kTopExponent = ((1U << Format.exponent_bits) - 1)
                                                << Format.mantissa_bits;
  static constexpr std::uint32_t kLargest = Format.specials == Specials::ieee ? kTopExponent - 1
                                            : Format.specials == Specials::fn ? kSign - 2
                                                                              : kSign - 1;
  static constexpr std::uint32_t kNan = Format.specials == Specials::ieee
                                            ? kTopExponent | 1U << (Format.mantissa_bits - 1)
                                        : Format.specials == Specials::fn ? kSign - 1
                                                                          : kSign;
  static constexpr std::uint32_t kTooLarge = Format.specials == Specials::ieee ? kTopExponent
                                             : Format.specials == Specials::fn ? kLargest
                                                                               : kNan;
  // The least number above zero, which all below the normal numbers are multiples of.
  static constexpr int kLeastExponent = 1 - Format.bias - Format.mantissa_bits;
  static constexpr int kShift = kMantissaBits - Format.mantissa_bits;
  static constexpr std::uint32_t kRebias = static_cast<std::uint32_t>(kBias - Format.bias)
                                           << kMantissaBits;
};

}  // namespace small_float

// The number that `bits` stand for: every number of these formats is a float. All cases are
// computed and one is chosen, so that the compiler can do many numbers at once.
template <SmallFloat Format>
float decode(SmallFloatBits<Format> bits) {
  using Limits = small_float::Limits<Format>;
  const std::uint32_t sign = bits >> (Format.exponent_bits + Format.mantissa_bits);
  const std::uint32_t magnitude = bits & (Limits::kSign - 1);
  const std::uint32_t normal = (magnitude << Limits::kShift) + Limits::kRebias;
  std::uint32_t number = normal;
  if (Format.bias != small_float::kBias) {  // else those of float are at the same place
    const auto multiple = static_cast<float>(static_cast<std::int32_t>(magnitude));
    const float subnormal = multiple * small_float::power_of_two(Limits::kLeastExponent);
    number =
        magnitude >> Format.mantissa_bits == 0 ? std::bit_cast<std::uint32_t>(subnormal) : normal;
  }
  const bool infinite = Format.specials == Specials::ieee && magnitude == Limits::kTopExponent;
  const bool nan = Format.specials == Specials::fnuz ? bits == Limits::kNan
                                                     : !infinite && magnitude > Limits::kLargest;
  number = infinite ? small_float::kInfinity : number;
  number = nan ? small_float::kQuietNan : number;
  return std::bit_cast<float>(number | sign << 31);
}

// The nearest number of the format, the even one of two equally near.
template <SmallFloat Format>
SmallFloatBits<Format> encode(float number) {
  using Limits = small_float::Limits<Format>;
  const auto bits = std::bit_cast<std::uint32_t>(number);
  const std::uint32_t magnitude = bits & 0x7fffffff;
  std::uint32_t sign = bits >> 31 << (Format.exponent_bits + Format.mantissa_bits);

  const std::uint32_t odd = magnitude >> Limits::kShift & 1;
  const std::uint32_t half = 1U << (Limits::kShift - 1);
  // A carry out of the mantissa is right, too: it makes the next larger exponent.
  std::uint32_t result = (magnitude - Limits::kRebias + half - 1 + odd) >> Limits::kShift;
  if (Format.bias != small_float::kBias) {
    constexpr float kLeastNormal = small_float::power_of_two(1 - Format.bias);
    // A float of this size has its last bit where the least number has its only one: adding it
    // makes the processor round to a multiple of the least number.
    constexpr float kRounder =
        small_float::power_of_two(Limits::kLeastExponent + small_float::kMantissaBits);
    const auto subnormal =
        std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + kRounder) -
        std::bit_cast<std::uint32_t>(kRounder);
    result = magnitude < std::bit_cast<std::uint32_t>(kLeastNormal) ? subnormal : result;
  }
  result = result > Limits::kLargest ? Limits::kTooLarge : result;
  result = magnitude > small_float::kInfinity ? Limits::kNan : result;
  if (Format.specials == Specials::fnuz) sign = result == 0 ? 0 : sign;  // -0 would be nan
  return static_cast<SmallFloatBits<Format>>(sign | result);
}

// float8_e8m0fnu: a power of two, or nan. It has no sign and no zero.
inline float decode_e8m0(std::uint8_t bits) {
  if (bits == 0xff) return std::numeric_limits<float>::quiet_NaN();
  if (bits == 0) return small_float::power_of_two(-small_float::kBias);
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << small_float::kMantissaBits);
}

}  // namespace h5dcp
