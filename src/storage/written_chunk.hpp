// What a rank writes of its plan: boxes of tensors and values, and where their elements come from.

#pragma once

#include <cstdint>
#include <vector>

#include "h5dcp/bytes.hpp"
#include "h5dcp/planner.hpp"
#include "layout/blocks.hpp"
#include "layout/record.hpp"
#include "storage/storage_data.hpp"

namespace h5dcp {

// One slice of an item, on its way to the file.
struct WrittenChunk {
  const WriteItem* item;
  ChunkPlace place;
  DType dtype;
  Extents sizes;  // of the dataset; of a value in `blobs`: its slot
  BlockGrid grid;
  bool hashed = true;
  std::uint64_t nbytes = 0;              // of the box; of a value: as long as it is
  std::vector<std::uint64_t> checksums;  // its numbers in that table
};

// Whether it is a value in a slot of the table `blobs`.
inline bool is_in_slot(const WrittenChunk& chunk) {
  return chunk.place.slot_bytes > 0;
}

// In the order of their datasets: `blobs` comes after those of the tensors.
std::vector<WrittenChunk> chunks_of(const SavePlan& plan, const Record& record);

// Gets the data of one item after the other from the planner, and keeps the latest.
class Source {
 public:
  explicit Source(SavePlanner& planner) : planner_(planner) {}

  // The elements of `box`, which lies in the chunk's box. Good until the next call.
  TensorView elements(WrittenChunk& chunk, const Box& box);

  // The same, side by side.
  const void* packed(WrittenChunk& chunk, const Box& box);

 private:
  void resolve(WrittenChunk& chunk);
  void take_tensor(const WrittenChunk& chunk, std::variant<TensorView, Bytes>& data);
  void take_value(WrittenChunk& chunk, std::variant<TensorView, Bytes>& data);

  SavePlanner& planner_;
  const WriteItem* item_ = nullptr;
  TensorView view_;
  Extents origin_;  // of the view in the dataset
  Bytes value_;
  Bytes buffer_;
};

}  // namespace h5dcp
