#include "negotiate/plan_wire.hpp"

#include <cstdint>
#include <optional>
#include <utility>

#include "base/whole_box.hpp"
#include "plan/no_piece.hpp"
#include "plan/proposals.hpp"

namespace h5dcp {
namespace {

// Bits of the type of a proposal.
constexpr std::uint64_t kWithDigest = 4;  // the chunk's digest follows
constexpr std::uint64_t kNoPiece = 8;     // the chunk is left out: it is no_piece()

void encode_sizes(WireWriter& wire, const Extents& sizes) {
  wire.varint(sizes.size());
  wire.extents(sizes);
}

Extents decode_sizes(WireReader& wire) {
  return wire.extents(wire.varint());
}

void encode_index(WireWriter& wire, const MetadataIndex& index) {
  wire.text(index.fqn);
  wire.varint(index.offset ? 1 : 0);
  if (index.offset) encode_sizes(wire, *index.offset);
  wire.varint(index.index ? *index.index + 1 : 0);
}

MetadataIndex decode_index(WireReader& wire) {
  MetadataIndex index;
  index.fqn = wire.text();
  if (wire.varint() != 0) index.offset = decode_sizes(wire);
  if (const auto hint = wire.varint(); hint != 0) index.index = hint - 1;
  return index;
}

void encode_name(WireWriter& wire, const WriteItem& item, std::uint64_t type_bits) {
  wire.text(item.index.fqn);
  wire.text(encode_path(item.path));
  wire.varint(static_cast<std::uint64_t>(item.type) + type_bits);
}

// A value, but for its length and bytes.
void encode_value(WireWriter& wire, const BytesWriteData& data) {
  wire.varint(static_cast<std::uint64_t>(data.kind));
  wire.varint(static_cast<std::uint64_t>(data.dtype));
  encode_sizes(wire, data.size);
}

// A tensor, but for what of it there is.
void encode_tensor(WireWriter& wire, const TensorWriteData& data) {
  wire.varint(static_cast<std::uint64_t>(data.properties.dtype));
  encode_sizes(wire, data.size);
}

void encode_item(WireWriter& wire, const WriteItem& item) {
  encode_proposal(wire, item);
  encode_index(wire, item.index);
  wire.varint(item.slices.size());
  for (const auto& slice : item.slices) {
    encode_sizes(wire, slice.box.offsets);
    wire.extents(slice.box.sizes);
    wire.bytes(slice.storage_data);
  }
}

WriteItem decode_item(WireReader& wire) {
  auto proposal = decode_proposal(wire, 0, 0);
  WriteItem item;
  item.type = proposal.holder.type;
  item.path = decode_path(proposal.fqn, proposal.path);
  if (item.type == WriteItemType::byte_io) {
    item.bytes_io_data = std::move(proposal.holder.bytes);
  } else {
    item.tensor_data = std::move(proposal.holder.tensor);
  }
  item.index = decode_index(wire);
  item.slices.resize(wire.varint());
  for (auto& slice : item.slices) {
    slice.box.offsets = decode_sizes(wire);
    slice.box.sizes = wire.extents(slice.box.offsets.size());
    slice.storage_data = wire.bytes();
  }
  return item;
}

void encode_item(WireWriter& wire, const ReadItem& item) {
  wire.varint(static_cast<std::uint64_t>(item.type));
  encode_index(wire, item.dest_index);
  encode_sizes(wire, item.dest_offsets);
  encode_index(wire, item.storage_index);
  encode_sizes(wire, item.storage_offsets);
  encode_sizes(wire, item.lengths);
}

}  // namespace

void encode_proposal(WireWriter& wire, const WriteItem& item) {
  check_made(item);
  const bool with_digest = item.tensor_data && item.tensor_data->digest;
  const bool has_none = item.type == WriteItemType::shard && item.tensor_data &&
                        item.tensor_data->chunk == no_piece(item.tensor_data->size);
  encode_name(wire, item, (with_digest ? kWithDigest : 0) + (has_none ? kNoPiece : 0));
  if (item.type == WriteItemType::byte_io) {
    const auto& data = item.bytes_io_data.value();
    encode_value(wire, data);
    wire.varint(data.nbytes);
    wire.fixed64(data.digest);
    return;
  }
  const auto& data = item.tensor_data.value();
  encode_tensor(wire, data);
  if (item.type == WriteItemType::shard && !has_none) wire.box(data.chunk);  // else it is the whole
  if (with_digest) wire.fixed64(*data.digest);
}

void encode_layout(WireWriter& wire, const WriteItem& item, std::uint64_t room) {
  check_made(item);
  encode_name(wire, item, 0);
  encode_index(wire, item.index);
  if (item.type == WriteItemType::byte_io) {
    encode_value(wire, item.bytes_io_data.value());
    wire.varint(room);
    return;
  }
  encode_tensor(wire, item.tensor_data.value());
  encode_sizes(wire, item.tensor_data->chunk.offsets);
  encode_sizes(wire, item.tensor_data->chunk.sizes);
}

std::string_view proposed_fqn(std::span<const std::uint8_t> proposal) {
  return WireReader(proposal).text_view();
}

Proposal decode_proposal(WireReader& wire, int rank, std::size_t position) {
  Proposal made;
  made.fqn = wire.text_view();  // as proposed_fqn
  made.path = wire.text_view();
  auto& holder = made.holder;
  holder.rank = rank;
  holder.item = position;
  const auto type = wire.varint();
  holder.type = WriteItemType{static_cast<std::uint8_t>(type % kWithDigest)};
  if (holder.type == WriteItemType::byte_io) {
    holder.bytes.kind = EntryKind{static_cast<std::uint8_t>(wire.varint())};
    holder.bytes.dtype = DType{static_cast<std::uint8_t>(wire.varint())};
    holder.bytes.size = decode_sizes(wire);
    holder.bytes.nbytes = wire.varint();
    holder.bytes.digest = wire.fixed64();
    return made;
  }
  auto& tensor = holder.tensor;
  tensor.properties.dtype = DType{static_cast<std::uint8_t>(wire.varint())};
  tensor.size = decode_sizes(wire);
  if ((type & kNoPiece) != 0) {
    tensor.chunk = no_piece(tensor.size);
  } else {
    tensor.chunk =
        holder.type == WriteItemType::shard ? wire.box(tensor.size.size()) : whole_box(tensor.size);
  }
  if ((type & kWithDigest) != 0) tensor.digest = wire.fixed64();
  return made;
}

Bytes encode_plan(const SavePlan& plan) {
  WireWriter wire;
  wire.bytes(plan.storage_data);
  for (const auto& item : plan.items) encode_item(wire, item);
  return wire.take();
}

Bytes encode_plan(const LoadPlan& plan) {
  WireWriter wire;
  wire.bytes(plan.storage_data);
  for (const auto& item : plan.items) encode_item(wire, item);
  return wire.take();
}

template <>
SavePlan decode_plan<SavePlan>(const Bytes& bytes) {
  WireReader wire(bytes);
  SavePlan plan{{}, wire.bytes()};
  while (!wire.at_end()) plan.items.push_back(decode_item(wire));
  return plan;
}

template <>
LoadPlan decode_plan<LoadPlan>(const Bytes& bytes) {
  WireReader wire(bytes);
  LoadPlan plan{{}, wire.bytes()};
  while (!wire.at_end()) {
    ReadItem item;
    item.type = LoadItemType{static_cast<std::uint8_t>(wire.varint())};
    item.dest_index = decode_index(wire);
    item.dest_offsets = decode_sizes(wire);
    item.storage_index = decode_index(wire);
    item.storage_offsets = decode_sizes(wire);
    item.lengths = decode_sizes(wire);
    plan.items.push_back(std::move(item));
  }
  return plan;
}

Bytes encode_results(const std::vector<WriteResult>& results) {
  WireWriter wire;
  for (const auto& result : results) {
    encode_index(wire, result.index);
    wire.varint(result.size_in_bytes);
    wire.bytes(result.storage_data);
  }
  return wire.take();
}

std::vector<WriteResult> decode_results(const Bytes& bytes) {
  WireReader wire(bytes);
  std::vector<WriteResult> results;
  while (!wire.at_end()) {
    auto index = decode_index(wire);
    const auto size = wire.varint();
    results.push_back({std::move(index), size, wire.bytes()});
  }
  return results;
}

}  // namespace h5dcp
