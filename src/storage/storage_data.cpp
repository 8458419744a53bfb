#include "storage/storage_data.hpp"

#include "base/wire.hpp"

namespace h5dcp {

StorageData encode_place(const ChunkPlace& place) {
  WireWriter wire;
  wire.varint(place.slot_bytes);
  wire.varint(place.chunk);
  wire.varint(place.row);
  wire.varint(place.address);
  wire.varint(place.first_box);
  wire.varint(place.first_checksum);
  wire.varint(place.exchanged ? 1 : 0);
  wire.varint(place.chunk_shape.size());
  wire.extents(place.chunk_shape);
  wire.varint(place.part.box.dims());
  if (place.part.box.dims() > 0) {
    wire.varint(place.part.file);
    wire.varint(place.part.address);
    wire.box(place.part.box);
  }
  return wire.take();
}

ChunkPlace decode_place(const StorageData& data) {
  WireReader wire(data);
  ChunkPlace place{.slot_bytes = wire.varint(),
                   .chunk = wire.varint(),
                   .row = wire.varint(),
                   .address = wire.varint(),
                   .first_box = wire.varint(),
                   .first_checksum = wire.varint()};
  place.exchanged = wire.varint() != 0;
  place.chunk_shape = wire.extents(wire.varint());
  if (const auto dims = wire.varint(); dims > 0) {
    place.part.file = static_cast<std::uint32_t>(wire.varint());
    place.part.address = wire.varint();
    place.part.box = wire.box(dims);
  }
  return place;
}

PlaceOrder decode_order(const StorageData& data) {
  WireReader wire(data);
  const bool in_slot = wire.varint() > 0;
  return {in_slot, wire.varint()};
}

}  // namespace h5dcp
