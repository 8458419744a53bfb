// Hdf5Writer: the bytes of what this rank writes, and their rows in the index.

#include <algorithm>
#include <span>
#include <string>
#include <utility>

#include "base/checksum.hpp"
#include "comm/node.hpp"
#include "files/index.hpp"
#include "layout/blocks.hpp"
#include "layout/tables.hpp"
#include "storage/filtered_write.hpp"
#include "storage/hdf5_options.hpp"
#include "storage/hdf5_partial.hpp"
#include "storage/hdf5_save.hpp"
#include "storage/hdf5_work.hpp"
#include "storage/read_back.hpp"
#include "storage/written_chunk.hpp"
#include "transfer/engine.hpp"
#include "transfer/exchanged_write.hpp"
#include "transfer/table_rows.hpp"

namespace h5dcp {
namespace {

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

// A box as in the table `boxes`: into memory that is used again.
std::span<const std::int64_t> numbers_of(const Box& box, std::vector<std::int64_t>& numbers) {
  numbers.assign(box.offsets.begin(), box.offsets.end());
  numbers.insert(numbers.end(), box.sizes.begin(), box.sizes.end());
  return numbers;
}

// As Hdf5Writer::Save.
using Counts = std::array<std::uint64_t, 3>;

// Who is asked for the elements of parts, and names them in errors.
struct Asked {
  Engine::Describe describe;
  std::function<const void*(std::size_t)> data;
};

// Both must outlive what it returns.
Asked asked_for(WriteWork& work, Source& source) {
  return {[&work](std::size_t i) {
            const auto& part = work.parts[i];
            return to_string(part, work.chunks[part.chunk]);
          },
          [&work, &source](std::size_t i) {
            const auto& part = work.parts[i];
            auto& chunk = work.chunks[part.chunk];
            const void* packed = source.packed(chunk, part.box);
            add_checksums(chunk, part.box, packed);  // while the bytes are in the cache
            return packed;
          }};
}

// Writes the parts but for those with the numbers `others`. Collective if the engine is.
void write_parts(WriteWork& work, const std::vector<std::size_t>& others, Source& source,
                 Engine& engine, const std::string& step) {
  const auto asked = asked_for(work, source);
  if (others.empty()) {
    engine.write(step, work.pieces, asked.describe, asked.data);
    return;
  }
  std::vector<bool> left_out(work.pieces.size());
  for (const auto i : others) left_out[i] = true;
  std::vector<std::size_t> numbers;
  std::vector<Piece> pieces;
  for (std::size_t i = 0; i < work.pieces.size(); ++i) {
    if (left_out[i]) continue;
    numbers.push_back(i);
    pieces.push_back(work.pieces[i]);
  }
  engine.write(
      step, pieces, [&](std::size_t i) { return asked.describe(numbers[i]); },
      [&](std::size_t i) { return asked.data(numbers[i]); });
}

// The numbers of the parts that are in slots of the index, or of those that are not.
std::vector<std::size_t> parts_in_slots(const WriteWork& work, bool in_slots) {
  std::vector<std::size_t> numbers;
  for (std::size_t i = 0; i < work.parts.size(); ++i) {
    if (is_in_slot(work.chunks[work.parts[i].chunk]) == in_slots) numbers.push_back(i);
  }
  return numbers;
}

// Collective: writes the parts that are exchanged.
void exchange_parts(const Comm& comm, WriteWork& work, Source& source, const PosixFile& file,
                    const std::string& step) {
  const auto asked = asked_for(work, source);
  write_exchanged(comm, step, file, work.pieces, work.exchanged, asked.describe, asked.data);
}

// Collective: reads back what went through MPI-IO, if this rank is told to `verify`. With several
// ranks that write for the others, Open MPI's may put bytes of one block into another, and report
// success.
void verify_parts(const Comm& comm, const WriteWork& work, const CheckpointFiles& files,
                  const Index& index, bool verify, const std::string& step) {
  // On other nodes, what a rank wrote for this one can be read once that rank has synced it.
  comm.agree(step, [&] {
    if (verify) files.own().sync();
  });
  comm.agree(step, [&] {
    if (!verify) return;
    read_back(work, files, index);
    if (comm.is_coordinator()) read_back_metadata(files.own(), index);
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
// takes memory. The parts must have been written. Collective if the engine is.
Counts write_rows(WriteWork& work, int rank, const Index& index, Engine& engine,
                  const std::string& step) {
  work.parts = std::vector<Part>();  // their memory
  work.pieces = std::vector<Piece>();
  const auto& chunks = work.chunks;
  std::vector<const WrittenChunk*> order;  // of the rows: slots are among the others
  order.reserve(chunks.size());
  for (const auto& chunk : chunks) order.push_back(&chunk);
  std::ranges::sort(order, {}, [](const WrittenChunk* chunk) { return chunk->place.chunk; });
  Counts counts{};
  std::vector<std::int64_t> numbers;
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
    row.digest =
        row_digest(chunk.place.chunk, row, numbers_of(chunk.grid.box, numbers), chunk.checksums);
    rows.add(chunk.place.chunk, &row, 1);
    counts[0] += 1;
    counts[1] += static_cast<std::uint64_t>(nbytes(chunk.dtype, chunk.grid.box.sizes));
    counts[2] += row.digest;
  });
  write(Table::boxes, [&](TableRows& rows, const WrittenChunk& chunk) {
    const auto box = numbers_of(chunk.grid.box, numbers);
    rows.add(chunk.place.first_box, box.data(), box.size());
  });
  write(Table::checksums, [](TableRows& rows, const WrittenChunk& chunk) {
    rows.add(chunk.place.first_checksum, chunk.checksums.data(), chunk.checksums.size());
  });
  return counts;
}

}  // namespace

std::vector<WriteResult> Hdf5Writer::write_data(const Comm& comm, const SavePlan& plan,
                                                SavePlanner& planner) {
  Save& save = *save_;
  const bool collective = options_.transfer == Transfer::collective;
  Index index;  // of which the direct engine needs no names
  WriteWork work;
  MpiInfo hints;
  comm.agree("prepare to write", [&] {
    if (collective) hints = MpiInfo(comm.options().hints, options_.hints);
    index = collective ? Index(save.record, read_tables(save.files.own(), save.record))
                       : Index(save.record);
    work = work_of(plan, index, piece_bytes(options_));
  });
  connect_node(comm);
  const auto step = "write to '" + path_ + "'";
  Source source(planner);
  if (collective) {
    const auto mpi_io = collective_engine(comm, save.files, index, hints, save.calls);
    write_parts(work, parts_in_slots(work, true), source, *mpi_io, step);
    verify_parts(comm, work, save.files, index, options_.verify_collective_writes, step);
  }
  if (save.exchanges) exchange_parts(comm, work, source, save.files.own(), step);
  // The tables of the index never go through MPI-IO.
  const auto transfer = collective ? Transfer::automatic : options_.transfer;
  const auto engine = agreed(comm, node_engine(comm, save.files, transfer, 0));
  write_parts(work, collective ? parts_in_slots(work, false) : work.exchanged, source, *engine,
              step);
  if (options_.filters.any()) {
    save.record.filtered = {save.record.file_bytes, 0};
    write_filtered(comm, step, save.files.own(), work.chunks, source, options_.filters,
                   options_.piece_bytes, save.record.filtered);
    save.record.file_bytes += save.record.filtered.nbytes;
  }
  save.counts = write_rows(work, comm.rank(), index, *engine, step);
  std::vector<WriteResult> results;
  results.reserve(work.chunks.size());
  for (const auto& chunk : work.chunks) results.push_back({chunk.item->index, chunk.nbytes});
  return results;
}

bool Hdf5Writer::exchanges() const {
  return save_->exchanges;
}

void Hdf5Writer::exchange_again(const Comm& comm, const SavePlan& plan, SavePlanner& planner) {
  Save& save = *save_;
  const auto step = "write to '" + path_ + "'";
  comm.agree(step, [&] {
    save.files = open_partial(save.partial, save.record, comm.coordinator());
    save.work = work_of(plan, Index(save.record), piece_bytes(options_));
  });
  Source source(planner);
  exchange_parts(comm, *save.work, source, save.files.own(), step);
}

Rewritten Hdf5Writer::write_again(const Comm& comm, const SavePlan& plan, SavePlanner& planner) {
  Save& save = *save_;
  const auto engine = node_engine(comm, save.files, options_.transfer, 0);
  const Index index(save.record);
  if (!save.work) {
    save.files = open_partial(save.partial, save.record, comm.coordinator());
    save.work = work_of(plan, index, piece_bytes(options_));
  }
  Source source(planner);
  write_parts(*save.work, save.work->exchanged, source, *engine, "write");
  Rewritten answer;
  answer.counts = write_rows(*save.work, comm.rank(), index, *engine, "write");
  for (const auto& chunk : save.work->chunks) answer.bytes += chunk.nbytes;
  save.work.reset();  // what it points to is the plan's
  return answer;
}

}  // namespace h5dcp
