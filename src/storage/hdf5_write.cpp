// Hdf5Writer: the bytes of what this rank writes, and their rows in the index.

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/checksum.hpp"
#include "base/whole_box.hpp"
#include "h5dcp/error.hpp"
#include "layout/blocks.hpp"
#include "layout/tables.hpp"
#include "storage/engine.hpp"
#include "storage/hdf5_partial.hpp"
#include "storage/hdf5_save.hpp"
#include "storage/index.hpp"
#include "storage/storage_data.hpp"

namespace h5dcp {
namespace {

constexpr std::size_t kRowsAPiece = 256;  // HDF5 joins selections in quadratic time

// One slice of an item, on its way to the file.
struct Chunk {
  const WriteItem* item;
  ChunkPlace place;
  DType dtype;
  Extents sizes;  // of the dataset; of a value in `blobs`: its slot
  BlockGrid grid;
  std::uint64_t nbytes = 0;  // of the box; of a value: as long as it is
  std::vector<std::uint64_t> checksums;
};

Chunk chunk_of(const WriteItem& item, const WriteSlice& slice) {
  Chunk chunk{.item = &item,
              .place = decode_place(slice.storage_data),
              .dtype = DType::uint8,
              .sizes = {},
              .grid = {},
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
  chunk.grid = block_grid(box, itemsize(chunk.dtype));
  chunk.nbytes = static_cast<std::uint64_t>(nbytes(chunk.dtype, box.sizes));
  return chunk;
}

std::vector<Chunk> chunks_of(const SavePlan& plan) {
  std::vector<Chunk> chunks;
  for (const auto& item : plan.items) {
    for (const auto& slice : item.slices) chunks.push_back(chunk_of(item, slice));
  }
  // In the order of their datasets: `blobs` comes after those of the tensors.
  std::ranges::sort(chunks, {}, [](const Chunk& chunk) {
    return std::pair(chunk.place.slot_bytes > 0, chunk.place.chunk);
  });
  return chunks;
}

// Gets the data of one item after the other from the planner, and keeps the latest.
class Source {
 public:
  explicit Source(SavePlanner& planner) : planner_(planner) {}

  // The elements of `box`, which lies in the chunk's box, side by side. Good until the next call.
  const void* packed(Chunk& chunk, const Box& box) {
    if (item_ != chunk.item) resolve(chunk);
    Box local = box;
    for (std::size_t d = 0; d < local.dims(); ++d) local.offsets[d] -= origin_[d];
    const TensorView part = narrow(view_, local);
    if (is_contiguous(part)) return part.data;
    buffer_.resize(static_cast<std::size_t>(nbytes(part.dtype, part.sizes)));
    copy_elements(part, contiguous_view(buffer_.data(), part.dtype, part.sizes));
    return buffer_.data();
  }

 private:
  void resolve(Chunk& chunk) {
    item_ = nullptr;
    auto data = planner_.resolve_data(*chunk.item);
    if (chunk.item->tensor_data) {
      take_tensor(chunk, data);
    } else {
      take_value(chunk, data);
    }
    item_ = chunk.item;
  }

  void take_tensor(const Chunk& chunk, std::variant<TensorView, Bytes>& data) {
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

  void take_value(Chunk& chunk, std::variant<TensorView, Bytes>& data) {
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

  SavePlanner& planner_;
  const WriteItem* item_ = nullptr;
  TensorView view_;
  Extents origin_;  // of the view in the dataset
  Bytes value_;
  Bytes buffer_;
};

// The rows of one table that this rank fills, as pieces of at most kRowsAPiece ranges.
class TableRows {
 public:
  TableRows(Table table, std::size_t itemsize, const Index& index)
      : table_(table),
        target_{
            .number = index.size() + static_cast<std::size_t>(table),
            .address = index.record().table(table).address,
            .itemsize = itemsize,
            .sizes = {static_cast<std::int64_t>(index.record().table(table).nbytes / itemsize)}} {}

  // `items` ascend by `first`.
  template <class T>
  void add(std::uint64_t first, const T* items, std::size_t count) {
    if (count == 0) return;
    const auto begin = static_cast<std::int64_t>(first);
    auto* last = pieces_.empty() ? nullptr : &pieces_.back().boxes.back();
    if (last != nullptr && last->offsets[0] + last->sizes[0] == begin) {
      last->sizes[0] += static_cast<std::int64_t>(count);
    } else {
      if (last == nullptr || pieces_.back().boxes.size() == kRowsAPiece) {
        pieces_.push_back({target_, {}});
        starts_.push_back(bytes_.size());
      }
      pieces_.back().boxes.push_back({{begin}, {static_cast<std::int64_t>(count)}});
    }
    const auto* raw = reinterpret_cast<const std::uint8_t*>(items);
    bytes_.insert(bytes_.end(), raw, raw + count * sizeof(T));
  }

  std::string name() const { return std::string("index table '") + name_of(table_) + "'"; }
  const std::vector<Piece>& pieces() const { return pieces_; }
  const void* data(std::size_t piece) const { return bytes_.data() + starts_[piece]; }

 private:
  Table table_;
  Target target_;
  std::vector<Piece> pieces_;
  std::vector<std::size_t> starts_;  // of each piece in bytes_
  Bytes bytes_;
};

// What is moved at once: a box of whole blocks of one chunk.
struct Part {
  std::size_t chunk;
  Box box;
};

std::vector<Part> parts_of(const std::vector<Chunk>& chunks, std::uint64_t piece_bytes) {
  std::vector<Part> parts;
  for (std::size_t c = 0; c < chunks.size(); ++c) {
    const auto& grid = chunks[c].grid;
    for (auto& box : pieces(grid, grid.box, itemsize(chunks[c].dtype), piece_bytes)) {
      parts.push_back({c, std::move(box)});
    }
  }
  return parts;
}

// "'lm_head.weight' [0:4, 0:768] float32", or "'name'" of a value.
std::string to_string(const Part& part, const Chunk& chunk) {
  auto name = "'" + chunk.item->index.fqn + "'";
  if (!chunk.item->tensor_data) return name;
  return name + " " + to_string(part.box) + " " + std::string(to_string(chunk.dtype));
}

// Where a part goes; a slot is a range of the dataset `blobs`.
Piece piece_of(const Part& part, const Chunk& chunk, const Index& index) {
  if (chunk.place.slot_bytes == 0) {
    return {{chunk.place.row, chunk.place.address, itemsize(chunk.dtype), chunk.sizes}, {part.box}};
  }
  const auto& blobs = index.record().table(Table::blobs);
  Box box = part.box;
  box.offsets[0] += static_cast<std::int64_t>(chunk.place.address - blobs.address);
  return {{index.size() + static_cast<std::size_t>(Table::blobs),
           blobs.address,
           1,
           {static_cast<std::int64_t>(blobs.nbytes)}},
          {std::move(box)}};
}

// Hashes the blocks of a part, which lie one after the other in `packed`.
void add_checksums(Chunk& chunk, const Box& part, const void* packed) {
  const auto* next = static_cast<const std::uint8_t*>(packed);
  for (const auto& block : blocks_of(chunk.grid, part)) {
    const auto size = static_cast<std::size_t>(nbytes(chunk.dtype, block.sizes));
    chunk.checksums.push_back(xxh3(next, size));
    next += size;
  }
}

std::vector<std::int64_t> numbers_of(const Box& box) {
  std::vector<std::int64_t> numbers(box.offsets.begin(), box.offsets.end());
  numbers.insert(numbers.end(), box.sizes.begin(), box.sizes.end());
  return numbers;
}

// What this rank moves, in which pieces.
struct Work {
  std::vector<Chunk> chunks;
  std::vector<Part> parts;
  std::vector<Piece> data;  // one a part
};

Work work_of(const SavePlan& plan, const Index& index, std::uint64_t piece_bytes) {
  Work work;
  work.chunks = chunks_of(plan);
  work.parts = parts_of(work.chunks, piece_bytes);
  for (const auto& part : work.parts) {
    work.data.push_back(piece_of(part, work.chunks[part.chunk], index));
  }
  return work;
}

struct Written {
  std::vector<WriteResult> results;
  std::array<std::uint64_t, 3> counts{};  // as Hdf5Writer::Save
};

// Writes the data and then their rows in the index. Collective if the engine is.
Written write_all(Work& work, SavePlanner& planner, int rank, const Index& index, Engine& engine,
                  const std::string& step) {
  auto& chunks = work.chunks;  // no structured binding: clang 14 lets no lambda use one
  const auto& parts = work.parts;
  Source source(planner);
  engine.write(
      step, work.data, [&](std::size_t i) { return to_string(parts[i], chunks[parts[i].chunk]); },
      [&](std::size_t i) {
        auto& chunk = chunks[parts[i].chunk];
        const void* packed = source.packed(chunk, parts[i].box);
        add_checksums(chunk, parts[i].box, packed);  // while the bytes are in the cache
        return packed;
      });

  // The rows of the index, in the order of the tables: they follow from the checksums.
  std::ranges::sort(chunks, {}, [](const Chunk& chunk) { return chunk.place.chunk; });
  TableRows rows(Table::chunks, sizeof(ChunkRow), index);
  TableRows boxes(Table::boxes, sizeof(std::int64_t), index);
  TableRows checksums(Table::checksums, sizeof(std::uint64_t), index);
  Written written;
  for (const auto& chunk : chunks) {
    ChunkRow row{.tensor = chunk.place.row,
                 .first_box = chunk.place.first_box,
                 .first_checksum = chunk.place.first_checksum,
                 .blocks = chunk.checksums.size(),
                 .nbytes = chunk.nbytes,
                 .block_rows = static_cast<std::uint64_t>(chunk.grid.rows),
                 .block_dim = static_cast<std::uint32_t>(chunk.grid.dim),
                 .writer = static_cast<std::uint32_t>(rank),
                 .digest = 0};
    const auto box = numbers_of(chunk.grid.box);
    row.digest = row_digest(chunk.place.chunk, row, box, chunk.checksums);
    rows.add(chunk.place.chunk, &row, 1);
    boxes.add(chunk.place.first_box, box.data(), box.size());
    checksums.add(chunk.place.first_checksum, chunk.checksums.data(), chunk.checksums.size());
    written.counts[0] += 1;
    written.counts[1] += static_cast<std::uint64_t>(nbytes(chunk.dtype, chunk.grid.box.sizes));
    written.counts[2] += row.digest;
    written.results.push_back({chunk.item->index, chunk.nbytes});
  }
  for (const auto* table : {&rows, &boxes, &checksums}) {
    engine.write(
        step, table->pieces(), [table](std::size_t) { return table->name(); },
        [table](std::size_t i) { return table->data(i); });
  }
  return written;
}

}  // namespace

std::vector<WriteResult> Hdf5Writer::write_data(const Comm& comm, const SavePlan& plan,
                                                SavePlanner& planner) {
  Save& save = *save_;
  const bool collective = options_.transfer == Transfer::collective;
  Index index;  // of which the direct engine needs no names
  Work work;
  comm.agree("prepare to write", [&] {
    index =
        collective ? Index(save.record, read_tables(save.file, save.record)) : Index(save.record);
    work = work_of(plan, index, options_.piece_bytes);
  });
  const auto engine = collective ? collective_engine(comm, save.file, index, save.calls)
                                 : direct_engine(comm, save.file);
  auto written = write_all(work, planner, comm.rank(), index, *engine, "write to '" + path_ + "'");
  save.counts = written.counts;
  return std::move(written.results);
}

Rewritten Hdf5Writer::write_again(const Comm& comm, const SavePlan& plan, SavePlanner& planner) {
  Save& save = *save_;
  save.file = open_partial(save.partial, save.record.generation);
  const Index index(save.record);
  Work work = work_of(plan, index, options_.piece_bytes);
  const auto engine = local_engine(save.file);
  const auto written = write_all(work, planner, comm.rank(), index, *engine, "write");
  Rewritten answer{.bytes = 0, .counts = written.counts};
  for (const auto& piece : written.results) answer.bytes += piece.size_in_bytes;
  return answer;
}

}  // namespace h5dcp
