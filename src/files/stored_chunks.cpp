#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <variant>

#include "base/checksum.hpp"
#include "base/corrupt.hpp"
#include "base/whole_box.hpp"
#include "files/index.hpp"
#include "h5dcp/error.hpp"
#include "layout/box_chunks.hpp"
#include "layout/chunk_shape.hpp"
#include "plan/tile.hpp"

namespace h5dcp {
namespace {

// What is wrong with boxes that are inside; empty if each element is in one of them.
std::string fault_of(const Extents& sizes, const std::vector<StoredChunk>& chunks) {
  const auto box = [&](std::size_t i) -> const Box& { return chunks[i].grid.box; };
  if (are_slabs(sizes, chunks.size(), box)) return "";
  std::vector<Box> boxes;
  boxes.reserve(chunks.size());
  for (const auto& chunk : chunks) boxes.push_back(chunk.grid.box);
  const auto fault = find_tiling_fault(sizes, boxes);
  if (!fault) return "";
  if (const auto* hole = std::get_if<Hole>(&*fault)) {
    return "no box covers " + to_string(hole->box) + " of " + to_string(sizes);
  }
  const auto* overlap = std::get_if<Overlap>(&*fault);
  if (overlap == nullptr) return "a box lies outside of " + to_string(sizes);
  return "the boxes " + to_string(boxes[overlap->first]) + " and " +
         to_string(boxes[overlap->second]) + " overlap";
}

// The checksums of filtered blocks come with where these are.
void take_stored(StoredChunk& chunk) {
  std::vector<std::uint64_t> numbers;
  numbers.swap(chunk.checksums);
  const auto of_block = numbers_of_block(true);
  for (std::size_t n = 0; n + of_block <= numbers.size(); n += of_block) {
    chunk.checksums.push_back(numbers[n]);
    chunk.stored.push_back({numbers[n + 1], numbers[n + 2]});
  }
}

DataPart part_in_box_chunks(const Index& index, std::size_t i, const Extents& offsets) {
  const BoxChunks layout(index.sizes(i), index.chunk_shape(i), itemsize(index.dtype(i)));
  return layout.part(layout.number_at(offsets), index.row(i).address);
}

// Whether each block is one chunk of the dataset, and stored among the others.
bool are_chunks(const StoredChunk& chunk, const Extents& shape, const Range& filtered) {
  const auto& box = chunk.grid.box;
  const BlockGrid grid = chunk_grid(box, shape);
  if (chunk.grid.dim != grid.dim || chunk.grid.rows != grid.rows) return false;
  for (std::size_t d = 0; d < box.dims(); ++d) {
    if (box.offsets[d] % shape[d] != 0) return false;
    if (d < grid.dim ? shape[d] != 1 : d > grid.dim && box.sizes[d] > shape[d]) return false;
  }
  return std::ranges::all_of(chunk.stored, [&](const Range& range) {
    return range.address >= filtered.address &&
           inside(range.address - filtered.address, range.nbytes, filtered.nbytes);
  });
}

}  // namespace

std::uint64_t row_digest(std::uint64_t row, const ChunkRow& content,
                         std::span<const std::int64_t> box,
                         std::span<const std::uint64_t> checksums) {
  const auto size = offsetof(ChunkRow, digest) + box.size_bytes() + checksums.size_bytes();
  std::array<std::uint8_t, 512> few{};
  Bytes many(size > few.size() ? size : 0);
  auto* const bytes = many.empty() ? few.data() : many.data();
  auto* next = bytes;
  const auto append = [&next](const void* from, std::size_t nbytes) {
    if (nbytes > 0) std::memcpy(next, from, nbytes);
    next += nbytes;
  };
  append(&content, offsetof(ChunkRow, digest));
  append(box.data(), box.size_bytes());
  append(checksums.data(), checksums.size_bytes());
  return xxh3(bytes, size, row);
}

std::vector<StoredChunk> read_chunks(const PosixFile& file, const Index& index, std::size_t i) {
  TableReader tables(file, index.record());
  std::vector<StoredChunk> chunks;
  read_chunks(tables, index, i, chunks);
  return chunks;
}

void read_chunks(TableReader& tables, const Index& index, std::size_t i,
                 std::vector<StoredChunk>& chunks) {
  const auto count = index.row(i).chunks;
  chunks.resize(count);
  read_rows(tables, index, i, 0, count, 0, chunks);
  if (const auto fault = fault_of(index.sizes(i), chunks); !fault.empty()) {
    corrupt("'" + std::string(index.fqn(i)) + "' in index table 'chunks': " + fault);
  }
}

void read_rows(TableReader& tables, const Index& index, std::size_t i, std::uint64_t first,
               std::uint64_t count, std::size_t to, std::vector<StoredChunk>& chunks) {
  const TensorRow tensor = index.row(i);
  const auto first_row = tensor.first_chunk + first;
  const auto& record = index.record();
  const auto dims = tensor.dims;
  const bool slot = in_blobs(index.kind(i));
  const bool filtered = index.is_filtered(i);
  const auto of_block = numbers_of_block(filtered);
  const bool hashed = is_hashed(record, index.kind(i), filtered);
  const Box whole = whole_box(index.sizes(i));
  const auto refuse = [&](std::uint64_t row, const char* what) {
    corrupt("'" + std::string(index.fqn(i)) + "': row " + std::to_string(row) +
            " of index table 'chunks' at " +
            std::to_string(record.table(Table::chunks).address + row * sizeof(ChunkRow)) + " " +
            what);
  };
  const auto rows = tables.items<ChunkRow>(Table::chunks, first_row, count);

  // The boxes and checksums of one tensor follow each other, too: one read each.
  const auto most_boxes = record.table(Table::boxes).nbytes / sizeof(std::int64_t);
  const auto most_numbers = record.table(Table::checksums).nbytes / sizeof(std::uint64_t);
  std::uint64_t box_items = 0;
  std::uint64_t numbers_of_blocks = 0;
  for (std::uint64_t c = 0; c < rows.size(); ++c) {
    const auto row = first_row + c;
    if (rows[c].tensor != i) refuse(row, "belongs to another tensor");
    if (rows[c].first_box != rows[0].first_box + box_items ||
        rows[c].first_checksum != rows[0].first_checksum + numbers_of_blocks) {
      refuse(row, "does not follow the row before it");
    }
    // A block has an element or more, of a byte or more.
    if (rows[c].blocks > tensor.nbytes ||
        rows[c].blocks > (most_numbers - numbers_of_blocks) / of_block) {
      refuse(row, "has more blocks than there are");
    }
    box_items += std::uint64_t{2} * dims;
    numbers_of_blocks += rows[c].blocks * of_block;
  }
  if (!rows.empty() && (!inside(rows[0].first_box, box_items, most_boxes) ||
                        !inside(rows[0].first_checksum, numbers_of_blocks, most_numbers))) {
    refuse(first_row, "points outside of the index");
  }
  std::span<const std::int64_t> boxes;
  std::span<const std::uint64_t> checksums;
  if (!rows.empty()) {
    boxes = tables.items<std::int64_t>(Table::boxes, rows[0].first_box, box_items);
    checksums =
        tables.items<std::uint64_t>(Table::checksums, rows[0].first_checksum, numbers_of_blocks);
  }

  const bool in_parts = !filtered && (index.in_data_files(i) || index.in_box_chunks(i));
  const bool in_chunks = in_parts && index.in_box_chunks(i);
  const auto parts = in_parts && !in_chunks ? index.parts(i) : std::vector<DataPart>();
  std::size_t part = 0;
  for (std::uint64_t c = 0; c < rows.size(); ++c) {
    const auto row = first_row + c;
    const auto numbers = boxes.first(std::size_t{2} * dims);
    const auto of_chunk = checksums.first(rows[c].blocks * of_block);
    boxes = boxes.subspan(numbers.size());
    checksums = checksums.subspan(of_chunk.size());
    StoredChunk& chunk = chunks[to + c];
    chunk.row = row;
    chunk.writer = rows[c].writer;
    chunk.nbytes = rows[c].nbytes;
    chunk.checksums.assign(of_chunk.begin(), of_chunk.end());
    chunk.stored.clear();
    chunk.part = {};
    chunk.digest = rows[c].digest;
    if (row_digest(row, rows[c], numbers, of_chunk) != rows[c].digest) {
      refuse(row, "or its boxes or checksums do not match their digest");
    }
    chunk.grid = {{Extents(numbers.first(dims)), Extents(numbers.last(dims))},
                  rows[c].block_dim,
                  static_cast<std::int64_t>(rows[c].block_rows)};
    if (!contains(whole, chunk.grid.box)) refuse(row, "has a box outside of the tensor");
    if (numel(chunk.grid.box.sizes) == 0) refuse(row, "has a box without elements");
    if (in_chunks) {
      chunk.part = part_in_box_chunks(index, i, chunk.grid.box.offsets);
      if (!contains(chunk.part.box, chunk.grid.box)) {
        refuse(row, "has a box that lies in no part of the tensor");
      }
    } else if (in_parts) {
      // Parts and boxes are mostly in the same order.
      std::size_t tried = 0;
      while (tried < parts.size() && !contains(parts[part].box, chunk.grid.box)) {
        part = (part + 1) % parts.size();
        ++tried;
      }
      if (tried == parts.size()) refuse(row, "has a box that lies in no part of the tensor");
      chunk.part = parts[part];
    } else if (!filtered) {
      chunk.part = {0, tensor.address, whole};
    } else {
      take_stored(chunk);
      if (!are_chunks(chunk, index.chunk_shape(i), record.filtered)) {
        refuse(row, "has blocks that are no chunks of the file");
      }
    }
    const auto most_rows = dims == 0 || chunk.grid.dim >= dims
                               ? 1
                               : std::max<std::int64_t>(1, chunk.grid.box.sizes[chunk.grid.dim]);
    if (chunk.grid.dim >= std::max(dims, 1U) || chunk.grid.rows < 1 ||
        chunk.grid.rows > most_rows ||
        rows[c].blocks != (hashed ? static_cast<std::uint64_t>(block_count(chunk.grid)) : 0)) {
      refuse(row, "has blocks that do not fit its box");
    }
    const auto most_bytes = filtered ? kLargestChunk : kLargestBlock;
    if (nbytes(index.dtype(i), block(chunk.grid, 0).sizes) > most_bytes) {
      refuse(row, "has blocks that are larger than any");
    }
    const auto bytes = static_cast<std::uint64_t>(nbytes(index.dtype(i), chunk.grid.box.sizes));
    if (slot ? chunk.nbytes > tensor.nbytes : chunk.nbytes != bytes) {
      refuse(row, "has bytes that do not fit its box");
    }
  }
}

}  // namespace h5dcp
