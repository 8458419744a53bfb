// The dataspace message, version 1: the sizes of a dataset or an attribute. "IV.A.2.b".

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "hdf5_format/byte_writer.hpp"

namespace h5dcp::hdf5_format {

constexpr std::size_t dataspace_bytes(std::size_t dims) {
  return 8 + 16 * dims;
}

// `sizes` are none for a scalar, at most 32 else. The largest sizes are the sizes: as HDF5 does, it
// says so.
inline void put_dataspace(ByteWriter& out, std::span<const std::int64_t> sizes) {
  out.u8(1);  // version
  out.u8(static_cast<std::uint8_t>(sizes.size()));
  out.u8(sizes.empty() ? 0 : 1);  // whether largest sizes follow
  out.zeros(5);
  for (int twice = 0; twice < 2; ++twice) {
    for (const auto size : sizes) out.u64(static_cast<std::uint64_t>(size));
  }
}

}  // namespace h5dcp::hdf5_format
