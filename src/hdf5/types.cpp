#include "hdf5/types.hpp"

#include <cstddef>
#include <cstdint>

#include "layout/table_fields.hpp"

namespace h5dcp::hdf5 {
namespace {

constexpr const char* kAction = "make an HDF5 datatype";

Datatype copy_of(hid_t type) {
  return {H5Tcopy(type), kAction};
}

// An IEEE-like float: a sign, `exponent` bits, `mantissa` bits with a hidden one.
Datatype small_float(std::size_t exponent, std::size_t mantissa) {
  const std::size_t bits = 1 + exponent + mantissa;
  Datatype type = copy_of(H5T_IEEE_F32LE);
  ok(H5Tset_fields(type.get(), bits - 1, mantissa, exponent, 0, mantissa), kAction);
  ok(H5Tset_precision(type.get(), bits), kAction);
  ok(H5Tset_size(type.get(), bits / 8), kAction);
  ok(H5Tset_ebias(type.get(), (std::size_t{1} << (exponent - 1)) - 1), kAction);
  return type;
}

// As h5py stores bool.
Datatype boolean() {
  Datatype type(H5Tenum_create(H5T_STD_I8LE), kAction);
  std::int8_t value = 0;
  ok(H5Tenum_insert(type.get(), "FALSE", &value), kAction);
  value = 1;
  ok(H5Tenum_insert(type.get(), "TRUE", &value), kAction);
  return type;
}

// As h5py stores complex numbers.
Datatype complex_of(DType part) {
  Datatype number = datatype_of(part);
  const auto size = itemsize(part);
  Datatype type(H5Tcreate(H5T_COMPOUND, 2 * size), kAction);
  ok(H5Tinsert(type.get(), "r", 0, number.get()), kAction);
  ok(H5Tinsert(type.get(), "i", size, number.get()), kAction);
  return type;
}

Datatype row_type(Table table) {
  Datatype type(H5Tcreate(H5T_COMPOUND, item_bytes(table)), kAction);
  for (const auto& field : fields_of(table)) {
    const Datatype number = datatype_of(field.dtype);
    ok(H5Tinsert(type.get(), field.name, field.offset, number.get()), kAction);
  }
  return type;
}

}  // namespace

Datatype datatype_of(DType dtype) {
  switch (dtype) {
    case DType::float32:
      return copy_of(H5T_IEEE_F32LE);
    case DType::float64:
      return copy_of(H5T_IEEE_F64LE);
    case DType::bfloat16:
      return small_float(8, 7);
    case DType::float16:
      return small_float(5, 10);
    case DType::float8_e5m2:
      return small_float(5, 2);
    case DType::float8_e4m3fn:
      return small_float(4, 3);
    case DType::float8_e5m2fnuz:
    case DType::float8_e4m3fnuz:
    case DType::float8_e8m0fnu:  // no HDF5 type describes these: the attribute `dtype` does
    case DType::uint8:
      return copy_of(H5T_STD_U8LE);
    case DType::int8:
      return copy_of(H5T_STD_I8LE);
    case DType::int16:
      return copy_of(H5T_STD_I16LE);
    case DType::int32:
      return copy_of(H5T_STD_I32LE);
    case DType::int64:
      return copy_of(H5T_STD_I64LE);
    case DType::uint16:
      return copy_of(H5T_STD_U16LE);
    case DType::uint32:
      return copy_of(H5T_STD_U32LE);
    case DType::uint64:
      return copy_of(H5T_STD_U64LE);
    case DType::boolean:
      return boolean();
    case DType::complex32:
      return complex_of(DType::float16);
    case DType::complex64:
      return complex_of(DType::float32);
    case DType::complex128:
      return complex_of(DType::float64);
  }
  throw Error(ErrorCode::internal,
              "no HDF5 type for dtype " + std::to_string(static_cast<unsigned>(dtype)));
}

Datatype datatype_of(Table table) {
  return fields_of(table).empty() ? datatype_of(item_dtype(table)) : row_type(table);
}

}  // namespace h5dcp::hdf5
