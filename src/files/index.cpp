#include "files/index.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <variant>

#include "base/checksum.hpp"
#include "base/utf8.hpp"
#include "base/whole_box.hpp"
#include "h5dcp/error.hpp"
#include "layout/box_chunks.hpp"
#include "layout/chunk_shape.hpp"
#include "layout/filters.hpp"
#include "plan/tile.hpp"

namespace h5dcp {
namespace {

[[noreturn]] void corrupt(const std::string& what) {
  throw Error(ErrorCode::corrupt, what);
}

[[noreturn]] void refuse_row(std::size_t i, const char* what) {
  corrupt("index table 'tensors', row " + std::to_string(i) + ": " + what);
}

bool inside(std::uint64_t first, std::uint64_t count, std::uint64_t size) {
  return first <= size && count <= size - first;
}

// nullopt if no memory is so large, or a size is negative.
std::optional<std::uint64_t> count_bytes(DType dtype, const Extents& sizes) {
  try {
    return static_cast<std::uint64_t>(nbytes(dtype, sizes));
  } catch (const Error&) {
    return std::nullopt;
  }
}

// So that what is allocated for a table is never more than the file has.
void check_tables(const Record& record) {
  for (std::size_t t = 0; t < kTables; ++t) {
    const Table table{static_cast<std::uint8_t>(t)};
    const auto name = std::string("index table '") + name_of(table) + "' ";
    const auto& range = record.table(table);
    if (!inside(range.address, range.nbytes, record.file_bytes)) {
      corrupt(name + "lies outside of the file");
    }
    if (range.nbytes % item_bytes(table) != 0) corrupt(name + "has half a row");
  }
  if (record.data_file > 0) {
    corrupt("it is data file " + std::to_string(record.data_file) +
            " of a checkpoint, which is beside its folder");
  }
  if (record.data_files > 0 && !is_folder_name(record.data_folder)) {
    corrupt("commit record: no folder can have the name of that of the data files");
  }
  if (record.chunked && record.data_files > 0) corrupt("it has chunks of shards and data files");
  if (!inside(record.filtered.address, record.filtered.nbytes, record.file_bytes)) {
    corrupt("the filtered chunks lie outside of the file");
  }
}

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

std::size_t offset_of(const Record& record, std::size_t t) {
  std::size_t offset = 0;
  for (std::size_t before = 0; before < t; ++before) offset += record.tables.at(before).nbytes;
  return offset;
}

Index::Index(Record record, Bytes tables) : record_(std::move(record)), tables_(std::move(tables)) {
  check_tables(record_);
  if (tables_.size() != offset_of(record_, kOpeningTables)) {
    corrupt("index tables are not as long as the commit record says");
  }
  for (std::size_t i = 0; i < size(); ++i) check_row(i);
}

void Index::check_row(std::size_t i) const {
  const TensorRow r = row(i);
  const auto refuse = [i](const char* what) { refuse_row(i, what); };
  if (!inside(r.name_offset, std::uint64_t{r.name_bytes} + r.path_bytes,
              record_.table(Table::names).nbytes)) {
    refuse("its name lies outside of 'names'");
  }
  if (r.name_bytes > kMaxFqnBytes || !is_utf8(fqn(i))) refuse("its name is not UTF-8, or too long");
  if (i > 0 && fqn(i) <= fqn(i - 1)) refuse("it is not in the order of names");
  const auto shapes = record_.table(Table::shapes).nbytes / sizeof(std::int64_t);
  if (r.dims > Extents::kMaxDims || !inside(r.first_size, r.dims, shapes)) {
    refuse("its sizes lie outside of 'shapes'");
  }
  if (r.dtype >= kDTypes) refuse("no such dtype");
  if (r.kind > static_cast<std::uint8_t>(EntryKind::transformed)) refuse("no such kind of entry");
  if (kind(i) != EntryKind::tensor && r.dims != (kind(i) == EntryKind::scalar ? 0 : 1)) {
    refuse("a value has as many dimensions as no value of its kind");
  }
  if (r.filters != 0) {
    check_chunks(i);
  } else if (in_data_files(i)) {
    check_parts(i);
  } else if (!inside(r.address, r.nbytes, record_.file_bytes)) {
    refuse("its data lie outside of the file");
  }
  const auto chunks = record_.table(Table::chunks).nbytes / sizeof(ChunkRow);
  if (!inside(r.first_chunk, r.chunks, chunks)) refuse("its boxes lie outside of 'chunks'");
  if (count_bytes(dtype(i), sizes(i)) != r.nbytes) refuse("its sizes and its bytes do not match");
}

void Index::check_chunks(std::size_t i) const {
  const TensorRow r = row(i);
  const auto refuse = [i](const char* what) { refuse_row(i, what); };
  static_cast<void>(filters(i));
  const auto shapes = record_.table(Table::shapes).nbytes / sizeof(std::int64_t);
  if (kind(i) != EntryKind::tensor || r.dims == 0) refuse("chunks of what is no tensor");
  if (!inside(r.first_size, std::uint64_t{2} * r.dims, shapes)) {
    refuse("the sizes of its chunks lie outside of 'shapes'");
  }
  const Extents whole = sizes(i);
  const Extents chunk = chunk_shape(i);
  for (std::size_t d = 0; d < r.dims; ++d) {
    if (chunk[d] < 1 || chunk[d] > whole[d]) refuse("its chunks are larger than it is");
  }
  if (is_filtered(i)) {
    if (nbytes(dtype(i), chunk) > kLargestChunk) refuse("its chunks are larger than any");
    return;
  }
  if (!record_.chunked) refuse("chunks of shards, of which the record has none");
  if (count_bytes(dtype(i), whole) != r.nbytes) refuse("its sizes and its bytes do not match");
  const BoxChunks layout(whole, chunk, itemsize(dtype(i)));
  if (layout.count() > record_.file_bytes / layout.stride() + 1 ||
      !inside(r.address, layout.all_bytes(), record_.file_bytes)) {
    refuse("its chunks lie outside of the file");
  }
}

bool Index::is_filtered(std::size_t i) const {
  return row(i).filters != 0 && !in_box_chunks(i);
}

bool Index::in_box_chunks(std::size_t i) const {
  return row(i).filters == kBoxChunks;
}

bool Index::in_data_files(std::size_t i) const {
  const TensorRow r = row(i);
  // The record is at address 0, so nothing else is.
  return record_.data_files > 0 && r.address == 0 && r.nbytes > 0 && r.filters == 0;
}

void Index::check_parts(std::size_t i) const {
  const TensorRow r = row(i);
  const auto refuse = [i](const char* what) { refuse_row(i, what); };
  if (kind(i) != EntryKind::tensor) refuse("a value in data files");
  const auto shapes = record_.table(Table::shapes).nbytes / sizeof(std::int64_t);
  const auto first = r.first_size + r.dims;
  if (first >= shapes) refuse("its parts lie outside of 'shapes'");
  const auto count = static_cast<std::uint64_t>(numbers(first, 1)[0]);
  if (count == 0 || count > (shapes - first - 1) / numbers_of_part(r.dims)) {
    refuse("its parts lie outside of 'shapes'");
  }
  std::vector<Box> boxes;
  const Extents whole = sizes(i);
  for (auto& part : parts(i)) {
    if (part.file < 1 || part.file > record_.data_files) refuse("a part in no data file");
    if (!contains(whole_box(whole), part.box)) refuse("a part outside of the tensor");
    constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (part.address < kRecordBytes || part.address > kMost - r.nbytes) {
      refuse("a part outside of its file");
    }
    boxes.push_back(std::move(part.box));
  }
  if (find_tiling_fault(whole, boxes)) refuse("its parts are not the whole tensor, each once");
}

std::vector<DataPart> Index::parts(std::size_t i) const {
  const TensorRow r = row(i);
  if (in_box_chunks(i)) {
    const BoxChunks layout(sizes(i), chunk_shape(i), itemsize(dtype(i)));
    std::vector<DataPart> chunks;
    chunks.reserve(layout.count());
    for (std::uint64_t n = 0; n < layout.count(); ++n) chunks.push_back(layout.part(n, r.address));
    return chunks;
  }
  if (!in_data_files(i)) return {{0, r.address, whole_box(sizes(i))}};
  const auto first = r.first_size + r.dims;
  const auto count = static_cast<std::size_t>(numbers(first, 1)[0]);
  const auto size = numbers_of_part(r.dims);
  const auto all = numbers(first + 1, count * size);
  std::vector<DataPart> parts;
  parts.reserve(count);
  for (std::size_t p = 0; p < count; ++p) {
    parts.push_back(decode_part(std::span(all).subspan(p * size, size)));
  }
  return parts;
}

// Of `shapes`, which need not be aligned in tables_.
std::vector<std::int64_t> Index::numbers(std::uint64_t first, std::size_t count) const {
  std::vector<std::int64_t> numbers(count);
  if (count > 0) {
    std::memcpy(numbers.data(), table(Table::shapes) + first * sizeof(std::int64_t),
                count * sizeof(std::int64_t));
  }
  return numbers;
}

const std::uint8_t* Index::table(Table t) const {
  return tables_.data() + offset_of(record_, static_cast<std::size_t>(t));
}

TensorRow Index::row(std::size_t i) const {
  TensorRow row{};
  std::memcpy(&row, table(Table::tensors) + i * sizeof row, sizeof row);
  return row;
}

std::string_view Index::fqn(std::size_t i) const {
  const TensorRow r = row(i);
  return {reinterpret_cast<const char*>(table(Table::names)) + r.name_offset, r.name_bytes};
}

Path Index::path(std::size_t i) const {
  const TensorRow r = row(i);
  const auto* names = reinterpret_cast<const char*>(table(Table::names));
  return decode_path(fqn(i), {names + r.name_offset + r.name_bytes, r.path_bytes});
}

Extents Index::shape(std::uint64_t first, std::size_t dims) const {
  std::array<std::int64_t, Extents::kMaxDims> sizes{};
  if (dims > 0) {
    std::memcpy(sizes.data(), table(Table::shapes) + first * sizeof(std::int64_t),
                dims * sizeof(std::int64_t));
  }
  return Extents(std::span(sizes).first(dims));
}

Extents Index::sizes(std::size_t i) const {
  const TensorRow r = row(i);
  return shape(r.first_size, r.dims);
}

Extents Index::chunk_shape(std::size_t i) const {
  const TensorRow r = row(i);
  return shape(r.first_size + r.dims, r.dims);
}

Filters Index::filters(std::size_t i) const {
  return in_box_chunks(i) ? Filters{} : decode_filters(row(i).filters);
}

std::size_t Index::lower_bound(std::string_view fqn) const {
  std::size_t first = 0;
  std::size_t count = size();
  while (count > 0) {
    const auto half = count / 2;
    if (this->fqn(first + half) < fqn) {
      first += half + 1;
      count -= half + 1;
    } else {
      count = half;
    }
  }
  return first;
}

std::optional<std::size_t> Index::find(std::string_view fqn, std::size_t hint) const {
  if (hint < size() && this->fqn(hint) == fqn) return hint;
  const auto i = lower_bound(fqn);
  if (i == size() || this->fqn(i) != fqn) return std::nullopt;
  return i;
}

bool Index::is_prefix(std::size_t i) const {
  const auto prefix = std::string(fqn(i)) + ".";
  const auto next = lower_bound(prefix);
  return next < size() && fqn(next).starts_with(prefix);
}

Bytes read_tables(const PosixFile& file, const Record& record) {
  const auto size = file.size();
  if (size < record.file_bytes) corrupt("it has only " + std::to_string(size) + " bytes");
  check_tables(record);
  Bytes tables(offset_of(record, kOpeningTables));
  for (std::size_t t = 0; t < kOpeningTables; ++t) {
    const auto& range = record.tables.at(t);
    file.read(tables.data() + offset_of(record, t), range.nbytes, range.address);
  }
  return tables;
}

Index read_index(const PosixFile& file) {
  const auto size = file.size();
  Bytes start(std::min<std::uint64_t>(size, kRecordBytes));
  file.read(start.data(), start.size(), 0);
  const Record record = decode_record(start);
  if (size != record.file_bytes) {
    corrupt("it has " + std::to_string(size) + " bytes, its commit record says " +
            std::to_string(record.file_bytes) + ": it was cut or added to");
  }
  auto tables = read_tables(file, record);
  for (std::size_t t = 0; t < kOpeningTables; ++t) {
    const auto& range = record.tables.at(t);
    if (xxh3(tables.data() + offset_of(record, t), range.nbytes) != record.table_digests.at(t)) {
      corrupt(std::string("index table '") + name_of(Table{static_cast<std::uint8_t>(t)}) +
              "' at " + std::to_string(range.address) + ": its " + std::to_string(range.nbytes) +
              " bytes do not match their checksum");
    }
  }
  return {record, std::move(tables)};
}

Metadata metadata_of(const Index& index, const std::string& path) {
  Metadata metadata;
  for (std::size_t i = 0; i < index.size(); ++i) {
    // The order of the index is that of the maps.
    const std::string fqn(index.fqn(i));
    auto& paths = metadata.planner_data;
    paths.emplace_hint(paths.end(), fqn, index.path(i));
    auto& entries = metadata.state_dict_metadata;
    if (index.kind(i) != EntryKind::tensor) {
      entries.emplace_hint(entries.end(), fqn, BytesStorageMetadata{index.kind(i)});
      continue;
    }
    const Extents sizes = index.sizes(i);
    entries.emplace_hint(entries.end(), fqn,
                         TensorStorageMetadata{{index.dtype(i)}, sizes, {whole_box(sizes)}});
  }
  metadata.storage_meta.checkpoint_id = path;
  metadata.storage_meta.save_id = std::to_string(index.record().generation);
  return metadata;
}

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
    if (rows[c].blocks > (most_numbers - numbers_of_blocks) / of_block) {
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
    const auto bytes = count_bytes(index.dtype(i), chunk.grid.box.sizes);
    if (slot ? chunk.nbytes > tensor.nbytes : chunk.nbytes != bytes) {
      refuse(row, "has bytes that do not fit its box");
    }
  }
}

}  // namespace h5dcp
