// Hdf5Writer: from the entries that every rank owns to a file with a place for each.

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/whole_box.hpp"
#include "base/wire.hpp"
#include "files/folder.hpp"
#include "files/index.hpp"
#include "files/partial_name.hpp"
#include "files/random_id.hpp"
#include "h5dcp/error.hpp"
#include "layout/blocks.hpp"
#include "layout/box_chunks.hpp"
#include "layout/chunk_shape.hpp"
#include "layout/data_parts.hpp"
#include "layout/filters.hpp"
#include "layout/node_ranges.hpp"
#include "layout/pages.hpp"
#include "layout/tables.hpp"
#include "skeleton/data_files.hpp"
#include "skeleton/skeleton.hpp"
#include "storage/common_options.hpp"
#include "storage/hdf5_options.hpp"
#include "storage/hdf5_partial.hpp"
#include "storage/hdf5_save.hpp"
#include "storage/storage_data.hpp"
#include "transfer/exchanged_write.hpp"

namespace h5dcp {
namespace {

// The numbers in `checksums` of one box. A slot is written whole.
std::uint64_t checksums_in(const SkeletonEntry& entry, const Box& box, const Record& record) {
  const bool filtered = entry.filters.any();
  if (!is_hashed(record, entry.kind, filtered)) return 0;
  const auto grid = filtered ? chunk_grid(box, entry.chunk_shape)
                             : block_grid(in_blobs(entry.kind) ? whole_box(entry.sizes) : box,
                                          itemsize(entry.dtype));
  return static_cast<std::uint64_t>(block_count(grid)) * numbers_of_block(filtered);
}

// Which data file each rank writes to: numbers from 0 on; nothing in the other ways.
std::vector<std::uint32_t> groups_of_ranks(const Comm& comm, const Files& files) {
  if (files.way == Files::Way::per_node) return comm.nodes();
  std::vector<std::uint32_t> groups;
  if (files.way != Files::Way::per_ranks) return groups;
  for (int rank = 0; rank < comm.size(); ++rank) {
    groups.push_back(static_cast<std::uint32_t>(rank / files.count));
  }
  return groups;
}

// What goes to data files: tensors of which every part has a page, on average.
Cut cut_of(const PlannedEntry& entry, const Files& files,
           const std::vector<std::uint32_t>& groups) {
  const auto bytes = static_cast<std::uint64_t>(nbytes(entry.dtype, entry.size));
  if (files.way == Files::Way::one || entry.kind != EntryKind::tensor || bytes < kPage) return {};
  Cut cut;
  if (groups.empty()) {  // the coordinator chooses the file
    cut.parts.push_back({0, 0, whole_box(entry.size)});
    cut.of_box.resize(entry.chunks.size());
  } else {
    std::vector<std::uint32_t> of_box;
    for (const auto writer : entry.writers) {
      of_box.push_back(groups.at(static_cast<std::size_t>(writer)));
    }
    cut = cut_by_groups(entry.chunks, of_box);
    if (bytes / cut.parts.size() < kPage) return {};
  }
  return cut;
}

// What is stored of one entry: values in `blobs` take a slot of bytes.
SkeletonEntry to_skeleton(const PlannedEntry& entry, const Hdf5Options& options,
                          const Record& record) {
  SkeletonEntry made{.fqn = entry.fqn,
                     .path = encode_path(entry.path),
                     .kind = entry.kind,
                     .dtype = entry.dtype,
                     .sizes = entry.size,
                     .chunks = entry.chunks.size(),
                     .checksums = 0};
  if (in_blobs(entry.kind)) {
    made.dtype = DType::uint8;
    made.sizes = {static_cast<std::int64_t>(slot_bytes(entry.nbytes))};
  }
  if (options.filters.any() && entry.kind == EntryKind::tensor) {
    const auto shape = chunk_shape(entry.size, entry.chunks, itemsize(entry.dtype));
    if (shape) {
      made.filters = options.filters;
      made.chunk_shape = *shape;
    }
  } else if (options.layout == Layout::chunk_per_shard && entry.kind == EntryKind::tensor) {
    const auto shape = box_chunk(entry.size, entry.chunks, itemsize(entry.dtype));
    if (shape) made.chunk_shape = *shape;
  }
  for (const auto& box : entry.chunks) made.checksums += checksums_in(made, box, record);
  return made;
}

// Whether nodes that have short ranges of a tensor exchange them before they write.
bool may_exchange(const Comm& comm, const Hdf5Options& options) {
  return is_shared(options.transfer) &&
         std::ranges::any_of(comm.nodes(), [](auto node) { return node > 0; });
}

// The shortest_node_range() of a contiguous tensor in the checkpoint itself.
std::uint64_t node_range_of(const PlannedEntry& entry, const SkeletonEntry& made,
                            const std::vector<std::uint32_t>& nodes) {
  const bool is_contiguous = made.chunk_shape.empty() && made.parts.empty();
  if (entry.kind != EntryKind::tensor || !is_contiguous) return 0;
  std::vector<std::uint32_t> of_box;
  of_box.reserve(entry.writers.size());
  for (const auto writer : entry.writers) {
    of_box.push_back(nodes.at(static_cast<std::size_t>(writer)));
  }
  return shortest_node_range(entry.size, itemsize(entry.dtype), entry.chunks, of_box);
}

bool is_exchanged(const SkeletonEntry& entry, std::uint64_t below) {
  return entry.node_range > 0 && entry.node_range < below;
}

// Rank 0: shorter ranges of nodes are exchanged, as they lie in the same blocks of the file; 0 if
// there are none.
std::uint64_t exchanged_below(const std::vector<SkeletonEntry>& entries, const PosixFile& file,
                              const FilePlacement& placement) {
  const auto any = [&](std::uint64_t below) {
    return std::ranges::any_of(entries,
                               [below](const auto& entry) { return is_exchanged(entry, below); });
  };
  if (!any(kLongestExchanged)) return 0;
  const auto block = alignment_in(file, placement);
  const auto below = std::min(block, kLongestExchanged);
  return any(below) ? below : 0;
}

void encode(WireWriter& wire, const SkeletonEntry& entry) {
  wire.text(entry.fqn);
  wire.text(entry.path);
  wire.varint(static_cast<std::uint64_t>(entry.kind));
  wire.varint(static_cast<std::uint64_t>(entry.dtype));
  wire.varint(entry.sizes.size());
  wire.extents(entry.sizes);
  wire.varint(entry.chunks);
  wire.varint(entry.checksums);
  wire.varint(entry.node_range);
  wire.varint(encode_filters(entry.filters));
  wire.varint(entry.chunk_shape.size());
  wire.extents(entry.chunk_shape);
  wire.varint(entry.parts.size());
  for (const auto& part : entry.parts) {
    wire.varint(part.file);
    wire.box(part.box);
  }
}

Bytes encode(const std::vector<SkeletonEntry>& entries) {
  WireWriter wire;
  wire.varint(entries.size());
  for (const auto& entry : entries) encode(wire, entry);
  return wire.take();
}

SkeletonEntry decode_entry(WireReader& wire) {
  SkeletonEntry entry;
  entry.fqn = wire.text();
  entry.path = wire.text();
  entry.kind = EntryKind{static_cast<std::uint8_t>(wire.varint())};
  entry.dtype = DType{static_cast<std::uint8_t>(wire.varint())};
  entry.sizes = wire.extents(wire.varint());
  entry.chunks = wire.varint();
  entry.checksums = wire.varint();
  entry.node_range = wire.varint();
  entry.filters = decode_filters(static_cast<std::uint16_t>(wire.varint()));
  entry.chunk_shape = wire.extents(wire.varint());
  entry.parts.resize(wire.varint());
  for (auto& part : entry.parts) {
    part.file = static_cast<std::uint32_t>(wire.varint());
    part.box = wire.box(entry.sizes.size());
  }
  return entry;
}

// Rank 0: the entries of all owners, and which owner sent which.
struct Gathered {
  std::vector<SkeletonEntry> entries;
  std::vector<int> owners;
  std::vector<std::size_t> ends;  // of each owner's entries
};

Gathered gather(const std::vector<Message>& messages) {
  Gathered all;
  std::size_t count = 0;
  for (const auto& message : messages) count += WireReader(message.bytes).varint();
  all.entries.reserve(count);
  all.owners.reserve(count);
  for (const auto& message : messages) {
    WireReader wire(message.bytes);
    for (auto left = wire.varint(); left > 0; --left) {
      all.entries.push_back(decode_entry(wire));
      all.owners.push_back(message.rank);
    }
    all.ends.push_back(all.entries.size());
  }
  return all;
}

// Rank 0: the numbers of the entries, ordered by FQN. Each owner mostly has sent its own so.
std::vector<std::size_t> order_of(const Gathered& all) {
  std::vector<std::size_t> order(all.entries.size());
  std::iota(order.begin(), order.end(), 0U);
  const auto fqn = [&](std::size_t i) -> const std::string& { return all.entries[i].fqn; };
  std::vector<std::vector<std::size_t>::iterator> runs{order.begin()};
  for (const auto end : all.ends) {
    const auto first = runs.back();
    runs.push_back(order.begin() + static_cast<std::ptrdiff_t>(end));
    if (!std::ranges::is_sorted(first, runs.back(), {}, fqn)) {
      std::ranges::sort(first, runs.back(), {}, fqn);
    }
  }
  while (runs.size() > 2) {
    std::vector<std::vector<std::size_t>::iterator> longer{runs.front()};
    for (std::size_t i = 1; i < runs.size(); i += 2) {
      const auto end = i + 1 < runs.size() ? runs[i + 1] : runs[i];
      std::ranges::inplace_merge(longer.back(), runs[i], end, {}, fqn);
      longer.push_back(end);
    }
    runs = std::move(longer);
  }
  return order;
}

// Rank 0: the places, in the order in which each owner sent its entries.
std::vector<Message> answers(const std::vector<EntryPlace>& places,
                             const std::vector<SkeletonEntry>& entries,
                             const std::vector<std::size_t>& order, const Gathered& all) {
  std::vector<EntryPlace> as_sent(places.size());
  std::vector<const SkeletonEntry*> entry_of(places.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    as_sent[order[i]] = places[i];
    entry_of[order[i]] = &entries[i];
  }
  std::vector<Message> messages;
  WireWriter wire;
  for (std::size_t i = 0; i < as_sent.size(); ++i) {
    wire.varint(as_sent[i].first_chunk);
    wire.varint(as_sent[i].row);
    wire.varint(as_sent[i].address);
    wire.varint(as_sent[i].first_box);
    wire.varint(as_sent[i].first_checksum);
    for (const auto& part : entry_of[i]->parts) {
      wire.varint(part.file);
      wire.varint(part.address);
    }
    if (i + 1 == as_sent.size() || all.owners[i + 1] != all.owners[i]) {
      messages.push_back({all.owners[i], wire.take()});
    }
  }
  return messages;
}

// What all ranks need of the record, in few bytes.
Bytes encode_shared(const Record& record, std::uint64_t below) {
  WireWriter wire;
  wire.varint(below);
  wire.fixed64(record.generation);
  wire.varint(record.file_bytes);
  wire.varint(record.data_bytes);
  wire.varint(record.data_files);
  wire.text(record.data_folder);
  for (const auto& table : record.tables) {
    wire.varint(table.address);
    wire.varint(table.nbytes);
  }
  return wire.take();
}

void decode_shared(const Bytes& bytes, Record& record, std::uint64_t& below) {
  WireReader wire(bytes);
  below = wire.varint();
  record.generation = wire.fixed64();
  record.file_bytes = wire.varint();
  record.data_bytes = wire.varint();
  record.data_files = static_cast<std::uint32_t>(wire.varint());
  record.data_folder = wire.text();
  for (auto& table : record.tables) table = {wire.varint(), wire.varint()};
}

}  // namespace

std::vector<std::vector<StorageData>> Hdf5Writer::prepare_global_plan(
    const Comm& comm, const std::vector<PlannedEntry>& share) {
  Save& save = *save_;
  const CommonOptions common(comm, options_, true);
  std::vector<SkeletonEntry> own;
  std::vector<Cut> cuts;
  std::vector<Message> messages;
  const auto options_of_all = comm.tally("lay out", [&] {
    const auto groups = groups_of_ranks(comm, options_.files);
    const bool exchanges = may_exchange(comm, options_);
    save.record.unhashed = !options_.checksums;
    own.reserve(share.size());
    for (const auto& entry : share) {
      own.push_back(to_skeleton(entry, options_, save.record));
      cuts.push_back(cut_of(entry, options_.files, groups));
      own.back().parts = cuts.back().parts;
      if (exchanges) own.back().node_range = node_range_of(entry, own.back(), comm.nodes());
    }
    if (!own.empty()) messages.push_back({comm.coordinator(), encode(own)});
    return Ballot{.sums = {}, .maxima = common.maxima(), .values = {}};
  });
  common.check(comm, "lay out", options_of_all);
  messages = comm.exchange("lay out", std::move(messages));

  std::uint64_t below = 0;  // see exchanged_below()
  comm.agree("create '" + path_ + "'", [&] {
    if (!comm.is_coordinator()) return;
    Gathered all = gather(messages);
    messages.clear();
    const auto order = order_of(all);
    std::vector<SkeletonEntry> entries;
    entries.reserve(order.size());
    for (const auto i : order) entries.push_back(std::move(all.entries[i]));
    all.entries = std::vector<SkeletonEntry>();  // their memory

    Record whole{.generation = random_id(),
                 .world_size = static_cast<std::uint32_t>(comm.size()),
                 .unhashed = save.record.unhashed};
    // From here on abandon() removes it.
    save.unfinished.emplace(make_unfinished(comm, path_, options_.overwrite, whole.generation,
                                            placement_of(comm, path_, options_)));
    auto& made = *save.unfinished;
    const auto& placement = made.placement();
    if (options_.files.way == Files::Way::number) {
      choose_files(entries, static_cast<std::uint32_t>(options_.files.count));
    }
    whole.data_files = count_data_files(entries);
    if (whole.data_files > 0) {
      whole.data_folder = new_data_folder(path_, whole.generation);
      made.make_data_folder(whole.data_folder);
      make_data_files(made.data_folder(), entries, whole, save.data_files, placement);
    }
    SkeletonImage* image = nullptr;
    if (save.layout) {
      image = &save.layout->image;
    } else if (options_.filters.any()) {
      image = &save.image;
    }
    const auto skeleton =
        make_skeleton(made.file(), entries, whole, SkeletonMaker::direct, placement, image);
    save.record = skeleton.record;
    below = exchanged_below(entries, made.file(), placement);
    messages = answers(skeleton.places, entries, order, all);
  });
  decode_shared(comm.broadcast("lay out", encode_shared(save.record, below), comm.coordinator()),
                save.record, below);
  save.exchanges = below > 0;
  messages = comm.exchange("lay out", std::move(messages));

  std::vector<std::vector<StorageData>> data;
  comm.agree("open '" + path_ + "'", [&] {
    save.partial = partial_name(path_, save.record.generation);
    save.files = open_partial(save.partial, save.record, comm.coordinator());
    if (save.layout) {
      save.layout->record = save.record;
      save.layout->exchanges = save.exchanges;
    }
    WireReader wire(messages.empty() ? std::span<const std::uint8_t>() : messages.front().bytes);
    for (std::size_t i = 0; i < share.size(); ++i) {
      const auto& made = own[i];
      ChunkPlace place{.slot_bytes = 0,
                       .chunk = wire.varint(),
                       .row = wire.varint(),
                       .address = wire.varint(),
                       .first_box = wire.varint(),
                       .first_checksum = wire.varint(),
                       .chunk_shape = made.filters.any() ? made.chunk_shape : Extents(),
                       .exchanged = is_exchanged(made, below),
                       .part = {}};
      auto parts = cuts[i].parts;
      for (auto& part : parts) {
        part.file = static_cast<std::uint32_t>(wire.varint());
        part.address = wire.varint();
      }
      if (in_blobs(made.kind)) place.slot_bytes = static_cast<std::uint64_t>(made.sizes[0]);
      auto& chunks = data.emplace_back();
      for (std::size_t c = 0; c < share[i].chunks.size(); ++c) {
        const auto& box = share[i].chunks[c];
        if (!parts.empty()) place.part = parts.at(cuts[i].of_box.at(c));
        if (is_in_box_chunks(made)) {
          const BoxChunks layout = box_chunks_of(made);
          place.part = layout.part(layout.number_at(box.offsets), place.address);
        }
        chunks.push_back(encode_place(place));
        place.chunk += 1;
        place.first_box += 2 * made.sizes.size();
        place.first_checksum += checksums_in(made, box, save.record);
      }
    }
  });
  return data;
}

}  // namespace h5dcp
