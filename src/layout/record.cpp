#include "layout/record.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <type_traits>

#include "base/checksum.hpp"
#include "base/corrupt.hpp"
#include "h5dcp/error.hpp"

namespace h5dcp {
namespace {

// No text, and changed by whoever converts line ends: as in PNG and HDF5.
constexpr std::array<std::uint8_t, 8> kMagic{0x89, 'H', '5', 'D', 'C', 'P', '\r', '\n'};
constexpr std::size_t kVersionAt = 8;
constexpr std::size_t kFieldsAt = 12;
constexpr std::size_t kFolderAt = 232;  // to kUnhashedAt: padded with zeros
constexpr std::size_t kUnhashedAt = 488;
constexpr std::size_t kChunkedAt = 489;
constexpr std::size_t kSegmentsAt = 1024;
constexpr std::size_t kDigestAt = kRecordBytes - sizeof(std::uint64_t);

// Walks the fields in the order in which they are stored; `Field` stores or fetches one.
template <class AnyRecord, class Field>
void walk(AnyRecord& record, const Field& field) {
  field(record.generation);
  field(record.created_unix_ns);
  field(record.file_bytes);
  field(record.data_bytes);
  for (auto& table : record.tables) {
    field(table.address);
    field(table.nbytes);
  }
  for (auto& digest : record.table_digests) field(digest);
  field(record.index_digest);
  field(record.segment_bytes);
  field(record.segments);
  field(record.world_size);
  field(record.filtered.address);
  field(record.filtered.nbytes);
  field(record.data_files);
  field(record.data_file);
}

template <class T>
T fetch(std::span<const std::uint8_t> bytes, std::size_t at) {
  T value{};
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

void check_start(std::span<const std::uint8_t> bytes) {
  if (bytes.size() < kRecordBytes) {
    corrupt("only " + std::to_string(bytes.size()) + " bytes: too short for a checkpoint");
  }
  if (!is_record(bytes)) {
    corrupt("not a checkpoint of h5dcp: its first bytes are not those of a commit record");
  }
  const auto version = fetch<std::uint32_t>(bytes, kVersionAt);
  const auto digest = fetch<std::uint64_t>(bytes, kDigestAt);
  if (digest != xxh3(bytes.data(), kDigestAt)) {
    corrupt("commit record: bytes 0 to 4095 do not match their checksum");
  }
  if (version > kChunkedVersion) {
    throw Error(ErrorCode::unsupported, "format version " + std::to_string(version) +
                                            ": this h5dcp reads up to version " +
                                            std::to_string(kChunkedVersion) + "; update it");
  }
}

}  // namespace

bool is_record(std::span<const std::uint8_t> bytes) {
  return bytes.size() >= kMagic.size() && std::ranges::equal(bytes.first(kMagic.size()), kMagic);
}

const char* name_of(Table table) {
  constexpr std::array<const char*, kTables> kNames{"tensors", "names",     "shapes", "chunks",
                                                    "boxes",   "checksums", "blobs"};
  return kNames.at(static_cast<std::size_t>(table));
}

std::uint32_t version_of(const Record& record) {
  if (record.chunked) return kChunkedVersion;
  if (record.unhashed) return kUnhashedVersion;
  if (record.data_files > 0 || record.data_file > 0) return kFilesVersion;
  return record.filtered.nbytes > 0 ? kFilteredVersion : kFormatVersion;
}

Bytes encode_record(const Record& record) {
  Bytes bytes(kRecordBytes);
  std::ranges::copy(kMagic, bytes.begin());
  const std::uint32_t version = version_of(record);
  std::memcpy(&bytes[kVersionAt], &version, sizeof version);
  const std::uint32_t committed = record.committed ? 1 : 0;
  std::memcpy(&bytes[kFieldsAt], &committed, sizeof committed);
  std::size_t at = kFieldsAt + sizeof committed;
  walk(record, [&](const auto& value) {
    std::memcpy(&bytes[at], &value, sizeof value);
    at += sizeof value;
  });
  std::ranges::copy(record.data_folder, bytes.begin() + kFolderAt);
  bytes[kUnhashedAt] = record.unhashed ? 1 : 0;
  bytes[kChunkedAt] = record.chunked ? 1 : 0;
  std::memcpy(&bytes[kSegmentsAt], record.segment_digests.data(), sizeof record.segment_digests);
  const std::uint64_t digest = xxh3(bytes.data(), kDigestAt);
  std::memcpy(&bytes[kDigestAt], &digest, sizeof digest);
  return bytes;
}

Record decode_record(std::span<const std::uint8_t> bytes) {
  check_start(bytes);
  Record record;
  record.committed = fetch<std::uint32_t>(bytes, kFieldsAt) == 1;
  if (!record.committed) corrupt("never completed: the save that wrote it did not commit");
  std::size_t at = kFieldsAt + sizeof(std::uint32_t);
  walk(record, [&](auto& value) {
    value = fetch<std::remove_reference_t<decltype(value)>>(bytes, at);
    at += sizeof value;
  });
  const auto folder = bytes.subspan(kFolderAt, kMostFolderBytes + 1);
  const auto end = std::ranges::find(folder, std::uint8_t{0});
  if (end == folder.end()) corrupt("commit record: the name of the data files' folder has no end");
  record.data_folder.assign(folder.begin(), end);
  record.unhashed = bytes[kUnhashedAt] != 0;
  record.chunked = bytes[kChunkedAt] != 0;
  if (record.segments > kMostSegments) corrupt("commit record: too many segments");
  if (record.data_files > kMostDataFiles || record.data_file > kMostDataFiles) {
    corrupt("commit record: more than " + std::to_string(kMostDataFiles) + " data files");
  }
  std::memcpy(record.segment_digests.data(), bytes.data() + kSegmentsAt,
              sizeof record.segment_digests);
  return record;
}

std::uint64_t generation_of_unfinished(std::span<const std::uint8_t> bytes) {
  check_start(bytes);
  return fetch<std::uint64_t>(bytes, kFieldsAt + sizeof(std::uint32_t));
}

}  // namespace h5dcp
