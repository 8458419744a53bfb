#include "skeleton/skeleton.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <functional>
#include <span>
#include <utility>

#include "base/checksum.hpp"
#include "files/index.hpp"
#include "files/posix_file.hpp"
#include "layout/box_chunks.hpp"
#include "layout/filters.hpp"
#include "layout/tables.hpp"
#include "skeleton/segments.hpp"
#include "skeleton/skeleton_direct.hpp"
#include "skeleton/skeleton_hdf5.hpp"
#include "skeleton/skeleton_objects.hpp"

namespace h5dcp {
namespace {

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
  tables.rows.reserve(entries.size());
  places.reserve(entries.size());
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
    row.filters = is_in_box_chunks(entry) ? kBoxChunks : encode_filters(entry.filters);
    row.nbytes = static_cast<std::uint64_t>(nbytes(entry.dtype, entry.sizes));
    row.first_chunk = tables.chunks;
    row.chunks = entry.chunks;
    append(tables.names, entry.fqn.data(), entry.fqn.size());
    append(tables.names, entry.path.data(), entry.path.size());
    append(tables.shapes, entry.sizes.data(), entry.sizes.size());
    append(tables.shapes, entry.chunk_shape.data(), entry.chunk_shape.size());
    if (!entry.parts.empty()) {
      const auto numbers = encode_parts(entry.parts);
      append(tables.shapes, numbers.data(), numbers.size());
    }
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

OfTables items_of(const Tables& tables) {
  return {tables.rows.size(), tables.names.size(), tables.shapes.size() / sizeof(std::int64_t),
          tables.chunks,      tables.boxes,        tables.checksums,
          tables.blobs};
}

struct Objects {
  ObjectPlaces places;
  std::function<void(const PutBytes&)> put_metadata;  // if we make them ourselves
  PosixFile draft;                                    // else: with holes in place of the data
};

Objects make_objects(const PosixFile& file, const std::vector<SkeletonEntry>& entries,
                     const OfTables& items, const std::string& data_folder, SkeletonMaker maker,
                     const FilePlacement& placement) {
  Objects objects;
  if (maker == SkeletonMaker::direct) {
    if (auto made = make_directly(file.path(), entries, items, data_folder,
                                  alignment_in(file, placement))) {
      objects.places = std::move(made->places);
      objects.put_metadata = std::move(made->put_metadata);
      return objects;
    }
  }
  file.reserve(2 * kRecordBytes);  // at least, so that HDF5 can begin
  objects.draft = PosixFile::in_memory();
  objects.places = make_with_hdf5(file.path(), objects.draft, entries, items, data_folder);
  return objects;
}

// Writes what is not data, and keeps it in `image`, if there is one.
void write_and_keep(const PosixFile& file, std::uint64_t address,
                    std::span<const std::uint8_t> bytes, SkeletonImage* image) {
  file.write(bytes.data(), bytes.size(), address);
  if (image != nullptr) image->push_back({address, Bytes(bytes.begin(), bytes.end())});
}

// HDF5's metadata, to where they go, with their digests into `record`.
void write_objects(const PosixFile& file, const Objects& objects, const std::vector<Range>& others,
                   Record& record, SkeletonImage* image) {
  Segments segments = segments_for(others, record);
  const auto put = [&](std::uint64_t address, std::span<const std::uint8_t> bytes) {
    segments.add(address, bytes);
    write_and_keep(file, address, bytes, image);
  };
  if (objects.put_metadata) {
    objects.put_metadata(put);
  } else {
    for (const auto& part : image_of(objects.draft, others)) put(part.address, part.bytes);
  }
  segments.finish();
}

// The index, checked as a load will check it.
//
// Throws Error{unsupported} if a load would refuse it.
Index readable_index(const Record& record, Bytes opening) {
  try {
    return {record, std::move(opening)};
  } catch (const Error& error) {
    throw Error(ErrorCode::unsupported,
                std::string("no checkpoint can have such entries: ") + error.what());
  }
}

// The tables that are read to open a checkpoint.
void write_tables(const PosixFile& file, const Index& index, SkeletonImage* image) {
  for (std::size_t t = 0; t < kOpeningTables; ++t) {
    const auto& range = index.record().tables.at(t);
    const auto bytes =
        std::span(index.tables()).subspan(offset_of(index.record(), t), range.nbytes);
    write_and_keep(file, range.address, bytes, image);
  }
}

void write_record(const PosixFile& file, const Record& record) {
  const Bytes start = encode_record(record);
  file.write(start.data(), start.size(), 0);
}

}  // namespace

std::uint64_t slot_bytes(std::uint64_t nbytes) {
  return std::bit_ceil(std::max<std::uint64_t>(64, nbytes + nbytes / 4));
}

Skeleton make_skeleton(const PosixFile& file, const std::vector<SkeletonEntry>& entries,
                       const Record& whole, SkeletonMaker maker, const FilePlacement& placement,
                       SkeletonImage* image) {
  Skeleton skeleton;
  Tables tables = lay_out(entries, skeleton.places);
  Record& record = skeleton.record;
  record = whole;
  record.chunked = std::ranges::any_of(entries, is_in_box_chunks);

  const auto items = items_of(tables);
  Objects objects = make_objects(file, entries, items, record.data_folder, maker, placement);

  for (std::size_t t = 0; t < kTables; ++t) {
    const Table table{static_cast<std::uint8_t>(t)};
    record.tables.at(t) = {objects.places.tables.at(t), items.at(t) * item_bytes(table)};
  }
  for (std::size_t i = 0; i < entries.size(); ++i) {
    auto& row = tables.rows[i];
    row.address = in_blobs(entries[i].kind) ? row.address + record.table(Table::blobs).address
                                            : objects.places.entries[i];
    skeleton.places[i].address = row.address;
    record.data_bytes += row.nbytes;
  }
  Bytes opening;
  opening.reserve(tables.rows.size() * sizeof(TensorRow) + tables.names.size() +
                  tables.shapes.size());
  append(opening, tables.rows.data(), tables.rows.size());
  append(opening, tables.names.data(), tables.names.size());
  append(opening, tables.shapes.data(), tables.shapes.size());
  tables = {};  // their memory

  record.file_bytes = objects.places.file_bytes;
  for (std::size_t t = 0; t < kOpeningTables; ++t) {
    record.table_digests.at(t) =
        xxh3(opening.data() + offset_of(record, t), record.tables.at(t).nbytes);
  }
  const Index index = readable_index(record, std::move(opening));
  file.reserve(record.file_bytes);
  write_objects(file, objects, other_bytes(index), record, image);
  write_tables(file, index, image);
  write_record(file, record);
  return skeleton;
}

DataFileSkeleton make_data_file(const std::string& path, const std::vector<SkeletonEntry>& entries,
                                const Record& whole, SkeletonMaker maker,
                                const FilePlacement& placement) {
  Record record = whole;
  DataFileSkeleton made{.file = make_file(path, placement), .addresses = {}};
  Objects objects = make_objects(made.file, entries, {}, "", maker, placement);
  std::vector<Range> known;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto bytes = static_cast<std::uint64_t>(nbytes(entries[i].dtype, entries[i].sizes));
    known.push_back({objects.places.entries[i], bytes});
    record.data_bytes += bytes;
  }
  made.addresses = std::move(objects.places.entries);
  record.file_bytes = objects.places.file_bytes;
  record.committed = true;
  made.file.reserve(record.file_bytes);
  write_objects(made.file, objects, other_bytes(std::move(known), record.file_bytes), record,
                nullptr);
  write_record(made.file, record);
  return made;
}

void repeat_skeleton(const PosixFile& file, const Record& record, const SkeletonImage& image) {
  file.reserve(record.file_bytes);
  write_image(file, image);
  write_record(file, record);
}

}  // namespace h5dcp
