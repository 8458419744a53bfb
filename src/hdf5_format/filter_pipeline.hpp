// The filter pipeline message, version 1: what a chunk goes through before it is stored.
// "IV.A.2.l".

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "hdf5_format/byte_writer.hpp"

namespace h5dcp::hdf5_format {

struct Filter {
  std::uint16_t id = 0;
  std::string name;
  std::uint16_t flags = 0;  // 1: a chunk may do without
  std::vector<std::uint32_t> values;
};

inline std::size_t filter_pipeline_bytes(std::span<const Filter> filters) {
  std::size_t nbytes = 8;
  for (const auto& filter : filters) {
    nbytes += 8 + padded(filter.name.size() + 1) + padded(4 * filter.values.size());
  }
  return nbytes;
}

inline void put_filter_pipeline(ByteWriter& out, std::span<const Filter> filters) {
  out.u8(1);  // version
  out.u8(static_cast<std::uint8_t>(filters.size()));
  out.zeros(6);
  for (const auto& filter : filters) {
    const auto name_bytes = filter.name.size() + 1;
    out.u16(filter.id);
    out.u16(static_cast<std::uint16_t>(padded(name_bytes)));
    out.u16(filter.flags);
    out.u16(static_cast<std::uint16_t>(filter.values.size()));
    out.padded_bytes(filter.name.c_str(), name_bytes);
    out.padded_bytes(filter.values.data(), 4 * filter.values.size());
  }
}

}  // namespace h5dcp::hdf5_format
