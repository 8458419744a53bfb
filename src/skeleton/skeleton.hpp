// The file before there are data in it: all groups, datasets and attributes at their places.
//
// One rank makes it; after that, everybody only fills bytes whose addresses are known.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "files/new_file.hpp"
#include "files/posix_file.hpp"
#include "h5dcp/bytes.hpp"
#include "h5dcp/filters.hpp"
#include "h5dcp/metadata.hpp"
#include "layout/box_chunks.hpp"
#include "layout/data_parts.hpp"
#include "layout/record.hpp"
#include "skeleton/skeleton_image.hpp"

namespace h5dcp {

struct SkeletonEntry {
  std::string fqn;
  std::string path;  // encoded, see encode_path
  EntryKind kind = EntryKind::tensor;
  DType dtype = DType::float32;
  Extents sizes;                 // of JSON and bytes: the slot, {capacity}
  std::uint64_t chunks = 0;      // boxes that will be written ...
  std::uint64_t checksums = 0;   // ... and their numbers in that table
  std::uint64_t node_range = 0;  // shortest_node_range(), if that matters
  Filters filters = {};
  Extents chunk_shape = {};  // of what is chunked: with filters, or in chunks of shards
  // Of a tensor in data files; then it has no bytes in this one, and is a virtual dataset.
  std::vector<DataPart> parts = {};
  std::vector<std::string> sources = {};  // the dataset of each part in its file
};

// Whether each box that is written is a chunk of HDF5, without filters.
inline bool is_in_box_chunks(const SkeletonEntry& entry) {
  return !entry.chunk_shape.empty() && !entry.filters.any();
}
inline BoxChunks box_chunks_of(const SkeletonEntry& entry) {
  return {entry.sizes, entry.chunk_shape, itemsize(entry.dtype)};
}

// Where the parts of one entry go.
struct EntryPlace {
  std::uint64_t row = 0;
  std::uint64_t address = 0;
  std::uint64_t first_chunk = 0;
  std::uint64_t first_box = 0;
  std::uint64_t first_checksum = 0;
};

struct Skeleton {
  Record record;                   // all but what the commit adds
  std::vector<EntryPlace> places;  // one an entry
};

// Who makes the groups, datasets and attributes. Readers find the same in both files, at other
// addresses.
enum class SkeletonMaker : std::uint8_t {
  direct,  // ourselves; or HDF5, if there is anything that we do not do
  hdf5,    // for comparison: 20 to 40 times slower
};

// The slot for a value of `nbytes`: room to grow before the file must be laid out anew.
std::uint64_t slot_bytes(std::uint64_t nbytes);

// Fills `file`, which is new and empty, with the tables of names and shapes filled. `entries` are
// ordered by FQN. HDF5 aligns data to kPage and no more.
//
// Throws Error{io}: "create '<path>': ..."; Error{unsupported} if HDF5 lacks a filter.
// `whole` is what is known of the record: generation, ranks and data files. If there is an `image`,
// it gets what repeat_skeleton() needs.
Skeleton make_skeleton(const PosixFile& file, const std::vector<SkeletonEntry>& entries,
                       const Record& whole, SkeletonMaker maker = SkeletonMaker::direct,
                       const FilePlacement& placement = {}, SkeletonImage* image = nullptr);

// The datasets of a data file.
struct DataFileSkeleton {
  PosixFile file;                        // not yet synced
  std::vector<std::uint64_t> addresses;  // one an entry
};

// Makes data file `whole.data_file`, which must not exist. It has its record from the beginning:
// that says whose it is, and the checkpoint's alone commits. `entries` are as those of
// make_skeleton(), but all contiguous datasets; the tables of the index are there and empty.
//
// Throws as make_skeleton().
DataFileSkeleton make_data_file(const std::string& path, const std::vector<SkeletonEntry>& entries,
                                const Record& whole, SkeletonMaker maker = SkeletonMaker::direct,
                                const FilePlacement& placement = {});

// Fills `file`, which is new and empty, as an earlier one, of another generation. Throws Error{io}.
void repeat_skeleton(const PosixFile& file, const Record& record, const SkeletonImage& image);

}  // namespace h5dcp
