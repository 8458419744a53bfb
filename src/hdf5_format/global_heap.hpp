// A collection of the global heap: what headers refer to because it has no room in them. "III.E".

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "hdf5_format/byte_writer.hpp"

namespace h5dcp::hdf5_format {

inline constexpr std::size_t kCollectionPrefixBytes = 16;
inline constexpr std::size_t kLeastCollectionBytes = 4096;

// With the object's prefix.
constexpr std::size_t heap_object_bytes(std::size_t nbytes) {
  return 16 + padded(nbytes);
}

// Of a collection whose objects take `objects` bytes together.
constexpr std::size_t collection_bytes(std::size_t objects) {
  return std::max(kLeastCollectionBytes, kCollectionPrefixBytes + objects);
}

inline void put_collection_prefix(ByteWriter& out, std::size_t objects) {
  out.bytes("GCOL", 4);
  out.u8(1);  // version
  out.zeros(3);
  out.u64(collection_bytes(objects));
}

// Objects are numbered from 1.
inline void put_heap_object(ByteWriter& out, std::size_t number,
                            std::span<const std::uint8_t> object) {
  out.u16(static_cast<std::uint16_t>(number));
  out.zeros(6);  // references, which HDF5 does not count here either
  out.u64(object.size());
  out.padded_bytes(object);
}

// What is left of the collection, as an object of number 0 if it has room for one's prefix.
inline void put_collection_end(ByteWriter& out, std::size_t objects) {
  const auto left = collection_bytes(objects) - kCollectionPrefixBytes - objects;
  if (left >= heap_object_bytes(0)) {
    out.zeros(8);
    out.u64(left);
    out.zeros(left - heap_object_bytes(0));
  } else {
    out.zeros(left);
  }
}

}  // namespace h5dcp::hdf5_format
