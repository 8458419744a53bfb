#include <string>
#include <utility>

#include "h5dcp/error.hpp"
#include "h5dcp/torch.hpp"

namespace h5dcp {
namespace {

constexpr std::pair<at::ScalarType, DType> kPairs[] = {
    {at::kFloat, DType::float32},
    {at::kDouble, DType::float64},
    {at::kBFloat16, DType::bfloat16},
    {at::kLong, DType::int64},
    {at::kHalf, DType::float16},
    {at::kFloat8_e5m2, DType::float8_e5m2},
    {at::kFloat8_e4m3fn, DType::float8_e4m3fn},
    {at::kFloat8_e5m2fnuz, DType::float8_e5m2fnuz},
    {at::kFloat8_e4m3fnuz, DType::float8_e4m3fnuz},
    {at::kFloat8_e8m0fnu, DType::float8_e8m0fnu},
    {at::kChar, DType::int8},
    {at::kShort, DType::int16},
    {at::kInt, DType::int32},
    {at::kByte, DType::uint8},
    {at::kUInt16, DType::uint16},
    {at::kUInt32, DType::uint32},
    {at::kUInt64, DType::uint64},
    {at::kBool, DType::boolean},
    {at::kComplexHalf, DType::complex32},
    {at::kComplexFloat, DType::complex64},
    {at::kComplexDouble, DType::complex128},
};
static_assert(std::size(kPairs) == kDTypes);

}  // namespace

DType dtype_of(at::ScalarType type) {
  for (const auto& [scalar_type, dtype] : kPairs) {
    if (scalar_type == type) return dtype;
  }
  throw Error(ErrorCode::unsupported, std::string("no DType for torch's ") + at::toString(type));
}

at::ScalarType scalar_type_of(DType dtype) {
  for (const auto& pair : kPairs) {
    if (pair.second == dtype) return pair.first;
  }
  throw Error(ErrorCode::unsupported,
              "no torch type for DType " + std::to_string(static_cast<int>(dtype)));
}

}  // namespace h5dcp
