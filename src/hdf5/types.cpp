#include "hdf5/types.hpp"

#include <cstddef>
#include <cstdint>

#include "layout/tables.hpp"

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

Datatype tensor_row_type() {
  Datatype type(H5Tcreate(H5T_COMPOUND, sizeof(TensorRow)), kAction);
  const auto field = [&type](const char* name, std::size_t offset, hid_t of) {
    ok(H5Tinsert(type.get(), name, offset, of), kAction);
  };
  field("name_offset", offsetof(TensorRow, name_offset), H5T_STD_U64LE);
  field("name_bytes", offsetof(TensorRow, name_bytes), H5T_STD_U32LE);
  field("path_bytes", offsetof(TensorRow, path_bytes), H5T_STD_U32LE);
  field("first_size", offsetof(TensorRow, first_size), H5T_STD_U64LE);
  field("dims", offsetof(TensorRow, dims), H5T_STD_U32LE);
  field("dtype", offsetof(TensorRow, dtype), H5T_STD_U8LE);
  field("kind", offsetof(TensorRow, kind), H5T_STD_U8LE);
  field("filters", offsetof(TensorRow, filters), H5T_STD_U16LE);
  field("address", offsetof(TensorRow, address), H5T_STD_U64LE);
  field("nbytes", offsetof(TensorRow, nbytes), H5T_STD_U64LE);
  field("first_chunk", offsetof(TensorRow, first_chunk), H5T_STD_U64LE);
  field("chunks", offsetof(TensorRow, chunks), H5T_STD_U64LE);
  return type;
}

Datatype chunk_row_type() {
  Datatype type(H5Tcreate(H5T_COMPOUND, sizeof(ChunkRow)), kAction);
  const auto field = [&type](const char* name, std::size_t offset, hid_t of) {
    ok(H5Tinsert(type.get(), name, offset, of), kAction);
  };
  field("tensor", offsetof(ChunkRow, tensor), H5T_STD_U64LE);
  field("first_box", offsetof(ChunkRow, first_box), H5T_STD_U64LE);
  field("first_checksum", offsetof(ChunkRow, first_checksum), H5T_STD_U64LE);
  field("blocks", offsetof(ChunkRow, blocks), H5T_STD_U64LE);
  field("nbytes", offsetof(ChunkRow, nbytes), H5T_STD_U64LE);
  field("block_rows", offsetof(ChunkRow, block_rows), H5T_STD_U64LE);
  field("block_dim", offsetof(ChunkRow, block_dim), H5T_STD_U32LE);
  field("writer", offsetof(ChunkRow, writer), H5T_STD_U32LE);
  field("digest", offsetof(ChunkRow, digest), H5T_STD_U64LE);
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
  switch (table) {
    case Table::tensors:
      return tensor_row_type();
    case Table::chunks:
      return chunk_row_type();
    case Table::names:
    case Table::blobs:
      return copy_of(H5T_STD_U8LE);
    case Table::shapes:
    case Table::boxes:
      return copy_of(H5T_STD_I64LE);
    case Table::checksums:
      return copy_of(H5T_STD_U64LE);
  }
  throw Error(ErrorCode::internal, "no HDF5 type for an index table");
}

Bytes encoded(const Datatype& type) {
  constexpr std::size_t kBefore = 2;  // that it is a datatype, and the version of this
  std::size_t nbytes = 0;
  ok(H5Tencode(type.get(), nullptr, &nbytes), kAction);
  Bytes bytes(nbytes);
  ok(H5Tencode(type.get(), bytes.data(), &nbytes), kAction);
  return {bytes.begin() + kBefore, bytes.begin() + static_cast<std::ptrdiff_t>(nbytes)};
}

}  // namespace h5dcp::hdf5
