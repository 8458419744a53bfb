// Hdf5Writer: the bytes of what this rank writes, and their rows in the index.

#include <algorithm>
#include <string>
#include <utility>

#include "base/checksum.hpp"
#include "comm/node.hpp"
#include "layout/blocks.hpp"
#include "layout/tables.hpp"
#include "storage/engine.hpp"
#include "storage/filtered_write.hpp"
#include "storage/hdf5_options.hpp"
#include "storage/hdf5_partial.hpp"
#include "storage/hdf5_save.hpp"
#include "storage/index.hpp"
#include "storage/stored_blocks.hpp"
#include "storage/table_rows.hpp"
#include "storage/written_chunk.hpp"

namespace h5dcp {
namespace {

// What is moved at once: a box of whole blocks of one chunk.
struct Part {
  std::size_t chunk;
  Box box;
  Box in_dataset;  // the same, but of a slot, a range of `blobs`, or in a part of the tensor
};

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

// "'lm_head.weight' [0:4, 0:768] float32", or "'name'" of a value.
std::string to_string(const Part& part, const WrittenChunk& chunk) {
  auto name = "'" + chunk.item->index.fqn + "'";
  if (!chunk.item->tensor_data) return name;
  return name + " " + to_string(part.box) + " " + std::string(to_string(chunk.dtype));
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

// Hashes the blocks of a part, which lie one after the other in `packed`. Engines take parts in an
// order of their own.
void add_checksums(WrittenChunk& chunk, const Box& part, const void* packed) {
  if (!chunk.hashed) return;
  chunk.checksums.resize(static_cast<std::size_t>(block_count(chunk.grid)));
  const auto* next = static_cast<const std::uint8_t*>(packed);
  for_each_block(chunk.grid, part, [&](std::int64_t number, std::int64_t elements) {
    const auto size = static_cast<std::size_t>(elements) * itemsize(chunk.dtype);
    chunk.checksums[static_cast<std::size_t>(number)] = xxh3(next, size);
    next += size;
  });
}

std::vector<std::int64_t> numbers_of(const Box& box) {
  std::vector<std::int64_t> numbers(box.offsets.begin(), box.offsets.end());
  numbers.insert(numbers.end(), box.sizes.begin(), box.sizes.end());
  return numbers;
}

// What this rank moves, in which pieces.
struct Work {
  std::vector<WrittenChunk> chunks;
  std::vector<Part> parts;
  std::vector<Piece> data;  // one a part
};

Work work_of(const SavePlan& plan, const Index& index, std::uint64_t piece_bytes) {
  Work work;
  work.chunks = chunks_of(plan, index.record());
  work.parts = parts_of(work.chunks, index.record().table(Table::blobs), piece_bytes);
  work.data.reserve(work.parts.size());
  for (const auto& part : work.parts) {
    work.data.push_back(piece_of(part, work.chunks[part.chunk], index));
  }
  return work;
}

struct Written {
  std::vector<WriteResult> results;
  std::array<std::uint64_t, 3> counts{};  // as Hdf5Writer::Save
};

// Writes the parts. Collective if the engine is.
void write_parts(Work& work, Source& source, Engine& engine, const std::string& step) {
  auto& chunks = work.chunks;  // no structured binding: clang 14 lets no lambda use one
  const auto& parts = work.parts;
  engine.write(
      step, work.data, [&](std::size_t i) { return to_string(parts[i], chunks[parts[i].chunk]); },
      [&](std::size_t i) {
        auto& chunk = chunks[parts[i].chunk];
        const void* packed = source.packed(chunk, parts[i].box);
        add_checksums(chunk, parts[i].box, packed);  // while the bytes are in the cache
        return packed;
      });
}

// Writes what `add(rows, chunk)` adds of each chunk to a table of the index. Collective if the
// engine is.
template <class Add>
void write_table(Table table, const std::vector<const WrittenChunk*>& chunks, const Index& index,
                 Engine& engine, const std::string& step, const Add& add) {
  TableRows rows(table, item_bytes(table), index);
  rows.reserve(chunks.size());
  for (const auto* const chunk : chunks) add(rows, *chunk);
  engine.write(
      step, rows.pieces(), [&rows](std::size_t) { return rows.name(); },
      [&rows](std::size_t i) { return rows.data(i); });
}

// Writes the rows of the index, which follow from the checksums: one table after the other, as each
// takes memory. Collective if the engine is.
Written write_rows(const std::vector<WrittenChunk>& chunks, int rank, const Index& index,
                   Engine& engine, const std::string& step) {
  std::vector<const WrittenChunk*> order;  // of the rows: slots are among the others
  order.reserve(chunks.size());
  for (const auto& chunk : chunks) order.push_back(&chunk);
  std::ranges::sort(order, {}, [](const WrittenChunk* chunk) { return chunk->place.chunk; });
  Written written;
  written.results.reserve(chunks.size());
  const auto write = [&](Table table, const auto& add) {
    write_table(table, order, index, engine, step, add);
  };
  write(Table::chunks, [&](TableRows& rows, const WrittenChunk& chunk) {
    const auto of_block = numbers_of_block(!chunk.place.chunk_shape.empty());
    ChunkRow row{.tensor = chunk.place.row,
                 .first_box = chunk.place.first_box,
                 .first_checksum = chunk.place.first_checksum,
                 .blocks = chunk.checksums.size() / of_block,
                 .nbytes = chunk.nbytes,
                 .block_rows = static_cast<std::uint64_t>(chunk.grid.rows),
                 .block_dim = static_cast<std::uint32_t>(chunk.grid.dim),
                 .writer = static_cast<std::uint32_t>(rank),
                 .digest = 0};
    row.digest = row_digest(chunk.place.chunk, row, numbers_of(chunk.grid.box), chunk.checksums);
    rows.add(chunk.place.chunk, &row, 1);
    written.counts[0] += 1;
    written.counts[1] += static_cast<std::uint64_t>(nbytes(chunk.dtype, chunk.grid.box.sizes));
    written.counts[2] += row.digest;
    written.results.push_back({chunk.item->index, chunk.nbytes});
  });
  write(Table::boxes, [](TableRows& rows, const WrittenChunk& chunk) {
    const auto box = numbers_of(chunk.grid.box);
    rows.add(chunk.place.first_box, box.data(), box.size());
  });
  write(Table::checksums, [](TableRows& rows, const WrittenChunk& chunk) {
    rows.add(chunk.place.first_checksum, chunk.checksums.data(), chunk.checksums.size());
  });
  return written;
}

}  // namespace

std::vector<WriteResult> Hdf5Writer::write_data(const Comm& comm, const SavePlan& plan,
                                                SavePlanner& planner) {
  Save& save = *save_;
  const bool collective = options_.transfer == Transfer::collective;
  Index index;  // of which the direct engine needs no names
  Work work;
  MpiInfo hints;
  comm.agree("prepare to write", [&] {
    if (collective) hints = MpiInfo(comm.options().hints, options_.hints);
    index = collective ? Index(save.record, read_tables(save.files.own(), save.record))
                       : Index(save.record);
    work = work_of(plan, index, piece_bytes(options_));
  });
  if (!collective || options_.filters.any()) connect_node(comm);
  auto engine = collective ? collective_engine(comm, save.files.own(), index, hints, save.calls)
                           : agreed(comm, node_engine(comm, save.files, options_.transfer, 0));
  const auto step = "write to '" + path_ + "'";
  Source source(planner);
  write_parts(work, source, *engine, step);
  if (options_.filters.any()) {
    save.record.filtered = {save.record.file_bytes, 0};
    write_filtered(comm, step, save.files.own(), work.chunks, source, options_.filters,
                   options_.piece_bytes, save.record.filtered);
    save.record.file_bytes += save.record.filtered.nbytes;
    // HDF5 would cut off what it knows nothing of.
    if (collective) engine = agreed(comm, node_engine(comm, save.files, Transfer::automatic, 0));
  }
  work.parts = {};  // their memory
  work.data = {};
  auto written = write_rows(work.chunks, comm.rank(), index, *engine, step);
  save.counts = written.counts;
  return std::move(written.results);
}

Rewritten Hdf5Writer::write_again(const Comm& comm, const SavePlan& plan, SavePlanner& planner) {
  Save& save = *save_;
  const auto engine = node_engine(comm, save.files, options_.transfer, 0);
  save.files = open_partial(save.partial, save.record, comm.coordinator());
  const Index index(save.record);
  Work work = work_of(plan, index, piece_bytes(options_));
  Source source(planner);
  write_parts(work, source, *engine, "write");
  work.parts = {};  // their memory
  work.data = {};
  const auto written = write_rows(work.chunks, comm.rank(), index, *engine, "write");
  Rewritten answer{.bytes = 0, .counts = written.counts};
  for (const auto& piece : written.results) answer.bytes += piece.size_in_bytes;
  return answer;
}

}  // namespace h5dcp
