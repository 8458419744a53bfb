// One rank's share of verifying a checkpoint; of one rank it is all.
//
// The bytes of a file, HDF5's metadata and padding first and then the entries by name, are cut into
// one range a rank. A piece of a tensor is its whose range has the first byte of the piece, so a
// large tensor is shared, too. Data files are there once each, but for their data: rank r looks at
// file r + 1, r + 1 + ranks, ... What is there once (metadata, a value, the rows of an entry in the
// index) is checked by the rank that has its first byte.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "commit/opened.hpp"

namespace h5dcp {

class VerifyShare {
 public:
  using Tell = std::function<void(const Damage&)>;

  // `opened` must outlive this.
  VerifyShare(const Opened& opened, int rank, int size);

  // Verifies some more, until that were `max_bytes` or a little more. Whether anything is left.
  //
  // Throws Error{io}.
  bool next(std::uint64_t max_bytes, const Tell& tell);

  std::uint64_t done_bytes() const { return done_bytes_; }
  std::uint64_t total_bytes() const { return total_bytes_; }  // of all ranks

  // When all ranks are done, to be added up over them: the digests of those rows of the index that
  // are whole, and how many entries have damaged ones.
  std::uint64_t digests() const { return digests_; }
  std::uint64_t damaged_rows() const { return damaged_rows_; }

 private:
  // Whole blocks of a chunk, which are read at once.
  struct Piece {
    const StoredChunk* chunk;
    Box box;
  };

  std::uint64_t end_of(std::size_t entry) const;
  bool is_mine(std::uint64_t position) const;
  void verify_metadata(const Tell& tell);
  void verify_data_file(std::uint32_t number, const Tell& tell);
  void tell_segments(const PosixFile& file, const std::vector<Range>& others, const Record& record,
                     const std::string& path, const Tell& tell);
  bool can_read(std::uint32_t number);
  bool begin_entry(const Tell& tell);
  bool read_rows(const Tell& tell);
  void verify_piece(const Piece& piece, const Tell& tell);
  void verify_value(const Tell& tell);
  void end_entry(const Tell& tell);

  const CheckpointFiles& files_;
  const Index& index_;
  TableReader tables_;
  std::vector<Range> others_;  // the bytes that no entry and no table has
  std::uint64_t total_bytes_ = 0;
  std::uint64_t first_ = 0;  // the range of this rank
  std::uint64_t last_ = 0;
  bool is_last_rank_;

  std::size_t entry_ = 0;       // that is being verified
  std::uint64_t position_ = 0;  // of its first byte
  std::vector<StoredChunk> chunks_;
  std::vector<Piece> pieces_;  // those of this rank
  std::size_t piece_ = 0;
  bool sound_ = true;
  bool metadata_done_ = false;
  std::uint32_t data_file_;  // that is next
  std::uint32_t data_file_step_;
  std::map<std::uint32_t, std::string>
      faults_;  // of those that were opened; empty if there is none

  Bytes buffer_;
  std::uint64_t done_bytes_ = 0;
  std::uint64_t digests_ = 0;
  std::uint64_t damaged_rows_ = 0;
};

// The last word: whether the rows that all ranks found are those that were committed. `digests` and
// `damaged_rows` are the sums over all ranks.
void verify_rows(const Index& index, std::uint64_t digests, std::uint64_t damaged_rows,
                 const VerifyShare::Tell& tell);

}  // namespace h5dcp
