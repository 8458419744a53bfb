#include "skeleton/skeleton_direct.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <tuple>
#include <utility>

#include "hdf5/filters.hpp"
#include "hdf5_format/chunk_btree.hpp"
#include "hdf5_format/dataset_header.hpp"
#include "hdf5_format/datatype.hpp"
#include "hdf5_format/global_heap.hpp"
#include "hdf5_format/group.hpp"
#include "hdf5_format/local_heap.hpp"
#include "hdf5_format/metadata_pieces.hpp"
#include "hdf5_format/superblock.hpp"
#include "hdf5_format/virtual_mapping.hpp"
#include "layout/box_chunks.hpp"
#include "layout/data_parts.hpp"
#include "layout/filters.hpp"
#include "layout/group_tree.hpp"
#include "layout/tables.hpp"

namespace h5dcp {
namespace {

using hdf5_format::ByteWriter;
using hdf5_format::DatasetHeader;
using hdf5_format::GroupMember;
using hdf5_format::GroupPlace;
using hdf5_format::MetadataPieces;
using hdf5_format::TextAttribute;

// The headers of the datasets of entries and tables, but for where their data are.
class Headers {
 public:
  Headers(const std::string& path, const std::vector<SkeletonEntry>& entries,
          const OfTables& items);

  // What it refers to is good until the next call.
  DatasetHeader of_entry(std::size_t i);
  DatasetHeader of_table(std::size_t t);

 private:
  std::span<const hdf5_format::Filter> filters_of(const SkeletonEntry& entry);

  std::string action_;
  const std::vector<SkeletonEntry>& entries_;
  std::array<Bytes, kDTypes> types_;
  std::array<Bytes, kTables> table_types_;
  std::array<std::array<std::int64_t, 1>, kTables> table_sizes_{};
  std::map<std::pair<std::uint16_t, std::size_t>, std::vector<hdf5_format::Filter>> filters_;
  std::array<TextAttribute, 2> attributes_;
};

Headers::Headers(const std::string& path, const std::vector<SkeletonEntry>& entries,
                 const OfTables& items)
    : action_("create '" + path + "'"), entries_(entries) {
  for (std::size_t t = 0; t < kTables; ++t) {
    table_types_.at(t) = hdf5_format::datatype_message(Table{static_cast<std::uint8_t>(t)});
    table_sizes_.at(t) = {static_cast<std::int64_t>(items.at(t))};
  }
}

std::span<const hdf5_format::Filter> Headers::filters_of(const SkeletonEntry& entry) {
  const auto size = itemsize(entry.dtype);
  const auto [found, is_new] = filters_.try_emplace({encode_filters(entry.filters), size});
  if (is_new) found->second = hdf5::stored_filters(entry.filters, size, action_);
  return found->second;
}

DatasetHeader Headers::of_entry(std::size_t i) {
  const auto& entry = entries_[i];
  auto& type = types_.at(static_cast<std::size_t>(entry.dtype));
  if (type.empty()) type = hdf5_format::datatype_message(entry.dtype);
  attributes_ = {TextAttribute{"fqn", entry.fqn}, TextAttribute{"dtype", to_string(entry.dtype)}};
  DatasetHeader header{.datatype = type,
                       .itemsize = itemsize(entry.dtype),
                       .sizes = std::span(entry.sizes),
                       .nbytes = static_cast<std::uint64_t>(nbytes(entry.dtype, entry.sizes)),
                       .attributes = attributes_};
  if (!entry.parts.empty()) header.mapping_number = 1;  // it will have one
  header.chunk = std::span(entry.chunk_shape);
  if (entry.filters.any()) header.filters = filters_of(entry);
  return header;
}

DatasetHeader Headers::of_table(std::size_t t) {
  const auto item = item_bytes(Table{static_cast<std::uint8_t>(t)});
  return {.datatype = table_types_.at(t),
          .itemsize = item,
          .sizes = table_sizes_.at(t),
          .nbytes = static_cast<std::uint64_t>(table_sizes_.at(t)[0]) * item};
}

std::vector<StoredName> names_of(const std::vector<SkeletonEntry>& entries) {
  std::vector<StoredName> names;
  names.reserve(entries.size());
  for (const auto& entry : entries) names.push_back({entry.fqn, !in_blobs(entry.kind)});
  return names;
}

hdf5_format::ChunkTree chunk_tree_of(const SkeletonEntry& entry) {
  return {.chunks = box_chunks_of(entry).count(),
          .shape = std::span(entry.chunk_shape),
          .itemsize = itemsize(entry.dtype)};
}

// A collection of the global heap, and the entries whose mappings are its objects.
struct Mappings {
  std::uint64_t address = 0;
  std::size_t nbytes = 0;  // of the objects
  std::vector<std::size_t> entries;
};

// First gives ranges of the file away: to the metadata, then to small data, then to large data.
// Then writes the metadata.
//
// The datasets are numbered: those of the entries, then those of the tables.
class DirectMaker {
 public:
  DirectMaker(const std::string& path, const std::vector<SkeletonEntry>& entries,
              const OfTables& items, std::string data_folder)
      : entries_(entries),
        data_folder_(std::move(data_folder)),
        headers_(path, entries, items),
        tree_(names_of(entries)),
        header_at_(entries.size() + kTables),
        data_(entries.size() + kTables),
        groups_(tree_.size()) {}

  // False if one of them does not fit.
  bool place_headers();
  void place_groups();
  void place_mappings();
  void place_chunk_indices();
  void place_data(std::uint64_t alignment);

  ObjectPlaces places() const;
  void put_metadata(const PutBytes& put);

 private:
  void put_headers(MetadataPieces& pieces);
  void put_mappings(MetadataPieces& pieces);

  bool is_dataset(std::size_t d) const {
    return d >= entries_.size() || !in_blobs(entries_[d].kind);
  }
  // But for where its data or its mapping are.
  DatasetHeader header_of(std::size_t d) {
    return d < entries_.size() ? headers_.of_entry(d) : headers_.of_table(d - entries_.size());
  }
  // The mapping of a virtual dataset; nothing if that does not fit.
  Bytes mapping_of(const SkeletonEntry& entry) const;

  // The members of the groups /, /h5dcp and those below /state.
  std::vector<GroupMember> root_members() const;
  std::vector<GroupMember> table_members() const;
  void members_of(std::size_t group, std::vector<GroupMember>& members) const;

  const std::vector<SkeletonEntry>& entries_;
  std::string data_folder_;
  Headers headers_;
  GroupTree tree_;
  // As HDF5 counts, from behind the record:
  std::vector<std::uint64_t> header_at_;  // of each dataset
  std::vector<Range> data_;               // the same
  GroupPlace root_;
  GroupPlace tables_;
  std::vector<GroupPlace> groups_;
  std::vector<Bytes> objects_;  // of virtual datasets, in their order
  std::vector<Mappings> mappings_;
  std::map<std::size_t, std::uint64_t> chunk_btrees_;  // of datasets in chunks of shards
  std::uint64_t end_of_metadata_ = hdf5_format::kSuperblockBytes;
  std::uint64_t end_ = 0;
};

bool DirectMaker::place_headers() {
  for (std::size_t d = 0; d < header_at_.size(); ++d) {
    if (!is_dataset(d)) continue;
    const auto header = header_of(d);
    if (!hdf5_format::fits(header)) return false;
    header_at_[d] = end_of_metadata_;
    end_of_metadata_ += hdf5_format::dataset_header_bytes(header);
    const bool is_virtual = header.mapping_number > 0;
    if (header.chunk.empty() && !is_virtual) data_[d].nbytes = header.nbytes;
    if (d < entries_.size() && is_in_box_chunks(entries_[d])) {
      data_[d].nbytes = box_chunks_of(entries_[d]).all_bytes();
      chunk_btrees_[d] = 0;
    }
    if (is_virtual) {
      objects_.push_back(mapping_of(entries_[d]));
      if (objects_.back().empty()) return false;
    }
  }
  return true;
}

void DirectMaker::place_groups() {
  const auto place = [this](std::span<const GroupMember> members) {
    std::size_t name_bytes = 0;
    for (const auto& member : members) name_bytes += hdf5_format::heap_name_bytes(member.name);
    const auto placed = hdf5_format::place_group(end_of_metadata_, members.size(), name_bytes);
    end_of_metadata_ = placed.end;
    return placed;
  };
  root_ = place(root_members());
  tables_ = place(table_members());
  std::vector<GroupMember> members;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    members_of(g, members);
    groups_[g] = place(members);
  }
}

Bytes DirectMaker::mapping_of(const SkeletonEntry& entry) const {
  const bool is_whole = entry.parts.size() == 1;
  std::vector<std::string> files;
  std::vector<std::string> datasets;
  for (std::size_t p = 0; p < entry.parts.size(); ++p) {
    files.push_back(source_name(data_folder_ + "/" + data_file_name(entry.parts[p].file)));
    datasets.push_back(source_name(entry.sources[p]));
  }
  std::vector<hdf5_format::VirtualSource> sources;
  for (std::size_t p = 0; p < entry.parts.size(); ++p) {
    auto& source =
        sources.emplace_back(hdf5_format::VirtualSource{.file = files[p], .dataset = datasets[p]});
    if (is_whole) continue;
    source.offsets = std::span(entry.parts[p].box.offsets);
    source.sizes = std::span(entry.parts[p].box.sizes);
  }
  return hdf5_format::fits(sources) ? hdf5_format::virtual_mapping(sources) : Bytes();
}

// HDF5 reads a whole collection to get at one mapping, so none is much larger than the least.
void DirectMaker::place_mappings() {
  auto object = objects_.begin();
  for (std::size_t e = 0; e < entries_.size(); ++e) {
    if (entries_[e].parts.empty()) continue;
    const auto nbytes = hdf5_format::heap_object_bytes((object++)->size());
    const auto full = hdf5_format::kLeastCollectionBytes - hdf5_format::kCollectionPrefixBytes;
    if (mappings_.empty() || mappings_.back().nbytes + nbytes > full) mappings_.emplace_back();
    mappings_.back().nbytes += nbytes;
    mappings_.back().entries.push_back(e);
  }
  for (auto& collection : mappings_) {
    collection.address = end_of_metadata_;
    end_of_metadata_ += hdf5_format::collection_bytes(collection.nbytes);
  }
}

void DirectMaker::place_chunk_indices() {
  for (auto& [d, address] : chunk_btrees_) {
    address = end_of_metadata_;
    end_of_metadata_ += hdf5_format::chunk_btree_bytes(chunk_tree_of(entries_[d]));
  }
}

void DirectMaker::place_data(std::uint64_t alignment) {
  end_ = end_of_metadata_;
  for (auto& data : data_) {
    if (data.nbytes == 0 || data.nbytes >= kPage) continue;
    data.address = end_;
    end_ += data.nbytes;
  }
  // Aligned ones first: most follow each other without a gap.
  for (const bool aligned : {true, false}) {
    for (auto& data : data_) {
      if (data.nbytes < kPage || is_aligned(data.nbytes, alignment) != aligned) continue;
      const auto unit = aligned ? alignment : kPage;
      data.address = next_multiple(kRecordBytes + end_, unit) - kRecordBytes;
      end_ = data.address + data.nbytes;
    }
  }
}

std::vector<GroupMember> DirectMaker::root_members() const {
  return {{"h5dcp", tables_.header}, {"state", groups_.front().header}};
}

std::vector<GroupMember> DirectMaker::table_members() const {
  std::vector<GroupMember> members;
  for (std::size_t t = 0; t < kTables; ++t) {
    members.push_back(
        {name_of(Table{static_cast<std::uint8_t>(t)}), header_at_[entries_.size() + t]});
  }
  std::ranges::sort(members, {}, &GroupMember::name);
  return members;
}

void DirectMaker::members_of(std::size_t group, std::vector<GroupMember>& members) const {
  members.clear();
  for (const auto& member : tree_.members(group)) {
    members.push_back({tree_.name_of(member),
                       member.is_group ? groups_[member.child].header : header_at_[member.child]});
  }
}

ObjectPlaces DirectMaker::places() const {
  const auto absolute = [](const Range& data) {
    return data.nbytes == 0 ? 0 : kRecordBytes + data.address;
  };
  ObjectPlaces places;
  places.entries.reserve(entries_.size());
  for (std::size_t d = 0; d < entries_.size(); ++d) places.entries.push_back(absolute(data_[d]));
  for (std::size_t t = 0; t < kTables; ++t) {
    places.tables.at(t) = absolute(data_[entries_.size() + t]);
  }
  places.file_bytes = kRecordBytes + end_;
  return places;
}

void DirectMaker::put_metadata(const PutBytes& put) {
  hdf5_format::MetadataPieces pieces(kRecordBytes, put);
  pieces.add(hdf5_format::kSuperblockBytes, [&](ByteWriter& out) {
    put_superblock(out, {.user_block = kRecordBytes,
                         .file_bytes = kRecordBytes + end_,
                         .root_header = root_.header,
                         .root_btree = root_.btree,
                         .root_heap = root_.heap});
  });
  put_headers(pieces);
  const auto add_group = [&](const GroupPlace& place, std::span<const GroupMember> members) {
    pieces.add(place.end - place.header, [&](ByteWriter& out) { put_group(out, place, members); });
  };
  add_group(root_, root_members());
  add_group(tables_, table_members());
  std::vector<GroupMember> members;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    members_of(g, members);
    add_group(groups_[g], members);
  }
  put_mappings(pieces);
  for (const auto& [d, address] : chunk_btrees_) {
    const auto tree = chunk_tree_of(entries_[d]);
    const BoxChunks chunks = box_chunks_of(entries_[d]);
    DataPart part;
    const auto place_of = [&, first = data_[d].address](std::size_t i) {
      part = chunks.part(i, first);
      return hdf5_format::ChunkPlaced{std::span(part.box.offsets), part.address};
    };
    pieces.add(hdf5_format::chunk_btree_bytes(tree), [&, at = address](ByteWriter& out) {
      hdf5_format::put_chunk_btree(out, at, tree, place_of);
    });
  }
  pieces.flush();
}

void DirectMaker::put_headers(MetadataPieces& pieces) {
  std::map<std::size_t, std::pair<std::uint64_t, std::uint32_t>> mapping_at;  // of entries
  for (const auto& collection : mappings_) {
    for (std::uint32_t n = 0; n < collection.entries.size(); ++n) {
      mapping_at[collection.entries[n]] = {collection.address, n + 1};
    }
  }
  for (std::size_t d = 0; d < header_at_.size(); ++d) {
    if (!is_dataset(d)) continue;
    auto header = header_of(d);
    if (data_[d].nbytes > 0) header.address = data_[d].address;
    if (header.mapping_number > 0) {
      std::tie(header.mapping_collection, header.mapping_number) = mapping_at.at(d);
    }
    if (const auto tree = chunk_btrees_.find(d); tree != chunk_btrees_.end()) {
      header.chunk_btree = tree->second;
    }
    pieces.add(hdf5_format::dataset_header_bytes(header),
               [&](ByteWriter& out) { put_dataset_header(out, header); });
  }
}

void DirectMaker::put_mappings(MetadataPieces& pieces) {
  auto object = objects_.begin();
  for (const auto& collection : mappings_) {
    pieces.add(hdf5_format::collection_bytes(collection.nbytes), [&](ByteWriter& out) {
      hdf5_format::put_collection_prefix(out, collection.nbytes);
      for (std::size_t n = 0; n < collection.entries.size(); ++n) {
        hdf5_format::put_heap_object(out, n + 1, *object++);
      }
      hdf5_format::put_collection_end(out, collection.nbytes);
    });
  }
}

}  // namespace

std::optional<DirectSkeleton> make_directly(const std::string& path,
                                            const std::vector<SkeletonEntry>& entries,
                                            const OfTables& items, const std::string& data_folder,
                                            std::uint64_t alignment) {
  const auto same_name = [](const auto& a, const auto& b) { return a.fqn == b.fqn; };
  if (std::ranges::adjacent_find(entries, same_name) != entries.end()) return std::nullopt;
  const auto maker = std::make_shared<DirectMaker>(path, entries, items, data_folder);
  if (!maker->place_headers()) return std::nullopt;
  maker->place_groups();
  maker->place_mappings();
  maker->place_chunk_indices();
  maker->place_data(alignment);
  return DirectSkeleton{maker->places(),
                        [maker](const PutBytes& put) { maker->put_metadata(put); }};
}

}  // namespace h5dcp
