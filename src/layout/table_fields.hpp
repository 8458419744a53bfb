// What the items of the index tables are made of: docs/format.md, "Index".

#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "h5dcp/error.hpp"
#include "h5dcp/tensor.hpp"
#include "layout/record.hpp"
#include "layout/tables.hpp"

namespace h5dcp {

// One number of a row.
struct TableField {
  const char* name;
  std::size_t offset;
  DType dtype;
};

inline constexpr std::array<TableField, 12> kTensorRowFields{
    {{"name_offset", offsetof(TensorRow, name_offset), DType::uint64},
     {"name_bytes", offsetof(TensorRow, name_bytes), DType::uint32},
     {"path_bytes", offsetof(TensorRow, path_bytes), DType::uint32},
     {"first_size", offsetof(TensorRow, first_size), DType::uint64},
     {"dims", offsetof(TensorRow, dims), DType::uint32},
     {"dtype", offsetof(TensorRow, dtype), DType::uint8},
     {"kind", offsetof(TensorRow, kind), DType::uint8},
     {"filters", offsetof(TensorRow, filters), DType::uint16},
     {"address", offsetof(TensorRow, address), DType::uint64},
     {"nbytes", offsetof(TensorRow, nbytes), DType::uint64},
     {"first_chunk", offsetof(TensorRow, first_chunk), DType::uint64},
     {"chunks", offsetof(TensorRow, chunks), DType::uint64}}};

inline constexpr std::array<TableField, 9> kChunkRowFields{
    {{"tensor", offsetof(ChunkRow, tensor), DType::uint64},
     {"first_box", offsetof(ChunkRow, first_box), DType::uint64},
     {"first_checksum", offsetof(ChunkRow, first_checksum), DType::uint64},
     {"blocks", offsetof(ChunkRow, blocks), DType::uint64},
     {"nbytes", offsetof(ChunkRow, nbytes), DType::uint64},
     {"block_rows", offsetof(ChunkRow, block_rows), DType::uint64},
     {"block_dim", offsetof(ChunkRow, block_dim), DType::uint32},
     {"writer", offsetof(ChunkRow, writer), DType::uint32},
     {"digest", offsetof(ChunkRow, digest), DType::uint64}}};

// The fields of a table's rows; none if its items are numbers.
constexpr std::span<const TableField> fields_of(Table table) {
  if (table == Table::tensors) return kTensorRowFields;
  if (table == Table::chunks) return kChunkRowFields;
  return {};
}

// The items of a table without fields.
inline DType item_dtype(Table table) {
  switch (table) {
    case Table::names:
    case Table::blobs:
      return DType::uint8;
    case Table::shapes:
    case Table::boxes:
      return DType::int64;
    case Table::checksums:
      return DType::uint64;
    case Table::tensors:
    case Table::chunks:
      break;
  }
  throw Error(ErrorCode::internal, "the items of an index table are no numbers");
}

}  // namespace h5dcp
