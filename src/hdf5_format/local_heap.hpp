// A local heap: the names of a group's members. "III.D. Disk Format: Level 1D".

#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "hdf5_format/byte_writer.hpp"

namespace h5dcp::hdf5_format {

inline constexpr std::size_t kHeapPrefixBytes = 32;

// At offset 0 is the empty name, which comes before all others.
inline constexpr std::size_t kFirstName = 8;

constexpr std::size_t heap_name_bytes(std::string_view name) {
  return padded(name.size() + 1);
}

// `nbytes`: of the data, which are at address `data` and begin with the empty name.
inline void put_heap_prefix(ByteWriter& out, std::uint64_t data, std::size_t nbytes) {
  constexpr std::uint64_t kNoFreeSpace = 1;
  out.bytes("HEAP", 4);
  out.u8(0);  // version
  out.zeros(3);
  out.u64(nbytes);
  out.u64(kNoFreeSpace);
  out.u64(data);
}

inline void put_heap_name(ByteWriter& out, std::string_view name) {
  out.bytes(name.data(), name.size());
  out.zeros(heap_name_bytes(name) - name.size());
}

}  // namespace h5dcp::hdf5_format
