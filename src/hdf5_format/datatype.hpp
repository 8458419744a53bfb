// The datatype message, version 1. "IV.A.2.d".

#pragma once

#include <cstddef>
#include <cstdint>

#include "h5dcp/bytes.hpp"
#include "h5dcp/tensor.hpp"
#include "hdf5_format/byte_writer.hpp"
#include "layout/record.hpp"

namespace h5dcp::hdf5_format {

inline constexpr std::size_t kTextTypeBytes = 8;

// A text: UTF-8, `nbytes` long, padded with NUL.
inline void put_text_type(ByteWriter& out, std::size_t nbytes) {
  constexpr std::uint8_t kVersion = 1;
  constexpr std::uint8_t kString = 3;
  constexpr std::uint8_t kPaddedWithNul = 1;
  constexpr std::uint8_t kUtf8 = 1;
  out.u8(kVersion << 4 | kString);
  out.u8(kUtf8 << 4 | kPaddedWithNul);
  out.u16(0);
  out.u32(static_cast<std::uint32_t>(nbytes));
}

// How elements of a dtype are stored: docs/format.md, "Element types".
Bytes datatype_message(DType dtype);

// The same of a table's rows or items: layout/table_fields.hpp.
Bytes datatype_message(Table table);

}  // namespace h5dcp::hdf5_format
