// Digests of what is neither data nor index: HDF5's own metadata and the padding between things.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/xxh3.hpp"
#include "files/index.hpp"
#include "files/posix_file.hpp"
#include "layout/record.hpp"
#include "skeleton/skeleton_image.hpp"

namespace h5dcp {

// The bytes of a file that no tensor, no table and not the commit record covers, ascending.
std::vector<Range> other_bytes(const Index& index);

// The same of its data file `number`, of so many bytes.
std::vector<Range> other_bytes(const Index& index, std::uint32_t number, std::uint64_t file_bytes);

// The bytes of a file that are in none of the ranges `known`, nor in its record; ascending.
std::vector<Range> other_bytes(std::vector<Range> known, std::uint64_t file_bytes);

// Hashes the other bytes of a file, of which it is told in the order of their addresses: segment by
// segment.
class Segments {
 public:
  // What a segment is, and where.
  using Found = std::function<void(std::uint64_t digest, const std::vector<Range>& ranges)>;

  // `others` must stay.
  Segments(const std::vector<Range>& others, std::uint64_t segment_bytes, Found found);

  // What is in the file at `address`, behind all of which it was told before. It skips what is
  // none of the other bytes; those of which it is not told are zeros.
  void add(std::uint64_t address, std::span<const std::uint8_t> bytes);

  // There is nothing more: finds the last ones.
  void finish();

 private:
  struct FreeState {
    void operator()(XXH3_state_t* state) const;
  };

  void add_zeros_up_to(std::uint64_t address);
  void hash(const std::uint8_t* bytes, std::uint64_t nbytes);  // null: zeros
  void finish_segment();

  const std::vector<Range>& others_;
  std::uint64_t segment_bytes_;
  Found found_;
  std::unique_ptr<XXH3_state_t, FreeState> state_;
  std::size_t range_ = 0;      // of the next of the other bytes ...
  std::uint64_t at_ = 0;       // ... and its address
  std::vector<Range> ranges_;  // of the segment, up to there
  std::uint64_t missing_ = 0;  // of it
};

// Those that fill in segment_bytes, segments and their digests in `record`: at most kMostSegments,
// equally long.
Segments segments_for(const std::vector<Range>& others, Record& record);

// The same of a file in which the other bytes are those of `image`, which is in the order of
// addresses.
void hash_segments(const SkeletonImage& image, const std::vector<Range>& others, Record& record);

// The parts of the other bytes that differ from what the record says; empty if none does.
std::vector<Range> damaged_segments(const PosixFile& file, const std::vector<Range>& others,
                                    const Record& record);

}  // namespace h5dcp
