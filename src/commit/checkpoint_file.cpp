#include "h5dcp/checkpoint_file.hpp"

#include <numeric>
#include <set>
#include <utility>

#include "base/context.hpp"
#include "commit/opened.hpp"
#include "h5dcp/error.hpp"
#include "layout/tables.hpp"
#include "state/transformed_value.hpp"
#include "storage/values.hpp"

namespace h5dcp {

namespace {

std::uint64_t stored_bytes(const StoredChunk& chunk) {
  if (chunk.stored.empty()) return chunk.nbytes;
  std::uint64_t sum = 0;
  for (const auto& range : chunk.stored) sum += range.nbytes;
  return sum;
}

std::vector<std::uint32_t> data_files_of(const Index& index, std::size_t i) {
  std::set<std::uint32_t> numbers;
  if (index.in_data_files(i)) {
    for (const auto& part : index.parts(i)) numbers.insert(part.file);
  }
  return {numbers.begin(), numbers.end()};
}

Opened open_once(const std::string& path) {
  Opened opened{CheckpointFiles({path, PosixFile::Mode::read}), {}};
  try {
    opened.index = read_index(opened.files.own());
    opened.files.expect(opened.index.record());
  } catch (const Error& error) {
    throw Error(error.code(), "'" + path + "': " + error.what());
  }
  return opened;
}

}  // namespace

Opened open_checkpoint(const std::string& path) {
  for (int i = 1;; ++i) {
    Opened opened = open_once(path);
    std::vector<std::uint32_t> numbers(opened.files.data_files());
    std::iota(numbers.begin(), numbers.end(), 1U);
    if (i == kMostOpenings || opened.files.open_ahead(numbers)) return opened;
  }
}

CheckpointFile::CheckpointFile(const std::string& path)
    : impl_(std::make_unique<Impl>(Impl{open_checkpoint(path)})) {}

CheckpointFile::CheckpointFile(CheckpointFile&&) noexcept = default;
CheckpointFile& CheckpointFile::operator=(CheckpointFile&&) noexcept = default;
CheckpointFile::~CheckpointFile() = default;

const std::string& CheckpointFile::path() const {
  return impl_->files.own().path();
}

CheckpointSummary CheckpointFile::summary() const {
  const Record& record = impl_->index.record();
  return {.format_version = version_of(record),
          .generation = record.generation,
          .created_unix_ns = record.created_unix_ns,
          .world_size = record.world_size,
          .entries = size(),
          .chunks = record.table(Table::chunks).nbytes / sizeof(ChunkRow),
          .file_bytes = record.file_bytes,
          .data_bytes = record.data_bytes,
          .data_files = record.data_files,
          .checksums = !record.unhashed};
}

std::size_t CheckpointFile::size() const {
  return impl_->index.size();
}

CheckpointEntry CheckpointFile::entry(std::size_t i) const {
  const Index& index = impl_->index;
  const TensorRow row = index.row(i);
  const auto kind = index.kind(i);
  return {.fqn = std::string(index.fqn(i)),
          .path = index.path(i),
          .kind = kind,
          .dtype = index.dtype(i),
          .size = in_blobs(kind) ? Extents() : index.sizes(i),
          .nbytes = row.nbytes,
          .address = row.address,
          .chunks = row.chunks,
          .filters = index.filters(i),
          .chunk_shape = row.filters == 0 ? Extents() : index.chunk_shape(i),
          .data_files = data_files_of(index, i)};
}

std::optional<std::size_t> CheckpointFile::find(std::string_view fqn) const {
  return impl_->index.find(fqn);
}

std::string CheckpointFile::data_file_path(std::uint32_t number) const {
  return impl_->files.path_of(number);
}

std::vector<std::string> CheckpointFile::data_file_faults() const {
  std::vector<std::string> faults;
  for (std::uint32_t number = 1; number <= summary().data_files; ++number) {
    try {
      impl_->files.at(number);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::corrupt) throw;
      faults.emplace_back(error.what());
    }
  }
  return faults;
}

std::vector<CheckpointChunk> CheckpointFile::chunks(std::size_t i) const {
  std::vector<CheckpointChunk> chunks;
  const bool slot = in_blobs(impl_->index.kind(i));
  for (auto& chunk : read_chunks(impl_->files.own(), impl_->index, i)) {
    chunks.push_back({.box = slot ? Box() : std::move(chunk.grid.box),
                      .writer = chunk.writer,
                      .nbytes = chunk.nbytes,
                      .stored_bytes = stored_bytes(chunk),
                      .blocks = chunk.checksums.size(),
                      .data_file = chunk.part.file});
  }
  return chunks;
}

Value CheckpointFile::value(std::size_t i, const ExtensionRegistry& registry) const {
  Value value = read_value(impl_->files.own(), impl_->index, i);
  if (impl_->index.kind(i) != EntryKind::transformed) return value;
  return with_context("'" + std::string(impl_->index.fqn(i)) + "'",
                      [&] { return restore_value(std::get<Bytes>(value), registry); });
}

Metadata CheckpointFile::metadata() const {
  Metadata metadata = metadata_of(impl_->index, path());
  for (std::size_t i = 0; i < size(); ++i) {
    auto& stored = metadata.state_dict_metadata.at(std::string(impl_->index.fqn(i)));
    auto* tensor = std::get_if<TensorStorageMetadata>(&stored);
    if (tensor == nullptr) continue;
    tensor->chunks.clear();
    for (auto& chunk : chunks(i)) tensor->chunks.push_back(std::move(chunk.box));
  }
  return metadata;
}

}  // namespace h5dcp
