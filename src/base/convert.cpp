#include "base/convert.hpp"

#include <algorithm>
#include <array>
#include <complex>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <type_traits>

#include "base/small_float.hpp"

namespace h5dcp {
namespace {

// The elements in memory of those dtypes that C++ has no type for.
template <SmallFloat Format>
struct Small {
  SmallFloatBits<Format> bits;
};
struct E8M0 {
  std::uint8_t bits;
};
struct Boolean {
  std::uint8_t byte;
};
struct Complex32 {
  Small<kFloat16> real, imag;
};

template <typename T>
inline constexpr bool kIsComplex = false;
template <typename T>
inline constexpr bool kIsComplex<std::complex<T>> = true;

// What an element is read as: the widest type of its kind that rounds as the element's own would.
// So 21 dtypes meet 6 types here, and not 21.
std::int64_t widen(std::signed_integral auto value) {
  return value;
}
std::uint64_t widen(std::unsigned_integral auto value) {
  return value;
}
std::uint64_t widen(Boolean value) {
  return value.byte != 0 ? 1 : 0;
}
float widen(float value) {
  return value;
}
double widen(double value) {
  return value;
}
float widen(E8M0 value) {
  return decode_e8m0(value.bits);
}
template <SmallFloat Format>
float widen(Small<Format> value) {
  return decode<Format>(value.bits);
}
std::complex<float> widen(Complex32 value) {
  return {widen(value.real), widen(value.imag)};
}
std::complex<float> widen(std::complex<float> value) {
  return value;
}
std::complex<double> widen(std::complex<double> value) {
  return value;
}

template <typename T>
using Wide = decltype(widen(T{}));

// Drops the fraction. What no int64 can hold becomes the least one, as on x86, and wraps from
// there.
template <std::integral T>
T truncate(std::floating_point auto value) {
  using Float = decltype(value);
  constexpr Float kTwo63 = 9223372036854775808.0;
  if constexpr (std::same_as<T, std::uint64_t>) {
    if (value >= kTwo63 && value < 2 * kTwo63) return static_cast<T>(value);
  }
  const bool fits = value >= -kTwo63 && value < kTwo63;
  return static_cast<T>(fits ? static_cast<std::int64_t>(value)
                             : std::numeric_limits<std::int64_t>::min());
}

// The wide value as an element of type T.
template <typename T>
struct Narrow {
  static T from(std::integral auto value) { return static_cast<T>(value); }
  static T from(std::floating_point auto value) {
    if constexpr (std::integral<T>) {
      return truncate<T>(value);
    } else {
      return static_cast<T>(value);
    }
  }
};

template <>
struct Narrow<Boolean> {
  static Boolean from(auto value) { return {static_cast<std::uint8_t>(value != 0 ? 1 : 0)}; }
};

template <SmallFloat Format>
struct Narrow<Small<Format>> {
  static Small<Format> from(auto value) { return {encode<Format>(static_cast<float>(value))}; }
};

template <typename Part>
struct Narrow<std::complex<Part>> {
  static std::complex<Part> from(auto value) { return {Narrow<Part>::from(value), Part{0}}; }
  template <typename T>
  static std::complex<Part> from(std::complex<T> value) {
    return {Narrow<Part>::from(value.real()), Narrow<Part>::from(value.imag())};
  }
};

template <>
struct Narrow<Complex32> {
  static Complex32 from(auto value) { return {Narrow<Small<kFloat16>>::from(value), {0}}; }
  template <typename T>
  static Complex32 from(std::complex<T> value) {
    return {Narrow<Small<kFloat16>>::from(value.real()),
            Narrow<Small<kFloat16>>::from(value.imag())};
  }
};

template <typename T>
concept Complex = kIsComplex<T> || std::same_as<T, Complex32>;

// What can_convert() says, of types.
template <typename From, typename To>
concept ConvertibleTo = !std::same_as<To, E8M0> && (!kIsComplex<From> || Complex<To>);

// Calls f(T{}) with an element of the type that `dtype` has in memory.
template <typename F>
void with_element(DType dtype, const F& f) {
  switch (dtype) {
    case DType::float32:
      return f(float{});
    case DType::float64:
      return f(double{});
    case DType::bfloat16:
      return f(Small<kBFloat16>{});
    case DType::int64:
      return f(std::int64_t{});
    case DType::float16:
      return f(Small<kFloat16>{});
    case DType::float8_e5m2:
      return f(Small<kFloat8E5M2>{});
    case DType::float8_e4m3fn:
      return f(Small<kFloat8E4M3Fn>{});
    case DType::float8_e5m2fnuz:
      return f(Small<kFloat8E5M2Fnuz>{});
    case DType::float8_e4m3fnuz:
      return f(Small<kFloat8E4M3Fnuz>{});
    case DType::float8_e8m0fnu:
      return f(E8M0{});
    case DType::int8:
      return f(std::int8_t{});
    case DType::int16:
      return f(std::int16_t{});
    case DType::int32:
      return f(std::int32_t{});
    case DType::uint8:
      return f(std::uint8_t{});
    case DType::uint16:
      return f(std::uint16_t{});
    case DType::uint32:
      return f(std::uint32_t{});
    case DType::uint64:
      return f(std::uint64_t{});
    case DType::boolean:
      return f(Boolean{});
    case DType::complex32:
      return f(Complex32{});
    case DType::complex64:
      return f(std::complex<float>{});
    case DType::complex128:
      return f(std::complex<double>{});
  }
}

// Calls f(i, i * step) for each i below count; elements side by side get a loop of their own, in
// which the compiler knows the step.
template <typename T, typename F>
void each(std::size_t count, std::ptrdiff_t step_bytes, const F& f) {
  constexpr auto kSize = static_cast<std::ptrdiff_t>(sizeof(T));
  const auto end = static_cast<std::ptrdiff_t>(count);
  if (step_bytes == kSize) {
    for (std::ptrdiff_t i = 0; i < end; ++i) f(static_cast<std::size_t>(i), i * kSize);
  } else {
    for (std::ptrdiff_t i = 0; i < end; ++i) f(static_cast<std::size_t>(i), i * step_bytes);
  }
}

template <typename T>
void read(Run<const std::byte> source, std::span<Wide<T>> values) {
  each<T>(values.size(), source.step_bytes, [&](std::size_t i, std::ptrdiff_t place) {
    T element;
    std::memcpy(&element, source.data + place, sizeof(T));  // it need not be aligned
    values[i] = widen(element);
  });
}

template <typename T, typename W>
void write(std::span<const W> values, Run<std::byte> target) {
  each<T>(values.size(), target.step_bytes, [&](std::size_t i, std::ptrdiff_t place) {
    const T element = Narrow<T>::from(values[i]);
    std::memcpy(target.data + place, &element, sizeof(T));
  });
}

// As convert(), `from` being read as W.
template <typename W>
void convert_through(DType from, Run<const std::byte> source, DType to, Run<std::byte> target,
                     std::size_t count) {
  std::array<W, 256> block;
  while (count > 0) {
    const std::span values(block.data(), std::min(count, block.size()));
    with_element(from, [&]<typename T>(T) {
      if constexpr (std::same_as<Wide<T>, W>) read<T>(source, values);
    });
    with_element(to, [&]<typename T>(T) {
      if constexpr (ConvertibleTo<W, T>) write<T>(std::span<const W>(values), target);
    });
    const auto done = static_cast<std::ptrdiff_t>(values.size());
    count -= values.size();
    if (count == 0) return;
    source.data += done * source.step_bytes;
    target.data += done * target.step_bytes;
  }
}

bool holds_complex(DType dtype) {
  return dtype == DType::complex32 || dtype == DType::complex64 || dtype == DType::complex128;
}

}  // namespace

bool can_convert(DType from, DType to) {
  if (from == to) return true;
  return to != DType::float8_e8m0fnu && (!holds_complex(from) || holds_complex(to));
}

void convert(DType from, Run<const std::byte> source, DType to, Run<std::byte> target,
             std::size_t count) {
  with_element(from,
               [&]<typename T>(T) { convert_through<Wide<T>>(from, source, to, target, count); });
}

}  // namespace h5dcp
