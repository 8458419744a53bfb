#include "skeleton/skeleton_hdf5.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

#include "base/file_size_signal.hpp"
#include "hdf5/draft_driver.hpp"
#include "hdf5/filters.hpp"
#include "hdf5/id.hpp"
#include "hdf5/turn.hpp"
#include "hdf5/types.hpp"
#include "layout/box_chunks.hpp"
#include "layout/data_parts.hpp"
#include "layout/dataset_name.hpp"
#include "layout/hyperslab.hpp"
#include "layout/tables.hpp"

namespace h5dcp {
namespace {

using hdf5::ok;

// The HDF5 side: creates objects in one open file.
class Hdf5Maker {
 public:
  // `path` is there, and is overwritten by an empty HDF5 file; all further bytes go to `draft`.
  // Data files are in `data_folder`.
  Hdf5Maker(const std::string& path, const PosixFile& draft, std::size_t entries,
            std::string data_folder);

  // Address of a new dataset, 0 if it has no bytes.
  std::uint64_t dataset(const std::string& name, hid_t type, const Extents& sizes,
                        const SkeletonEntry* entry);
  void group(const std::string& name);
  void close();

 private:
  hdf5::PropertyList chunked(const SkeletonEntry& entry) const;
  hdf5::PropertyList of_parts(const SkeletonEntry& entry) const;
  void attribute(hid_t object, const char* name, std::string_view text);
  void write_to(const PosixFile& draft) const;

  std::string action_;
  std::string data_folder_;
  hdf5::PropertyList dataset_creation_;
  hdf5::PropertyList link_creation_;
  hdf5::Dataspace scalar_;
  hdf5::File file_;
  std::array<std::optional<hdf5::Datatype>, kDTypes> types_;
};

Hdf5Maker::Hdf5Maker(const std::string& path, const PosixFile& draft, std::size_t entries,
                     std::string data_folder)
    : action_("create '" + path + "'"),
      data_folder_(std::move(data_folder)),
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
  ok(H5Pset_alignment(access.get(), kPage, kPage), action_);
  // All of HDF5's metadata in few places, so that they can be hashed with few reads.
  constexpr hsize_t kBytesAnEntry = 600;
  ok(H5Pset_meta_block_size(access.get(), 2048 + kBytesAnEntry * entries), action_);
  file_ = {H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.get(), access.get()), action_};
  write_to(draft);
}

// HDF5 1.10 cannot cope with a disk that is full: what it could not write when a file was closed
// makes it crash when the process ends. So it never gets to see the disk.
void Hdf5Maker::write_to(const PosixFile& draft) const {
  void* descriptor = nullptr;
  ok(H5Fget_vfd_handle(file_.get(), H5P_DEFAULT, &descriptor), action_);
  if (::dup2(draft.get(), *static_cast<int*>(descriptor)) < 0) {
    fail_errno(action_ + " in memory", "/", errno);
  }
}

void Hdf5Maker::attribute(hid_t object, const char* name, std::string_view text) {
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

// How a dataset is created whose chunks come later.
hdf5::PropertyList Hdf5Maker::chunked(const SkeletonEntry& entry) const {
  hdf5::PropertyList creation(H5Pcopy(dataset_creation_.get()), action_);
  const std::vector<hsize_t> chunk(entry.chunk_shape.begin(), entry.chunk_shape.end());
  ok(H5Pset_chunk(creation.get(), static_cast<int>(chunk.size()), chunk.data()), action_);
  ok(H5Pset_alloc_time(creation.get(), H5D_ALLOC_TIME_INCR), action_);
  hdf5::set_filters(creation, entry.filters, action_);
  return creation;
}

// How a dataset is created whose parts are datasets of data files.
hdf5::PropertyList Hdf5Maker::of_parts(const SkeletonEntry& entry) const {
  hdf5::PropertyList creation(H5Pcreate(H5P_DATASET_CREATE), action_);
  ok(H5Pset_fill_time(creation.get(), H5D_FILL_TIME_NEVER), action_);
  ok(H5Pset_obj_track_times(creation.get(), false), action_);
  const auto space_of = [this](const Extents& sizes) {
    const std::vector<hsize_t> dims(sizes.begin(), sizes.end());
    return hdf5::Dataspace(H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr),
                           action_);
  };
  for (std::size_t p = 0; p < entry.parts.size(); ++p) {
    const auto& part = entry.parts[p];
    const auto whole = space_of(entry.sizes);
    const auto source = space_of(part.box.sizes);
    if (entry.parts.size() > 1) {
      const auto slab = hyperslab_of(part.box);
      ok(H5Sselect_hyperslab(whole.get(), H5S_SELECT_SET, slab.start.data(), slab.stride.data(),
                             slab.count.data(), slab.block.data()),
         action_);
    }
    const auto file = source_name(data_folder_ + "/" + data_file_name(part.file));
    const auto dataset = source_name(entry.sources[p]);
    ok(H5Pset_virtual(creation.get(), whole.get(), file.c_str(), dataset.c_str(), source.get()),
       action_);
  }
  return creation;
}

std::uint64_t Hdf5Maker::dataset(const std::string& name, hid_t type, const Extents& sizes,
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
  const bool is_virtual = entry != nullptr && !entry->parts.empty();
  hdf5::PropertyList own;
  if (is_virtual) own = of_parts(*entry);
  if (entry != nullptr && !entry->chunk_shape.empty()) own = chunked(*entry);
  const hid_t creation = own.get() >= 0 ? own.get() : dataset_creation_.get();
  hdf5::Dataset dataset(H5Dcreate2(file_.get(), name.c_str(), type, space.get(),
                                   link_creation_.get(), creation, H5P_DEFAULT),
                        action_ + ": dataset '" + name + "'");
  if (entry != nullptr) {
    attribute(dataset.get(), "fqn", entry->fqn);
    attribute(dataset.get(), "dtype", to_string(entry->dtype));
  }
  // HDF5 has an address only for datasets with bytes of their own.
  const bool has_bytes = !is_virtual && H5Dget_storage_size(dataset.get()) > 0;
  const haddr_t address = has_bytes ? H5Dget_offset(dataset.get()) : 0;
  dataset.close(action_);
  return address;
}

void Hdf5Maker::group(const std::string& name) {
  hdf5::Group made(H5Gcreate2(file_.get(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                   action_);
  made.close(action_);
}

void Hdf5Maker::close() {
  file_.close(action_);
}

Extents length(std::uint64_t items) {
  return {static_cast<std::int64_t>(items)};
}

// By zeros, of which only the last is written.
void lengthen(const PosixFile& file, std::uint64_t nbytes) {
  const std::uint8_t zero = 0;
  if (file.size() < nbytes) file.write(&zero, 1, nbytes - 1);
}

// Gives the chunks of shards their places, behind all that HDF5 has made, and tells it of them.
void place_chunks(const std::string& path, PosixFile& file,
                  const std::vector<SkeletonEntry>& entries, ObjectPlaces& places) {
  const auto action = "create '" + path + "'";
  auto& end = places.file_bytes;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (!is_in_box_chunks(entries[i])) continue;
    places.entries[i] = next_multiple(end, kPage);
    end = places.entries[i] + box_chunks_of(entries[i]).all_bytes();
  }
  Draft draft{.metadata = std::move(file), .file_bytes = end};
  lengthen(draft.metadata, end);
  const hdf5::PropertyList access = draft_access(draft);
  hdf5::File opened(H5Fopen(path.c_str(), H5F_ACC_RDWR, access.get()), action);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (!is_in_box_chunks(entries[i])) continue;
    hdf5::Dataset dataset(
        H5Dopen2(opened.get(), dataset_path(entries[i], entries).c_str(), H5P_DEFAULT), action);
    const BoxChunks chunks = box_chunks_of(entries[i]);
    for (std::uint64_t n = 0; n < chunks.count(); ++n) {
      const auto part = chunks.part(n, places.entries[i]);
      draft.next_chunk = part.address;
      const std::vector<hsize_t> offsets(part.box.offsets.begin(), part.box.offsets.end());
      ok(H5Dwrite_chunk(dataset.get(), H5P_DEFAULT, 0, offsets.data(), chunks.nbytes(),
                        &draft),  // it has no use for the bytes
         action);
    }
    dataset.close(action);
  }
  opened.close(action);
  end = draft.file_bytes;
  file = std::move(draft.metadata);
  lengthen(file, end);
}

}  // namespace

ObjectPlaces make_with_hdf5(const std::string& path, PosixFile& draft,
                            const std::vector<SkeletonEntry>& entries, const OfTables& items,
                            const std::string& data_folder) {
  const hdf5::Turn turn;
  const FileSizeSignalBlock block;  // HDF5 writes by itself
  Hdf5Maker maker(path, draft, entries.size(), data_folder);
  ObjectPlaces places;
  maker.group("/state");
  for (const auto& entry : entries) {
    auto& address = places.entries.emplace_back(0);
    if (in_blobs(entry.kind)) continue;
    address = maker.dataset(dataset_path(entry, entries), H5I_INVALID_HID, entry.sizes, &entry);
  }
  maker.group("/h5dcp");
  for (std::size_t t = 0; t < kTables; ++t) {
    const Table table{static_cast<std::uint8_t>(t)};
    const auto type = hdf5::datatype_of(table);
    places.tables.at(t) = maker.dataset(std::string("/h5dcp/") + name_of(table), type.get(),
                                        length(items.at(t)), nullptr);
  }
  maker.close();
  places.file_bytes = draft.size();
  if (std::ranges::any_of(entries, is_in_box_chunks)) place_chunks(path, draft, entries, places);
  return places;
}

}  // namespace h5dcp
