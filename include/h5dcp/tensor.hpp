// A tensor in memory that somebody else owns: what is saved, and what is loaded into.

#pragma once

#include <bit>
#include <complex>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "h5dcp/box.hpp"
#include "h5dcp/extents.hpp"

namespace h5dcp {

// Element types, named as torch names them. The numbers are part of the format: never renumber.
enum class DType : std::uint8_t {
  float32 = 0,
  float64 = 1,
  bfloat16 = 2,
  int64 = 3,
  float16 = 4,
  float8_e5m2 = 5,
  float8_e4m3fn = 6,
  float8_e5m2fnuz = 7,
  float8_e4m3fnuz = 8,
  float8_e8m0fnu = 9,
  int8 = 10,
  int16 = 11,
  int32 = 12,
  uint8 = 13,
  uint16 = 14,
  uint32 = 15,
  uint64 = 16,
  boolean = 17,    // torch.bool: one byte, 0 or 1
  complex32 = 18,  // two float16: real part, imaginary part
  complex64 = 19,
  complex128 = 20,
};

inline constexpr std::uint8_t kDTypes = 21;  // how many there are; all below are valid

// Bytes of one element.
std::size_t itemsize(DType dtype);

// torch's name without "torch.": "float32", "bool".
std::string_view to_string(DType dtype);

// The inverse of to_string; nullopt for a name that is none.
std::optional<DType> dtype_named(std::string_view name);

// C++'s own numbers that have a DType.
template <typename T>
concept Number = std::same_as<T, bool> || std::same_as<T, float> || std::same_as<T, double> ||
    std::same_as<T, std::complex<float>> || std::same_as<T, std::complex<double>> ||
    (std::integral<T> && sizeof(T) <= 8);

// The DType of a C++ type: dtype_of<double>() is DType::float64. Integers go by width and sign:
// char and long, too.
template <Number T>
constexpr DType dtype_of() {
  if constexpr (std::same_as<T, bool>) return DType::boolean;
  if constexpr (std::same_as<T, float>) return DType::float32;
  if constexpr (std::same_as<T, double>) return DType::float64;
  if constexpr (std::same_as<T, std::complex<float>>) return DType::complex64;
  if constexpr (std::same_as<T, std::complex<double>>) return DType::complex128;
  constexpr DType kIntegers[][2] = {{DType::uint8, DType::int8},
                                    {DType::uint16, DType::int16},
                                    {DType::uint32, DType::int32},
                                    {DType::uint64, DType::int64}};
  return kIntegers[std::bit_width(sizeof(T)) - 1][std::signed_integral<T> ? 1 : 0];
}

// Bytes of a tensor's elements when they lie side by side.
//
// Throws Error{invalid_argument} as numel() does, or if the bytes do not fit 63 bits.
std::int64_t nbytes(DType dtype, const Extents& sizes);

// Element [i, j, ...] lies at data + (i * strides[0] + j * strides[1] + ...) * itemsize.
struct TensorView {
  void* data = nullptr;  // host memory; null only if there are no elements
  DType dtype = DType::float32;
  Extents sizes;
  Extents strides;                        // in elements; sizes.size() of them; may be 0
  std::shared_ptr<const void> keepalive;  // holds the memory; null if the caller does
  bool read_only = false;                 // may be saved; load refuses to fill it
};

// A view of row-major elements at `data`.
TensorView contiguous_view(void* data, DType dtype, const Extents& sizes,
                           std::shared_ptr<const void> keepalive = nullptr);

// The same for C++'s own numbers: contiguous_view(vector.data(), {rows, columns}).
template <Number T>
TensorView contiguous_view(T* data, const Extents& sizes,
                           std::shared_ptr<const void> keepalive = nullptr) {
  return contiguous_view(data, dtype_of<T>(), sizes, std::move(keepalive));
}

// Memory of its own, zeroed, row-major.
//
// Throws Error{invalid_argument} for sizes that nbytes() refuses, std::bad_alloc.
TensorView allocate(DType dtype, const Extents& sizes);

// Whether the elements lie side by side in row-major order (true if there are none or one).
bool is_contiguous(const TensorView& view);

// The part of `view` that `box` covers, in the view's own coordinates; shares memory and keepalive.
//
// Throws Error{invalid_argument} if the box is not inside the view.
TensorView narrow(const TensorView& view, const Box& box);

// Copies every element of `from` to `to`, converting between dtypes as torch's copy_ does.
// The two must not overlap.
//
// Throws Error{invalid_argument} if their sizes differ or an expanded `to` would be written twice,
// Error{unsupported} if a conversion would lose the imaginary part or has no rule (see
// can_convert).
void copy_elements(const TensorView& from, const TensorView& to);

// Whether copy_elements converts `from` to `to`: all pairs but complex to real, and but those to
// float8_e8m0fnu from another type.
bool can_convert(DType from, DType to);

// One piece of a global tensor that this rank holds.
struct LocalShard {
  Box box;          // where in the global tensor
  TensorView view;  // view.sizes == box.sizes
};

// A global tensor of which each rank holds some pieces: several, one or none. Pieces held by more
// than one rank are replicas; together all ranks' pieces must cover the tensor. A rank without a
// piece names the tensor all the same, so that a save finds out if no rank has one (but for tensors
// without dimensions, of which such a rank says nothing).
struct ShardedTensor {
  DType dtype = DType::float32;
  Extents sizes;  // of the global tensor
  std::vector<LocalShard> shards;
};

}  // namespace h5dcp
