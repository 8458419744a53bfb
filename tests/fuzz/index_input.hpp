// How a made-up checkpoint is written as bytes that a fuzzer changes: without digests, which no
// change would leave right, and without places that follow from the lengths of the tables.

#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "made_checkpoint.hpp"

namespace h5dcp::test {

struct InputHeader {
  std::array<std::uint16_t, kTables> items;  // of each table
  std::uint16_t data_bytes;
  Range filtered;
  std::uint32_t data_files;
  std::uint8_t unhashed;
  std::uint8_t chunked;
  std::uint16_t zero;
};
static_assert(sizeof(InputHeader) == 40);

inline Bytes encode_input(const MadeCheckpoint& made) {
  const auto count = [](const auto& items) { return static_cast<std::uint16_t>(items.size()); };
  const InputHeader header{
      .items = {count(made.rows), count(made.names), count(made.shapes), count(made.chunks),
                count(made.boxes), count(made.checksums), count(made.blobs)},
      .data_bytes = count(made.data),
      .filtered = made.record.filtered,
      .data_files = made.record.data_files,
      .unhashed = static_cast<std::uint8_t>(made.record.unhashed ? 1 : 0),
      .chunked = static_cast<std::uint8_t>(made.record.chunked ? 1 : 0),
      .zero = 0};
  Bytes bytes;
  const auto append = [&bytes](const auto& items) {
    const auto end = bytes.size();
    const auto more = items.size() * sizeof(items[0]);
    bytes.resize(end + more);
    if (more > 0) std::memcpy(bytes.data() + end, items.data(), more);
  };
  append(std::span(&header, 1));
  append(made.rows);
  append(made.names);
  append(made.shapes);
  append(made.chunks);
  append(made.boxes);
  append(made.checksums);
  append(made.blobs);
  append(made.data);
  return bytes;
}

// nullopt if there are fewer bytes than the header says.
inline std::optional<MadeCheckpoint> decode_input(std::span<const std::uint8_t> bytes) {
  InputHeader header{};
  if (bytes.size() < sizeof header) return std::nullopt;
  std::memcpy(&header, bytes.data(), sizeof header);
  bytes = bytes.subspan(sizeof header);
  bool complete = true;
  const auto take = [&](auto& items, std::size_t count) {
    const auto nbytes = count * sizeof(items[0]);
    complete = complete && nbytes <= bytes.size();
    if (!complete || nbytes == 0) return;
    items.resize(count);
    std::memcpy(items.data(), bytes.data(), nbytes);
    bytes = bytes.subspan(nbytes);
  };
  MadeCheckpoint made;
  made.record.filtered = header.filtered;
  made.record.data_files = header.data_files;
  if (header.data_files > 0) made.record.data_folder = "folder";
  made.record.unhashed = header.unhashed != 0;
  made.record.chunked = header.chunked != 0;
  take(made.rows, header.items[0]);
  take(made.names, header.items[1]);
  take(made.shapes, header.items[2]);
  take(made.chunks, header.items[3]);
  take(made.boxes, header.items[4]);
  take(made.checksums, header.items[5]);
  take(made.blobs, header.items[6]);
  take(made.data, header.data_bytes);
  if (!complete) return std::nullopt;
  return made;
}

}  // namespace h5dcp::test
