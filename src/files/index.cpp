#include "files/index.hpp"

#include <array>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "base/checksum.hpp"
#include "base/corrupt.hpp"
#include "base/whole_box.hpp"
#include "files/check_index.hpp"
#include "files/file_head.hpp"
#include "h5dcp/error.hpp"
#include "layout/box_chunks.hpp"
#include "layout/filters.hpp"

namespace h5dcp {
std::size_t offset_of(const Record& record, std::size_t t) {
  std::size_t offset = 0;
  for (std::size_t before = 0; before < t; ++before) offset += record.tables.at(before).nbytes;
  return offset;
}

Index::Index(Record record, Bytes tables) : record_(std::move(record)), tables_(std::move(tables)) {
  check_record(record_);
  if (tables_.size() != offset_of(record_, kOpeningTables)) {
    corrupt("index tables are not as long as the commit record says");
  }
  check_rows(*this);
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

std::uint64_t Index::part_count(std::size_t i) const {
  const TensorRow r = row(i);
  return static_cast<std::uint64_t>(numbers(r.first_size + r.dims, 1)[0]);
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
  const auto count = part_count(i);
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
  check_record(record);
  Bytes tables(offset_of(record, kOpeningTables));
  for (std::size_t t = 0; t < kOpeningTables; ++t) {
    const auto& range = record.tables.at(t);
    file.read(tables.data() + offset_of(record, t), range.nbytes, range.address);
  }
  return tables;
}

Index read_index(const PosixFile& file) {
  const auto size = file.size();
  const Record record = decode_record(start_of(file));
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

}  // namespace h5dcp
