#include "storage/skeleton_direct.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <span>
#include <utility>

#include "h5dcp/error.hpp"
#include "hdf5_format/dataset_header.hpp"
#include "hdf5_format/group.hpp"
#include "hdf5_format/local_heap.hpp"
#include "hdf5_format/superblock.hpp"
#include "layout/filters.hpp"
#include "layout/group_tree.hpp"
#include "layout/tables.hpp"
#include "storage/hdf5_filters.hpp"
#include "storage/hdf5_types.hpp"

namespace h5dcp {
namespace {

using hdf5_format::DatasetHeader;
using hdf5_format::GroupMember;
using hdf5_format::GroupPlace;
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
    table_types_.at(t) = hdf5::encoded(hdf5::datatype_of(Table{static_cast<std::uint8_t>(t)}));
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
  if (type.empty()) type = hdf5::encoded(hdf5::datatype_of(entry.dtype));
  attributes_ = {TextAttribute{"fqn", entry.fqn}, TextAttribute{"dtype", to_string(entry.dtype)}};
  DatasetHeader header{.datatype = type,
                       .itemsize = itemsize(entry.dtype),
                       .sizes = std::span(entry.sizes),
                       .nbytes = static_cast<std::uint64_t>(nbytes(entry.dtype, entry.sizes)),
                       .attributes = attributes_};
  if (entry.filters.any()) {
    header.chunk = std::span(entry.chunk_shape);
    header.filters = filters_of(entry);
  }
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

// First gives ranges of the file away: to the metadata, then to small data, then to large data.
// Then writes the metadata.
//
// The datasets are numbered: those of the entries, then those of the tables.
class Maker {
 public:
  Maker(const std::string& path, const std::vector<SkeletonEntry>& entries, const OfTables& items)
      : entries_(entries),
        headers_(path, entries, items),
        tree_(names_of(entries)),
        header_at_(entries.size() + kTables),
        data_(entries.size() + kTables),
        groups_(tree_.size()) {}

  // False if one of them does not fit.
  bool place_headers();
  void place_groups();
  void place_data();

  ObjectPlaces places() const;
  FileBytes metadata();

 private:
  bool is_dataset(std::size_t d) const {
    return d >= entries_.size() || !in_blobs(entries_[d].kind);
  }
  DatasetHeader header_of(std::size_t d) {
    return d < entries_.size() ? headers_.of_entry(d) : headers_.of_table(d - entries_.size());
  }

  // The members of the groups /, /h5dcp and those below /state.
  std::vector<GroupMember> root_members() const;
  std::vector<GroupMember> table_members() const;
  void members_of(std::size_t group, std::vector<GroupMember>& members) const;

  const std::vector<SkeletonEntry>& entries_;
  Headers headers_;
  GroupTree tree_;
  // As HDF5 counts, from behind the record:
  std::vector<std::uint64_t> header_at_;  // of each dataset
  std::vector<Range> data_;               // the same
  GroupPlace root_;
  GroupPlace tables_;
  std::vector<GroupPlace> groups_;
  std::uint64_t end_of_metadata_ = hdf5_format::kSuperblockBytes;
  std::uint64_t end_ = 0;
};

bool Maker::place_headers() {
  for (std::size_t d = 0; d < header_at_.size(); ++d) {
    if (!is_dataset(d)) continue;
    const auto header = header_of(d);
    if (!hdf5_format::fits(header)) return false;
    header_at_[d] = end_of_metadata_;
    end_of_metadata_ += hdf5_format::dataset_header_bytes(header);
    if (header.chunk.empty()) data_[d].nbytes = header.nbytes;
  }
  return true;
}

void Maker::place_groups() {
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

void Maker::place_data() {
  end_ = end_of_metadata_;
  for (auto& data : data_) {
    if (data.nbytes == 0 || data.nbytes >= kPage) continue;
    data.address = end_;
    end_ += data.nbytes;
  }
  for (auto& data : data_) {
    if (data.nbytes < kPage) continue;
    data.address = (end_ + kPage - 1) / kPage * kPage;
    end_ = data.address + data.nbytes;
  }
}

std::vector<GroupMember> Maker::root_members() const {
  return {{"h5dcp", tables_.header}, {"state", groups_.front().header}};
}

std::vector<GroupMember> Maker::table_members() const {
  std::vector<GroupMember> members;
  for (std::size_t t = 0; t < kTables; ++t) {
    members.push_back(
        {name_of(Table{static_cast<std::uint8_t>(t)}), header_at_[entries_.size() + t]});
  }
  std::ranges::sort(members, {}, &GroupMember::name);
  return members;
}

void Maker::members_of(std::size_t group, std::vector<GroupMember>& members) const {
  members.clear();
  for (const auto& member : tree_.members(group)) {
    members.push_back({tree_.name_of(member),
                       member.is_group ? groups_[member.child].header : header_at_[member.child]});
  }
}

ObjectPlaces Maker::places() const {
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

FileBytes Maker::metadata() {
  FileBytes made{kRecordBytes, Bytes(end_of_metadata_)};
  hdf5_format::ByteWriter out(made.bytes);
  put_superblock(out, {.user_block = kRecordBytes,
                       .file_bytes = kRecordBytes + end_,
                       .root_header = root_.header,
                       .root_btree = root_.btree,
                       .root_heap = root_.heap});
  for (std::size_t d = 0; d < header_at_.size(); ++d) {
    if (!is_dataset(d)) continue;
    auto header = header_of(d);
    if (data_[d].nbytes > 0) header.address = data_[d].address;
    put_dataset_header(out, header);
  }
  put_group(out, root_, root_members());
  put_group(out, tables_, table_members());
  std::vector<GroupMember> members;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    members_of(g, members);
    put_group(out, groups_[g], members);
  }
  if (out.left() > 0) throw Error(ErrorCode::internal, "HDF5's metadata: shorter than laid out");
  return made;
}

}  // namespace

std::optional<DirectSkeleton> make_directly(const std::string& path,
                                            const std::vector<SkeletonEntry>& entries,
                                            const OfTables& items,
                                            const std::string& /*data_folder*/) {
  const auto has_parts = [](const auto& entry) { return !entry.parts.empty(); };
  if (std::ranges::any_of(entries, has_parts)) return std::nullopt;
  const auto same_name = [](const auto& a, const auto& b) { return a.fqn == b.fqn; };
  if (std::ranges::adjacent_find(entries, same_name) != entries.end()) return std::nullopt;
  Maker maker(path, entries, items);
  if (!maker.place_headers()) return std::nullopt;
  maker.place_groups();
  maker.place_data();
  return DirectSkeleton{maker.places(), maker.metadata()};
}

}  // namespace h5dcp
