#include "hdf5_format/datatype.hpp"

#include <cstring>
#include <functional>
#include <string>
#include <string_view>

#include "h5dcp/error.hpp"
#include "layout/table_fields.hpp"

namespace h5dcp::hdf5_format {
namespace {

enum class Class : std::uint8_t { integer = 0, floating = 1, compound = 6, enumeration = 8 };

// How all begin: `bits` are three bytes that each class has for itself.
void put_head(ByteWriter& out, Class of, std::uint32_t bits, std::size_t nbytes) {
  constexpr std::uint32_t kVersion = 1;
  out.u32(kVersion << 4 | static_cast<std::uint32_t>(of) | bits << 8);
  out.u32(static_cast<std::uint32_t>(nbytes));
}

void put_member_name(ByteWriter& out, std::string_view name) {
  out.padded_bytes(std::string(name).c_str(), name.size() + 1);
}

void put_integer(ByteWriter& out, std::size_t nbytes, bool is_signed) {
  constexpr std::uint32_t kSigned = 1U << 3U;
  put_head(out, Class::integer, is_signed ? kSigned : 0, nbytes);
  out.u16(0);                                       // the first bit
  out.u16(static_cast<std::uint16_t>(8 * nbytes));  // how many
}

// As IEEE's: a sign, `exponent` bits, `mantissa` bits behind a hidden one.
void put_float(ByteWriter& out, std::uint8_t exponent, std::uint8_t mantissa) {
  constexpr std::uint32_t kHiddenBit = 2U << 4U;
  const std::uint32_t bits = 1U + exponent + mantissa;
  const std::uint32_t sign = bits - 1;
  put_head(out, Class::floating, kHiddenBit | sign << 8U, bits / 8);
  out.u16(0);
  out.u16(static_cast<std::uint16_t>(bits));
  out.u8(mantissa);  // where the exponent begins
  out.u8(exponent);
  out.u8(0);
  out.u8(mantissa);
  out.u32((1U << (exponent - 1U)) - 1);  // the bias
}

// As h5py stores bool.
void put_boolean(ByteWriter& out) {
  constexpr std::uint32_t kMembers = 2;
  put_head(out, Class::enumeration, kMembers, 1);
  put_integer(out, 1, true);
  put_member_name(out, "FALSE");
  put_member_name(out, "TRUE");
  out.u8(0);
  out.u8(1);
}

void put_member(ByteWriter& out, std::string_view name, std::size_t offset,
                const std::function<void()>& put_type) {
  constexpr std::size_t kDimensions = 1 + 3 + 4 + 4 + 4 * 4;  // none
  put_member_name(out, name);
  out.u32(static_cast<std::uint32_t>(offset));
  out.zeros(kDimensions);
  put_type();
}

void put_number(ByteWriter& out, DType dtype);

// As h5py stores complex numbers.
void put_complex(ByteWriter& out, DType part) {
  constexpr std::uint32_t kMembers = 2;
  const auto size = itemsize(part);
  put_head(out, Class::compound, kMembers, 2 * size);
  put_member(out, "r", 0, [&] { put_number(out, part); });
  put_member(out, "i", size, [&] { put_number(out, part); });
}

void put_number(ByteWriter& out, DType dtype) {
  switch (dtype) {
    case DType::float32:
      return put_float(out, 8, 23);
    case DType::float64:
      return put_float(out, 11, 52);
    case DType::bfloat16:
      return put_float(out, 8, 7);
    case DType::float16:
      return put_float(out, 5, 10);
    case DType::float8_e5m2:
      return put_float(out, 5, 2);
    case DType::float8_e4m3fn:
      return put_float(out, 4, 3);
    case DType::int8:
    case DType::int16:
    case DType::int32:
    case DType::int64:
      return put_integer(out, itemsize(dtype), true);
    case DType::float8_e5m2fnuz:
    case DType::float8_e4m3fnuz:
    case DType::float8_e8m0fnu:  // no HDF5 type describes these: the attribute `dtype` does
    case DType::uint8:
    case DType::uint16:
    case DType::uint32:
    case DType::uint64:
      return put_integer(out, itemsize(dtype), false);
    case DType::boolean:
      return put_boolean(out);
    case DType::complex32:
      return put_complex(out, DType::float16);
    case DType::complex64:
      return put_complex(out, DType::float32);
    case DType::complex128:
      return put_complex(out, DType::float64);
  }
  throw Error(ErrorCode::internal,
              "no HDF5 type for dtype " + std::to_string(static_cast<unsigned>(dtype)));
}

Bytes written(const std::function<void(ByteWriter&)>& put) {
  Bytes bytes(1024);  // the longest has 800
  ByteWriter out(bytes);
  put(out);
  bytes.resize(bytes.size() - out.left());
  return bytes;
}

}  // namespace

Bytes datatype_message(DType dtype) {
  return written([&](ByteWriter& out) { put_number(out, dtype); });
}

Bytes datatype_message(Table table) {
  const auto fields = fields_of(table);
  if (fields.empty()) return datatype_message(item_dtype(table));
  return written([&](ByteWriter& out) {
    put_head(out, Class::compound, static_cast<std::uint32_t>(fields.size()), item_bytes(table));
    for (const auto& field : fields) {
      put_member(out, field.name, field.offset, [&] { put_number(out, field.dtype); });
    }
  });
}

}  // namespace h5dcp::hdf5_format
