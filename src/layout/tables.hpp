// The fixed-size rows of the index tables: docs/format.md, "Index". Part of the format.

#pragma once

#include <cstddef>
#include <cstdint>

#include "h5dcp/metadata.hpp"
#include "layout/record.hpp"

namespace h5dcp {

// Whether an entry of that kind is a slot in `blobs` rather than a dataset of its own.
constexpr bool in_blobs(EntryKind kind) {
  return kind == EntryKind::json || kind == EntryKind::bytes || kind == EntryKind::transformed;
}

// One tensor or value; rows are ordered by FQN.
struct TensorRow {
  std::uint64_t name_offset;  // in `names`: the FQN, then the encoded path
  std::uint32_t name_bytes;   // of the FQN
  std::uint32_t path_bytes;
  std::uint64_t first_size;  // in `shapes`: dims sizes; if it is chunked, then those of a chunk
  std::uint32_t dims;
  std::uint8_t dtype;
  std::uint8_t kind;
  std::uint16_t filters;  // see encode_filters(), kBoxChunks; 0 if it is contiguous
  std::uint64_t address;  // in the file; 0 if there are no bytes, or filters
  std::uint64_t nbytes;   // of a slot in `blobs`: its capacity
  std::uint64_t first_chunk;
  std::uint64_t chunks;
};
static_assert(sizeof(TensorRow) == 64);

// One box as it was written, or one value.
struct ChunkRow {
  std::uint64_t tensor;          // its row in `tensors`
  std::uint64_t first_box;       // in `boxes`: dims offsets, then dims sizes
  std::uint64_t first_checksum;  // in `checksums`
  std::uint64_t blocks;          // how many checksums; with filters three numbers each
  std::uint64_t nbytes;          // of the box; of a value in `blobs`: without the slot's padding
  std::uint64_t block_rows;      // see BlockGrid
  std::uint32_t block_dim;
  std::uint32_t writer;  // rank
  std::uint64_t digest;  // of the row up to here, its box and its checksums: see row_digest()
};
static_assert(sizeof(ChunkRow) == 64);

// Of a row or an item.
constexpr std::size_t item_bytes(Table table) {
  switch (table) {
    case Table::tensors:
      return sizeof(TensorRow);
    case Table::chunks:
      return sizeof(ChunkRow);
    case Table::shapes:
    case Table::boxes:
      return sizeof(std::int64_t);
    case Table::checksums:
      return sizeof(std::uint64_t);
    default:
      return 1;
  }
}

}  // namespace h5dcp
