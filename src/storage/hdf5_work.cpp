#include "storage/hdf5_work.hpp"

#include <algorithm>
#include <utility>

#include "layout/blocks.hpp"
#include "layout/tables.hpp"
#include "storage/stored_blocks.hpp"
#include "transfer/piece_order.hpp"

namespace h5dcp {
namespace {

std::vector<Part> parts_of(const std::vector<WrittenChunk>& chunks, const Range& blobs,
                           std::uint64_t piece_bytes) {
  std::vector<Part> parts;
  parts.reserve(chunks.size());  // at least
  std::vector<Box> boxes;
  for (std::size_t c = 0; c < chunks.size(); ++c) {
    const auto& chunk = chunks[c];
    if (!chunk.place.chunk_shape.empty()) continue;  // write_filtered() does
    boxes.clear();
    pieces(chunk.grid, chunk.grid.box, itemsize(chunk.dtype), piece_bytes, boxes);
    for (const auto& box : boxes) {
      auto& part = parts.emplace_back(Part{c, box, box});
      if (const auto& in = chunk.place.part; in.box.dims() > 0) {
        part.in_dataset = relative_to(box, in.box.offsets);
      }
      if (chunk.place.slot_bytes == 0) continue;
      part.in_dataset.offsets[0] += static_cast<std::int64_t>(chunk.place.address - blobs.address);
    }
  }
  return parts;
}

// Where a part goes.
Piece piece_of(const Part& part, const WrittenChunk& chunk, const Index& index) {
  if (const auto& in = chunk.place.part; in.box.dims() > 0) {
    return {{chunk.place.row, in.address, itemsize(chunk.dtype), in.box.sizes, in.file},
            {&part.in_dataset, 1}};
  }
  if (chunk.place.slot_bytes == 0) {
    return {{chunk.place.row, chunk.place.address, itemsize(chunk.dtype), chunk.sizes},
            {&part.in_dataset, 1}};
  }
  const auto& blobs = index.record().table(Table::blobs);
  return {{index.size() + static_cast<std::size_t>(Table::blobs),
           blobs.address,
           1,
           {static_cast<std::int64_t>(blobs.nbytes)}},
          {&part.in_dataset, 1}};
}

// Those that are exchanged, ascending by where they begin. As one is open at a time, one that
// begins inside another is left to the engine.
std::vector<std::size_t> exchanged_of(const WriteWork& work) {
  std::vector<std::pair<std::uint64_t, std::size_t>> by_begin;
  for (std::size_t i = 0; i < work.parts.size(); ++i) {
    if (!work.chunks[work.parts[i].chunk].place.exchanged) continue;
    by_begin.emplace_back(first_range(work.pieces[i]).address, i);
  }
  std::ranges::sort(by_begin);
  std::vector<std::size_t> order;
  order.reserve(by_begin.size());
  for (const auto& [begin, i] : by_begin) order.push_back(i);
  static_cast<void>(take_overlaps(work.pieces, order));
  return order;
}

}  // namespace

WriteWork work_of(const SavePlan& plan, const Index& index, std::uint64_t piece_bytes) {
  WriteWork work;
  work.chunks = chunks_of(plan, index.record());
  work.parts = parts_of(work.chunks, index.record().table(Table::blobs), piece_bytes);
  work.pieces.reserve(work.parts.size());
  for (const auto& part : work.parts) {
    work.pieces.push_back(piece_of(part, work.chunks[part.chunk], index));
  }
  work.exchanged = exchanged_of(work);
  return work;
}

std::string to_string(const Part& part, const WrittenChunk& chunk) {
  auto name = "'" + chunk.item->index.fqn + "'";
  if (!chunk.item->tensor_data) return name;
  return name + " " + to_string(part.box) + " " + std::string(to_string(chunk.dtype));
}

}  // namespace h5dcp
