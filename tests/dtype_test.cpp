#include <gtest/gtest.h>

#include <set>

#include "h5dcp/error.hpp"
#include "h5dcp/tensor.hpp"

namespace h5dcp {
namespace {

TEST(DType, HasTheNumberNameAndSizeOfTheFormat) {
  struct Case {
    int number;
    DType dtype;
    const char* name;
    std::size_t itemsize;
  };
  const Case cases[] = {
      {0, DType::float32, "float32", 4},
      {1, DType::float64, "float64", 8},
      {2, DType::bfloat16, "bfloat16", 2},
      {3, DType::int64, "int64", 8},
      {4, DType::float16, "float16", 2},
      {5, DType::float8_e5m2, "float8_e5m2", 1},
      {6, DType::float8_e4m3fn, "float8_e4m3fn", 1},
      {7, DType::float8_e5m2fnuz, "float8_e5m2fnuz", 1},
      {8, DType::float8_e4m3fnuz, "float8_e4m3fnuz", 1},
      {9, DType::float8_e8m0fnu, "float8_e8m0fnu", 1},
      {10, DType::int8, "int8", 1},
      {11, DType::int16, "int16", 2},
      {12, DType::int32, "int32", 4},
      {13, DType::uint8, "uint8", 1},
      {14, DType::uint16, "uint16", 2},
      {15, DType::uint32, "uint32", 4},
      {16, DType::uint64, "uint64", 8},
      {17, DType::boolean, "bool", 1},
      {18, DType::complex32, "complex32", 4},
      {19, DType::complex64, "complex64", 8},
      {20, DType::complex128, "complex128", 16},
  };
  EXPECT_EQ(std::size(cases), kDTypes);
  for (const auto& c : cases) {
    EXPECT_EQ(static_cast<int>(c.dtype), c.number) << c.name;
    EXPECT_EQ(to_string(c.dtype), c.name);
    EXPECT_EQ(itemsize(c.dtype), c.itemsize) << c.name;
    EXPECT_EQ(dtype_named(c.name), c.dtype) << c.name;
  }
}

TEST(DType, IsNotNamedOtherwise) {
  for (const char* name : {"", "boolean", "float", "torch.float32", "Float32", "int4"}) {
    EXPECT_EQ(dtype_named(name), std::nullopt) << name;
  }
}

TEST(DType, CountsBytesOrRefuses) {
  EXPECT_EQ(nbytes(DType::complex128, {3, 5}), 240);
  EXPECT_EQ(nbytes(DType::uint8, {}), 1);
  EXPECT_EQ(nbytes(DType::float64, {7, 0}), 0);
  try {
    nbytes(DType::int64, {std::int64_t{1} << 60});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    EXPECT_STREQ(error.what(), "sizes [1152921504606846976] of int64: more than 2^63 - 1 bytes");
  }
}

}  // namespace
}  // namespace h5dcp
