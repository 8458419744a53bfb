#include "storage/written_chunk.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "base/whole_box.hpp"
#include "files/index.hpp"
#include "h5dcp/error.hpp"
#include "layout/chunk_shape.hpp"

namespace h5dcp {
namespace {

WrittenChunk chunk_of(const WriteItem& item, const WriteSlice& slice, const Record& record) {
  WrittenChunk chunk{.item = &item,
                     .place = decode_place(slice.storage_data),
                     .dtype = DType::uint8,
                     .sizes = {},
                     .grid = {},
                     .hashed = true,
                     .nbytes = 0,
                     .checksums = {}};
  if (item.tensor_data) {
    chunk.dtype = item.tensor_data->properties.dtype;
    chunk.sizes = item.tensor_data->size;
  } else if (chunk.place.slot_bytes > 0) {
    chunk.sizes = {static_cast<std::int64_t>(chunk.place.slot_bytes)};
  } else {
    chunk.dtype = item.bytes_io_data->dtype;
    chunk.sizes = item.bytes_io_data->size;
  }
  const Box box = item.tensor_data ? slice.box : whole_box(chunk.sizes);
  chunk.grid = chunk.place.chunk_shape.empty() ? block_grid(box, itemsize(chunk.dtype))
                                               : chunk_grid(box, chunk.place.chunk_shape);
  chunk.nbytes = static_cast<std::uint64_t>(nbytes(chunk.dtype, box.sizes));
  if (item.tensor_data) {
    chunk.hashed = is_hashed(record, EntryKind::tensor, !chunk.place.chunk_shape.empty());
  }
  return chunk;
}

}  // namespace

std::vector<WrittenChunk> chunks_of(const SavePlan& plan, const Record& record) {
  struct Placed {
    PlaceOrder place;
    const WriteItem* item;
    const WriteSlice* slice;
  };
  std::vector<Placed> order;  // small, so that sorting moves little
  order.reserve(plan.items.size());
  for (const auto& item : plan.items) {
    for (const auto& slice : item.slices) {
      order.push_back({decode_order(slice.storage_data), &item, &slice});
    }
  }
  std::ranges::sort(order, {}, &Placed::place);
  std::vector<WrittenChunk> chunks;
  chunks.reserve(order.size());
  for (const auto& [place, item, slice] : order) chunks.push_back(chunk_of(*item, *slice, record));
  return chunks;
}

TensorView Source::elements(WrittenChunk& chunk, const Box& box) {
  if (item_ != chunk.item) resolve(chunk);
  Box local = box;
  for (std::size_t d = 0; d < local.dims(); ++d) local.offsets[d] -= origin_[d];
  return narrow(view_, local);
}

const void* Source::packed(WrittenChunk& chunk, const Box& box) {
  const TensorView part = elements(chunk, box);
  if (is_contiguous(part)) return part.data;
  buffer_.resize(static_cast<std::size_t>(nbytes(part.dtype, part.sizes)));
  copy_elements(part, contiguous_view(buffer_.data(), part.dtype, part.sizes));
  return buffer_.data();
}

void Source::resolve(WrittenChunk& chunk) {
  item_ = nullptr;
  auto data = planner_.resolve_data(*chunk.item);
  if (chunk.item->tensor_data) {
    take_tensor(chunk, data);
  } else {
    take_value(chunk, data);
  }
  item_ = chunk.item;
}

void Source::take_tensor(const WrittenChunk& chunk, std::variant<TensorView, Bytes>& data) {
  const auto& planned = *chunk.item->tensor_data;
  auto* view = std::get_if<TensorView>(&data);
  if (view == nullptr || view->dtype != chunk.dtype || view->sizes != planned.chunk.sizes) {
    throw Error(ErrorCode::invalid_argument,
                "save '" + chunk.item->index.fqn + "' " + to_string(planned.chunk) +
                    ": the planner's data are not the " + to_string(planned.chunk.sizes) + " " +
                    std::string(to_string(chunk.dtype)) + " that it had planned");
  }
  view_ = std::move(*view);
  origin_ = planned.chunk.offsets;
}

void Source::take_value(WrittenChunk& chunk, std::variant<TensorView, Bytes>& data) {
  auto* bytes = std::get_if<Bytes>(&data);
  const bool slot = chunk.place.slot_bytes > 0;
  if (bytes == nullptr ||
      (slot ? bytes->size() > chunk.place.slot_bytes : bytes->size() != chunk.nbytes)) {
    throw Error(ErrorCode::invalid_argument, "save '" + chunk.item->index.fqn +
                                                 "': the value is not what was planned; it "
                                                 "changed while it was saved");
  }
  value_ = std::move(*bytes);
  if (slot) {
    chunk.nbytes = value_.size();
    value_.resize(chunk.place.slot_bytes);
  }
  view_ = contiguous_view(value_.data(), chunk.dtype, chunk.sizes);
  origin_ = chunk.grid.box.offsets;
}

}  // namespace h5dcp
