// The commit record: the 4 KiB before the HDF5 file proper. docs/format.md, "Commit record".

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "h5dcp/bytes.hpp"

namespace h5dcp {

inline constexpr std::uint32_t kFormatVersion = 1;
inline constexpr std::uint32_t kFilteredVersion = 2;  // of a file that has filtered tensors
inline constexpr std::uint32_t kFilesVersion = 3;     // of one with data files, and of these
inline constexpr std::uint32_t kUnhashedVersion = 4;  // of one with tensors without checksums
inline constexpr std::uint32_t kChunkedVersion = 5;   // of one with chunks of shards
inline constexpr std::size_t kRecordBytes = 4096;
inline constexpr std::size_t kMostSegments = 256;
inline constexpr std::uint32_t kMostDataFiles = 1U << 20;  // one a rank, and more than any job has

// The tables of the index, in the order in which the record names them: part of the format.
enum class Table : std::uint8_t { tensors, names, shapes, chunks, boxes, checksums, blobs };
inline constexpr std::size_t kTables = 7;
inline constexpr std::size_t kOpeningTables = 3;  // those that are read whole to open a checkpoint

// The name of a table's dataset in the group /h5dcp.
const char* name_of(Table table);

// A range of the file.
struct Range {
  std::uint64_t address = 0;
  std::uint64_t nbytes = 0;

  bool operator==(const Range&) const = default;
};

struct Record {
  bool committed = false;  // false while the file is being written
  std::uint64_t generation = 0;
  std::int64_t created_unix_ns = 0;
  std::uint32_t world_size = 0;
  std::uint64_t file_bytes = 0;
  std::uint64_t data_bytes = 0;
  std::array<Range, kTables> tables{};
  std::array<std::uint64_t, kOpeningTables> table_digests{};  // XXH3-64 of the first tables
  std::uint64_t index_digest = 0;   // sum of the digests of all chunk rows
  std::uint64_t segment_bytes = 0;  // HDF5's metadata and the padding are hashed in segments
  std::uint32_t segments = 0;
  std::array<std::uint64_t, kMostSegments> segment_digests{};
  Range filtered{};              // where the chunks of filtered tensors are, one behind the other
  std::uint32_t data_files = 0;  // how many there are beside it
  std::uint32_t data_file = 0;   // the number of this one, if it is such
  bool unhashed = false;         // tensors that are not filtered have no checksums
  bool chunked = false;          // there are tensors in chunks of shards
  std::string data_folder = {};  // the name of the folder in which they are; at most 255 bytes

  const Range& table(Table t) const { return tables.at(static_cast<std::size_t>(t)); }
  Range& table(Table t) { return tables.at(static_cast<std::size_t>(t)); }

  bool operator==(const Record&) const = default;
};

inline constexpr std::size_t kMostFolderBytes = 255;

// As low as it can be: older readers read what they understand.
std::uint32_t version_of(const Record& record);

Bytes encode_record(const Record& record);

// The first bytes of a file, kRecordBytes of them (fewer if it is shorter).
//
// Throws Error{corrupt} if they are no commit record, or one that is damaged or was never
// completed; Error{unsupported} if a newer version wrote it.
Record decode_record(std::span<const std::uint8_t> bytes);

// Whether these are the first bytes of a record, sound or not.
bool is_record(std::span<const std::uint8_t> bytes);

// The record of a file that is still being written: only whose it is. Throws as decode_record.
std::uint64_t generation_of_unfinished(std::span<const std::uint8_t> bytes);

}  // namespace h5dcp
