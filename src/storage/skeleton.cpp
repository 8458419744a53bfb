#include "storage/skeleton.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

#include "base/checksum.hpp"
#include "h5dcp/error.hpp"
#include "layout/dataset_name.hpp"
#include "layout/filters.hpp"
#include "layout/tables.hpp"
#include "storage/hdf5_id.hpp"
#include "storage/hdf5_types.hpp"
#include "storage/index.hpp"
#include "storage/posix_file.hpp"
#include "storage/segments.hpp"

namespace h5dcp {
namespace {

using hdf5::ok;

// The HDF5 side: creates objects in one open file.
class Maker {
 public:
  // `path` is there, and is overwritten by an empty HDF5 file; all further bytes go to `draft`.
  Maker(const std::string& path, const PosixFile& draft, std::size_t entries);

  // Address of a new dataset, 0 if it has no bytes.
  std::uint64_t dataset(const std::string& name, hid_t type, const Extents& sizes,
                        const SkeletonEntry* entry);
  void group(const std::string& name);
  void close();

 private:
  hdf5::PropertyList filtered(const SkeletonEntry& entry) const;
  void attribute(hid_t object, const char* name, std::string_view text);
  void write_to(const PosixFile& draft) const;

  std::string action_;
  hdf5::PropertyList dataset_creation_;
  hdf5::PropertyList link_creation_;
  hdf5::Dataspace scalar_;
  hdf5::File file_;
  std::array<std::optional<hdf5::Datatype>, kDTypes> types_;
};

Maker::Maker(const std::string& path, const PosixFile& draft, std::size_t entries)
    : action_("create '" + path + "'"),
      dataset_creation_(H5Pcreate(H5P_DATASET_CREATE), action_),
      link_creation_(H5Pcreate(H5P_LINK_CREATE), action_),
      scalar_(H5Screate(H5S_SCALAR), action_) {
  ok(H5Pset_layout(dataset_creation_.get(), H5D_CONTIGUOUS), action_);
  ok(H5Pset_alloc_time(dataset_creation_.get(), H5D_ALLOC_TIME_EARLY), action_);
  ok(H5Pset_fill_time(dataset_creation_.get(), H5D_FILL_TIME_NEVER), action_);
  ok(H5Pset_obj_track_times(dataset_creation_.get(), false),
     action_);  // equal saves are equal files
  ok(H5Pset_create_intermediate_group(link_creation_.get(), 1), action_);
  ok(H5Pset_char_encoding(link_creation_.get(), H5T_CSET_UTF8), action_);

  const hdf5::PropertyList creation(H5Pcreate(H5P_FILE_CREATE), action_);
  ok(H5Pset_userblock(creation.get(), kRecordBytes), action_);
  ok(H5Pset_obj_track_times(creation.get(), false), action_);
  const hdf5::PropertyList access(H5Pcreate(H5P_FILE_ACCESS), action_);
  constexpr hsize_t kPage = 4096;
  ok(H5Pset_alignment(access.get(), kPage, kPage), action_);
  // All of HDF5's metadata in few places, so that they can be hashed with few reads.
  constexpr hsize_t kBytesAnEntry = 600;
  ok(H5Pset_meta_block_size(access.get(), 2048 + kBytesAnEntry * entries), action_);
  file_ = {H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.get(), access.get()), action_};
  write_to(draft);
}

// HDF5 1.10 cannot cope with a disk that is full: what it could not write when a file was closed
// makes it crash when the process ends. So it never gets to see the disk.
void Maker::write_to(const PosixFile& draft) const {
  void* descriptor = nullptr;
  ok(H5Fget_vfd_handle(file_.get(), H5P_DEFAULT, &descriptor), action_);
  if (::dup2(draft.get(), *static_cast<int*>(descriptor)) < 0) {
    fail_errno(action_ + " in memory", "/", errno);
  }
}

void Maker::attribute(hid_t object, const char* name, std::string_view text) {
  const hdf5::Datatype type(H5Tcopy(H5T_C_S1), action_);
  // HDF5 has no strings of length 0; the padding is no part of the text.
  const std::string padded(text.empty() ? std::string_view("\0", 1) : text);
  ok(H5Tset_size(type.get(), padded.size()), action_);
  ok(H5Tset_strpad(type.get(), H5T_STR_NULLPAD), action_);
  ok(H5Tset_cset(type.get(), H5T_CSET_UTF8), action_);
  const hdf5::Attribute attribute(
      H5Acreate2(object, name, type.get(), scalar_.get(), H5P_DEFAULT, H5P_DEFAULT), action_);
  ok(H5Awrite(attribute.get(), type.get(), padded.data()), action_);
}

// How a dataset is created whose chunks the ranks will filter.
hdf5::PropertyList Maker::filtered(const SkeletonEntry& entry) const {
  const auto need = [](H5Z_filter_t filter, const char* how) {
    if (H5Zfilter_avail(filter) > 0) return;
    throw Error(ErrorCode::unsupported, std::string("Hdf5Options::filters: this HDF5 has no ") +
                                            how + ": its tools could not read the tensors");
  };
  hdf5::PropertyList creation(H5Pcopy(dataset_creation_.get()), action_);
  const std::vector<hsize_t> chunk(entry.chunk_shape.begin(), entry.chunk_shape.end());
  ok(H5Pset_chunk(creation.get(), static_cast<int>(chunk.size()), chunk.data()), action_);
  ok(H5Pset_alloc_time(creation.get(), H5D_ALLOC_TIME_INCR), action_);
  if (entry.filters.shuffle) ok(H5Pset_shuffle(creation.get()), action_);
  const auto level = static_cast<unsigned>(entry.filters.level);
  if (entry.filters.compression == Compression::deflate) {
    need(H5Z_FILTER_DEFLATE, "deflate");
    ok(H5Pset_deflate(creation.get(), level), action_);
  } else if (entry.filters.compression == Compression::zstd) {
    constexpr H5Z_filter_t kZstd = 32015;
    need(kZstd, "plugin for zstd (filter 32015; HDF5_PLUGIN_PATH tells where it is)");
    ok(H5Pset_filter(creation.get(), kZstd, H5Z_FLAG_MANDATORY, 1, &level), action_);
  }
  return creation;
}

std::uint64_t Maker::dataset(const std::string& name, hid_t type, const Extents& sizes,
                             const SkeletonEntry* entry) {
  if (entry != nullptr) {
    auto& kept = types_.at(static_cast<std::size_t>(entry->dtype));
    if (!kept) kept.emplace(hdf5::datatype_of(entry->dtype));
    type = kept->get();
  }
  const std::vector<hsize_t> dims(sizes.begin(), sizes.end());
  const hdf5::Dataspace space(
      sizes.empty() ? H5Screate(H5S_SCALAR)
                    : H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr),
      action_);
  const bool is_filtered = entry != nullptr && entry->filters.any();
  const hdf5::PropertyList own = is_filtered ? filtered(*entry) : hdf5::PropertyList();
  const hid_t creation = is_filtered ? own.get() : dataset_creation_.get();
  hdf5::Dataset dataset(H5Dcreate2(file_.get(), name.c_str(), type, space.get(),
                                   link_creation_.get(), creation, H5P_DEFAULT),
                        action_ + ": dataset '" + name + "'");
  if (entry != nullptr) {
    attribute(dataset.get(), "fqn", entry->fqn);
    attribute(dataset.get(), "dtype", to_string(entry->dtype));
  }
  // HDF5 has an address only for datasets with bytes.
  const haddr_t address = H5Dget_storage_size(dataset.get()) > 0 ? H5Dget_offset(dataset.get()) : 0;
  dataset.close(action_);
  return address;
}

void Maker::group(const std::string& name) {
  hdf5::Group made(H5Gcreate2(file_.get(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                   action_);
  made.close(action_);
}

void Maker::close() {
  file_.close(action_);
}

template <class T>
void append(Bytes& table, const T* items, std::size_t count) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(items);
  table.insert(table.end(), bytes, bytes + count * sizeof(T));
}

// The tables that are read to open a checkpoint, and how large the others are.
struct Tables {
  std::vector<TensorRow> rows;
  Bytes names;
  Bytes shapes;
  std::uint64_t chunks = 0;
  std::uint64_t boxes = 0;
  std::uint64_t checksums = 0;
  std::uint64_t blobs = 0;
};

// All but the addresses. A slot's address is relative to `blobs` until that has one.
Tables lay_out(const std::vector<SkeletonEntry>& entries, std::vector<EntryPlace>& places) {
  Tables tables;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto& entry = entries[i];
    TensorRow row{};
    row.name_offset = tables.names.size();
    row.name_bytes = static_cast<std::uint32_t>(entry.fqn.size());
    row.path_bytes = static_cast<std::uint32_t>(entry.path.size());
    row.first_size = tables.shapes.size() / sizeof(std::int64_t);
    row.dims = static_cast<std::uint32_t>(entry.sizes.size());
    row.dtype = static_cast<std::uint8_t>(entry.dtype);
    row.kind = static_cast<std::uint8_t>(entry.kind);
    row.filters = encode_filters(entry.filters);
    row.nbytes = static_cast<std::uint64_t>(nbytes(entry.dtype, entry.sizes));
    row.first_chunk = tables.chunks;
    row.chunks = entry.chunks;
    append(tables.names, entry.fqn.data(), entry.fqn.size());
    append(tables.names, entry.path.data(), entry.path.size());
    append(tables.shapes, entry.sizes.data(), entry.sizes.size());
    append(tables.shapes, entry.chunk_shape.data(), entry.chunk_shape.size());
    places.push_back({i, 0, tables.chunks, tables.boxes, tables.checksums});
    tables.chunks += entry.chunks;
    tables.boxes += entry.chunks * 2 * entry.sizes.size();
    tables.checksums += entry.checksums;
    if (in_blobs(entry.kind)) {
      row.address = tables.blobs;
      tables.blobs += row.nbytes;
    }
    tables.rows.push_back(row);
  }
  return tables;
}

Extents length(std::uint64_t items) {
  return {static_cast<std::int64_t>(items)};
}

// All groups and datasets; fills in the addresses of the entries and of the tables.
void make_objects(const std::string& path, const PosixFile& draft,
                  const std::vector<SkeletonEntry>& entries, Tables& tables, Record& record) {
  Maker maker(path, draft, entries.size());
  maker.group("/state");
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (in_blobs(entries[i].kind)) continue;
    const auto prefix = entries[i].fqn + ".";
    const auto next = std::ranges::lower_bound(entries, prefix, {}, &SkeletonEntry::fqn);
    const bool is_prefix = next != entries.end() && next->fqn.starts_with(prefix);
    tables.rows[i].address = maker.dataset(dataset_path(entries[i].fqn, is_prefix), H5I_INVALID_HID,
                                           entries[i].sizes, &entries[i]);
  }
  maker.group("/h5dcp");
  const auto table = [&](Table t, std::uint64_t items, std::uint64_t item_bytes) {
    const auto name = std::string("/h5dcp/") + name_of(t);
    const auto type = hdf5::datatype_of(t);
    record.table(t) = {maker.dataset(name, type.get(), length(items), nullptr), items * item_bytes};
  };
  table(Table::tensors, entries.size(), sizeof(TensorRow));
  table(Table::names, tables.names.size(), 1);
  table(Table::shapes, tables.shapes.size() / 8, 8);
  table(Table::chunks, tables.chunks, sizeof(ChunkRow));
  table(Table::boxes, tables.boxes, 8);
  table(Table::checksums, tables.checksums, 8);
  table(Table::blobs, tables.blobs, 1);
  maker.close();
}

void write_skeleton(const PosixFile& file, const Record& record, const SkeletonImage& image) {
  file.reserve(record.file_bytes);
  write_image(file, image);
  const Bytes start = encode_record(record);
  file.write(start.data(), start.size(), 0);
}

}  // namespace

std::uint64_t slot_bytes(std::uint64_t nbytes) {
  return std::bit_ceil(std::max<std::uint64_t>(64, nbytes + nbytes / 4));
}

Skeleton make_skeleton(const std::string& path, const std::vector<SkeletonEntry>& entries,
                       std::uint64_t generation, std::uint32_t world_size) {
  const hdf5::Quiet quiet;
  Skeleton skeleton;
  Tables tables = lay_out(entries, skeleton.places);
  Record& record = skeleton.record;
  record.generation = generation;
  record.world_size = world_size;

  const PosixFile file(path, PosixFile::Mode::create);
  file.reserve(2 * kRecordBytes);             // at least, so that HDF5 can begin
  const auto draft = PosixFile::in_memory();  // with holes in place of the data
  make_objects(path, draft, entries, tables, record);

  for (std::size_t i = 0; i < entries.size(); ++i) {
    auto& row = tables.rows[i];
    if (in_blobs(entries[i].kind)) row.address += record.table(Table::blobs).address;
    skeleton.places[i].address = row.address;
    record.data_bytes += row.nbytes;
  }
  Bytes opening;
  append(opening, tables.rows.data(), tables.rows.size());
  append(opening, tables.names.data(), tables.names.size());
  append(opening, tables.shapes.data(), tables.shapes.size());

  record.file_bytes = draft.size();
  for (std::size_t t = 0; t < kOpeningTables; ++t) {
    record.table_digests.at(t) =
        xxh3(opening.data() + offset_of(record, t), record.tables.at(t).nbytes);
  }
  const Index index(record, std::move(opening));
  const auto others = other_bytes(index);
  hash_segments(draft, others, record);

  skeleton.image = image_of(draft, others, index);
  write_skeleton(file, record, skeleton.image);
  return skeleton;
}

void repeat_skeleton(const std::string& path, const Record& record, const SkeletonImage& image) {
  write_skeleton(PosixFile(path, PosixFile::Mode::create), record, image);
}

}  // namespace h5dcp
