// The index of a checkpoint: which tensors there are and where, and which boxes of each were
// written. Read with POSIX calls alone.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "files/posix_file.hpp"
#include "files/table_reader.hpp"
#include "h5dcp/bytes.hpp"
#include "h5dcp/filters.hpp"
#include "h5dcp/metadata.hpp"
#include "layout/blocks.hpp"
#include "layout/data_parts.hpp"
#include "layout/record.hpp"
#include "layout/tables.hpp"

namespace h5dcp {

// What is in the tables that are read whole, kept as it is in the file and in one piece: opening
// costs the same number of system calls however many tensors there are.
class Index {
 public:
  Index() = default;

  // Of no tensors, whatever the record says.
  explicit Index(Record record) : record_(std::move(record)) {}

  // `tables` holds tensors, names and shapes, one after the other, as long as the record says.
  //
  // Throws Error{corrupt} if the tables contradict themselves or the record: they may come from a
  // damaged or hostile file, and all later code trusts them.
  Index(Record record, Bytes tables);

  const Record& record() const { return record_; }
  const Bytes& tables() const { return tables_; }

  std::size_t size() const {
    return tables_.empty() ? 0 : record_.table(Table::tensors).nbytes / sizeof(TensorRow);
  }

  // All of these: i < size().
  TensorRow row(std::size_t i) const;
  std::string_view fqn(std::size_t i) const;
  Path path(std::size_t i) const;
  EntryKind kind(std::size_t i) const { return EntryKind{row(i).kind}; }
  DType dtype(std::size_t i) const { return DType{row(i).dtype}; }
  Extents sizes(std::size_t i) const;  // of a value in `blobs`: its slot, {capacity}
  Filters filters(std::size_t i) const;
  bool is_filtered(std::size_t i) const;
  bool in_box_chunks(std::size_t i) const;   // chunked without filters
  Extents chunk_shape(std::size_t i) const;  // of one that is either
  // Where its elements are, if it has any and no filters: one part of the checkpoint itself, its
  // chunks, or some of data files.
  std::vector<DataPart> parts(std::size_t i) const;
  std::uint64_t part_count(std::size_t i) const;  // of one in data files
  bool in_data_files(std::size_t i) const;
  bool is_prefix(std::size_t i) const;  // whether another FQN continues this one with a dot

  // Sooner if it is entry number `hint`.
  std::optional<std::size_t> find(std::string_view fqn, std::size_t hint = 0) const;

 private:
  const std::uint8_t* table(Table t) const;
  std::vector<std::int64_t> numbers(std::uint64_t first, std::size_t count) const;
  Extents shape(std::uint64_t first, std::size_t dims) const;
  std::size_t lower_bound(std::string_view fqn) const;

  Record record_;
  Bytes tables_;
};

// The commit record and the tables of a file, both checked against their digests.
//
// Throws Error{corrupt}, Error{unsupported}, Error{io}.
Index read_index(const PosixFile& file);

// Where table `t`, one of those that are read to open a checkpoint, begins in a piece of them all.
std::size_t offset_of(const Record& record, std::size_t t);

// These tables in one piece, unchecked.
Bytes read_tables(const PosixFile& file, const Record& record);

// What a load needs to know: the one chunk of each tensor is its whole dataset, which can be read
// in any part.
Metadata metadata_of(const Index& index, const std::string& path);

// One row of `chunks` with what belongs to it.
struct StoredChunk {
  std::uint64_t row = 0;
  BlockGrid grid;  // of its box; of a value in `blobs`: of its slot
  std::uint32_t writer = 0;
  std::uint64_t nbytes = 0;
  std::vector<std::uint64_t> checksums;  // one a block, or none
  std::vector<Range> stored;             // of a filtered tensor: where each block is in the file
  DataPart part;                         // else: in which its box lies
  std::uint64_t digest = 0;
};

// The numbers that a block has in the table `checksums`: its checksum; with filters, which that is
// of what is stored, also the address of that and its bytes.
constexpr std::size_t numbers_of_block(bool filtered) {
  return filtered ? 3 : 1;
}

// Whether blocks of such a tensor or value have checksums. Values and filtered tensors always do.
constexpr bool is_hashed(const Record& record, EntryKind kind, bool filtered) {
  return !record.unhashed || kind != EntryKind::tensor || filtered;
}

// The digest of row number `row`: it covers the row, its box and its checksums, and its place.
std::uint64_t row_digest(std::uint64_t row, const ChunkRow& content,
                         std::span<const std::int64_t> box,
                         std::span<const std::uint64_t> checksums);

// Rows `first` to `first` + `count` - 1 of those that entry i has in `chunks`, which has them, each
// checked against its digest: to chunks[to] and those behind it.
//
// Throws Error{corrupt}, which names the entry; Error{io}.
void read_rows(TableReader& tables, const Index& index, std::size_t i, std::uint64_t first,
               std::uint64_t count, std::size_t to, std::vector<StoredChunk>& chunks);

// The boxes in which entry i was written, each checked against its digest: every element is in one
// of them.
//
// They replace what is in `chunks`, whose memory is used again.
//
// Throws Error{corrupt}, which names the entry; Error{io}.
void read_chunks(TableReader& tables, const Index& index, std::size_t i,
                 std::vector<StoredChunk>& chunks);

// Of these boxes those that have elements of one of `regions`, which are inside of the entry, and
// maybe some others: every element of the regions is in one of them. Of an entry in many boxes
// reads hardly more rows than it returns.
void read_chunks(TableReader& tables, const Index& index, std::size_t i,
                 std::span<const Box> regions, std::vector<StoredChunk>& chunks);

// The same for whoever wants those of one entry alone.
std::vector<StoredChunk> read_chunks(const PosixFile& file, const Index& index, std::size_t i);

}  // namespace h5dcp
