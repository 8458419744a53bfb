// What the writer of a chunk needs to know: the StorageData of Hdf5Writer.

#pragma once

#include <cstdint>
#include <utility>

#include "h5dcp/planner.hpp"
#include "layout/data_parts.hpp"

namespace h5dcp {

struct ChunkPlace {
  std::uint64_t slot_bytes = 0;      // of a value in `blobs`; 0 for all else
  std::uint64_t chunk = 0;           // row in `chunks`
  std::uint64_t row = 0;             // of the entry in `tensors`
  std::uint64_t address = 0;         // of the entry's first byte
  std::uint64_t first_box = 0;       // in `boxes`
  std::uint64_t first_checksum = 0;  // in `checksums`
  Extents chunk_shape = {};          // of a tensor that is filtered; empty for all else
  bool exchanged = false;            // ranks write it together with those of other nodes
  // The part of the tensor in which it lies; without a box if that is all of it.
  DataPart part = {};
};

StorageData encode_place(const ChunkPlace& place);
ChunkPlace decode_place(const StorageData& data);

// What chunks are written by, which is the order of their datasets: whether it is in a slot, as
// `blobs` comes last; its row in `chunks`.
using PlaceOrder = std::pair<bool, std::uint64_t>;

PlaceOrder decode_order(const StorageData& data);

}  // namespace h5dcp
