// The fill value message, version 2: what is in a dataset before it is written. "IV.A.2.f".

#pragma once

#include <cstddef>
#include <cstdint>

#include "hdf5_format/byte_writer.hpp"

namespace h5dcp::hdf5_format {

// When a dataset gets its space; the numbers are HDF5's.
enum class Allocation : std::uint8_t { early = 1, incremental = 3 };

inline constexpr std::size_t kFillValueBytes = 8;

// The value is the default, zero, and is never written.
inline void put_fill_value(ByteWriter& out, Allocation allocation) {
  constexpr std::uint8_t kNeverWritten = 1;
  out.u8(2);  // version
  out.u8(static_cast<std::uint8_t>(allocation));
  out.u8(kNeverWritten);
  out.u8(1);   // it is defined,
  out.u32(0);  // and has no bytes: the default
}

}  // namespace h5dcp::hdf5_format
