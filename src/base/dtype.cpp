#include <algorithm>
#include <array>
#include <cassert>

#include "h5dcp/error.hpp"
#include "h5dcp/tensor.hpp"

namespace h5dcp {
namespace {

struct DTypeRow {
  std::string_view name;
  std::size_t itemsize;
};

constexpr std::array<DTypeRow, kDTypes> kDTypeTable{{
    // In the order of the enumerators.
    {"float32", 4},         {"float64", 8},        {"bfloat16", 2},      {"int64", 8},
    {"float16", 2},         {"float8_e5m2", 1},    {"float8_e4m3fn", 1}, {"float8_e5m2fnuz", 1},
    {"float8_e4m3fnuz", 1}, {"float8_e8m0fnu", 1}, {"int8", 1},          {"int16", 2},
    {"int32", 4},           {"uint8", 1},          {"uint16", 2},        {"uint32", 4},
    {"uint64", 8},          {"bool", 1},           {"complex32", 4},     {"complex64", 8},
    {"complex128", 16},
}};

const DTypeRow& row(DType dtype) {
  assert(static_cast<std::uint8_t>(dtype) < kDTypes);
  return kDTypeTable[static_cast<std::uint8_t>(dtype)];
}

}  // namespace

std::size_t itemsize(DType dtype) {
  return row(dtype).itemsize;
}

std::string_view to_string(DType dtype) {
  return row(dtype).name;
}

std::optional<DType> dtype_named(std::string_view name) {
  const auto found = std::ranges::find(kDTypeTable, name, &DTypeRow::name);
  if (found == kDTypeTable.end()) return std::nullopt;
  return static_cast<DType>(found - kDTypeTable.begin());
}

std::int64_t nbytes(DType dtype, const Extents& sizes) {
  std::int64_t bytes = 0;
  if (__builtin_mul_overflow(numel(sizes), itemsize(dtype), &bytes)) {
    throw Error(ErrorCode::invalid_argument, "sizes " + to_string(sizes) + " of " +
                                                 std::string(to_string(dtype)) +
                                                 ": more than 2^63 - 1 bytes");
  }
  return bytes;
}

}  // namespace h5dcp
