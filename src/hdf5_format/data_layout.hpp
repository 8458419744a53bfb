// The data layout message, version 3, or 4 of virtual datasets: where a dataset's elements are.
// "IV.A.2.i".

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "hdf5_format/byte_writer.hpp"

namespace h5dcp::hdf5_format {

inline constexpr std::size_t kContiguousBytes = 18;

// `address` is kUndefined if there are no elements.
inline void put_contiguous(ByteWriter& out, std::uint64_t address, std::uint64_t nbytes) {
  out.u8(3);  // version
  out.u8(1);  // contiguous
  out.u64(address);
  out.u64(nbytes);
  out.zeros(padded(kContiguousBytes) - kContiguousBytes);
}

constexpr std::size_t chunked_bytes(std::size_t dims) {
  return 11 + 4 * (dims + 1);
}

// The B-tree of chunks is at `btree`; kUndefined if there are no chunks yet. The sizes of a chunk
// and of an element, in bytes, are below 2^32.
inline void put_chunked(ByteWriter& out, std::uint64_t btree, std::span<const std::int64_t> chunk,
                        std::size_t itemsize) {
  out.u8(3);  // version
  out.u8(2);  // chunked
  out.u8(static_cast<std::uint8_t>(chunk.size() + 1));
  out.u64(btree);
  for (const auto size : chunk) out.u32(static_cast<std::uint32_t>(size));
  out.u32(static_cast<std::uint32_t>(itemsize));
  const auto nbytes = chunked_bytes(chunk.size());
  out.zeros(padded(nbytes) - nbytes);
}

inline constexpr std::size_t kVirtualBytes = 14;

// The mapping is object `number` of a collection of the global heap.
inline void put_virtual(ByteWriter& out, std::uint64_t collection, std::uint32_t number) {
  out.u8(4);  // version
  out.u8(3);  // virtual
  out.u64(collection);
  out.u32(number);
  out.zeros(padded(kVirtualBytes) - kVirtualBytes);
}

}  // namespace h5dcp::hdf5_format
