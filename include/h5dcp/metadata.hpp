// What a checkpoint holds, without the data. The names are those of
// torch.distributed.checkpoint.metadata.

#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "h5dcp/box.hpp"
#include "h5dcp/bytes.hpp"
#include "h5dcp/flatten.hpp"
#include "h5dcp/tensor.hpp"

namespace h5dcp {

// A stored piece of a tensor: its offsets and sizes in the tensor.
using ChunkStorageMetadata = Box;

struct TensorProperties {
  DType dtype = DType::float32;

  bool operator==(const TensorProperties&) const = default;
};

struct TensorStorageMetadata {
  TensorProperties properties;
  Extents size;                              // of the global tensor
  std::vector<ChunkStorageMetadata> chunks;  // that can be read one by one; they cover the tensor

  bool operator==(const TensorStorageMetadata&) const = default;
};

// How a plain value is stored. The numbers are part of the format: never renumber.
enum class EntryKind : std::uint8_t {
  tensor = 0,       // a dataset
  json = 1,         // JSON text: null, strings, mixed lists, empty containers
  bytes = 2,        // as they are
  scalar = 3,       // a dataset without dimensions: bool, int64, double or complex
  list = 4,         // a dataset of one dimension: a list of numbers of one type
  transformed = 5,  // JSON or bytes that extensions have made something else of: extension.hpp
};

// A value that is no tensor. It is saved whole and loaded whole.
struct BytesStorageMetadata {
  EntryKind kind = EntryKind::bytes;

  bool operator==(const BytesStorageMetadata&) const = default;
};

using StorageMetadata = std::variant<TensorStorageMetadata, BytesStorageMetadata>;

// Identifies one item of a plan. Equality, order and hash look at fqn and offset alone.
struct MetadataIndex {
  std::string fqn;
  std::optional<Extents> offset;     // of the piece in the tensor; nullopt for values
  std::optional<std::size_t> index;  // a hint where in its list to look first

  friend bool operator==(const MetadataIndex& a, const MetadataIndex& b) {
    return a.fqn == b.fqn && a.offset == b.offset;
  }
  friend std::strong_ordering operator<=>(const MetadataIndex& a, const MetadataIndex& b);
};

// What a storage keeps for itself of a piece, a plan or a checkpoint: opaque to all others.
using StorageData = Bytes;

struct StorageMeta {
  std::string checkpoint_id;  // e.g. the path of the file
  std::string save_id;        // differs between any two saves
  std::string load_id;        // differs between any two loads
};

struct Metadata {
  std::map<std::string, StorageMetadata> state_dict_metadata;  // by FQN
  std::map<std::string, Path> planner_data;  // the path of each FQN in the nested state dict
  std::map<MetadataIndex, StorageData> storage_data;  // what a StorageWriter noted of each piece
  StorageMeta storage_meta;
};

}  // namespace h5dcp

template <>
struct std::hash<h5dcp::MetadataIndex> {
  std::size_t operator()(const h5dcp::MetadataIndex& index) const noexcept;
};
