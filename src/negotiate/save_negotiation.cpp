#include "negotiate/save_negotiation.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <string>

#include "base/checksum.hpp"
#include "base/context.hpp"
#include "base/whole_box.hpp"
#include "base/wire.hpp"
#include "h5dcp/error.hpp"

namespace h5dcp {
namespace {

// Throws Error{invalid_argument} if the planner left the item without what it is made of.
void check_made(const WriteItem& item) {
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorCode::invalid_argument, "save '" + item.index.fqn + "': planned " + why);
  };
  if (item.type == WriteItemType::byte_io) {
    if (!item.bytes_io_data) refuse("as a value without bytes_io_data");
    return;
  }
  if (!item.tensor_data) refuse("as a tensor without tensor_data");
  const auto& [chunk, properties, size] = *item.tensor_data;
  if (chunk.offsets.size() != size.size() || chunk.sizes.size() != size.size()) {
    refuse("as a box of offsets " + to_string(chunk.offsets) + " and sizes " +
           to_string(chunk.sizes) + " in " + to_string(size));
  }
}

void encode(WireWriter& wire, const WriteItem& item) {
  check_made(item);
  wire.text(item.index.fqn);
  wire.text(encode_path(item.path));
  wire.varint(static_cast<std::uint64_t>(item.type));
  if (item.type == WriteItemType::byte_io) {
    const auto& data = item.bytes_io_data.value();
    wire.varint(static_cast<std::uint64_t>(data.kind));
    wire.varint(static_cast<std::uint64_t>(data.dtype));
    wire.varint(data.size.size());
    wire.extents(data.size);
    wire.varint(data.nbytes);
    wire.fixed64(data.digest);
    return;
  }
  const auto& data = item.tensor_data.value();
  wire.varint(static_cast<std::uint64_t>(data.properties.dtype));
  wire.varint(data.size.size());
  wire.extents(data.size);
  if (item.type == WriteItemType::shard) wire.box(data.chunk);  // else it is the whole
}

// An item as its owner sees it.
struct Proposal {
  std::string fqn;
  std::string path;
  Proposals::Holder holder;
};

Proposal decode_proposal(WireReader& wire, int rank, std::size_t position) {
  Proposal made;
  made.fqn = wire.text();
  made.path = wire.text();
  auto& holder = made.holder;
  holder.rank = rank;
  holder.item = position;
  holder.type = WriteItemType{static_cast<std::uint8_t>(wire.varint())};
  if (holder.type == WriteItemType::byte_io) {
    holder.bytes.kind = EntryKind{static_cast<std::uint8_t>(wire.varint())};
    holder.bytes.dtype = DType{static_cast<std::uint8_t>(wire.varint())};
    holder.bytes.size = wire.extents(wire.varint());
    holder.bytes.nbytes = wire.varint();
    holder.bytes.digest = wire.fixed64();
    return made;
  }
  auto& tensor = holder.tensor;
  tensor.properties.dtype = DType{static_cast<std::uint8_t>(wire.varint())};
  const auto dims = wire.varint();
  tensor.size = wire.extents(dims);
  tensor.chunk = holder.type == WriteItemType::shard ? wire.box(dims) : whole_box(tensor.size);
  return made;
}

// Throws Error{invalid_argument} if `writes` are not pieces of what the ranks hold that can make up
// the whole: their boxes' elements are counted, not compared.
void check_answer(const Proposals& proposals, const std::vector<PlannedWrite>& writes) {
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorCode::invalid_argument,
                "save '" + proposals.fqn + "': the planner's plan_writes " + why);
  };
  const auto& first = proposals.holders.front();
  const bool value = first.type == WriteItemType::byte_io;
  std::int64_t elements = 0;
  for (const auto& write : writes) {
    if (write.holder >= proposals.holders.size()) {
      refuse("chose holder " + std::to_string(write.holder) + " of " +
             std::to_string(proposals.holders.size()));
    }
    if (value) continue;
    const Box& held = proposals.holders[write.holder].tensor.chunk;
    if (write.box.dims() != held.dims() || !contains(held, write.box)) {
      refuse("wants " + to_string(write.box) + " from a holder of " + to_string(held));
    }
    elements += numel(write.box.sizes);
  }
  const auto whole = value ? 0 : numel(first.tensor.size);
  if (value ? writes.size() != 1 : elements != whole) {
    refuse("chose " + std::to_string(value ? static_cast<std::int64_t>(writes.size()) : elements) +
           (value ? " writers, not 1" : " elements, not " + std::to_string(whole)));
  }
}

// Throws Error{invalid_argument} if it is more than 63 bits can count.
PlannedEntry entry_of(const Proposals& proposals) {
  const auto& first = proposals.holders.front();
  PlannedEntry entry;
  entry.fqn = proposals.fqn;
  entry.path = proposals.path;
  if (first.type == WriteItemType::byte_io) {
    entry.kind = first.bytes.kind;
    entry.dtype = first.bytes.dtype;
    entry.size = first.bytes.size;
    entry.nbytes = first.bytes.nbytes;
  } else {
    entry.dtype = first.tensor.properties.dtype;
    entry.size = first.tensor.size;
  }
  constexpr auto kMostValueBytes = std::uint64_t{1} << 61;  // its slot may be larger
  with_context("save '" + entry.fqn + "'", [&] { return nbytes(entry.dtype, entry.size); });
  if (entry.nbytes > kMostValueBytes) {
    throw Error(ErrorCode::invalid_argument,
                "save '" + entry.fqn + "': a value of " + std::to_string(entry.nbytes) + " bytes");
  }
  return entry;
}

}  // namespace

int owner_of(std::string_view fqn, int size) {
  return static_cast<int>(xxh3(fqn.data(), fqn.size()) % static_cast<std::uint64_t>(size));
}

SaveNegotiation::SaveNegotiation(SavePlan plan, int size) : plan_(std::move(plan)), size_(size) {}

std::vector<Message> SaveNegotiation::proposals() const {
  std::map<int, WireWriter> wires;
  for (const auto& item : plan_.items) encode(wires[owner_of(item.index.fqn, size_)], item);
  std::vector<Message> messages;
  messages.reserve(wires.size());
  for (auto& [owner, wire] : wires) messages.push_back({owner, wire.take()});
  return messages;
}

void SaveNegotiation::merge(const std::vector<Message>& received, const SavePlanner& planner) {
  std::map<std::string, Proposals> by_fqn;
  for (const auto& message : received) {  // ordered by rank, so the holders will be as well
    WireReader wire(message.bytes);
    for (std::size_t position = 0; !wire.at_end(); ++position) {
      auto proposal = decode_proposal(wire, message.rank, position);
      auto [place, is_new] = by_fqn.try_emplace(proposal.fqn);
      if (is_new) {
        place->second.fqn = proposal.fqn;
        place->second.path = decode_path(proposal.fqn, proposal.path);
      }
      place->second.holders.push_back(std::move(proposal.holder));
    }
  }
  for (const auto& named : by_fqn) {
    const Proposals& proposals = named.second;
    auto entry = entry_of(proposals);
    auto writes = planner.plan_writes(proposals);
    check_answer(proposals, writes);
    // A rank's chunks of one tensor follow each other, and so do their rows in the index.
    std::ranges::stable_sort(writes, {}, [&](const PlannedWrite& write) {
      return proposals.holders.at(write.holder).rank;
    });
    auto& origins = origins_.emplace_back();
    for (auto& write : writes) {
      const auto& holder = proposals.holders[write.holder];
      const bool whole = holder.type == WriteItemType::byte_io || write.box == holder.tensor.chunk;
      origins.push_back({holder.rank, holder.item, whole});
      entry.writers.push_back(holder.rank);
      entry.chunks.push_back(std::move(write.box));
    }
    share_.push_back(std::move(entry));
  }
}

std::vector<Message> SaveNegotiation::answers(
    const std::vector<std::vector<StorageData>>& places) const {
  std::map<int, WireWriter> wires;
  for (std::size_t i = 0; i < share_.size(); ++i) {
    if (i >= places.size() || places[i].size() != origins_[i].size()) {
      throw Error(ErrorCode::internal, "save '" + share_[i].fqn +
                                           "': the storage has not said where " +
                                           std::to_string(origins_[i].size()) + " chunks go");
    }
    for (std::size_t c = 0; c < origins_[i].size(); ++c) {
      const auto& origin = origins_[i][c];
      auto& wire = wires[origin.rank];
      wire.varint(origin.item * 2 + (origin.whole ? 1 : 0));
      if (!origin.whole) wire.box(share_[i].chunks[c]);
      wire.bytes(places[i][c]);
    }
  }
  std::vector<Message> messages;
  messages.reserve(wires.size());
  for (auto& [rank, wire] : wires) messages.push_back({rank, wire.take()});
  return messages;
}

SavePlan SaveNegotiation::apply(const std::vector<Message>& received) {
  std::map<int, std::vector<WriteItem*>> sent;  // to each owner, in the order of its message
  for (auto& item : plan_.items) sent[owner_of(item.index.fqn, size_)].push_back(&item);
  for (const auto& message : received) {
    WireReader wire(message.bytes);
    while (!wire.at_end()) {
      const auto head = wire.varint();
      auto& item = *sent.at(message.rank).at(head / 2);
      WriteSlice slice;
      if (head % 2 == 0) {
        slice.box = wire.box(item.tensor_data.value().size.size());
      } else if (item.tensor_data) {
        slice.box = item.tensor_data->chunk;
      }
      slice.storage_data = wire.bytes();
      item.slices.push_back(std::move(slice));
    }
  }
  return std::move(plan_);
}

}  // namespace h5dcp
